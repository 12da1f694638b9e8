/*
 * test_rollback_broken.c: ways back that fail, are killed, lose their connection, or meet others.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"
#include "tests/integration/rollback_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct fleet_fixture *fleet;

TestSuite(rollback_broken, .timeout = 120);

/* --- failures --------------------------------------------------------------------------------- */

Test(rollback_broken, one_that_fails_leaves_nothing_of_itself)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_migrated(2);
    fleet_fixture_exec(fleet, 1, "CREATE VIEW titles AS SELECT title FROM product");
    run = fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(rollback_fixture_states(fleet, 1), "1 applied, 2 applied, 3 reverted");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "2BP01");
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 1, "what came before it stays reverted");
    cr_assert_eq(rollback_fixture_columns(fleet, 1), 2);
    cr_assert(strstr(run->out, "0002_title is still applied"), "%s", run->out);
    cr_assert(strstr(run->out, "pgtide rollback --to 0 -t store-1"), "%s", run->out);
    cr_assert_str_eq(rollback_fixture_states(fleet, 2), "1 reverted, 2 reverted, 3 reverted");
    fleet_fixture_exec(fleet, 1, "DROP VIEW titles");
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "0", "--yes", NULL), 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}

Test(rollback_broken, budgets_halt_it)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_migrated(3);
    fleet_fixture_inventory(fleet, "run: {workers: 1, max_failures: 0}\n");
    fleet_fixture_exec(fleet, 1, "CREATE VIEW titles AS SELECT title FROM product");
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 2);
    cr_assert(strstr(run->out, "--steps 2 counts from where a tenant stands"), "%s", run->out);
    cr_assert(!strstr(run->out, "the same command again goes on"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 2), 3);
}

Test(rollback_broken, one_round_trip_for_all_of_them)
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
    rollback_fixture_write(fleet);
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    proxy_on_query(proxy, "SET state = 'reverted'", 0, action);
    run = fleet_fixture_run(fleet, "rollback", "--steps", "2", "--yes", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2, "each is listed once");
    cr_assert_str_eq(rollback_fixture_states(fleet, 1), "1 applied, 2 reverted, 3 reverted");
}

Test(rollback_broken, lost_before_the_server_got_it)
{
    expect_lost_and_true(PROXY_CUT_BEFORE);
}

Test(rollback_broken, lost_after_the_server_got_it)
{
    expect_lost_and_true(PROXY_CUT_AFTER);
}

Test(rollback_broken, lost_after_the_server_did_it)
{
    expect_lost_and_true(PROXY_CUT_DONE);
}

Test(rollback_broken, steps_are_not_counted_twice_when_the_connection_dies_in_between)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
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
    cr_assert_str_eq(rollback_fixture_states(fleet, 1), "1 applied, 2 reverted, 3 reverted");
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

Test(rollback_broken, killed_half_way_and_run_again)
{
    struct process *process;

    fleet = rollback_fixture_new(1);
    write_slow(1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    process = fleet_fixture_start(fleet, "rollback", "--to", "1", "--yes", NULL);
    rollback_fixture_wait(fleet, "wait_event = 'PgSleep'");
    process_signal(process, SIGKILL);
    process_wait(process);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "1", "--yes", NULL), 0);
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 reverted, 3 reverted, 4 reverted");
    cr_assert_eq(rollback_fixture_columns(fleet, 1), 1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

Test(rollback_broken, two_at_once_revert_nothing_twice)
{
    struct process *first;
    const struct fleet_run *second;

    fleet = rollback_fixture_new(1);
    write_slow(1);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    first = fleet_fixture_start(fleet, "rollback", "--to", "2", "--yes", NULL);
    rollback_fixture_wait(fleet, "wait_event = 'PgSleep'");
    second = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(second, 5);
    fleet_fixture_inventory(fleet, "state: elsewhere\n"); /* as from another machine */
    second = fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL);
    fleet_facts_expect(second, 0);
    cr_assert_str_eq(fleet_fixture_outcome(second, "store-1"), "current");
    cr_assert_str_eq(fleet_fixture_outcome(fleet_fixture_wait(fleet, first), "store-1"),
                     "migrated");
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 applied, 3 reverted, 4 reverted");
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

Test(rollback_broken, outside_a_transaction_statement_by_statement)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
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
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 applied, 3 reverted, 4 reverted");
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

    fleet = rollback_fixture_new(1);
    write_index("DROP INDEX CONCURRENTLY product_i;\n");
    fleet_fixture_inventory(fleet, "settings: {lock_timeout: 0}\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    reader = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM product"));
    process = fleet_fixture_start(fleet, "rollback", "--to", "2", "--yes", NULL);
    rollback_fixture_wait(fleet, "query LIKE 'DROP INDEX%' AND wait_event_type = 'Lock'");
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
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 applied, 3 reverted, 4 reverted");
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'product_i'"),
        0);
}

Test(rollback_broken, outside_a_transaction_killed_and_run_again)
{
    kill_while_waiting(SIGKILL);
}

Test(rollback_broken, outside_a_transaction_cancelled_and_run_again)
{
    kill_while_waiting(SIGINT);
}

Test(rollback_broken, what_is_not_known_to_be_done_is_not_repeated)
{
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
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

Test(rollback_broken, through_a_pooler)
{
    struct pg_pooler *pooler;
    const struct fleet_run *run;

    fleet = rollback_fixture_new(1);
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
        cr_assert_eq(rollback_fixture_columns(fleet, 1), 1);
        fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    }
    talloc_free(pooler);
}

/* Behind a pooler the lock does not hold from the look on. */
Test(rollback_broken, what_was_reverted_since_the_look_is_noticed)
{
    struct pg_pooler *pooler;
    struct proxy *proxy;
    struct process *process;

    fleet = rollback_fixture_migrated(1);
    fleet_fixture_write(fleet, "migrations/0004_more.sql", "CREATE TABLE more ();\n");
    pooler = pg_pooler_new(NULL, fleet->server, "transaction");
    proxy = proxy_new(fleet, pooler->host, pooler->port);
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    proxy_delay(proxy, 1000);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    rollback_fixture_wait(
        fleet, "query LIKE '%READ COMMITTED, READ ONLY%' AND state = 'idle'"); /* the look */
    fleet_fixture_exec(fleet, 1,
                       "DELETE FROM product; UPDATE pgtide_history SET state = 'reverted' "
                       "WHERE version = 3");
    proxy_delay(proxy, 0);
    fleet_facts_expect(fleet_fixture_wait(fleet, process), 0);
    cr_assert_str_eq(rollback_fixture_states(fleet, 1),
                     "1 applied, 2 applied, 3 reverted, 3 applied, 4 applied");
    talloc_free(proxy);
    talloc_free(pooler);
}
