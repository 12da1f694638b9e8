/*
 * test_outside.c: migrations that do not run in one transaction: what the history says about them
 * when they stop half-way, and how a later run goes on.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>

#define NONE "-- pgtide: transaction=none\n"
#define SECOND "migrations/2_second.sql"

enum { PATIENCE_MS = 30 * 1000 };

static struct fleet_fixture *fleet;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE SCHEMA other;\nCREATE TABLE t (a int);\n"
                        "CREATE TABLE other.t (a int);\n");
    fleet_fixture_inventory(fleet, NULL);
}

TestSuite(outside, .init = setup, .timeout = 60);

static const struct fleet_run *migrate(int expected_code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    fleet_facts_expect(run, expected_code);
    return run;
}

static void expect_history(const char *second)
{
    char *expected = mem_printf(fleet, "first applied 3/3, %s", second);

    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), expected);
}

static void expect_hint(const struct fleet_run *run, const char *text)
{
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), text), "%s", run->out);
}

/* --- a statement fails ---------------------------------------------------------------------- */

/* Statement 2 of 3 fails as long as t has no row. */
static void fail_at_second_statement(void)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, SECOND,
                        NONE "CREATE TABLE b (a int);\n"
                             "INSERT INTO b SELECT 1 / (SELECT count(*) FROM t);\n"
                             "CREATE TABLE c (a int);\n");
    run = migrate(4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "22012");
    cr_assert_eq(json_integer_value(json_object_get(
                     json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "line")),
                 3);
    expect_hint(run, "statement 2 of 3");
    expect_history("second started 1/3");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 0);
}

Test(outside, goes_on_at_the_statement_that_failed)
{
    const struct fleet_run *run;

    fail_at_second_statement();
    fleet_fixture_exec(fleet, 1, "INSERT INTO t VALUES (1)");
    run = migrate(0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 1);
    expect_history("second applied 3/3");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 1);
    cr_assert_str_eq(fleet_fixture_outcome(migrate(0), "store-1"), "current");
}

Test(outside, plan_and_status_say_where_it_goes_on)
{
    const struct fleet_run *run;

    fail_at_second_statement();
    run = fleet_fixture_run(fleet, "plan", NULL);
    cr_assert(strstr(run->out, "2_second (half-done: goes on at statement 2 of 3)"), "%s",
              run->out);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert(strstr(run->out, "pending, second half-done"), "%s", run->out);
}

Test(outside, the_statements_behind_may_be_mended)
{
    fail_at_second_statement();
    fleet_fixture_write(fleet, SECOND,
                        NONE "CREATE TABLE b (a int); -- as before\n"
                             "INSERT INTO b VALUES (1), (2);\n");
    migrate(0);
    expect_history("second applied 2/2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 2);
    cr_assert_str_eq(fleet_fixture_outcome(migrate(0), "store-1"), "current");
}

Test(outside, the_statements_done_may_not_be_changed)
{
    const struct fleet_run *run;

    fail_at_second_statement();
    fleet_fixture_write(fleet, SECOND, NONE "CREATE TABLE b (a bigint);\nSELECT 1;\n");
    run = migrate(4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "after 1 of its statements"));
    expect_hint(run, "Put these statements back");
    expect_history("second started 1/3");
}

Test(outside, one_beyond_the_target_is_left_alone)
{
    const struct fleet_run *run;

    fail_at_second_statement();
    run = fleet_fixture_run(fleet, "migrate", "--to", "1", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "current");
    expect_history("second started 1/3");
}

/* --- concurrent indexes --------------------------------------------------------------------- */

static const char invalid_indexes[] = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";

static void expect_mended_index(const char *statement, const char *table)
{
    const struct fleet_run *run;

    migrate(0);
    fleet_fixture_exec(fleet, 1, mem_printf(fleet, "INSERT INTO %s VALUES (1), (1)", table));
    fleet_fixture_write(fleet, SECOND, mem_printf(fleet, NONE "SELECT 1;\n%s;\n", statement));
    run = migrate(4);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "23505");
    cr_assert_eq(fleet_fixture_count(fleet, 1, invalid_indexes), 1, "the server's own leftover");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "detail"), "invalid now: "));
    expect_history("second started 1/2");

    fleet_fixture_exec(fleet, 1, mem_printf(fleet, "TRUNCATE %s", table));
    migrate(0);
    expect_history("second applied 2/2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, invalid_indexes), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     mem_printf(fleet,
                                                "SELECT count(*) FROM pg_index WHERE indisvalid "
                                                "AND indrelid = '%s'::regclass",
                                                table)),
                 1);
}

Test(outside, a_failed_concurrent_index_is_made_again)
{
    expect_mended_index("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", "t");
}

Test(outside, if_not_exists_does_not_count_an_invalid_index)
{
    expect_mended_index("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Ix 1\" ON t (a)", "t");
}

Test(outside, an_invalid_index_of_another_schema_is_found)
{
    expect_mended_index("CREATE UNIQUE /* ! */ INDEX CONCURRENTLY IF NOT EXISTS ix ON other.t (a)",
                        "other.t");
}

Test(outside, an_index_that_waits_too_long_for_a_lock_is_tried_again)
{
    PGconn *blocker;
    const struct fleet_run *run;

    migrate(0);
    fleet_fixture_write(fleet, SECOND,
                        "-- pgtide: transaction=none lock_timeout=100ms\n"
                        "CREATE INDEX CONCURRENTLY ix ON t (a);\n");
    blocker = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(blocker, "BEGIN; INSERT INTO t VALUES (1)"));
    run = migrate(4);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "55P03");
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 3);
    PQfinish(blocker);
    migrate(0);
    expect_history("second applied 1/1");
    cr_assert_eq(fleet_fixture_count(fleet, 1, invalid_indexes), 0);
}

/* settings.lock_timeout is for those whom others would have to wait for. */
Test(outside, a_concurrent_index_waits_for_old_snapshots)
{
    PGconn *blocker;
    struct process *process;

    fleet_fixture_inventory(fleet, "settings: {lock_timeout: 50ms, retry: {attempts: 1}}\n");
    migrate(0);
    fleet_fixture_write(fleet, SECOND,
                        "-- pgtide: transaction=none\n"
                        "CREATE INDEX CONCURRENTLY ix ON t (a);\n"
                        "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock;\n");
    blocker = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(blocker, "BEGIN; INSERT INTO t VALUES (1)"));
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT clock_timestamp() - state_change > interval '200 ms' "
                          "FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' "
                          "AND wait_event_type = 'Lock' AND datname = current_database()",
                          30000));
    PQfinish(blocker);
    fleet_facts_expect(fleet_fixture_wait(fleet, process), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, invalid_indexes), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT lock FROM seen"), "50ms");
}

/* --- pgtide dies in mid-statement ----------------------------------------------------------- */

static const char sleeping[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                               "AND datname = current_database()";
static const char terminate_sleeping[] =
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE wait_event = 'PgSleep' AND datname = current_database()";

/* Kills pgtide while `statement`, the second of two, sleeps; the backend goes on, or goes too. */
static void kill_in(const char *statement, bool with_backend)
{
    struct process *process;

    fleet_fixture_write(fleet, SECOND,
                        mem_printf(fleet, NONE "CREATE TABLE b (a int);\n%s;\n", statement));
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0], sleeping, PATIENCE_MS));
    process_signal(process, SIGKILL);
    process_wait(process);
    if (with_backend)
        fleet_fixture_exec(fleet, 1, terminate_sleeping);
}

static void expect_a_person_decides(bool was_done)
{
    const struct fleet_run *run;

    kill_in("INSERT INTO b SELECT 1 FROM pg_sleep(0.7)", !was_done);
    run = migrate(4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "statement 2 of 2 was running"));
    expect_history("second started 1/2 running 2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), was_done);
    migrate(4);
    expect_history("second started 1/2 running 2");

    expect_hint(run, was_done ? "pgtide repair --done" : "pgtide repair --not-done");
    run = fleet_fixture_run(fleet, "repair", "--yes", was_done ? "--done" : "--not-done", NULL);
    fleet_facts_expect(run, 0);
    migrate(0);
    expect_history("second applied 2/2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 1);
    cr_assert_str_eq(fleet_fixture_outcome(migrate(0), "store-1"), "current");
}

Test(outside, a_person_says_it_was_done)
{
    expect_a_person_decides(true);
}

Test(outside, a_person_says_it_was_not_done)
{
    expect_a_person_decides(false);
}

Test(outside, what_is_safe_to_repeat_is_repeated)
{
    kill_in("CREATE TABLE IF NOT EXISTS c AS SELECT 1 AS a FROM pg_sleep(0.5)", true);
    expect_history("second started 1/2 running 2");
    migrate(0);
    expect_history("second applied 2/2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM c"), 1);
}

/* --- pgtide is told to stop in mid-statement ------------------------------------------------ */

static const char slow_insert[] = NONE "CREATE TABLE b (a int);\n"
                                       "INSERT INTO b SELECT 1 FROM pg_sleep(60);\n";

/* What the server has cancelled is known to be undone: no person has to decide. */
static void expect_goes_on_after(const struct fleet_run *run, const char *outcome)
{
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), outcome);
    expect_history("second started 1/2");
    fleet_fixture_write(fleet, SECOND, NONE "CREATE TABLE b (a int);\nINSERT INTO b VALUES (1);\n");
    fleet_fixture_inventory(fleet, NULL);
    migrate(0);
    expect_history("second applied 2/2");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 1);
}

Test(outside, a_deadline_leaves_no_doubt)
{
    fleet_fixture_write(fleet, SECOND, slow_insert);
    fleet_fixture_inventory(fleet, "settings: {tenant_deadline: 1s}\n");
    expect_goes_on_after(migrate(4), "failed");
}

Test(outside, a_second_signal_leaves_no_doubt)
{
    struct process *process;

    fleet_fixture_write(fleet, SECOND, slow_insert);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0], sleeping, PATIENCE_MS));
    process_signal(process, SIGTERM);
    cr_assert(process_wait_text(process, "SIGTERM", PATIENCE_MS), "%s", process_errors(process));
    process_signal(process, SIGTERM);
    expect_goes_on_after(fleet_fixture_wait(fleet, process), "cancelled");
}

/* --- verify after the commit ---------------------------------------------------------------- */

static void write_verified(const char *directive, const char *table)
{
    fleet_fixture_write(fleet, SECOND,
                        mem_printf(fleet,
                                   "-- pgtide: %s\n-- pgtide:up\nCREATE TABLE b (a int);\n"
                                   "-- pgtide:verify\nSELECT count(*) > 0 FROM %s;\n",
                                   directive, table));
}

static void expect_pending_verify(const char *directive)
{
    const struct fleet_run *run;

    write_verified(directive, "t");
    fleet_fixture_write(fleet, "migrations/3_third.sql", "CREATE TABLE c (a int);\n");
    run = migrate(4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "verify query"));
    expect_hint(run, "are done and stay");
    expect_history("second started 1/1 verify pending");
    migrate(4);
    expect_history("second started 1/1 verify pending");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM b"), 0, "b stays");

    /* the query was wrong, say */
    fleet_fixture_exec(fleet, 1, "INSERT INTO b VALUES (1)");
    write_verified(directive, "b");
    run = migrate(0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 2);
    expect_history("second applied 1/1, third applied 1/1");
    cr_assert_str_eq(fleet_fixture_outcome(migrate(0), "store-1"), "current");
}

Test(outside, verify_of_a_transaction_none_file_waits)
{
    expect_pending_verify("transaction=none");
}

Test(outside, verify_after_commit_waits)
{
    expect_pending_verify("verify=after-commit");
}

/* --- settings ------------------------------------------------------------------------------- */

Test(outside, settings_hold_and_do_not_leak)
{
    void *ctx = mem_context(NULL);
    char *role = pg_sql_unique(ctx, "owner");

    pg_sql_execf(fleet->server, fleet->databases[0],
                 "CREATE ROLE %s; CREATE SCHEMA shop AUTHORIZATION %s", role, role);
    fleet_fixture_remove(fleet, "migrations/1_first.sql");
    fleet_fixture_write(fleet, SECOND,
                        "-- pgtide: transaction=none lock_timeout=7s\n"
                        "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock, "
                        "current_setting('pgtide.currency') AS currency;\n"
                        "CREATE INDEX CONCURRENTLY ix ON seen (lock);\n"
                        "SET work_mem = '1234kB';\nSET search_path = public;\n");
    fleet_fixture_write(fleet, "migrations/3_third.sql",
                        "INSERT INTO seen SELECT current_setting('lock_timeout'), "
                        "current_setting('work_mem');\n");
    fleet_fixture_tenants(fleet, mem_printf(ctx, "settings: {role: %s}\n", role),
                          "schema: shop, vars: {currency: EUR}");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1,
                            "SELECT string_agg(lock || ' ' || currency, ', ') FROM shop.seen"),
        "7s EUR, 5s 4MB");
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     mem_printf(ctx,
                                                "SELECT count(*) FROM pg_class WHERE relname IN "
                                                "('seen', 'ix', 'pgtide_history') AND relnamespace "
                                                "= 'shop'::regnamespace AND relowner = "
                                                "'%s'::regrole",
                                                role)),
                 3);
    pg_sql_execf(fleet->server, fleet->databases[0], "DROP OWNED BY %s; DROP ROLE %s", role, role);
}

Test(outside, a_role_that_inherits_nothing_is_enough)
{
    void *ctx = mem_context(NULL);
    char *owner = pg_sql_unique(ctx, "owner");
    char *login = pg_sql_unique(ctx, "login");

    pg_sql_execf(fleet->server, fleet->databases[0],
                 "CREATE ROLE %s; CREATE ROLE %s LOGIN NOINHERIT IN ROLE %s; "
                 "GRANT CREATE ON SCHEMA public TO %s; GRANT CREATE ON DATABASE %s TO %s",
                 owner, login, owner, owner, fleet->databases[0], owner);
    fleet_fixture_write(fleet, SECOND,
                        NONE "-- pgtide:up\nCREATE INDEX CONCURRENTLY ix ON t (a);\n"
                             "-- pgtide:verify\nSELECT true;\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: %s}\nsettings: {role: %s}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       login, owner, fleet->host, fleet->port, fleet->databases[0]);
    migrate(0);
    expect_history("second applied 1/1");
    pg_sql_execf(fleet->server, fleet->databases[0], "DROP OWNED BY %s; DROP ROLE %s, %s", owner,
                 owner, login);
}
