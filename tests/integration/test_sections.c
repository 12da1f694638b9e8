/*
 * test_sections.c: require, when, verify, repeatables, labels, and stopping at a version.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

static struct fleet_fixture *new_fleet(size_t tenants)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (n int);\n");
    fleet_fixture_inventory(fleet, "run: {max_failures: 9}\n");
    return fleet;
}

static const char *error_text(const struct fleet_run *run, const char *tenant, const char *field)
{
    const char *text = json_string_value(
        json_object_get(json_object_get(fleet_fixture_tenant(run, tenant), "error"), field));

    return text ? text : "(none)";
}

static int64_t tables(struct fleet_fixture *fleet, size_t n, const char *name)
{
    return fleet_fixture_count(
        fleet, n, mem_printf(fleet, "SELECT count(*) FROM pg_class WHERE relname = '%s'", name));
}

Test(sections, a_require_that_is_not_true_holds_the_tenant)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    fleet_fixture_exec(fleet, 1, "INSERT INTO a VALUES (NULL)");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql",
                        "-- pgtide:require\nSELECT true;\n"
                        "SELECT NOT EXISTS (SELECT FROM a WHERE n IS NULL) -- no NULLs\n"
                        "-- pgtide:up\nCREATE TABLE c ();\n");
    fleet_fixture_write(fleet, "migrations/4_d.sql", "CREATE TABLE d ();\n");
    fleet_fixture_write(fleet, "migrations/R_v.sql",
                        "CREATE OR REPLACE VIEW v AS SELECT 1 AS x;\n");
    run = fleet_fixture_run(fleet, "plan", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "held");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "pending");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "held");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "migrated");
    cr_assert_eq(json_integer_value(json_object_get(
                     json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "line")),
                 3);
    cr_assert_eq(tables(fleet, 1, "b"), 1, "what came before stays");
    cr_assert_eq(tables(fleet, 1, "c") + tables(fleet, 1, "d") + tables(fleet, 1, "v"), 0);
    fleet_fixture_exec(fleet, 1, "DELETE FROM a");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(tables(fleet, 1, "d") + tables(fleet, 1, "v"), 2);
}

Test(sections, null_and_no_row_are_not_true)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(
        fleet, "migrations/2_null.sql",
        "-- pgtide:require\nSELECT NULL::bool;\n-- pgtide:up\nCREATE TABLE b ();\n");
    cr_assert_str_eq(fleet_fixture_outcome(fleet_fixture_run(fleet, "migrate", NULL), "store-1"),
                     "held");
    fleet_fixture_write(
        fleet, "migrations/2_null.sql",
        "-- pgtide:require\nSELECT true WHERE false;\n-- pgtide:up\nCREATE TABLE b ();\n");
    cr_assert_str_eq(fleet_fixture_outcome(fleet_fixture_run(fleet, "migrate", NULL), "store-1"),
                     "held");
    cr_assert_eq(tables(fleet, 1, "b"), 0);
}

Test(sections, plan_asks_require_without_writing)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:require\nSELECT nextval('s') > 0;\n-- pgtide:up\nSELECT 1;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", "--to", "1", NULL)->exit_code, 0);
    fleet_fixture_exec(fleet, 1, "CREATE SEQUENCE s");
    run = fleet_fixture_run(fleet, "plan", NULL);
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "25006"); /* read only */
}

Test(sections, a_require_about_what_is_not_there_yet_does_not_hold_the_plan)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(
        fleet, "migrations/2_b.sql",
        "-- pgtide:require\nSELECT count(*) = 0 FROM a;\n-- pgtide:up\nSELECT 1;\n");
    cr_assert_str_eq(fleet_fixture_outcome(fleet_fixture_run(fleet, "plan", NULL), "store-1"),
                     "pending");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
}

Test(sections, verify_rolls_back_what_is_not_true)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(
        fleet, "migrations/2_b.sql",
        "-- pgtide:up\nCREATE TABLE b (n int);\nINSERT INTO b VALUES (1);\n"
        "-- pgtide:verify\nSELECT count(*) = 1 FROM b;\nSELECT count(*) = 2 FROM b;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(error_text(run, "store-1", "statement"), "SELECT count(*) = 2 FROM b");
    cr_assert_str_eq(error_text(run, "store-1", "detail"), "the query gave false, not true");
    cr_assert_eq(tables(fleet, 1, "b"), 0);
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE b (n int);\n"
                        "-- pgtide:verify\nSELECT count(*) = 0 FROM b\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
}

Test(sections, an_error_in_a_verify_query_has_its_line)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    const json_t *error;

    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE b ();\n-- pgtide:verify\nSELECT true;\n"
                        "SELECT true\n  FROM nowhere;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    error = json_object_get(fleet_fixture_tenant(run, "store-1"), "error");
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "42P01");
    cr_assert_eq(json_integer_value(json_object_get(error, "line")), 6);
}

Test(sections, a_when_that_is_false_skips_for_good)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 2, "CREATE SCHEMA legacy");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:when\nSELECT to_regnamespace('legacy') IS NOT NULL;\n"
                        "-- pgtide:require\nSELECT to_regnamespace('legacy') IS NOT NULL;\n"
                        "-- pgtide:up\nCREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c ();\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(tables(fleet, 1, "b"), 0);
    cr_assert_eq(tables(fleet, 2, "b"), 1);
    cr_assert_eq(tables(fleet, 1, "c") + tables(fleet, 2, "c"), 2);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT state FROM pgtide_history WHERE version = 2"),
        "skipped");
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA legacy");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(fleet_fixture_total(run, "current"), 2);
    cr_assert_eq(tables(fleet, 1, "b"), 0);
}

Test(sections, a_labelled_migration_runs_for_its_tenants_only)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a ();\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide: only=plan=pro\nCREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c ();\n");
    fleet_fixture_tenants(fleet, NULL, "labels: {plan: free}");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    fleet_fixture_tenants(fleet, NULL, "labels: {plan: pro}");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 3);
}

Test(sections, repeatables_run_when_they_changed_and_keep_their_past)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(fleet, "migrations/R_v.sql",
                        "CREATE OR REPLACE VIEW v AS SELECT 1 AS x;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_total(fleet_fixture_run(fleet, "migrate", NULL), "current"), 1);
    fleet_fixture_write(fleet, "migrations/R_v.sql",
                        "CREATE OR REPLACE VIEW v AS SELECT 2 AS x;\n");
    cr_assert_eq(fleet_fixture_total(fleet_fixture_run(fleet, "migrate", NULL), "migrated"), 1);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT x FROM v"), 2);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE kind = "
                                     "'repeatable' AND version IS NULL"),
                 2);
}

Test(sections, below_the_head_neither_repeatables_nor_seeds_run_and_it_is_said)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1.5.0/2_b.sql", "CREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/2.0.0/3_c.sql", "CREATE TABLE c ();\n");
    fleet_fixture_write(fleet, "migrations/R_v.sql",
                        "CREATE OR REPLACE VIEW v AS SELECT 1 AS x;\n");
    run = fleet_fixture_run(fleet, "migrate", "--to", "1.5.0", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert(strstr(run->out, "repeatable"), "%s", run->out);
    cr_assert_eq(tables(fleet, 1, "b"), 1);
    cr_assert_eq(tables(fleet, 1, "c") + tables(fleet, 1, "v"), 0);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(tables(fleet, 1, "c") + tables(fleet, 1, "v"), 2);
}

/* The server reads a Query as a whole before it runs any of it. */
Test(sections, a_syntax_error_does_not_keep_earlier_files_from_running)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c ();\nCREATE TABEL d ();\n");
    fleet_fixture_write(fleet, "migrations/4_d.sql", "CREATE TABLE e ();\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3, "%s", run->process->out);
    cr_expect_str_eq(error_text(run, "store-1", "file"), "migrations/3_c.sql");
    cr_expect_str_eq(error_text(run, "store-1", "sqlstate"), "42601");
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 2);
    cr_expect_eq(tables(fleet, 1, "b"), 1);
    cr_expect_eq(tables(fleet, 1, "c") + tables(fleet, 1, "e"), 0);
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c ();\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 4);
}

/* And what fails before it is what is told. */
Test(sections, the_first_error_is_told_whichever_the_server_sees_first)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT 1 / 0;\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABEL d ();\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_str_eq(error_text(run, "store-1", "file"), "migrations/2_b.sql");
    cr_expect_str_eq(error_text(run, "store-1", "sqlstate"), "22012");
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 1);
}
