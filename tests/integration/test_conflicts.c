/*
 * test_conflicts.c: where history and catalog disagree nothing is run, and the message says what to
 * do.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

/* One tenant with 1 and 2 applied. */
static struct fleet_fixture *migrated_fleet(void)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c (a int);\n");
    fleet_fixture_inventory(fleet, NULL);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    return fleet;
}

/* migrate refuses with `text` and runs nothing; validate --connect gives 6, status shows a
 * conflict. */
static void assert_conflict(struct fleet_fixture *fleet, const char *text)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/9_new.sql", "CREATE TABLE new (a int);\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(run->out, text), "%s", run->out);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'new'"), 0);
    run = fleet_fixture_run(fleet, "validate", "--connect", NULL);
    cr_assert_eq(run->exit_code, 6, "%s%s", run->out, run->err);
    cr_assert(strstr(run->out, text), "%s", run->out);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert_eq(run->exit_code, 3);
}

Test(conflicts, a_clean_tenant_validates)
{
    cr_assert_eq(fleet_fixture_run(migrated_fleet(), "validate", "--connect", NULL)->exit_code, 0);
}

Test(conflicts, changed_file)
{
    struct fleet_fixture *fleet = migrated_fleet();

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a bigint);\n");
    assert_conflict(fleet, "migration 1_a was changed after it was applied");
}

Test(conflicts, changed_comment)
{
    struct fleet_fixture *fleet = migrated_fleet();

    fleet_fixture_write(fleet, "migrations/1_a.sql", "-- why\nCREATE TABLE  a (a int);\n");
    assert_conflict(fleet, "only comments or white space");
}

Test(conflicts, missing_file)
{
    struct fleet_fixture *fleet = migrated_fleet();

    fleet_fixture_remove(fleet, "migrations/3_c.sql");
    assert_conflict(fleet, "applied migration 0003_c is missing from");
}

Test(conflicts, renamed_file)
{
    struct fleet_fixture *fleet = migrated_fleet();

    fleet_fixture_remove(fleet, "migrations/3_c.sql");
    fleet_fixture_write(fleet, "migrations/3_z.sql", "CREATE TABLE c (a int);\n");
    assert_conflict(fleet, "migration 3_z was renamed");
}

Test(conflicts, out_of_order)
{
    struct fleet_fixture *fleet = migrated_fleet();

    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (a int);\n");
    assert_conflict(fleet, "migration 2_b is out of order: version 0003 is applied already");
    fleet_fixture_inventory(fleet, "settings: {out_of_order: allow}\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 4);
}

Test(conflicts, objects_without_a_history)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_exec(fleet, 1, "CREATE TYPE mood AS ENUM ('good')");
    fleet_fixture_inventory(fleet, NULL);
    assert_conflict(fleet, "has objects but no history");
    fleet_fixture_inventory(fleet, "settings: {nonempty: allow}\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
}

Test(conflicts, extensions_do_not_make_a_schema_nonempty)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_exec(fleet, 1,
                       "CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE SCHEMA other; "
                       "CREATE TABLE other.t (a int)");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_inventory(fleet, NULL);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
}

Test(conflicts, a_history_that_cannot_be_read_is_not_an_empty_one)
{
    struct fleet_fixture *fleet = migrated_fleet();
    void *ctx = mem_context(NULL);
    char *role = pg_sql_unique(ctx, "reader");
    const struct fleet_run *run;

    pg_sql_execf(fleet->server, fleet->databases[0], "CREATE ROLE %s LOGIN", role);
    fleet_fixture_tenants(fleet, NULL, mem_printf(ctx, "connection: {user: %s}", role));
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(
        json_string_value(json_object_get(
            json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "sqlstate")),
        "42501");
    pg_sql_execf(fleet->server, fleet->databases[0], "DROP OWNED BY %s; DROP ROLE %s", role, role);
}

Test(conflicts, a_history_of_a_newer_layout_is_left_alone)
{
    struct fleet_fixture *fleet = migrated_fleet();
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "COMMENT ON TABLE pgtide_history IS 'pgtide history, layout 7'");
    fleet_fixture_write(fleet, "migrations/4_d.sql", "CREATE TABLE d (a int);\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(run->out, "not of a layout that this pgtide knows"), "%s", run->out);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'd'"),
                 0);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(run->out, "layout 7"), "%s", run->out);
}
