/*
 * test_foreign.c: files and folders of golang-migrate, dbmate, goose and Flyway.
 */
#include "catalog/catalog.h"
#include "catalog/foreign.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>

/* --- names ---------------------------------------------------------------------------------- */

Test(foreign, names)
{
    static const struct {
        const char *base;
        enum migration_format format;
        bool way_back;
        int64_t version; /* 0: repeatable */
        const char *name;
        const char *label;
    } cases[] = {
        {"1_a.up.sql", MIGRATION_GOLANG_MIGRATE, false, 1, "a", "1_a"},
        {"0012_a.b.down.sql", MIGRATION_GOLANG_MIGRATE, true, 12, "a.b", "0012_a.b"},
        {"V1__a.sql", MIGRATION_FLYWAY, false, 1, "a", "V1__a"},
        {"V0020__Add_some__thing.sql", MIGRATION_FLYWAY, false, 20, "Add_some__thing",
         "V0020__Add_some__thing"},
        {"U20260101000000__a.sql", MIGRATION_FLYWAY, true, 20260101000000, "a",
         "U20260101000000__a"},
        {"R__a.sql", MIGRATION_FLYWAY, false, 0, "a", "R__a"},
        {"1_a.sql", MIGRATION_PGTIDE, false, 1, "a", "1_a"},
        {"R_a.sql", MIGRATION_PGTIDE, false, 0, "a", "R_a"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *mem = mem_context(NULL);
        struct migration m = {.version = -1};
        struct err err = ERR_INIT;

        cr_assert_eq(migration_parse_name(mem, cases[i].base, &m, &err), 0, "%s", cases[i].base);
        cr_expect_eq(m.format, cases[i].format, "%s", cases[i].base);
        cr_expect_eq(m.way_back, cases[i].way_back);
        cr_expect_eq(m.kind, cases[i].version ? MIGRATION_VERSIONED : MIGRATION_REPEATABLE);
        cr_expect_eq(m.version, cases[i].version);
        cr_expect_str_eq(m.name, cases[i].name);
        cr_expect_str_eq(m.label, cases[i].label);
        talloc_free(mem);
    }
}

Test(foreign, bad_names)
{
    static const struct {
        const char *base;
        const char *message;
        const char *part; /* of the hint */
    } cases[] = {
        {"V1.2__a.sql", "\"V1.2__a.sql\" has no version that is a whole number", "V1002"},
        {"V1_2__a.sql", "\"V1_2__a.sql\" has no version that is a whole number", "V1002"},
        {"U2.0.1__a.sql", "\"U2.0.1__a.sql\" has no version that is a whole number", "V1002"},
        {"a.up.sql", "\"a.up.sql\" has no version that is a whole number",
         "\"<version>_<name>.up.sql\""},
        {"1.up.sql", "\"1.up.sql\" is not the name of a migration", "\"<version>_<name>.up.sql\""},
        {"1_.down.sql", "\"1_.down.sql\" is not the name of a migration",
         "\"<version>_<name>.down.sql\""},
        {"V1__.sql", "\"V1__.sql\" is not the name of a migration", "stands a name"},
        {"R__.sql", "\"R__.sql\" is not the name of a migration", "\"R__<name>.sql\""},
        {"0_a.up.sql", "\"0_a.up.sql\" is not the name of a migration", "first version is 1"},
        {"1234567890123456789_a.up.sql",
         "\"1234567890123456789_a.up.sql\" is not the name of a migration", "18 digits"},
        {"B3__a.sql", "\"B3__a.sql\" is not the name of a migration", "baseline of Flyway"},
        {"V3__a.sql.conf", "\"V3__a.sql.conf\" is not the name of a migration",
         "-- pgtide: transaction=none"},
        {"00002_a.go", "\"00002_a.go\" is not the name of a migration", "no Go"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        void *mem = mem_context(NULL);
        struct migration m = {.version = -1};
        struct err err = ERR_INIT;

        cr_assert_eq(migration_parse_name(mem, cases[i].base, &m, &err), -1, "%s", cases[i].base);
        cr_expect_str_eq(err.message, cases[i].message);
        cr_expect(strstr(err.hint, cases[i].part), "%s: %s", cases[i].base, err.hint);
        err_clear(&err);
        talloc_free(mem);
    }
}

/* --- one file ------------------------------------------------------------------------------- */

struct parsed {
    void *mem;
    struct migration m;
    struct err_list errors;
    int status;
};

/* As if the file had this name, in the folder "m". */
static struct parsed parse(const char *base, const char *text)
{
    struct parsed p = {.mem = mem_context(NULL), .errors = ERR_LIST_INIT};
    struct err err = ERR_INIT;

    p.m.file = mem_printf(p.mem, "m/%s", base);
    cr_assert_eq(migration_parse_name(p.mem, base, &p.m, &err), 0);
    p.status = migration_parse(p.mem, text, strlen(text), &p.m, &p.errors);
    return p;
}

static void release(struct parsed *p)
{
    err_list_clear(&p->errors);
    talloc_free(p->mem);
}

/* "LINE message" of every error, one a line. */
static const char *all_errors(const struct parsed *p)
{
    struct strbuf out;

    strbuf_init(&out, p->mem);
    for (size_t i = 0; i < p->errors.count; i++)
        strbuf_printf(&out, "%d %s\n", p->errors.items[i].line, p->errors.items[i].message);
    return out.text ? out.text : "";
}

/* "LINE statement" of each statement of a section, with "|" between them. */
static const char *statements(void *mem, const struct migration *m, enum section_kind kind)
{
    const struct section *section = &m->sections[kind];
    struct strbuf out;

    strbuf_init(&out, mem);
    strbuf_str(&out, "");
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *s = &section->statements[i];

        strbuf_printf(&out, "%s%d %.*s", i ? "|" : "", s->line, (int)(s->end - s->start),
                      m->text + s->start);
    }
    return out.text;
}

Test(foreign, dbmate_sections)
{
    struct parsed p = parse("1_a.sql", "-- a comment\n"
                                       "-- migrate:up\n"
                                       "SELECT 1;\nSELECT 2\n"
                                       "--migrate:down transaction:false  transaction:true\r\n"
                                       "SELECT 3;\n");

    cr_assert_eq(p.status, 0, "%s", all_errors(&p));
    cr_expect_eq(p.m.format, MIGRATION_DBMATE);
    cr_expect_eq(p.m.sections[SECTION_UP].line, 2);
    cr_expect_eq(p.m.sections[SECTION_DOWN].line, 5);
    cr_expect_str_eq(statements(p.mem, &p.m, SECTION_UP), "3 SELECT 1|4 SELECT 2");
    cr_expect_str_eq(statements(p.mem, &p.m, SECTION_DOWN), "6 SELECT 3");
    cr_expect_not(p.m.sections[SECTION_UP].no_transaction);
    cr_expect_not(p.m.directives.transaction_none);
    cr_expect(p.m.sections[SECTION_DOWN].no_transaction);
    release(&p);
}

Test(foreign, dbmate_outside_a_transaction)
{
    struct parsed p = parse("1_a.sql", "-- migrate:up transaction:false\nVACUUM;\n"
                                       "-- migrate:down\nSELECT 1;\n");

    cr_assert_eq(p.status, 0, "%s", all_errors(&p));
    cr_expect(p.m.directives.transaction_none);
    cr_expect_not(p.m.sections[SECTION_DOWN].no_transaction);
    release(&p);
}

Test(foreign, goose_sections_and_blocks)
{
    struct parsed p = parse("1_a.sql", "-- +goose Up\n"
                                       "SELECT 1;\n"
                                       "-- +goose StatementBegin\n"
                                       "SELECT 2;\n"
                                       "SELECT $$ ;\n"
                                       "-- +goose Down\n"
                                       "$$\n"
                                       "-- +goose StatementEnd\n"
                                       "SELECT 3;\n"
                                       "--  +GOOSE DOWN\n"
                                       "SELECT 4;\n");

    cr_assert_eq(p.status, 0, "%s", all_errors(&p));
    cr_expect_eq(p.m.format, MIGRATION_GOOSE);
    cr_expect_str_eq(statements(p.mem, &p.m, SECTION_UP),
                     "2 SELECT 1|4 SELECT 2|5 SELECT $$ ;\n-- +goose Down\n$$|9 SELECT 3");
    cr_expect_str_eq(statements(p.mem, &p.m, SECTION_DOWN), "11 SELECT 4");
    cr_expect_eq(p.m.sections[SECTION_UP].line, 1);
    cr_expect_not(p.m.directives.transaction_none);
    release(&p);
}

Test(foreign, goose_without_a_transaction)
{
    static const char *const texts[] = {
        "-- +goose NO TRANSACTION\n-- +goose Up\nVACUUM;\n-- +goose Down\nVACUUM;\n",
        "-- +goose Up\n-- +goose no transaction\nVACUUM;\n-- +goose Down\nVACUUM;\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct parsed p = parse("1_a.sql", texts[i]);

        cr_assert_eq(p.status, 0, "%s", all_errors(&p));
        cr_expect(p.m.directives.transaction_none);
        cr_expect(p.m.sections[SECTION_UP].no_transaction);
        cr_expect(p.m.sections[SECTION_DOWN].no_transaction);
        release(&p);
    }
}

Test(foreign, directives_of_pgtide_stand_at_the_top)
{
    static const struct {
        const char *base;
        const char *text;
    } cases[] = {
        {"1_a.sql", "-- pgtide: lock_timeout=2s\n-- +goose Up\nSELECT 1;\n"},
        {"1_a.sql", "-- pgtide: lock_timeout=2s\n-- migrate:up\nSELECT 1;\n"},
        {"1_a.up.sql", "-- pgtide: lock_timeout=2s\nSELECT 1;\n"},
        {"V1__a.sql", "-- pgtide: lock_timeout=2s\nSELECT 1;\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p = parse(cases[i].base, cases[i].text);

        cr_assert_eq(p.status, 0, "%s", all_errors(&p));
        cr_expect_eq(p.m.directives.lock_timeout_ms, 2000);
        cr_expect_neq(p.m.format, MIGRATION_PGTIDE);
        release(&p);
    }
}

Test(foreign, what_cannot_run_in_a_transaction_runs_outside)
{
    static const struct {
        const char *base;
        const char *text;
        const char *errors;
    } cases[] = {
        {"1_a.up.sql", "CREATE INDEX CONCURRENTLY i ON t (a);", ""},
        {"V1__a.sql", "-- two\nVACUUM t;\nCREATE INDEX CONCURRENTLY i ON t (a);", ""},
        {"1_a.sql", "VACUUM t;", "1 \"VACUUM t\" cannot run inside a transaction\n"},
        {"1_a.up.sql", "SELECT 1;\nVACUUM t;", "2 \"VACUUM t\" cannot run inside a transaction\n"},
        {"1_a.down.sql", "SELECT 1;\nVACUUM t;",
         "2 \"VACUUM t\" cannot run inside a transaction\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p = parse(cases[i].base, cases[i].text);

        cr_expect_str_eq(all_errors(&p), cases[i].errors);
        cr_expect_eq(p.m.directives.transaction_none, p.status == 0);
        release(&p);
    }
}

Test(foreign, what_is_wrong_in_a_file)
{
    static const struct {
        const char *base;
        const char *text;
        const char *errors;
    } cases[] = {
        {"1_a.sql", "SELECT 1;\n-- +goose Up\nSELECT 2;\n",
         "1 statement before the first marker\n"},
        {"1_a.sql", "-- +goose Down\nSELECT 2;\n", "1 no up section\n"},
        {"1_a.sql", "-- +goose Up\n", "1 no statement to run\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Up\nSELECT 2;\n",
         "3 second section \"up\"\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n  -- +goose Down\nSELECT 2;\n",
         "3 marker that is not at its place\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Dawn\nSELECT 2;\n",
         "3 unknown marker \"-- +goose Dawn\"\n"},
        {"1_a.sql", "-- +goose Up now\nSELECT 1;\n", "1 unknown marker \"-- +goose Up now\"\n"},
        {"1_a.sql", "-- +goose StatementBegin\nSELECT 1;\n",
         "1 StatementBegin before \"-- +goose Up\"\n"},
        {"1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
         "2 StatementBegin without StatementEnd\n"},
        {"1_a.sql",
         "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose Down\nSELECT 1;\n",
         "4 section within a block\n"},
        {"1_a.sql", "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\nSELECT 1;\n",
         "3 StatementBegin within a block\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose StatementEnd\n",
         "3 StatementEnd without StatementBegin\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1\n-- +goose StatementBegin\nSELECT 1;\n",
         "3 StatementBegin within a statement\n"},
        {"1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT (1;\n-- +goose StatementEnd\n",
         "3 unterminated parenthesis\n"},
        {"1_a.sql", "-- +goose ENVSUB ON\n-- +goose Up\nSELECT 1;\n",
         "1 environment variables in SQL (ENVSUB ON)\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n",
         "3 marker of dbmate in a file of goose\n"},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n-- pgtide:down\nSELECT 2;\n",
         "3 marker of pgtide in a file of goose\n"},
        {"1_a.sql", "-- pgtide:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n",
         "3 marker of dbmate in a file of pgtide\n"},
        {"1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down transaction:no\nSELECT 2;\n",
         "3 unknown option \"transaction:no\" of a dbmate marker\n"},
        {"1_a.sql", "-- migrate:up\nVACUUM;\n-- migrate:down\n",
         "2 \"VACUUM\" cannot run inside a transaction\n"},
        {"1_a.sql", "-- +migrate Up\nSELECT 1;\n",
         "1 a file of sql-migrate, which pgtide does not read\n"},
        {"1_a.up.sql", "BEGIN;\nSELECT 1;\nCOMMIT;\n",
         "1 transaction command \"BEGIN\" in a migration\n"
         "3 transaction command \"COMMIT\" in a migration\n"},
        {"1_a.up.sql", "SELECT 1;\n-- +goose Down\nSELECT 2;\n",
         "2 marker of goose in a file of golang-migrate\n"},
        {"V1__a.sql", "SELECT 1;\n-- pgtide:down\nSELECT 2;\n",
         "2 marker of pgtide in a file of Flyway\n"},
        {"1_a.down.sql", "-- pgtide: lock_timeout=1s\nSELECT 2;\n",
         "1 directive in a file that is a way back\n"},
        {"V1__a.sql",
         "SELECT '${a}', $$\n${b.c}\n$$ -- ${no}\n;\nSELECT ${d} /* ${no} */;\n"
         "COPY t FROM stdin;\n1\n${e}\n\\.\nSELECT '$ {f} ${g';\n",
         "1 placeholder \"${a}\" of Flyway\n2 placeholder \"${b.c}\" of Flyway\n"
         "5 placeholder \"${d}\" of Flyway\n8 placeholder \"${e}\" of Flyway\n"
         "10 placeholder \"${g';\" of Flyway\n"},
        {"U1__a.sql", "SELECT 1;\nDROP TABLE ${t};\n", "2 placeholder \"${t}\" of Flyway\n"},
        {"1_a.up.sql", "SELECT '${a}';\n", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p = parse(cases[i].base, cases[i].text);

        cr_expect_str_eq(all_errors(&p), cases[i].errors, "%s: %s", cases[i].text, all_errors(&p));
        for (size_t j = 0; j < p.errors.count; j++) {
            cr_expect_str_eq(p.errors.items[j].file, p.m.file);
            cr_expect(p.errors.items[j].hint || strstr(p.errors.items[j].message, "unterminated"),
                      "%s", p.errors.items[j].message);
        }
        release(&p);
    }
}

/* --- folders -------------------------------------------------------------------------------- */

struct loaded {
    void *mem;
    const char *dir;
    struct catalog *catalog;
    struct err_list errors;
    int status;
};

static struct loaded begin(void)
{
    struct loaded l = {.mem = mem_context(NULL), .errors = ERR_LIST_INIT};

    l.dir = tmpdir_new(l.mem);
    return l;
}

/* Loads it, in messages called "m"; returns every error on a line of its own. */
static const char *load(struct loaded *l)
{
    struct strbuf out;

    err_list_clear(&l->errors);
    l->status = catalog_load(l->mem, l->dir, "m", &l->catalog, &l->errors);
    strbuf_init(&out, l->mem);
    strbuf_str(&out, "");
    for (size_t i = 0; i < l->errors.count; i++)
        strbuf_printf(&out, "%s: %s\n", l->errors.items[i].file, l->errors.items[i].message);
    return out.text;
}

static void finish(struct loaded *l)
{
    err_list_clear(&l->errors);
    talloc_free(l->mem);
}

Test(foreign, a_pair_is_one_migration)
{
    static const char up[] = "SELECT 'there';\r\nSELECT 2;\r\n";
    struct loaded l = begin();
    const struct migration *m;
    const char *errors;

    tmpdir_write(l.dir, "10_a.up.sql", up);
    tmpdir_write(l.dir, "sub/10_another_title.down.sql",
                 "-- back\nSELECT 'ROLE';\nCOPY t FROM stdin;\n7\n\\.\n");
    tmpdir_write(l.dir, "9_b.up.sql", "SELECT 3;");
    errors = load(&l);
    cr_assert_eq(l.status, 0, "%s", errors);
    cr_assert_eq(l.catalog->count, 2);
    cr_expect_eq(l.catalog->migrations[0].version, 9);
    cr_expect_not(l.catalog->migrations[0].sections[SECTION_DOWN].present);
    m = &l.catalog->migrations[1];
    cr_expect_str_eq(m->name, "a");
    cr_expect_str_eq(m->checksum, sha256_text(l.mem, "SELECT 'there';\nSELECT 2;\n", 26));
    cr_expect_str_eq(statements(l.mem, m, SECTION_UP), "1 SELECT 'there'|2 SELECT 2");
    cr_expect_str_eq(statements(l.mem, m, SECTION_DOWN), "2 SELECT 'ROLE'|3 COPY t FROM stdin");
    cr_expect_eq(strncmp(m->text + m->sections[SECTION_DOWN].statements[1].copy_start, "7\n\\.", 4),
                 0);
    cr_expect_eq(m->sections[SECTION_DOWN].statements[1].copy_line, 4);
    cr_expect_str_eq(migration_section_file(m, SECTION_UP), "m/10_a.up.sql");
    cr_expect_str_eq(migration_section_file(m, SECTION_DOWN), "m/sub/10_another_title.down.sql");
    cr_expect(m->touches_session, "the way back may change it");
    finish(&l);
}

Test(foreign, a_directive_of_the_change_holds_for_the_way_back)
{
    struct loaded l = begin();
    const char *errors;

    tmpdir_write(l.dir, "1_a.up.sql", "-- pgtide: transaction=none\nSELECT 1;");
    tmpdir_write(l.dir, "1_a.down.sql", "SELECT 2;");
    tmpdir_write(l.dir, "2_b.up.sql", "CREATE INDEX CONCURRENTLY i ON t (a);");
    tmpdir_write(l.dir, "2_b.down.sql", "DROP INDEX i;\nSELECT 2;");
    errors = load(&l);
    cr_assert_eq(l.status, 0, "%s", errors);
    cr_expect(l.catalog->migrations[0].sections[SECTION_DOWN].no_transaction);
    cr_expect(l.catalog->migrations[1].sections[SECTION_UP].no_transaction);
    cr_expect_not(l.catalog->migrations[1].sections[SECTION_DOWN].no_transaction);
    finish(&l);
}

Test(foreign, flyway_pairs_by_version)
{
    struct loaded l = begin();
    const char *errors;

    tmpdir_write(l.dir, "V2__a.sql", "SELECT 1;");
    tmpdir_write(l.dir, "U002__a.sql", "SELECT 2;");
    tmpdir_write(l.dir, "R__v.sql", "SELECT 3;");
    errors = load(&l);
    cr_assert_eq(l.status, 0, "%s", errors);
    cr_assert_eq(l.catalog->count, 1);
    cr_expect_str_eq(statements(l.mem, &l.catalog->migrations[0], SECTION_DOWN), "1 SELECT 2");
    cr_assert_eq(l.catalog->repeatable_count, 1);
    cr_expect_str_eq(l.catalog->repeatables[0].name, "v");
    finish(&l);
}

Test(foreign, pairs_that_are_none)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.up.sql", "SELECT 1;");
    tmpdir_write(l.dir, "01_b.down.sql", "SELECT 2;");
    tmpdir_write(l.dir, "1_a.down.sql", "SELECT 2;");
    tmpdir_write(l.dir, "2_b.down.sql", "SELECT 2;");
    tmpdir_write(l.dir, "3_c.up.sql", "SELECT 3;");
    tmpdir_write(l.dir, "03_d.up.sql", "SELECT 3;");
    cr_expect_str_eq(load(&l),
                     "m/03_d.up.sql: version 3 is also that of \"m/3_c.up.sql\"\n"
                     "m/1_a.down.sql: version 1 has a way back already, \"m/01_b.down.sql\"\n"
                     "m/2_b.down.sql: the way back of version 2, for which there is no way "
                     "forward\n",
                     "%s", load(&l));
    finish(&l);
}

Test(foreign, a_mixture_is_told_file_by_file)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.sql", "-- +goose Up\nSELECT 1;");
    tmpdir_write(l.dir, "2_b.sql", "SELECT 2;");
    tmpdir_write(l.dir, "3_c.sql", "-- +goose Up\nSELECT 3;");
    tmpdir_write(l.dir, "4_d.sql", "-- migrate:up\nSELECT 4;");
    tmpdir_write(l.dir, "V5__e.sql", "SELECT 5;");
    tmpdir_write(l.dir, "1_a.down.sql", "SELECT 6;");
    tmpdir_write(l.dir, "R_f.sql", "SELECT 7;");
    tmpdir_write(l.dir, "8_g.sql", "SELECT 'open");
    cr_expect_str_eq(
        load(&l),
        "m/8_g.sql: unterminated quoted string\n"
        "m/2_b.sql: a file of pgtide among files of goose such as \"m/1_a.sql\"\n"
        "m/4_d.sql: a file of dbmate among files of goose such as \"m/1_a.sql\"\n"
        "m/V5__e.sql: a file of Flyway among files of goose such as \"m/1_a.sql\"\n"
        "m/R_f.sql: a file of pgtide among files of goose such as \"m/1_a.sql\"\n"
        "m/1_a.down.sql: a file of golang-migrate among files of goose such as \"m/1_a.sql\"\n",
        "%s", load(&l));
    finish(&l);
}

Test(foreign, a_forgotten_marker_is_the_hint)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.sql", "-- migrate:up\nSELECT 1;");
    tmpdir_write(l.dir, "2_b.sql", "SELECT 2;");
    load(&l);
    cr_assert_eq(l.errors.count, 1);
    cr_expect_str_eq(l.errors.items[0].file, "m/2_b.sql");
    cr_expect(strstr(l.errors.items[0].hint, "\"-- migrate:up\""), "%s", l.errors.items[0].hint);
    finish(&l);
}

/* Pairs are told before a mixture is: what is no pair must not crash the rest. */
Test(foreign, a_way_back_never_stands_in_a_catalog)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.up.sql", "SELECT 'open");
    tmpdir_write(l.dir, "1_a.down.sql", "SELECT 2;");
    tmpdir_write(l.dir, "2_b.up.sql", "SELECT 2;");
    tmpdir_write(l.dir, "2_b.down.sql", "SELECT 'open");
    cr_expect_str_eq(load(&l), "m/1_a.up.sql: unterminated quoted string\n"
                               "m/2_b.down.sql: unterminated quoted string\n");
    finish(&l);
}
