/*
 * test_rollback.c: the way back: what is reverted, what stops it, and what a broken one leaves.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>

/* The history of one tenant as "1 applied, 2 reverted". */
#define STATES "SELECT string_agg(version || ' ' || state, ', ' ORDER BY rank) FROM pgtide_history"

static struct fleet_fixture *fleet;

static void write_three(void)
{
    fleet_fixture_write(fleet, "migrations/0001_product.sql",
                        "-- pgtide:up\nCREATE TABLE product (id int PRIMARY KEY);\n"
                        "-- pgtide:down\nDROP TABLE product;\n");
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nALTER TABLE product DROP COLUMN title;\n");
    fleet_fixture_write(fleet, "migrations/0003_rows.sql",
                        "-- pgtide:up\nCOPY product (id, title) FROM stdin;\n1\ta\n2\tb\n\\.\n"
                        "-- pgtide:down\nDELETE FROM product;\n");
}

static void start(size_t tenants)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);
    write_three();
    fleet_fixture_inventory(fleet, "run: {max_failures: 9}\n");
}

static void migrated(size_t tenants)
{
    start(tenants);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

static const char *states(size_t n)
{
    return fleet_fixture_value(fleet, n, STATES);
}

static int64_t columns(size_t n)
{
    return fleet_fixture_count(fleet, n,
                               "SELECT count(*) FROM information_schema.columns WHERE table_name "
                               "= 'product'");
}

TestSuite(rollback, .timeout = 120);

/* --- what is reverted ------------------------------------------------------------------------- */

Test(rollback, to_a_version_that_stays)
{
    const struct fleet_run *run;

    migrated(2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_steps(run, "store-2"), 2);
    cr_assert(strstr(run->err, "store-1: rolled back 0003 -> 0001 in "), "%s", run->err);
    cr_assert(strstr(run->err, "(2 migrations)"), "%s", run->err);
    cr_assert(strstr(run->out, "repeatables and seeds were not touched"), "%s", run->out);
    cr_assert(strstr(run->out, "2 tenants: 2 rolled back, 0 current"), "%s", run->out);
    for (size_t n = 1; n <= 2; n++) {
        cr_assert_str_eq(states(n), "1 applied, 2 reverted, 3 reverted");
        cr_assert_eq(columns(n), 1);
    }
    run = fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL);
    cr_assert_eq(fleet_fixture_total(run, "current"), 2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert(strstr(run->err, "rolled back 0001 -> no version"), "%s", run->err);
    cr_assert_eq(columns(1), 0);
}

Test(rollback, the_row_says_who_when_and_in_which_run)
{
    const struct fleet_run *run;
    const char *id;

    migrated(1);
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
    start(1);
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
    migrated(1);
    for (int i = 1; i <= 3; i++) {
        fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
        cr_assert_eq(columns(1), 1);
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

    start(1);
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

    start(1);
    fleet_fixture_write(fleet, "migrations/0004_skipped.sql",
                        "-- pgtide:when\nSELECT false;\n-- pgtide:up\nSELECT 1/0;\n"
                        "-- pgtide:down\nSELECT 1/0;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(states(1), "1 applied, 2 applied, 3 reverted, 4 reverted");
    run = fleet_fixture_run(fleet, "rollback", "--steps", "99", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}

Test(rollback, a_release_stays)
{
    start(1);
    fleet_fixture_remove(fleet, "migrations/0002_title.sql");
    fleet_fixture_remove(fleet, "migrations/0003_rows.sql");
    fleet_fixture_remove(fleet, "migrations/0001_product.sql");
    fleet_fixture_write(fleet, "migrations/1.0.0/1_a.sql",
                        "-- pgtide:up\nCREATE TABLE a ();\n-- pgtide:down\nDROP TABLE a;\n");
    fleet_fixture_write(fleet, "migrations/1.1.0/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE b ();\n-- pgtide:down\nDROP TABLE b;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1.0.0", "--yes", NULL), 0);
    cr_assert_str_eq(states(1), "1 applied, 2 reverted");
}

Test(rollback, data_of_a_way_back_arrives_and_its_errors_have_lines)
{
    const struct fleet_run *run;

    start(1);
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

    start(1);
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
    const char *before = states(1);
    const struct fleet_run *run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);

    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"), message);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "Nothing was touched"), "%s",
              fleet_facts_error(run, "store-1", "hint"));
    cr_assert_str_eq(states(1), before);
    cr_assert_eq(columns(1), 2);
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--dry-run", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"), message);
}

Test(rollback, stops_before_a_migration_without_a_way_back)
{
    const struct fleet_run *run;

    start(1);
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
    migrated(1);
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nDROP TABLE product CASCADE;\n");
    expect_refused("migration 0002_title was changed after it was applied");
}

Test(rollback, stops_before_a_file_that_is_missing)
{
    migrated(1);
    fleet_fixture_remove(fleet, "migrations/0003_rows.sql");
    expect_refused("applied migration 0003_rows is missing from migrations");
}

Test(rollback, stops_at_a_baseline)
{
    migrated(1);
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET kind = 'baseline' WHERE version <= 2");
    expect_refused("migration 0002_title was recorded by baseline, it was never run");
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL), 0);
}

Test(rollback, stops_at_a_migration_that_is_not_finished)
{
    migrated(1);
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET state = 'started' WHERE version = 3");
    expect_refused("migration 0003_rows is started and not done");
}

Test(rollback, asks_first_and_refuses_where_nobody_can_answer)
{
    const struct fleet_run *run;

    migrated(1);
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

    migrated(2);
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

/* --- failures --------------------------------------------------------------------------------- */

Test(rollback, one_that_fails_leaves_nothing_of_itself)
{
    const struct fleet_run *run;

    migrated(2);
    fleet_fixture_exec(fleet, 1, "CREATE VIEW titles AS SELECT title FROM product");
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(states(1), "1 applied, 2 applied, 3 reverted");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "2BP01");
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 1, "what came before it stays reverted");
    cr_assert_eq(columns(1), 2);
    cr_assert(strstr(run->out, "0002_title is still applied"), "%s", run->out);
    cr_assert(strstr(run->out, "pgtide rollback --to 0 -t store-1"), "%s", run->out);
    cr_assert_str_eq(states(2), "1 reverted, 2 reverted, 3 reverted");
    fleet_fixture_exec(fleet, 1, "DROP VIEW titles");
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL), 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}

Test(rollback, budgets_halt_it)
{
    const struct fleet_run *run;

    migrated(3);
    fleet_fixture_inventory(fleet, "run: {workers: 1, max_failures: 0}\n");
    fleet_fixture_exec(fleet, 1, "CREATE VIEW titles AS SELECT title FROM product");
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 2);
    cr_assert(strstr(run->out, "--steps 2 counts from where a tenant stands"), "%s", run->out);
    cr_assert(!strstr(run->out, "the same command again goes on"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 2), 3);
}

Test(rollback, one_round_trip_for_all_of_them)
{
    void *ctx = mem_context(NULL);
    const struct pg_server *server = pg_server_shared(ctx);
    struct proxy *proxy = proxy_new(ctx, server->host, server->port);
    struct proxy_stats stats;

    fleet = fleet_fixture_new(ctx, server, 1);
    fleet_fixture_through(fleet, proxy_port(proxy));
    for (int i = 1; i <= 40; i++)
        fleet_fixture_write(fleet, mem_printf(ctx, "migrations/%02d_t.sql", i),
                            mem_printf(ctx,
                                       "-- pgtide:up\nCREATE TABLE t%d ();\n"
                                       "-- pgtide:down\nDROP TABLE t%d;\n",
                                       i, i));
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    proxy_reset_stats(proxy);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
    proxy_read_stats(proxy, &stats);
    cr_assert_eq(stats.round_trips, 2, "%lld", (long long)stats.round_trips);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
}

static void expect_lost_and_true(enum proxy_action action)
{
    void *ctx = mem_context(NULL);
    const struct pg_server *server = pg_server_shared(ctx);
    struct proxy *proxy = proxy_new(ctx, server->host, server->port);
    const struct fleet_run *run;

    fleet = fleet_fixture_new(ctx, server, 1);
    fleet_fixture_through(fleet, proxy_port(proxy));
    write_three();
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    proxy_on_query(proxy, "SET state = 'reverted'", 0, action);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2, "each is listed once");
    cr_assert_str_eq(states(1), "1 applied, 2 reverted, 3 reverted");
}

Test(rollback, lost_before_the_server_got_it)
{
    expect_lost_and_true(PROXY_CUT_BEFORE);
}

Test(rollback, lost_after_the_server_got_it)
{
    expect_lost_and_true(PROXY_CUT_AFTER);
}

Test(rollback, lost_after_the_server_did_it)
{
    expect_lost_and_true(PROXY_CUT_DONE);
}

Test(rollback, steps_are_not_counted_twice_when_the_connection_dies_in_between)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA x; CREATE SEQUENCE x.s");
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nALTER TABLE product DROP COLUMN title;\n"
                        "SELECT CASE WHEN nextval('x.s') = 1 THEN "
                        "pg_terminate_backend(pg_backend_pid()) END;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_str_eq(states(1), "1 applied, 2 reverted, 3 reverted");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT last_value FROM x.s"), 2);
}

/* One whose way back takes a while, so that it can be met half-way. */
static void write_slow(double seconds)
{
    fleet_fixture_write(fleet, "migrations/0004_slow.sql",
                        mem_printf(fleet,
                                   "-- pgtide:up\nCREATE TABLE slow ();\n"
                                   "-- pgtide:down\nDROP TABLE slow;\nSELECT pg_sleep(%.1f);\n",
                                   seconds));
}

static void wait_for(const char *state)
{
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          mem_printf(fleet,
                                     "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                     "current_database() AND pid <> pg_backend_pid() AND %s",
                                     state),
                          30000));
}

Test(rollback, killed_half_way_and_run_again)
{
    struct process *process;

    start(1);
    write_slow(1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    process = fleet_fixture_start(fleet, "rollback", "--to", "1", "--yes", NULL);
    wait_for("wait_event = 'PgSleep'");
    process_signal(process, SIGKILL);
    process_wait(process);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
    cr_assert_str_eq(states(1), "1 applied, 2 reverted, 3 reverted, 4 reverted");
    cr_assert_eq(columns(1), 1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

Test(rollback, two_at_once_revert_nothing_twice)
{
    struct process *first;
    const struct fleet_run *second;

    start(1);
    write_slow(1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    first = fleet_fixture_start(fleet, "rollback", "--to", "2", "--yes", NULL);
    wait_for("wait_event = 'PgSleep'");
    second = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(second, 5);
    fleet_fixture_inventory(fleet, "state: elsewhere\n"); /* as from another machine */
    second = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(second, 0);
    cr_assert_str_eq(fleet_fixture_outcome(second, "store-1"), "current");
    cr_assert_str_eq(fleet_fixture_outcome(fleet_fixture_wait(fleet, first), "store-1"),
                     "migrated");
    cr_assert_str_eq(states(1), "1 applied, 2 applied, 3 reverted, 4 reverted");
}

/* --- outside a transaction -------------------------------------------------------------------- */

static void write_index(const char *down)
{
    fleet_fixture_write(fleet, "migrations/0004_index.sql",
                        mem_printf(fleet,
                                   "-- pgtide: transaction=none\n-- pgtide:up\n"
                                   "CREATE INDEX CONCURRENTLY product_i ON product (title);\n"
                                   "-- pgtide:down\n%s",
                                   down));
}

#define REVERTING                                                                                  \
    "SELECT state || ' ' || (detail -> 'reverting') - 'prefix' FROM pgtide_history "               \
    "WHERE version = 4"

Test(rollback, outside_a_transaction_statement_by_statement)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA x; CREATE TABLE x.t (n int CHECK (n < 2))");
    write_index("DROP INDEX CONCURRENTLY product_i;\nINSERT INTO x.t VALUES (1);\n"
                "INSERT INTO x.t SELECT count(*) + 1 FROM x.t;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "23514");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "statement 3 of 3"));
    cr_assert(strstr(run->out, "0004_index is half reverted"), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REVERTING),
                     "started {\"done\": 2, \"running\": 0}");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"),
                     "a rollback of migration 0004_index was broken off");
    fleet_fixture_exec(fleet, 1, "ALTER TABLE x.t DROP CONSTRAINT t_n_check");
    run = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(states(1), "1 applied, 2 applied, 3 reverted, 4 reverted");
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT string_agg(n::text, ' ' ORDER BY n) "
                                         "FROM x.t"),
                     "1 2");
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE detail ? "
                                     "'reverting'"),
                 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

/* A reader's transaction keeps DROP INDEX CONCURRENTLY waiting. */
static void kill_while_waiting(int down_signal)
{
    PGconn *reader;
    struct process *process;

    start(1);
    write_index("DROP INDEX CONCURRENTLY product_i;\n");
    fleet_fixture_inventory(fleet, "settings: {lock_timeout: 0}\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    reader = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM product"));
    process = fleet_fixture_start(fleet, "rollback", "--to", "2", "--yes", NULL);
    wait_for("query LIKE 'DROP INDEX%' AND wait_event_type = 'Lock'");
    process_signal(process, down_signal);
    if (down_signal == SIGINT) {
        process_wait_text(process, "once more", 5000);
        process_signal(process, down_signal);
    }
    process_wait(process);
    pg_sql_exec(fleet->server, fleet->databases[0],
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "
                "'DROP INDEX%' AND datname = current_database()");
    PQfinish(reader);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL), 0);
    cr_assert_str_eq(states(1), "1 applied, 2 applied, 3 reverted, 4 reverted");
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'product_i'"),
        0);
}

Test(rollback, outside_a_transaction_killed_and_run_again)
{
    kill_while_waiting(SIGKILL);
}

Test(rollback, outside_a_transaction_cancelled_and_run_again)
{
    kill_while_waiting(SIGINT);
}

Test(rollback, what_is_not_known_to_be_done_is_not_repeated)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA x; CREATE TABLE x.t (n int)");
    write_index("INSERT INTO x.t VALUES (1);\nDROP INDEX CONCURRENTLY product_i;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_exec(fleet, 1,
                       "UPDATE pgtide_history SET state = 'started', detail = "
                       "'{\"reverting\": {\"done\": 0, \"running\": 1, \"prefix\": \"\"}}' "
                       "WHERE version = 4");
    run = fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL);
    fleet_facts_expect(run, 3);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "is not known"), "%s", run->out);
    fleet_fixture_exec(fleet, 1, /* as the hint says */
                       "UPDATE public.pgtide_history SET detail = jsonb_set(detail, "
                       "'{reverting}', '{\"done\": 1}') WHERE rank = 4");
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM x.t"), 0);
}

/* --- through a pooler ------------------------------------------------------------------------- */

Test(rollback, through_a_pooler)
{
    struct pg_pooler *pooler;
    const struct fleet_run *run;

    start(1);
    write_index("DROP INDEX CONCURRENTLY product_i;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    pooler = pg_pooler_new(NULL, fleet->server, "transaction");
    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(run, 4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "pooler"));
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 4);
    fleet_fixture_exec(fleet, 1, "DROP INDEX product_i; DELETE FROM pgtide_history WHERE rank = 4");
    fleet_fixture_remove(fleet, "migrations/0004_index.sql");
    for (int i = 0; i < 2; i++) {
        fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
        cr_assert_eq(columns(1), 1);
        fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    }
    talloc_free(pooler);
}
