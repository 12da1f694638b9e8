/*
 * test_migration.c: names, markers, sections, directives of migration files.
 */
#include "catalog/migration.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"

#include <criterion/criterion.h>

struct parsed {
    void *mem;
    struct migration m;
    struct err_list errors;
    int status;
};

static struct parsed parse_as(const char *text, enum migration_kind kind)
{
    struct parsed p = {.mem = mem_context(NULL), .errors = ERR_LIST_INIT};

    p.m = (struct migration){.kind = kind, .version = 1, .name = "a", .file = "m/1_a.sql"};
    p.status = migration_parse(p.mem, text, strlen(text), &p.m, &p.errors);
    return p;
}

static struct parsed parse(const char *text)
{
    return parse_as(text, MIGRATION_VERSIONED);
}

static void release(struct parsed *p)
{
    err_list_clear(&p->errors);
    talloc_free(p->mem);
}

static const char *statement(const struct parsed *p, enum section_kind kind, size_t i)
{
    const struct section *section = &p->m.sections[kind];

    cr_assert_lt(i, section->count, "section %s has %zu statements", section_name(kind),
                 section->count);
    return mem_strndup(p->mem, p->m.text + section->statements[i].start,
                       section->statements[i].end - section->statements[i].start);
}

/* "LINE message" of the first error; "" where there is none. */
static const char *first_error(const struct parsed *p)
{
    if (p->errors.count == 0)
        return "";
    cr_expect_eq(p->errors.items[0].kind, ERR_DATA);
    cr_expect_str_eq(p->errors.items[0].file, "m/1_a.sql");
    return mem_printf(p->mem, "%d %s", p->errors.items[0].line, p->errors.items[0].message);
}

/* --- names ---------------------------------------------------------------------------------- */

Test(migration, good_names)
{
    static const struct {
        const char *base;
        enum migration_kind kind;
        int64_t version;
        const char *name;
    } cases[] = {
        {"1_a.sql", MIGRATION_VERSIONED, 1, "a"},
        {"0039_add_handle.sql", MIGRATION_VERSIONED, 39, "add_handle"},
        {"20261123061500_ünï code.sql", MIGRATION_VERSIONED, 20261123061500, "ünï code"},
        {"999999999999999999_x.y.sql", MIGRATION_VERSIONED, 999999999999999999, "x.y"},
        {"R_views.sql", MIGRATION_REPEATABLE, 0, "views"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *mem = mem_context(NULL);
        struct migration m = {.version = -1};
        struct err err = ERR_INIT;

        cr_assert_eq(migration_parse_name(mem, cases[i].base, &m, &err), 0, "%s", cases[i].base);
        cr_expect_eq(m.kind, cases[i].kind);
        cr_expect_eq(m.version, cases[i].version);
        cr_expect_str_eq(m.name, cases[i].name);
        talloc_free(mem);
    }
}

Test(migration, bad_names)
{
    static const struct {
        const char *base;
        const char *part; /* of message or hint */
    } cases[] = {
        {"a.sql", "<version>_<name>.sql"},
        {"1.sql", "1 to 18 digits"},
        {"1_.sql", "stands a name"},
        {"1-a.sql", "stands \"_\""},
        {"1_a.SQL", "end in \".sql\""},
        {"1_a.sql~", "end in \".sql\""},
        {"1_a.txt", "end in \".sql\""},
        {".sql", "end in \".sql\""},
        {"0_a.sql", "first version is 1"},
        {"000_a.sql", "first version is 1"},
        {"1234567890123456789_a.sql", "18 digits at most"},
        {"1.2_a.sql", "1 to 18 digits"},
        {"R_.sql", "stands a name"},
        {"1_a\n.sql", "control character"},
        {"1_\xFF.sql", "not UTF-8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *mem = mem_context(NULL);
        struct migration m = {.version = -1};
        struct err err = ERR_INIT;

        cr_assert_eq(migration_parse_name(mem, cases[i].base, &m, &err), -1, "%s", cases[i].base);
        cr_expect_eq(err.kind, ERR_DATA);
        cr_expect(strstr(err.message, cases[i].part) || strstr(err.hint, cases[i].part),
                  "%s: %s / %s", cases[i].base, err.message, err.hint);
        err_clear(&err);
        talloc_free(mem);
    }
}

/* --- sections ------------------------------------------------------------------------------- */

Test(migration, without_a_marker_all_is_up)
{
    struct parsed p = parse("-- adds a\nALTER TABLE t ADD a int;\nSELECT 2");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect(p.m.sections[SECTION_UP].present);
    cr_expect_eq(p.m.sections[SECTION_UP].line, 1);
    cr_expect_eq(p.m.sections[SECTION_UP].count, 2);
    cr_expect_eq(p.m.sections[SECTION_UP].statements[0].line, 2);
    cr_expect_not(p.m.sections[SECTION_DOWN].present);
    release(&p);
}

Test(migration, all_sections)
{
    struct parsed p = parse("-- why\n-- pgtide:up lock_timeout=2s\nALTER TABLE t ADD a int\n"
                            "-- pgtide:down\nALTER TABLE t DROP a;\n--pgtide:verify\nSELECT true;\n"
                            "(VALUES (true));\n-- pgtide:require\nTABLE x;\n-- pgtide:when\n"
                            "WITH y AS (SELECT 1) SELECT true FROM y;\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect_str_eq(statement(&p, SECTION_UP, 0), "ALTER TABLE t ADD a int");
    cr_expect_str_eq(statement(&p, SECTION_DOWN, 0), "ALTER TABLE t DROP a");
    cr_expect_str_eq(statement(&p, SECTION_VERIFY, 1), "(VALUES (true))");
    cr_expect_str_eq(statement(&p, SECTION_REQUIRE, 0), "TABLE x");
    cr_expect_eq(p.m.sections[SECTION_WHEN].line, 11);
    cr_expect_eq(p.m.sections[SECTION_WHEN].statements[0].line, 12);
    cr_expect_eq(p.m.directives.lock_timeout_ms, 2000);
    release(&p);
}

Test(migration, markers_that_are_none)
{
    struct parsed p = parse("SELECT '\n-- pgtide:down\n', $$\n-- pgtide:down\n$$ /*\n"
                            "-- pgtide:down\n*/;\nCOPY t FROM stdin;\n-- pgtide:down\n\\.\n"
                            "-- about pgtide\n-- pgtide down is what one may write about\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect_eq(p.m.sections[SECTION_UP].count, 2);
    cr_expect_not(p.m.sections[SECTION_DOWN].present);
    release(&p);
}

Test(migration, windows_line_ends_and_byte_order_mark)
{
    struct parsed a =
        parse("\xEF\xBB\xBF-- pgtide:up\r\nSELECT '\r\n', '\r';\r\n-- pgtide:down\r\n");
    struct parsed b = parse("-- pgtide:up\nSELECT '\n', '\r';\n-- pgtide:down\n");

    cr_assert_eq(a.status, 0, "%s", first_error(&a));
    cr_assert_eq(b.status, 0);
    cr_expect_str_eq(a.m.text, b.m.text);
    cr_expect_str_eq(a.m.checksum, b.m.checksum);
    cr_expect_str_eq(a.m.checksum, sha256_text(a.mem, b.m.text, b.m.len));
    cr_expect(a.m.sections[SECTION_DOWN].present);
    release(&a);
    release(&b);
}

Test(migration, code_checksum_is_of_the_up_section)
{
    struct parsed a = parse("SELECT 1, 2;");
    struct parsed b = parse("-- pgtide:up\n-- why\nSELECT 1,\n 2;\n-- pgtide:down\nSELECT 9;\n");
    struct parsed c = parse("SELECT 1, 3;");

    cr_assert_eq(a.status + b.status + c.status, 0);
    cr_expect_str_neq(a.m.checksum, b.m.checksum);
    cr_expect_str_eq(a.m.code_checksum, b.m.code_checksum);
    cr_expect_str_neq(a.m.code_checksum, c.m.code_checksum);
    release(&a);
    release(&b);
    release(&c);
}

Test(migration, directives)
{
    struct parsed p =
        parse("-- what it does\n-- pgtide: transaction=none  statement_timeout=0\n"
              "-- pgtide: only=plan=gold=x\n--pgtide:verify=after-commit\n"
              "-- pgtide:up lock_timeout=500ms\nVACUUM;\n-- pgtide:verify\nSELECT 1;\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect(p.m.directives.transaction_none);
    cr_expect(p.m.directives.verify_after_commit);
    cr_expect_eq(p.m.directives.lock_timeout_ms, 500);
    cr_expect_eq(p.m.directives.statement_timeout_ms, 0);
    cr_expect_str_eq(p.m.directives.only_label, "plan");
    cr_expect_str_eq(p.m.directives.only_value, "gold=x");
    cr_expect_eq(p.m.directives.batch, DIRECTIVE_UNSET);
    release(&p);
    p = parse("SELECT 1;");
    cr_expect_not(p.m.directives.transaction_none);
    cr_expect_eq(p.m.directives.lock_timeout_ms, DIRECTIVE_UNSET);
    cr_expect_null(p.m.directives.only_label);
    release(&p);
}

Test(migration, batches)
{
    struct parsed p = parse("-- pgtide: batch=5000 pause=100ms max_batches=70\n-- pgtide:up\n"
                            "DELETE FROM t;\n-- pgtide:down\nSELECT 1;\nSELECT 2;\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect_eq(p.m.directives.batch, 5000);
    cr_expect_eq(p.m.directives.pause_ms, 100);
    cr_expect_eq(p.m.directives.max_batches, 70);
    release(&p);
}

static void expect_refused(const char *text, const char *error)
{
    struct parsed p = parse(text);

    cr_expect_eq(p.status, -1, "%s", text);
    cr_expect_str_eq(first_error(&p), error, "%s: %s", text, first_error(&p));
    release(&p);
}

Test(migration, refused_batches)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"-- pgtide: batch=500\n\nSELECT f();",
         "3 \"SELECT f()\" cannot be repeated in batches: it does not count the rows it changes"},
        {"-- pgtide: batch=500\nDELETE FROM a;\nDELETE FROM b;",
         "3 second statement in a migration with \"batch\""},
        {"-- pgtide: batch=500 transaction=none\nDELETE FROM a;",
         "1 batches in a file that runs outside a transaction"},
        {"-- pgtide:up pause=1s\nDELETE FROM a;", "1 directive \"pause\" without \"batch\""},
        {"-- pgtide:up max_batches=1\nDELETE FROM a;",
         "1 directive \"max_batches\" without \"batch\""},
        {"-- pgtide: batch=500 pause=soon\nDELETE FROM a;",
         "1 value \"soon\" of directive \"pause\" is not a duration such as 500ms, 10s or 5m"},
        {"-- pgtide: batch=500 max_batches=0\nDELETE FROM a;",
         "1 value \"0\" of directive \"max_batches\" is not a number from 1"},
        {"-- pgtide: batch=0\nDELETE FROM a;",
         "1 value \"0\" of directive \"batch\" is not a number from 1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refused(cases[i].text, cases[i].error);
}

Test(migration, refused)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "1 no statement to run"},
        {"-- only a comment\n", "1 no statement to run"},
        {"\n-- pgtide:up\n-- pgtide:down\nSELECT 1;", "2 no statement to run"},
        {"-- pgtide:down\nSELECT 1;", "1 no up section"},
        {"SELECT 1;\n-- pgtide:down\nSELECT 2;", "1 statement before the first marker"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:up\nSELECT 2;", "3 second section \"up\""},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:dwon\nSELECT 2;",
         "3 unknown marker \"-- pgtide:dwon\""},
        {"-- pgtide:up\nSELECT 1;\n -- pgtide:down\nSELECT 2;",
         "3 marker or directive that is not at its place"},
        {"-- pgtide:up\nSELECT 1;\n-- PGTIDE:down\nSELECT 2;",
         "3 marker or directive that is not at its place"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide Down\nSELECT 2;", "3 marker without a colon"},
        {"-- pgtide:up\nSELECT (1\n-- pgtide:down\n);", "2 unterminated parenthesis"},
        {"-- pgtide:up\nSELECT 'a\n-- pgtide:down\n", "2 unterminated quoted string"},
        {"-- pgtide:up\nCOPY t FROM stdin\n-- pgtide:down\n",
         "2 COPY ... FROM stdin without its data"},
        {"-- pgtide:up\nBEGIN;\nSELECT 1;", "2 transaction command \"BEGIN\" in a migration"},
        {"SELECT 1;\nrollback  to x;\ncommit;", "3 transaction command \"commit\" in a migration"},
        {"-- pgtide: transaction=none\nCOMMIT;", "2 transaction command \"COMMIT\" in a migration"},
        {"SELECT 1;\n-- pgtide:down\nCOMMIT;", "1 statement before the first marker"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:down\nEND;",
         "4 transaction command \"END\" in a migration"},
        {"CREATE INDEX CONCURRENTLY i\nON t (a);",
         "1 \"CREATE INDEX CONCURRENTLY i...\" cannot run inside a transaction"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:verify\nDELETE FROM t;",
         "4 \"DELETE FROM t\" is not a query, and section \"verify\" takes only queries"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:when\nCOPY t FROM stdin;\n\\.\n",
         "4 \"COPY t FROM stdin\" is not a query, and section \"when\" takes only queries"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:require\n-- none\n",
         "3 section \"require\" has no query"},
        {"--liquibase formatted sql\nSELECT 1;",
         "1 a file of Liquibase, which pgtide does not read"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide: lock_timeout=1s\n",
         "3 directive below the top of the file"},
        {"SELECT 1;\n-- pgtide: lock_timeout=1s\n", "2 directive below the top of the file"},
        {"-- pgtide: lock_timout=1s\nSELECT 1;", "1 unknown directive \"lock_timout\""},
        {"-- pgtide: lock_timeout\nSELECT 1;", "1 \"lock_timeout\" is not a directive"},
        {"-- pgtide: lock_timeout=1s\n-- pgtide:up lock_timeout=2s\nSELECT 1;",
         "2 directive \"lock_timeout\" given twice"},
        {"-- pgtide: lock_timeout=fast\nSELECT 1;",
         "1 value \"fast\" of directive \"lock_timeout\" is not a duration such as 500ms, 10s or "
         "5m"},
        {"-- pgtide: statement_timeout=100d\nSELECT 1;",
         "1 value \"100d\" of directive \"statement_timeout\" is not a duration of at most 24d"},
        {"-- pgtide: transaction=no\nSELECT 1;",
         "1 value \"no\" of directive \"transaction\" is not \"none\""},
        {"-- pgtide: only=plan\nSELECT 1;",
         "1 value \"plan\" of directive \"only\" is not LABEL=VALUE"},
        {"-- pgtide: verify=after-commit\nSELECT 1;",
         "1 directive \"verify\" in a file without a verify section"},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:down transaction=none\nSELECT 2;",
         "3 directive \"transaction=none\" on the marker of section \"down\""},
        {"-- pgtide: transaction=none\nVACUUM;\nDISCARD ALL;",
         "3 \"DISCARD ALL\" would give up the tenant's lock"},
        {"\\connect x\nSELECT 1;", "1 psql command \"\\connect\" is not SQL"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refused(cases[i].text, cases[i].error);
}

Test(migration, hints_say_what_to_type)
{
    static const struct {
        const char *text;
        const char *hint;
    } cases[] = {
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:downn\n", "Did you mean \"-- pgtide:down\"?"},
        {"-- pgtide: lock_timout=1s\nSELECT 1;", "Did you mean \"lock_timeout\"?"},
        {"VACUUM;", "Put it into a migration of its own that begins with the line \"-- pgtide: "
                    "transaction=none\"."},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:down transaction=none\nSELECT 2;",
         "Directives hold for the whole file: write \"-- pgtide: transaction=none\" in its first "
         "line."},
        {"-- pgtide:up\nSELECT 1;\n-- pgtide:up\n",
         "The first one begins in line 1; put both into one."},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p = parse(cases[i].text);

        cr_assert_geq(p.errors.count, 1);
        cr_expect_str_eq(p.errors.items[0].hint, cases[i].hint);
        release(&p);
    }
}

Test(migration, unfinished_before_a_marker_names_it)
{
    struct parsed p = parse("-- pgtide:up\nSELECT (1;\n-- pgtide:down\nSELECT 1;");

    cr_assert_eq(p.errors.count, 1);
    cr_expect_str_eq(p.errors.items[0].detail, "The section ends at the marker in line 3.");
    release(&p);
}

Test(migration, all_errors_at_once)
{
    struct parsed p =
        parse("-- pgtide: a=1 b=2\n-- pgtide:up\nBEGIN;\nVACUUM;\nSELECT 1;\nCOMMIT;\n"
              "-- pgtide:verify\nDELETE FROM t;\n");

    cr_expect_eq(p.errors.count, 6);
    release(&p);
}

Test(migration, transaction_none_allows_what_needs_it)
{
    struct parsed p = parse("-- pgtide: transaction=none\nCREATE INDEX CONCURRENTLY i ON t (a);\n"
                            "VACUUM t;\nCOPY t FROM stdin;\n1\n\\.\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect_eq(p.m.sections[SECTION_UP].count, 3);
    release(&p);
}

Test(migration, repeatable_has_no_way_back)
{
    struct parsed p =
        parse_as("-- pgtide:up\nSELECT 1;\n-- pgtide:down\nSELECT 2;", MIGRATION_REPEATABLE);

    cr_expect_str_eq(first_error(&p), "3 a repeatable migration has no way back");
    release(&p);
    p = parse_as("-- pgtide:up\nSELECT 1;\n-- pgtide:verify\nSELECT true;", MIGRATION_REPEATABLE);
    cr_expect_eq(p.status, 0);
    release(&p);
}

Test(migration, an_empty_way_back_is_one)
{
    struct parsed p =
        parse("-- pgtide:up\nUPDATE t SET a = 1;\n-- pgtide:down\n-- nothing to do\n");

    cr_assert_eq(p.status, 0, "%s", first_error(&p));
    cr_expect(p.m.sections[SECTION_DOWN].present);
    cr_expect_eq(p.m.sections[SECTION_DOWN].count, 0);
    release(&p);
}

static const char *seed_error(struct parsed *p, const char *text)
{
    *p = (struct parsed){.mem = mem_context(NULL), .errors = ERR_LIST_INIT};
    p->m =
        (struct migration){.kind = MIGRATION_REPEATABLE, .name = "s/1_a.sql", .file = "m/1_a.sql"};
    p->status = migration_parse_seed(p->mem, text, strlen(text), &p->m, &p->errors);
    return first_error(p);
}

Test(migration, seeds_have_no_sections)
{
    struct parsed p;

    cr_expect_str_eq(seed_error(&p, "INSERT INTO t VALUES (1);\nSELECT 1;"), "");
    cr_expect_eq(p.m.sections[SECTION_UP].count, 2);
    release(&p);
    cr_expect_str_eq(seed_error(&p, "SELECT 1;\n-- pgtide:down\n"),
                     "2 marker or directive in a seed");
    release(&p);
    cr_expect_str_eq(seed_error(&p, "-- pgtide: transaction=none\nVACUUM;"),
                     "1 marker or directive in a seed");
    release(&p);
    cr_expect_str_eq(seed_error(&p, "SELECT 1;\n-- +goose Up\n"),
                     "2 marker of a migration tool in a seed");
    release(&p);
    cr_expect_str_eq(seed_error(&p, "SELECT 1;\n-- +goose Udp\n"),
                     "2 marker of a migration tool in a seed");
    release(&p);
    cr_expect_str_eq(seed_error(&p, "COMMIT;"), "1 transaction command \"COMMIT\" in a seed");
    release(&p);
    cr_expect_str_eq(seed_error(&p, "VACUUM;"), "1 \"VACUUM\" cannot run inside a transaction");
    release(&p);
}
