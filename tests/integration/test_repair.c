/*
 * test_repair.c: each conflict planted, told with its cure, and cured; what repair must not touch.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>

#define NONE "-- pgtide: transaction=none\n"

/* What the newest repair of a version's row says: "checksum run". */
#define REPAIRED(version, key)                                                                     \
    "SELECT detail->'repaired'->>'" key "' FROM pgtide_history WHERE version = " #version

static struct fleet_fixture *fleet;

static void write_two(void)
{
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c (a int);\n");
}

static void start(size_t tenants)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);
    write_two();
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

static const struct fleet_run *repair(int code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "repair", "--yes", NULL);

    fleet_facts_expect(run, code);
    return run;
}

static const struct fleet_run *repair_with(const char *option, const char *value, int code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "repair", "--yes", option, value, NULL);

    fleet_facts_expect(run, code);
    return run;
}

/* migrate refuses with a hint that has `cure`; so does validate --connect. */
static void expect_conflict(const char *cure)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    fleet_facts_expect(run, 4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), cure), "%s", run->out);
    cr_assert(strstr(run->out, "pgtide repair --dry-run -t store-1"), "%s", run->out);
    run = fleet_fixture_run(fleet, "validate", "--connect", NULL);
    fleet_facts_expect(run, 6);
    cr_assert(strstr(run->out, cure), "%s", run->out);
}

static void expect_cured(void)
{
    fleet_facts_expect(fleet_fixture_run(fleet, "validate", "--connect", NULL), 0);
    cr_assert_str_eq(fleet_fixture_outcome(repair(0), "store-1"), "current");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

static const json_t *repairs(const struct fleet_run *run)
{
    return json_object_get(fleet_fixture_tenant(run, "store-1"), "repairs");
}

static void expect_repair(const struct fleet_run *run, size_t index, const char *what,
                          const char *was)
{
    const json_t *item = json_array_get(repairs(run), index);

    cr_assert(item, "%s", run->out);
    cr_assert_str_eq(json_string_value(json_object_get(item, "what")), what);
    cr_assert_str_eq(json_string_value(json_object_get(item, "was")), was);
}

TestSuite(repair, .timeout = 120);

/* --- files that were changed ------------------------------------------------------------------ */

Test(repair, a_changed_comment)
{
    const struct fleet_run *run;
    char *old;

    start(2);
    old = fleet_fixture_value(fleet, 1, "SELECT checksum FROM pgtide_history WHERE version = 1");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "-- why\nCREATE TABLE  a (a int);\n");
    expect_conflict("Nothing has to run for that: pgtide repair records the new checksum");
    run = repair(0);
    cr_assert(strstr(run->out, "2 tenants: store-1, store-2\n    1_a: the file was changed (only "
                               "comments or white space): its checksum is recorded"),
              "%s", run->out);
    cr_assert(strstr(run->err, "store-1: repaired in "), "%s", run->err);
    cr_assert(strstr(run->out, "2 tenants: 2 repaired, 0 current"), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    expect_repair(run, 0, "checksum", old);
    cr_assert(json_is_true(json_object_get(json_array_get(repairs(run), 0), "cosmetic")));
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")), "checksum");
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "was")), old);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "by")), "postgres");
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "run")),
                     json_string_value(json_object_get(json_object_get(run->report, "run"), "id")));
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE (detail->'repaired'"
                                     "->>'at')::timestamptz > now() - interval '1 minute'"),
                 1);
    expect_cured();
}

Test(repair, changed_statements)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a bigint);\n");
    expect_conflict("make the change in a new migration");
    run = repair(0);
    cr_assert(strstr(run->out, "its statements too"), "%s", run->out);
    cr_assert(json_is_false(json_object_get(json_array_get(repairs(run), 0), "cosmetic")));
    expect_cured();
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a bigint); -- so\n");
    run = repair(0);
    cr_assert(strstr(run->out, "only comments"), "the code's checksum is the new one: %s",
              run->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT detail#>>'{repaired,before,what}' FROM "
                                         "pgtide_history WHERE version = 1"),
                     "checksum", "the first repair is not forgotten");
}

Test(repair, a_renamed_file)
{
    start(1);
    fleet_fixture_remove(fleet, "migrations/3_c.sql");
    fleet_fixture_write(fleet, "migrations/3_it's.sql", "CREATE TABLE c (a int);\n");
    expect_conflict("Give the file its old name; or, when the new one is meant: pgtide repair");
    expect_repair(repair(0), 0, "name", "c");
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT name FROM pgtide_history WHERE version = 3"), "it's");
    expect_cured();
}

Test(repair, a_missing_file)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_remove(fleet, "migrations/1_a.sql");
    expect_conflict("Only when it was deleted for good: pgtide repair --forget 1");
    run = repair(3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert(strstr(run->out, "0 cancelled, 1 conflict in "), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    repair_with("--forget", "3", 64);
    repair_with("--forget", "x", 64);
    run = repair_with("--forget", "0001", 0);
    expect_repair(run, 0, "forgotten", "applied");
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT state FROM pgtide_history WHERE version = 1"),
        "reverted");
    expect_cured();
}

/* One tenant has one thing wrong, the other another, and one thing nobody can cure. */
Test(repair, does_what_it_can_and_tells_the_rest)
{
    const struct fleet_run *run;

    start(2);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET name = 'gone' WHERE version = 3");
    fleet_fixture_exec(fleet, 1, "UPDATE pgtide_history SET checksum = 'x' WHERE version = 3");
    run = repair(3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "migrated");
    cr_assert_eq(json_array_size(repairs(run)), 1);
    cr_assert(strstr(run->out, "what could be put right was put right"), "%s", run->out);
    cr_assert(strstr(run->out, "1 repaired, 0 current"), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")), "checksum");
}

/* --- skipped ---------------------------------------------------------------------------------- */

Test(repair, a_skipped_migration_becomes_pending)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        "-- pgtide:up\nCREATE TABLE d (a int);\n"
                        "-- pgtide:when\nSELECT EXISTS (SELECT FROM a);\n");
    fleet_fixture_write(fleet, "migrations/5_e.sql", "CREATE TABLE e (a int);\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_exec(fleet, 1, "INSERT INTO a VALUES (1)");
    cr_assert_str_eq(fleet_fixture_outcome(repair(0), "store-1"), "current");
    repair_with("--unskip", "9", 64);
    expect_repair(repair_with("--unskip", "4", 0), 0, "pending", "skipped");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 1);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM d"), 0);
    expect_cured();
}

/* --- statements whose outcome is not known ---------------------------------------------------- */

/* Statement 2 of 3 of 4_d was running when the connection ended. */
static void plant_unknown(void)
{
    start(1);
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        NONE "CREATE TABLE d (a int);\nINSERT INTO d SELECT 1 / count(*) FROM a;\n"
                             "INSERT INTO d VALUES (3);\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 4);
    fleet_fixture_exec(fleet, 1,
                       "INSERT INTO a VALUES (1); UPDATE pgtide_history SET "
                       "detail = detail || '{\"running\": 2}' WHERE version = 4");
}

Test(repair, a_started_row_with_nothing_unknown_is_left_alone)
{
    plant_unknown();
    fleet_fixture_exec(fleet, 1,
                       "UPDATE pgtide_history SET detail = detail || '{\"running\": 0}' "
                       "WHERE version = 4");
    cr_assert_str_eq(fleet_fixture_outcome(repair(0), "store-1"), "current");
    cr_assert(strstr(fleet_facts_history(fleet, 1, NULL), "d started 1/3"));
}

Test(repair, an_unknown_outcome_is_left_and_told)
{
    const struct fleet_run *run;

    plant_unknown();
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "statement 2 of 3 was running"));
    cr_assert(strstr(run->out, "pgtide repair --done, or pgtide repair --not-done"), "%s",
              run->out);
    run = repair(3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "conflict");
    cr_assert(strstr(run->out, "pgtide repair --done, or pgtide repair --not-done"), "%s",
              run->out);
    cr_assert(strstr(fleet_facts_history(fleet, 1, NULL), "d started 1/3 running 2"));
}

Test(repair, it_was_done)
{
    plant_unknown();
    expect_repair(repair_with("--done", NULL, 0), 0, "done", "statement 2");
    cr_assert(strstr(fleet_facts_history(fleet, 1, NULL), "d started 2/3"));
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        NONE "CREATE TABLE d (a int);\nINSERT INTO d SELECT 1 / count(*) FROM a;\n"
                             "INSERT INTO d VALUES (33);\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT string_agg(a::text, ',') FROM d"), "33");
    expect_cured();
}

Test(repair, it_was_not_done)
{
    plant_unknown();
    expect_repair(repair_with("--not-done", NULL, 0), 0, "not done", "statement 2");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT string_agg(a::text, ',') FROM d"),
                     "1,3");
    expect_cured();
}

Test(repair, done_is_not_said_of_another_statement)
{
    const struct fleet_run *run;

    plant_unknown();
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        NONE "CREATE TABLE d (a int);\nINSERT INTO d VALUES (2);\n");
    run = repair_with("--done", NULL, 3);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "4_d was changed while"), "%s",
              run->out);
    repair_with("--not-done", NULL, 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

Test(repair, done_and_not_done_exclude_each_other)
{
    start(1);
    repair_with("--done", "--not-done", 64);
}

/* The last statement: what is left is its verify. */
Test(repair, killed_in_its_last_statement)
{
    struct process *process;

    start(1);
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        NONE "-- pgtide:up\nCREATE TABLE d (a int);\n"
                             "INSERT INTO d SELECT 1 FROM pg_sleep(60);\n"
                             "-- pgtide:verify\nSELECT count(*) = 0 FROM d;\n");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
                          20 * 1000));
    process_signal(process, SIGKILL);
    process_wait(process);
    fleet_fixture_exec(fleet, 1,
                       "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                       "WHERE wait_event = 'PgSleep'");
    expect_repair(repair_with("--done", NULL, 0), 0, "done", "statement 2");
    cr_assert(strstr(fleet_facts_history(fleet, 1, NULL), "d started 2/2 verify pending"), "%s",
              fleet_facts_history(fleet, 1, NULL));
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    expect_cured();
}

/* Statement 1 of 2 of the way back. */
static void plant_unknown_way_back(void)
{
    start(1);
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        NONE "-- pgtide:up\nCREATE TABLE d (a int);\n"
                             "-- pgtide:down\nINSERT INTO d VALUES (1);\nINSERT INTO d VALUES (2);"
                             "\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_fixture_exec(fleet, 1,
                       "UPDATE pgtide_history SET state = 'started', detail = '{\"reverting\": "
                       "{\"done\": 0, \"running\": 1, \"prefix\": \"\"}}' WHERE version = 4");
}

Test(repair, a_way_back_that_was_done)
{
    const struct fleet_run *run;

    plant_unknown_way_back();
    run = fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL);
    fleet_facts_expect(run, 4);
    cr_assert(strstr(run->out, "pgtide repair --done, or pgtide repair --not-done"), "%s",
              run->out);
    run = repair_with("--done", NULL, 3);
    expect_repair(run, 0, "done", "statement 1 of the way back");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "pgtide rollback"), "%s", run->out);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT string_agg(a::text, ',') FROM d"), "2");
}

Test(repair, a_way_back_that_was_not_done)
{
    plant_unknown_way_back();
    repair_with("--not-done", NULL, 3);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "3", "--yes", NULL), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT string_agg(a::text, ',') FROM d"),
                     "1,2");
}

/* --- invalid indexes -------------------------------------------------------------------------- */

#define INVALID "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "

static int64_t indexes(void)
{
    return fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_index WHERE NOT indisvalid");
}

static void plant_index(void)
{
    start(1);
    fleet_fixture_exec(fleet, 1,
                       "CREATE INDEX \"A i\" ON a (a); " INVALID "'\"A i\"'::regclass; "
                       "CREATE INDEX good ON a (a)");
}

Test(repair, an_invalid_index)
{
    const struct fleet_run *run;

    plant_index();
    run = fleet_fixture_run(fleet, "repair", "--dry-run", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "pending");
    cr_assert(strstr(run->out,
                     "    public.\"A i\": an invalid index that nobody is building: it is "
                     "dropped"),
              "%s", run->out);
    cr_assert_eq(indexes(), 1);
    run = repair(0);
    expect_repair(run, 0, "index", "invalid");
    cr_assert_eq(indexes(), 0);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'good'"), 1);
    expect_cured();
}

Test(repair, indexes_that_are_not_its_own_to_drop)
{
    PGconn *builder;

    start(1);
    fleet_fixture_exec(fleet, 1,
                       "CREATE SCHEMA other; CREATE TABLE other.t (a int); "
                       "CREATE INDEX i ON other.t (a); " INVALID "'other.i'::regclass; "
                       "CREATE TABLE p (a int) PARTITION BY RANGE (a); "
                       "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2); "
                       "CREATE INDEX p_a ON ONLY p (a); "
                       "CREATE TABLE k (a int PRIMARY KEY); " INVALID "'k_pkey'::regclass; "
                       "CREATE INDEX in_work ON c (a); " INVALID "'in_work'::regclass");
    builder = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(builder, "BEGIN; LOCK TABLE c IN SHARE UPDATE EXCLUSIVE MODE"));
    cr_assert_str_eq(fleet_fixture_outcome(repair(0), "store-1"), "current");
    cr_assert_eq(indexes(), 4);
    PQfinish(builder);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT (count(*) = 0)::int FROM pg_locks WHERE relation = 'c'::regclass",
                          10 * 1000));
    expect_repair(repair(0), 0, "index", "invalid");
    cr_assert_eq(indexes(), 3);
}

Test(repair, an_invalid_index_behind_a_pooler)
{
    struct pg_pooler *pooler;
    const struct fleet_run *run;

    plant_index();
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    pooler = pg_pooler_new(NULL, fleet->server, "transaction");
    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_inventory(fleet, NULL);
    run = repair(4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "through a pooler"), "%s",
              run->out);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "detail"), "public.\"A i\""), "%s",
              run->out);
    cr_assert_eq(json_array_size(repairs(run)), 1);
    cr_assert_eq(indexes(), 1);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")), "checksum");
    talloc_free(pooler);
}

/* --- nothing to repair ------------------------------------------------------------------------ */

Test(repair, a_failed_transaction_leaves_nothing_to_repair)
{
    const struct fleet_run *run;

    start(1);
    fleet_fixture_write(fleet, "migrations/4_d.sql", "CREATE TABLE d (a int);\nSELECT 1 / 0;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert(strstr(run->out, "nothing of 4_d is left, there is nothing to repair"), "%s",
              run->out);
    run = repair(0);
    cr_assert(strstr(run->out, "nothing to repair"), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "current");
}

Test(repair, of_a_tenant_without_a_history)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    write_two();
    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_exec(fleet, 1, "CREATE TABLE x ()");
    cr_assert_str_eq(fleet_fixture_outcome(repair(0), "store-1"), "current");
    cr_assert_eq(fleet_fixture_count(
                     fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'pgtide_history'"),
                 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* pgtide on a terminal, where the person types `answer`. */
static const struct process_result *on_terminal(const char *answer)
{
    char *command =
        mem_printf(fleet, "%s -f fleet.yaml repair --no-progress", fleet_fixture_program(fleet));
    const char *const argv[] = {"script", "-qec", command, "/dev/null", NULL};

    return process_run(fleet,
                       &(struct process_spec){.argv = argv, .cwd = fleet->dir, .input = answer});
}

Test(repair, shows_what_it_would_do_and_asks)
{
    const struct process_result *result;

    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "repair", NULL), 64);
    result = on_terminal("n\n");
    cr_assert_eq(result->exit_code, 1, "%s", result->out);
    cr_assert(strstr(result->out, "    1_a: the file was changed"), "%s", result->out);
    cr_assert(strstr(result->out, "Repair 1 tenant of fleet.yaml? [y/N]"), "%s", result->out);
    cr_assert_null(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")));
    result = on_terminal("y\n");
    cr_assert_eq(result->exit_code, 0, "%s", result->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")), "checksum");
    result = on_terminal("");
    cr_assert_eq(result->exit_code, 0, "nothing to do, nothing to ask: %s", result->out);
    cr_assert_not(strstr(result->out, "[y/N]"), "%s", result->out);
}

/* --- broken off ------------------------------------------------------------------------------- */

Test(repair, killed_in_the_middle)
{
    PGconn *other;
    struct process *process;

    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE c (a int); -- why\n");
    other = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(other, "BEGIN; SELECT FROM pgtide_history WHERE version = 3 FOR UPDATE"));
    process = fleet_fixture_start(fleet, "repair", "--yes", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
                          10 * 1000));
    process_signal(process, SIGKILL);
    process_wait(process);
    fleet_fixture_exec(fleet, 1,
                       "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                       "WHERE wait_event_type = 'Lock'");
    PQfinish(other);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE detail ? "
                                     "'repaired'"),
                 0, "all or nothing");
    cr_assert_eq(json_array_size(repairs(repair(0))), 2);
    expect_cured();
}

Test(repair, lost_after_the_server_did_it)
{
    struct proxy *proxy;
    const struct fleet_run *run;

    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    proxy = proxy_new(fleet, fleet->server->host, fleet->server->port);
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    proxy_on_query(proxy, "'repaired'", 0, PROXY_CUT_DONE);
    run = repair(0);
    cr_assert(proxy_triggered(proxy));
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(json_array_size(repairs(run)), 1, "%s", run->out);
    talloc_free(proxy);
}

/* A row that somebody changes between the look and the repair is not written over. */
Test(repair, a_row_that_changed_meanwhile)
{
    PGconn *other;
    struct process *process;

    start(1);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int); -- why\n");
    other = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(other, "BEGIN; UPDATE pgtide_history SET state = 'reverted' WHERE version = 1"));
    process = fleet_fixture_start(fleet, "repair", "--yes", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
                          10 * 1000));
    PQclear(PQexec(other, "COMMIT"));
    PQfinish(other);
    fleet_facts_expect(fleet_fixture_wait(fleet, process), 3);
    cr_assert_null(fleet_fixture_value(fleet, 1, REPAIRED(1, "what")));
}
