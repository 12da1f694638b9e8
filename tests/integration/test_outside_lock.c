/*
 * test_outside_lock.c: files that give up the tenant's lock between their statements, and others
 * that come in then.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

#define NONE "-- pgtide: transaction=none\n"
#define SECOND "migrations/2_second.sql"
#define GIVES_UP "SELECT pg_advisory_unlock_all(), pg_sleep(1);\n"
#define KEY "hashtextextended('pgtide:public.pgtide_history', 0)"

static struct fleet_fixture *fleet;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\nCREATE SEQUENCE times;\n");
    fleet_fixture_inventory(fleet, "settings: {lock_wait: 200ms, retry: {base: 10ms}}\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

TestSuite(outside_lock, .init = setup, .timeout = 60);

/* Runs the command, and `sql` on a connection that stays, while the file sleeps without its lock.
 */
static const struct fleet_run *run_meeting(const char *command, const char *option, const char *sql)
{
    PGconn *other = pg_sql_connect(fleet->server, fleet->databases[0]);
    struct process *process = option ? fleet_fixture_start(fleet, command, option, "--yes", NULL)
                                     : fleet_fixture_start(fleet, command, NULL);
    const struct fleet_run *run;
    PGresult *result;

    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                          "AND datname = current_database()",
                          30000));
    result = PQexec(other, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(other));
    cr_assert_str_eq(PQgetvalue(result, 0, 0), "t");
    PQclear(result);
    run = fleet_fixture_wait(fleet, process);
    PQfinish(other);
    return run;
}

static void expect_history(const char *second)
{
    char *history = fleet_facts_history(fleet, 1, NULL);

    cr_assert(strstr(history, second), "%s", history);
}

static int64_t done(void)
{
    return fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done");
}

Test(outside_lock, one_that_nobody_wants_is_taken_again)
{
    fleet_fixture_write(fleet, SECOND,
                        NONE "SELECT pg_advisory_unlock_all();\n"
                             "INSERT INTO done SELECT 'locked' FROM pg_locks "
                             "WHERE locktype = 'advisory' AND pid = pg_backend_pid();\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    expect_history("second applied 2/2");
    cr_assert_eq(done(), 1);
}

Test(outside_lock, nothing_more_is_run_where_another_has_it)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, SECOND, NONE GIVES_UP "INSERT INTO done VALUES ('second');\n");
    run = run_meeting("migrate", NULL, "SELECT pg_try_advisory_lock(" KEY ")");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "locked");
    expect_history("second started 0/2 running 1");
    cr_assert_eq(done(), 0);
}

Test(outside_lock, what_another_has_done_is_not_done_again)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, SECOND,
                        NONE "SELECT nextval('times'), pg_advisory_unlock_all(), pg_sleep(1);\n"
                             "INSERT INTO done VALUES ('second');\n"
                             "INSERT INTO done VALUES ('third');\n");
    run = run_meeting("migrate", NULL,
                      "WITH second AS (INSERT INTO done VALUES ('second')) "
                      "UPDATE pgtide_history SET statements_done = 2, "
                      "detail = detail || '{\"running\": 0}' WHERE version = 2 RETURNING true");
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    expect_history("second applied 3/3");
    cr_assert_eq(done(), 2);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT last_value FROM times"), 1);
}

Test(outside_lock, a_way_back_stops_as_well)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, SECOND,
                        NONE "-- pgtide:up\nCREATE TABLE b (a int);\n-- pgtide:down\n" GIVES_UP
                             "INSERT INTO done VALUES ('back');\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    run = run_meeting("rollback", "--steps=1", "SELECT pg_try_advisory_lock(" KEY ")");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "locked");
    cr_assert_eq(done(), 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT (detail->'reverting') - 'prefix' "
                                         "FROM pgtide_history WHERE version = 2"),
                     "{\"done\": 0, \"running\": 1}");
}
