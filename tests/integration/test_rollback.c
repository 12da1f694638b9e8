/*
 * test_rollback.c: the way back: what is reverted, and what stops it before anything is touched.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"
#include "tests/integration/rollback_fixture.h"

#include <criterion/criterion.h>

static struct fleet_fixture *fleet;

TestSuite(rollback, .timeout = 120);

/* --- what is reverted ------------------------------------------------------------------------- */

Test(rollback, to_a_version_that_stays)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_migrated(2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_steps(run, "store-2"), 2);
    cr_assert(strstr(run->err, "store-1: rolled back 0003 -> 0001 in "), "%s", run->err);
    cr_assert(strstr(run->err, "(2 migrations)"), "%s", run->err);
    cr_assert(strstr(run->out, "repeatables and seeds were not touched"), "%s", run->out);
    cr_assert(strstr(run->out, "2 tenants: 2 rolled back, 0 current"), "%s", run->out);
    for (size_t n = 1; n <= 2; n++) {
        cr_assert_str_eq(rollback_fixture_states(fleet, n), "1 applied, 2 reverted, 3 reverted");
        cr_assert_eq(rollback_fixture_columns(fleet, n), 1);
    }
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL);
    cr_assert_eq(fleet_fixture_total(run, "current"), 2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert(strstr(run->err, "rolled back 0001 -> no version"), "%s", run->err);
    cr_assert_eq(rollback_fixture_columns(fleet, 1), 0);
}

Test(rollback, the_row_says_who_when_and_in_which_run)
{
    const struct fleet_run *run;
    const char *id;

    fleet = rollback_fixture_migrated(1);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "1", "--yes", NULL);
    fleet_facts_expect(run, 0);
    id = json_string_value(json_object_get(json_object_get(run->report, "run"), "id"));
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1,
                            "SELECT detail #>> '{reverted,run}' FROM pgtide_history WHERE state = "
                            "'reverted' AND detail #>> '{reverted,by}' = 'postgres' AND "
                            "(detail #>> '{reverted,at}')::timestamptz BETWEEN finished_at AND "
                            "now() AND detail #>> '{reverted,at}' LIKE '%Z'"),
        id);
}

Test(rollback, newest_first_in_the_order_of_application)
{
    fleet = rollback_fixture_new(1);
    fleet_fixture_inventory(fleet, "settings: {out_of_order: allow}\n");
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA log; CREATE TABLE log.t (n serial, v int)");
    for (int v = 1; v <= 4; v++)
        fleet_fixture_write(fleet, mem_printf(fleet, "migrations/%04d_v.sql", v * 10),
                            mem_printf(fleet,
                                       "-- pgtide:up\nSELECT 1;\n"
                                       "-- pgtide:down\nINSERT INTO log.t (v) VALUES (%d);\n",
                                       v));
    fleet_fixture_remove(fleet, "migrations/0020_v.sql");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_write(fleet, "migrations/0020_v.sql",
                        "-- pgtide:up\nSELECT 1;\n"
                        "-- pgtide:down\nINSERT INTO log.t (v) VALUES (2);\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "10", "--yes", NULL), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT string_agg(v::text, ' ' ORDER BY n) "
                                         "FROM log.t"),
                     "2 4 3");
}

Test(rollback, and_migrate_again_any_number_of_times)
{
    fleet = rollback_fixture_migrated(1);
    for (int i = 1; i <= 3; i++) {
        fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
        cr_assert_eq(rollback_fixture_columns(fleet, 1), 1);
        fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
        cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(title) FROM product"), 2);
        cr_assert_eq(fleet_fixture_applied(fleet, 1), 3);
        cr_assert_eq(fleet_fixture_count(
                         fleet, 1, "SELECT count(*) FROM pgtide_history WHERE state = 'reverted'"),
                     2 * i);
    }
}

Test(rollback, a_repeatable_that_the_way_back_took_along_comes_again)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nDROP VIEW titles;\n"
                        "ALTER TABLE product DROP COLUMN title;\n");
    fleet_fixture_write(fleet, "migrations/R_titles.sql",
                        "DROP VIEW IF EXISTS titles;\n"
                        "CREATE VIEW titles AS SELECT title FROM product;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 3);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM titles"), 2);
    cr_assert_eq(fleet_fixture_total(fleet_fixture_run(fleet, "migrate", NULL), "current"), 1);
}

Test(rollback, steps_count_skipped_rows_and_do_not_run_their_way_back)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
    fleet_fixture_write(fleet, "migrations/0004_skipped.sql",
                        "-- pgtide:when\nSELECT false;\n-- pgtide:up\nSELECT 1/0;\n"
                        "-- pgtide:down\nSELECT 1/0;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 applied, 3 reverted, 4 reverted");
    run = fleet_fixture_run(fleet, "rollback", "--steps", "99", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}

Test(rollback, a_release_stays)
{
    fleet = rollback_fixture_new(1);
    fleet_fixture_remove(fleet, "migrations/0002_title.sql");
    fleet_fixture_remove(fleet, "migrations/0003_rows.sql");
    fleet_fixture_remove(fleet, "migrations/0001_product.sql");
    fleet_fixture_write(fleet, "migrations/1.0.0/1_a.sql",
                        "-- pgtide:up\nCREATE TABLE a ();\n-- pgtide:down\nDROP TABLE a;\n");
    fleet_fixture_write(fleet, "migrations/1.1.0/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE b ();\n-- pgtide:down\nDROP TABLE b;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1.0.0", "--yes", NULL), 0);
    cr_assert_str_eq(rollback_fixture_states(fleet, 1), "1 applied, 2 reverted");
}

Test(rollback, data_of_a_way_back_arrives_and_its_errors_have_lines)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
    fleet_fixture_write(fleet, "migrations/0004_gone.sql",
                        "-- pgtide:up\nDELETE FROM product;\n-- pgtide:down\n"
                        "COPY product (id, title) FROM stdin;\n7\tseven\n8\teight\n\\.\n"
                        "UPDATE product SET title = upper(title);\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL), 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT string_agg(title, ' ' ORDER BY id) FROM product"),
        "SEVEN EIGHT");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_exec(fleet, 1, "INSERT INTO product VALUES (8, 'in the way')");
    run = fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "23505");
    cr_assert_eq(json_integer_value(json_object_get(
                     json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "line")),
                 6);
}

Test(rollback, schemas_and_roles)
{
    void *ctx = mem_context(NULL);
    char *role = pg_sql_unique(ctx, "owner");

    fleet = rollback_fixture_new(1);
    pg_sql_execf(fleet->server, fleet->databases[0],
                 "CREATE ROLE %s; CREATE SCHEMA a AUTHORIZATION %s; CREATE SCHEMA b "
                 "AUTHORIZATION %s",
                 role, role, role);
    fleet_fixture_write(fleet, "migrations/0004_role.sql",
                        "-- pgtide:up\nSELECT 1;\n-- pgtide:down\n"
                        "CREATE TABLE who AS SELECT current_user::text AS me;\nSET ROLE postgres;\n"
                        "SET search_path = pg_catalog;\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "settings: {role: %s}\nservers: {main: {host: %s, port: %d}}\ntenants:\n"
                       "  - {name: a, server: main, database: %s, schema: a}\n"
                       "  - {name: b, server: main, database: %s, schema: b}\n",
                       role, fleet->host, fleet->port, fleet->databases[0], fleet->databases[0]);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", "-t", "a", NULL),
                       0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT me FROM a.who"), role);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM a.product"), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b.product"), 2);
    cr_assert_eq(fleet_fixture_count(
                     fleet, 1, "SELECT count(*) FROM a.pgtide_history WHERE state = 'reverted'"),
                 2);
    pg_sql_execf(fleet->server, fleet->databases[0], "DROP OWNED BY %s CASCADE; DROP ROLE %s", role,
                 role);
}

/* --- what stops it before anything is touched ------------------------------------------------- */

static void expect_refused(const char *message)
{
    const char *before = rollback_fixture_states(fleet, 1);
    const struct fleet_run *run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);

    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"), message);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "Nothing was touched"), "%s",
              fleet_facts_error(run, "store-1", "hint"));
    cr_assert_str_eq(rollback_fixture_states(fleet, 1), before);
    cr_assert_eq(rollback_fixture_columns(fleet, 1), 2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--dry-run", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"), message);
}

Test(rollback, stops_before_a_migration_without_a_way_back)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "ALTER TABLE product ADD COLUMN title text;\n");
    fleet_fixture_write(fleet, "migrations/0004_empty.sql",
                        "-- pgtide:up\nSELECT 1;\n-- pgtide:down\n-- nothing\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    expect_refused("migration 0004_empty has no down section");
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "detail"),
                     "also: migration 0002_title has no down section");
    cr_assert(!strstr(run->out, "validate --connect"), "%s", run->out);
}

Test(rollback, stops_before_a_file_that_was_changed)
{
    fleet = rollback_fixture_migrated(1);
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nDROP TABLE product CASCADE;\n");
    expect_refused("migration 0002_title was changed after it was applied");
}

Test(rollback, stops_before_a_file_that_is_missing)
{
    fleet = rollback_fixture_migrated(1);
    fleet_fixture_remove(fleet, "migrations/0003_rows.sql");
    expect_refused("applied migration 0003_rows is missing from migrations");
}

Test(rollback, stops_at_a_baseline)
{
    fleet = rollback_fixture_migrated(1);
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET kind = 'baseline' WHERE version <= 2");
    expect_refused("migration 0002_title was recorded by baseline, it was never run");
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL), 0);
}

Test(rollback, stops_at_a_migration_that_is_not_finished)
{
    fleet = rollback_fixture_migrated(1);
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET state = 'started' WHERE version = 3");
    expect_refused("migration 0003_rows is started and not done");
}

Test(rollback, asks_first_and_refuses_where_nobody_can_answer)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_migrated(1);
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", NULL);
    fleet_facts_expect(run, 64);
    cr_assert(strstr(run->err, "--yes"), "%s", run->err);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 3);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--yes", NULL), 64);
    fleet_facts_expect(
        fleet_fixture_run(fleet, "rollback", "--yes", "--to", "1", "--steps", "1", NULL), 64);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--yes", "--to", "9", NULL), 64);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 3);
}

Test(rollback, a_dry_run_shows_it_and_writes_nothing)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_migrated(2);
    fleet_facts_expect(
        fleet_fixture_run(fleet, "rollback", "--steps", "1", "-t", "store-2", "--yes", NULL), 0);
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", "--dry-run", "-v", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "pending");
    cr_assert_eq(json_array_size(json_object_get(run->report, "groups")), 2);
    cr_assert(strstr(run->out, "1 tenant at 0003: store-1\n    0003_rows\n    0002_title\n"), "%s",
              run->out);
    cr_assert(strstr(run->out, "DELETE FROM product;"), "%s", run->out);
    cr_assert(!strstr(run->out, "ADD COLUMN"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 3);
    cr_assert_eq(fleet_fixture_applied(fleet, 2), 2);
}
