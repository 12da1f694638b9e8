/*
 * test_report_text.c: text of others made harmless, and the fixed phrases of reports.
 */
#include "orchestrator/report_text.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static void *mem;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    mem = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(mem);
}

TestSuite(report_text, .init = setup, .fini = teardown);

Test(report_text, line_is_one_printable_line)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *want;
    } cases[] = {
        {"plain", 0, "plain"},
        {"  a\n\tb  c \r\n", 0, "a b c"},
        {"", 5, ""},
        {"bell\a esc\033[2J", 0, "bell\\x07 esc\\x1B[2J"},
        {"csi \xC2\x9B"
         "31m",
         0, "csi \\xC2\\x9B31m"}, /* C1: some terminals obey */
        {"rtl \xE2\x80\xAE"
         "abc",
         0,
         "rtl \\xE2\\x80\\xAE"
         "abc"}, /* would turn the line round */
        {"half \xC3", 0, "half \\xC3"},
        {"bad \xFFz", 0, "bad \\xFFz"},
        {"overlong \xC0\xAF", 0, "overlong \\xC0\\xAF"},
        {"straße", 6, "straße"},
        {"straßen", 6, "str..."},
        {"日本語日本語", 12, "日本語日本語"},
        {"日本語日本語", 11, "日本語日..."},
        {"日本語日本語", 10, "日本語..."}, /* a wide character is not cut in two */
        {"abcdef", 2, ".."},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(report_text_line(mem, cases[i].text, cases[i].columns), cases[i].want);
}

Test(report_text, verbatim_keeps_white_space_only)
{
    const char *sql = "SELECT 'a  b'\n\t\033\r";

    cr_expect_str_eq(report_text_verbatim(mem, sql, strlen(sql)), "SELECT 'a  b'\n\t\\x1B\\x0D");
    cr_expect_str_eq(report_text_verbatim(mem, "abc", 2), "ab");
}

Test(report_text, utf8_is_repaired)
{
    cr_expect_str_eq(report_text_utf8(mem, "straße 日本 😀"), "straße 日本 😀");
    cr_expect_str_eq(report_text_utf8(mem, "a\xFF"
                                           "b\xE2\x82"),
                     "a\uFFFD"
                     "b\uFFFD\uFFFD");
    cr_expect_str_eq(report_text_utf8(mem, "\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD"); /* surrogate */
    cr_expect_str_eq(report_text_utf8(mem, "\xF4\x90\x80\x80"),
                     "\uFFFD\uFFFD\uFFFD\uFFFD"); /* above U+10FFFF */
}

Test(report_text, shell_words_are_quoted_where_needed)
{
    cr_expect_str_eq(report_text_shell(mem, "store-0003"), "store-0003");
    cr_expect_str_eq(report_text_shell(mem, "two words"), "'two words'");
    cr_expect_str_eq(report_text_shell(mem, "it's"), "'it'\\''s'");
    cr_expect_str_eq(report_text_shell(mem, ""), "''");
}

Test(report_text, names_are_shortened)
{
    struct report_fixture fixture;
    const struct job *jobs[35];
    struct strbuf out;

    report_fixture_init(&fixture, "migrate", ARRAY_LEN(jobs));
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
        jobs[i] = &fixture.result.jobs[i];
    strbuf_init(&out, mem);
    report_text_names(&out, jobs, 35, false);
    cr_expect_str_eq(out.text, "store-0001, store-0002 and 33 more");
    strbuf_reset(&out);
    report_text_names(&out, jobs, 4, false);
    cr_expect_str_eq(out.text, "store-0001, store-0002, store-0003, store-0004");
    strbuf_reset(&out);
    report_text_names(&out, jobs, 5, true);
    cr_expect_str_eq(out.text, "store-0001, store-0002, store-0003, store-0004, store-0005");
    report_fixture_free(&fixture);
}

Test(report_text, totals_of_a_migrating_run)
{
    struct report_fixture fixture;
    struct strbuf out;

    report_fixture_init(&fixture, "migrate", 412);
    for (size_t i = 0; i < 398; i++)
        report_fixture_moved(&fixture, i, 38, 40);
    for (size_t i = 398; i < 403; i++)
        report_fixture_ended(&fixture, i, OUTCOME_FAILED, 38);
    report_fixture_count(&fixture);
    strbuf_init(&out, mem);
    report_text_totals(&out, &fixture.report);
    cr_expect_str_eq(out.text,
                     "run 20261123T061500Z-4f2a: 412 tenants: 398 migrated, 9 current, 5 failed, "
                     "0 held, 0 unreachable, 0 locked, 0 unknown, 0 cancelled in 41.2s\n");
    report_fixture_free(&fixture);
}

Test(report_text, totals_of_a_reading_run)
{
    struct report_fixture fixture;
    struct strbuf out;

    report_fixture_init(&fixture, "plan", 4);
    report_fixture_moved(&fixture, 0, 38, 40);
    report_fixture_ended(&fixture, 1, OUTCOME_CONFLICT, 38);
    fixture.result.duration_ms = 300;
    report_fixture_count(&fixture);
    strbuf_init(&out, mem);
    report_text_totals(&out, &fixture.report);
    cr_expect_str_eq(out.text, "run 20261123T061500Z-4f2a: 4 tenants: 2 current, 1 pending, "
                               "1 conflict, 0 held, 0 failed, 0 unreachable in 300ms\n");
    report_fixture_ended(&fixture, 2, OUTCOME_CANCELLED, 38);
    report_fixture_count(&fixture);
    strbuf_reset(&out);
    report_text_totals(&out, &fixture.report);
    cr_expect(strstr(out.text, "0 unreachable, 1 cancelled in ") != NULL, "%s", out.text);
    report_fixture_free(&fixture);
}

Test(report_text, halt_names_rule_and_numbers)
{
    struct run_halt halt = {
        .halted = true, .rule = "max_failures", .failures = 4, .tolerated = 3, .in_work = 2};
    struct strbuf out;

    strbuf_init(&out, mem);
    report_text_halt(&out, &halt);
    cr_expect_str_eq(out.text, "halted: 4 failed, 3 tolerated (max_failures); 2 were in work");
    halt.rule = "max_unreachable";
    halt.in_work = 1;
    strbuf_reset(&out);
    report_text_halt(&out, &halt);
    cr_expect_str_eq(out.text, "halted: 4 unreachable, 3 tolerated (max_unreachable); 1 was in "
                               "work");
}

Test(report_text, versions_are_written_as_in_file_names)
{
    struct report_fixture fixture;

    report_fixture_init(&fixture, "migrate", 1);
    fixture.migrations[3].file = "migrations/store/20261123061500_handles.up.sql";
    fixture.migrations[3].version = 20261123061500;
    fixture.migrations[4].version = 20261123061501;
    fixture.migrations[4].file = "V20261123061501__index.sql";
    cr_expect_str_eq(report_version(mem, &fixture.catalog, 36), "0036");
    cr_expect_str_eq(report_version(mem, &fixture.catalog, 20261123061500), "20261123061500");
    cr_expect_str_eq(report_version(mem, &fixture.catalog, 20261123061501), "20261123061501");
    cr_expect_str_eq(report_version(mem, &fixture.catalog, 7), "0007", "not in the catalog");
    cr_expect_str_eq(report_version(mem, &fixture.catalog, 0), "-");
    cr_expect_str_eq(report_migration_name(mem, &fixture.migrations[3]), "20261123061500_handles");
    cr_expect_null(report_migration(&fixture.catalog, 39));
    report_fixture_free(&fixture);
}
