/*
 * test_baseline.c: databases that came about without pgtide are taken over: what is recorded, what
 * is refused, and that nothing but the history is touched.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>

#define ROWS                                                                                       \
    "SELECT string_agg(concat_ws(' ', kind, version, name, state), ', ' ORDER BY rank) "           \
    "FROM pgtide_history"

/* What the shop's own tools have made: the work of 1 and 2. */
#define OBJECTS "CREATE TABLE a (a int); CREATE TABLE b (a int)"

static struct fleet_fixture *fleet;

static void write_files(void)
{
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (a int);\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c (a int);\n");
    fleet_fixture_write(fleet, "migrations/R_view.sql", "CREATE VIEW v AS SELECT a FROM a;\n");
}

static void start(size_t tenants)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);
    write_files();
    fleet_fixture_inventory(fleet, NULL);
    for (size_t n = 1; n <= tenants; n++)
        fleet_fixture_exec(fleet, n, OBJECTS);
}

static const struct fleet_run *baseline(const char *to, int code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "baseline", "--to", to, "--yes", NULL);

    fleet_facts_expect(run, code);
    return run;
}

static bool has_history(size_t n)
{
    return fleet_fixture_count(fleet, n,
                               "SELECT count(*) FROM pg_class WHERE relname = 'pgtide_history'");
}

TestSuite(baseline, .timeout = 120);

/* --- what is recorded ------------------------------------------------------------------------- */

Test(baseline, records_and_migrate_does_the_rest)
{
    const struct fleet_run *run;

    start(2);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 4);
    run = baseline("2", 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "migrated");
    cr_assert_eq(fleet_facts_steps(run, "store-2"), 2);
    cr_assert(strstr(run->err, "store-1: baselined to 2 in "), "%s", run->err);
    cr_assert(strstr(run->out, "nothing was run; pgtide migrate does the rest"), "%s", run->out);
    cr_assert(strstr(run->out, "2 tenants: 2 baselined, 0 current"), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, ROWS),
                     "baseline 1 a applied, baseline 2 b applied");
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE checksum ~ "
                                     "'^sha256:' AND run_id IS NOT NULL AND statements_done = 0"),
                 2);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname IN ('c', 'v')"),
        0);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2, "3 and the view");
    fleet_facts_expect(fleet_fixture_run(fleet, "validate", "--connect", NULL), 0);
}

Test(baseline, of_a_release_and_of_all)
{
    start(2);
    fleet_fixture_remove(fleet, "migrations/2_b.sql");
    fleet_fixture_remove(fleet, "migrations/3_c.sql");
    fleet_fixture_remove(fleet, "migrations/1_a.sql");
    fleet_fixture_write(fleet, "migrations/1.0.0/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/1.0.0/2_b.sql", "CREATE TABLE b (a int);\n");
    fleet_fixture_write(fleet, "migrations/1.1.0/3_c.sql", "CREATE TABLE c (a int);\n");
    fleet_facts_expect(
        fleet_fixture_run(fleet, "baseline", "--to", "1.0.0", "-t", "store-1", "--yes", NULL), 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    fleet_facts_expect(
        fleet_fixture_run(fleet, "baseline", "--to", "3", "-t", "store-2", "--yes", NULL), 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 2), 3);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

Test(baseline, of_what_is_not_for_this_tenant)
{
    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "-- pgtide: only=ring=canary\nCREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE b (a int);\n-- pgtide:when\nSELECT false;\n");
    baseline("2", 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, ROWS), "baseline 2 b applied");
    baseline("2", 0);
}

Test(baseline, of_a_schema)
{
    start(1);
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA \"Shop 1\"; CREATE TABLE \"Shop 1\".a (a int)");
    fleet_fixture_tenants(fleet, NULL, "schema: Shop 1");
    baseline("2", 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM \"Shop 1\".pgtide_history"),
                 2);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM \"Shop 1\".c"), 0);
}

Test(baseline, through_a_pooler)
{
    struct pg_pooler *pooler;

    start(1);
    pooler = pg_pooler_new(NULL, fleet->server, "transaction");
    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_inventory(fleet, NULL);
    baseline("2", 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    cr_assert_str_eq(fleet_fixture_outcome(baseline("2", 0), "store-1"), "current");
    talloc_free(pooler);
}

/* --- what it does not do ---------------------------------------------------------------------- */

Test(baseline, a_dry_run_only_looks)
{
    const struct fleet_run *run;

    start(2);
    run = fleet_fixture_run(fleet, "baseline", "--to", "2", "--dry-run", NULL);
    fleet_facts_expect(run, 0);
    cr_assert(strstr(run->out, "2 tenants without a history: store-1, store-2\n"
                               "    1_a (recorded, not run)\n    2_b (recorded, not run)\n"),
              "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "pending");
    cr_assert_eq(json_array_size(json_object_get(run->report, "groups")), 1);
    cr_assert_not(has_history(1));
}

Test(baseline, again_is_current)
{
    const struct fleet_run *run;

    start(1);
    baseline("2", 0);
    cr_assert_str_eq(fleet_fixture_outcome(baseline("2", 0), "store-1"), "current");
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = baseline("2", 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "current", "all of it is there");
}

Test(baseline, refuses_a_history_of_other_migrations)
{
    const struct fleet_run *run;

    start(2);
    baseline("1", 0);
    run = baseline("2", 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "message"),
                     "this tenant has a history already: 1 migration up to 0001");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "pgtide migrate"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
    run = fleet_fixture_run(fleet, "baseline", "--to", "2", "--dry-run", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
}

Test(baseline, asks_before_it_changes_anything)
{
    start(1);
    fleet_facts_expect(fleet_fixture_run(fleet, "baseline", "--to", "2", NULL), 64);
    fleet_facts_expect(fleet_fixture_run(fleet, "baseline", "--yes", NULL), 64);
    fleet_facts_expect(fleet_fixture_run(fleet, "baseline", "--to", "9", "--yes", NULL), 64);
    cr_assert_not(has_history(1));
}

/* --- broken off ------------------------------------------------------------------------------- */

Test(baseline, killed_in_the_middle_leaves_nothing)
{
    PGconn *other;
    struct process *process;

    start(1);
    other = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(other, "BEGIN; CREATE TABLE pgtide_history ()"));
    process = fleet_fixture_start(fleet, "baseline", "--to", "2", "--yes", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                          "AND application_name LIKE 'pgtide %'",
                          10 * 1000));
    process_signal(process, SIGKILL);
    process_wait(process);
    PQfinish(other);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT (count(*) = 0)::int FROM pg_stat_activity WHERE "
                          "application_name LIKE 'pgtide %'",
                          10 * 1000));
    if (has_history(1)) /* it had it all when it was killed */
        cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    baseline("2", 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
}

Test(baseline, lost_after_the_server_did_it)
{
    void *ctx = mem_context(NULL);
    const struct pg_server *server = pg_server_shared(ctx);
    struct proxy *proxy = proxy_new(ctx, server->host, server->port);
    const struct fleet_run *run;

    fleet = fleet_fixture_new(ctx, server, 1);
    fleet_fixture_through(fleet, proxy_port(proxy));
    write_files();
    fleet_fixture_inventory(fleet, NULL);
    proxy_on_query(proxy, "'baseline'", 0, PROXY_CUT_DONE);
    run = baseline("2", 0);
    cr_assert(proxy_triggered(proxy));
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
}
