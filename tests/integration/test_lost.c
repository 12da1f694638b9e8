/*
 * test_lost.c: the connection is lost at COMMIT. The run, or the next one, says what is true, and
 * nothing is done twice.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

#define ONE_ATTEMPT "settings: {retry: {attempts: 1}}\n"

static struct fleet_fixture *fleet;
static struct proxy *proxy;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    proxy = proxy_new(ctx, fleet->host, fleet->port);
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\n"
                        "INSERT INTO done VALUES ('first');\n");
    fleet_fixture_write(fleet, "migrations/2_second.sql", "INSERT INTO done VALUES ('second');\n");
    fleet_fixture_inventory(fleet, NULL);
}

TestSuite(lost, .init = setup, .timeout = 60);

static void expect_applied_once(void)
{
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT string_agg(what, ' ' ORDER BY what) FROM done"),
        "first second");
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, second applied 1/1");
}

static void expect_retried_and_true(enum proxy_action action)
{
    const struct fleet_run *run;

    proxy_on_query(proxy, "'second'", 0, action);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2, "each is listed once");
    expect_applied_once();
}

Test(lost, before_the_server_got_it)
{
    expect_retried_and_true(PROXY_CUT_BEFORE);
}

Test(lost, after_the_server_got_it)
{
    expect_retried_and_true(PROXY_CUT_AFTER);
}

Test(lost, after_the_server_did_it)
{
    expect_retried_and_true(PROXY_CUT_DONE);
}

/* As over a dead network: the server knows nothing, its session sits there with the lock. The next
 * attempt ends it, since it is this run's own. */
Test(lost, and_the_server_has_not_noticed)
{
    expect_retried_and_true(PROXY_LOSE);
}

/* With one attempt the run cannot know; the next one does. */
static void expect_unknown_then_true(enum proxy_action action, const char *next)
{
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, ONE_ATTEMPT "run: {max_failures: 1}\n");
    proxy_on_query(proxy, "'second'", 0, action);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unknown");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "connection lost"));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), next);
    expect_applied_once();
}

Test(lost, one_attempt_before_the_server_got_it)
{
    expect_unknown_then_true(PROXY_CUT_BEFORE, "migrated");
}

Test(lost, one_attempt_after_the_server_did_it)
{
    expect_unknown_then_true(PROXY_CUT_DONE, "current");
}

Test(lost, nothing_was_sent_is_unreachable_and_spends_the_budget)
{
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, ONE_ATTEMPT);
    proxy_on_query(proxy, "pg_try_advisory_lock", 0, PROXY_CUT_BEFORE);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unreachable");
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}

Test(lost, seeds_too)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "seeds/base/01_done.json",
                        "{\"table\": \"done\", \"mode\": \"insert\", \"rows\": "
                        "[{\"what\": \"seed\"}]}");
    fleet_fixture_tenants(fleet, "seeds: seeds\n", "seeds: [base]");
    proxy_on_query(proxy, "'seed'", 0, PROXY_CUT_DONE); /* the kind of its history row */
    run = fleet_fixture_run(fleet, "seed", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done WHERE what = 'seed'"), 1);
    cr_assert_eq(json_array_size(json_object_get(fleet_fixture_tenant(run, "store-1"), "seeds")),
                 1);
}

/* --- a COMMIT that takes its time ----------------------------------------------------------- */

/* Its COMMIT sleeps for `seconds`. */
static void write_slow_commit(const char *seconds)
{
    fleet_fixture_write(
        fleet, "migrations/2_second.sql",
        mem_printf(fleet,
                   "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS\n"
                   "$$ BEGIN PERFORM pg_sleep(%s); RETURN NULL; END $$;\n"
                   "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON done\n"
                   "    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();\n"
                   "INSERT INTO done VALUES ('second');\n",
                   seconds));
}

static void expect_slow_applied_once(void)
{
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done"), 2);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, second applied 3/3");
}

Test(lost, a_slow_commit_is_waited_for)
{
    const struct fleet_run *run;

    write_slow_commit("1");
    proxy_on_query(proxy, "'second'", 0, PROXY_CUT_AFTER);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_geq(run->process->elapsed_ms, 900, "the lock was not waited for");
    expect_slow_applied_once();
}

Test(lost, a_commit_slower_than_lock_wait_is_unknown)
{
    const struct fleet_run *run;

    write_slow_commit("2");
    fleet_fixture_inventory(fleet,
                            "settings: {lock_wait: 100ms, retry: {attempts: 2, base: 10ms}}\n");
    proxy_on_query(proxy, "'second'", 0, PROXY_CUT_AFTER);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unknown",
                     "its own old backend holds the lock");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "same command again"), "%s",
              run->out);
    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "current");
    expect_slow_applied_once();
}

/* --- outside a transaction ------------------------------------------------------------------ */

static void cut_outside(const char *statement, enum proxy_action action)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_second.sql",
                        "-- pgtide: transaction=none\n"
                        "CREATE INDEX CONCURRENTLY new_ix ON done (what);\n"
                        "ALTER TABLE done ADD COLUMN IF NOT EXISTS n int;\n"
                        "DROP INDEX CONCURRENTLY old_ix;\n"
                        "VACUUM done;\n");
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\n"
                        "CREATE INDEX old_ix ON done (what);\n");
    proxy_on_query(proxy, statement, 0, action);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, second applied 4/4");
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT string_agg(concat(c.relname, ' ', i.indisvalid), "
                                         "', ') FROM pg_index i JOIN pg_class c ON c.oid = "
                                         "i.indexrelid WHERE i.indrelid = 'done'::regclass"),
                     "new_ix t");
}

Test(lost, a_concurrent_index_that_was_made)
{
    cut_outside("CREATE INDEX CONCURRENTLY new_ix", PROXY_CUT_DONE);
}

Test(lost, a_concurrent_index_that_is_being_made)
{
    cut_outside("CREATE INDEX CONCURRENTLY new_ix", PROXY_CUT_AFTER);
}

Test(lost, a_concurrent_index_that_was_not_made)
{
    cut_outside("CREATE INDEX CONCURRENTLY new_ix", PROXY_CUT_BEFORE);
}

Test(lost, a_concurrent_index_that_was_dropped)
{
    cut_outside("DROP INDEX CONCURRENTLY old_ix", PROXY_CUT_DONE);
}

Test(lost, a_row_that_was_marked)
{
    cut_outside("UPDATE \"public\".\"pgtide_history\"", PROXY_CUT_DONE);
}

Test(lost, a_row_that_was_finished)
{
    cut_outside("SET state = 'applied'", PROXY_CUT_DONE);
}

/* The tenant's time is over when the server has answered, and the answer is under way. It counts,
 * with its rows: never is a Query done whose rows nobody took. */
Test(lost, rows_that_come_behind_the_deadline_count)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_second.sql",
                        "-- pgtide:up\n"
                        "INSERT INTO done VALUES ('second');\n"
                        "-- pgtide:verify\n"
                        "SELECT count(*) < 3 FROM done;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_exec(fleet, 1, "INSERT INTO done VALUES ('third')");
    fleet_fixture_inventory(fleet, "settings: {tenant_deadline: 3s, retry: {attempts: 1}}\n");
    proxy_delay(proxy, 400); /* connected at 1.6 s, looked at at 2.4 s, answered at 3.2 s */
    run = fleet_fixture_run(fleet, "verify", NULL);
    cr_assert_neq(run->exit_code, 0, "a verify query is false, and nobody saw it: %s", run->out);
}
