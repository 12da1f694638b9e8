/*
 * test_batch.c: data migrations (batch=N): each row once, whatever happens on the way.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define FIRST "migrations/1_first.sql"
#define FILL "migrations/2_fill.sql"

/* `n` counts how often a row was changed. */
#define STATEMENT(change)                                                                          \
    "UPDATE item SET done = true, n = n + 1" change "\n"                                           \
    "WHERE id IN (SELECT id FROM item WHERE NOT done ORDER BY id\n"                                \
    "             LIMIT current_setting('pgtide.batch')::int FOR UPDATE);\n"

#define ALL_ONCE "SELECT count(*) FROM item WHERE done AND n = 1"
#define PROGRESS                                                                                   \
    "SELECT concat_ws(' ', state, detail->>'batches', detail->>'rows') FROM pgtide_history "       \
    "WHERE name = 'fill'"

enum { PATIENCE_MS = 30 * 1000, ROWS = 1000 };

static struct fleet_fixture *fleet;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_write(fleet, FIRST,
                        "CREATE TABLE item (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, "
                        "done bool NOT NULL DEFAULT false);\n"
                        "INSERT INTO item (id) SELECT generate_series(1, 1000);\n");
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

TestSuite(batch, .init = setup, .timeout = 90);

static void write_fill(const char *directives)
{
    fleet_fixture_write(fleet, FILL,
                        mem_printf(fleet, "-- pgtide: %s\n" STATEMENT(""), directives));
}

static const struct fleet_run *migrate(int expected_code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    fleet_facts_expect(run, expected_code);
    return run;
}

static void expect_progress(const char *expected)
{
    const char *found = fleet_fixture_value(fleet, 1, PROGRESS);

    cr_assert(found, "no row of the fill");
    cr_assert_str_eq(found, expected);
}

static void expect_all_once(void)
{
    cr_assert_eq(fleet_fixture_count(fleet, 1, ALL_ONCE), ROWS);
}

/* Until so many are in the history. */
static void wait_for_batches(int count)
{
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          mem_printf(fleet,
                                     "SELECT count(*) FROM pgtide_history WHERE name = 'fill' AND "
                                     "(detail->>'batches')::int >= %d",
                                     count),
                          PATIENCE_MS));
}

/* What the report says of the fill. */
static int64_t reported(const struct fleet_run *run, const char *field)
{
    const json_t *list = json_object_get(fleet_fixture_tenant(run, "store-1"), "migrations");
    const json_t *last = json_array_get(list, json_array_size(list) - 1);

    cr_assert_str_eq(json_string_value(json_object_get(last, "name")), "fill");
    return json_integer_value(json_object_get(last, field));
}

static void expect_error(const struct fleet_run *run, const char *field, const char *text)
{
    cr_assert(strstr(fleet_facts_error(run, "store-1", field), text), "%s", run->out);
}

/* --- to the end ------------------------------------------------------------------------------- */

Test(batch, each_row_once_in_transactions_of_their_own)
{
    const struct fleet_run *run;

    write_fill("batch=300");
    run = migrate(0);
    cr_assert_eq(reported(run, "batches"), 4);
    cr_assert_eq(reported(run, "rows"), ROWS);
    cr_assert_eq(reported(run, "statements"), 1);
    expect_progress("applied 4 1000");
    expect_all_once();
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(DISTINCT xmin::text) FROM item"), 4);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, fill applied 1/1");
    cr_assert_str_eq(fleet_fixture_outcome(migrate(0), "store-1"), "current");
}

Test(batch, nothing_to_do_is_done)
{
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "TRUNCATE item");
    write_fill("batch=10 max_batches=1");
    run = migrate(0);
    cr_assert_eq(reported(run, "batches"), 0);
    expect_progress("applied 0 0");
}

Test(batch, rows_that_move_to_another_table)
{
    fleet_fixture_exec(fleet, 1, "CREATE TABLE archive (id int PRIMARY KEY)");
    fleet_fixture_write(fleet, FILL,
                        "-- pgtide: batch=400\n"
                        "-- pgtide:up\n"
                        "WITH gone AS (DELETE FROM item WHERE id IN (SELECT id FROM item LIMIT\n"
                        "    current_setting('pgtide.batch')::int) RETURNING *)\n"
                        "INSERT INTO archive SELECT id FROM gone;\n"
                        "-- pgtide:when\nSELECT true;\n"
                        "-- pgtide:require\nSELECT current_setting('pgtide.batch') = '400';\n");
    migrate(0);
    expect_progress("applied 3 1000");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM archive"), ROWS);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM item"), 0);
}

Test(batch, of_a_schema_with_its_settings)
{
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA shop; GRANT ALL ON SCHEMA shop TO pg_monitor");
    fleet_fixture_tenants(fleet, "settings: {role: pg_monitor}\n",
                          "schema: shop, vars: {step: \"7\"}");
    fleet_fixture_write(fleet, FILL,
                        "-- pgtide: batch=300 lock_timeout=3s\n"
                        "-- the role owns what it makes\n" STATEMENT(
                            " - 1 + (current_setting('pgtide.step') = '7' AND "
                            "current_setting('lock_timeout') = '3s' AND "
                            "current_user = 'pg_monitor')::int"));
    migrate(0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM shop.item WHERE n = 1"), ROWS);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, "shop"), "first applied 2/2, fill applied 1/1");
}

Test(batch, skipped_where_its_when_is_false)
{
    fleet_fixture_write(fleet, FILL,
                        "-- pgtide:up batch=300\n" STATEMENT("") "-- pgtide:when\nSELECT false;\n");
    migrate(0);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, fill skipped 0/1");
    cr_assert_eq(fleet_fixture_count(fleet, 1, ALL_ONCE), 0);
}

Test(batch, told_by_plan)
{
    const struct fleet_run *run;

    write_fill("batch=300");
    run = fleet_fixture_run(fleet, "plan", "-v", NULL);
    fleet_facts_expect(run, 0);
    cr_assert(strstr(run->out, "2_fill (batches of 300)"), "%s", run->out);
    cr_assert(strstr(run->out, "-- in batches of 300, each a transaction"), "%s", run->out);
}

/* --- max_batches, pause ----------------------------------------------------------------------- */

Test(batch, max_batches_stops_one_that_does_not_end)
{
    const struct fleet_run *run;

    write_fill("batch=100 max_batches=3");
    run = migrate(4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    expect_error(run, "message", "max_batches=3 is reached");
    expect_error(run, "detail", "3 batches are done and stay, with 300 rows");
    expect_error(run, "hint", "raise max_batches");
    cr_assert(strstr(run->out, "2_fill.sql:2"), "%s", run->out);
    expect_progress("started 3 300");
    cr_assert_eq(fleet_fixture_count(fleet, 1, ALL_ONCE), 300);
    migrate(4);
    expect_progress("started 3 300");
    write_fill("batch=100 max_batches=10");
    run = migrate(0);
    cr_assert_eq(reported(run, "batches"), 10);
    cr_assert_eq(reported(run, "rows"), ROWS);
    expect_progress("applied 10 1000");
    expect_all_once();
}

Test(batch, pauses)
{
    const struct fleet_run *run;

    write_fill("batch=250 pause=150ms");
    run = migrate(0);
    cr_assert_geq(run->process->elapsed_ms, 4 * 150);
    expect_progress("applied 4 1000");
}

Test(batch, a_pause_is_ended_by_the_second_signal)
{
    struct process *process;
    const struct fleet_run *run;

    write_fill("batch=250 pause=1h");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    wait_for_batches(1);
    cr_assert(process_signal(process, SIGINT));
    cr_assert(process_wait_text(process, "those in work finish", PATIENCE_MS));
    cr_assert(process_running(process));
    cr_assert(process_signal(process, SIGINT));
    run = fleet_fixture_wait(fleet, process);
    fleet_facts_expect(run, 130);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "cancelled");
    expect_progress("started 1 250");
    write_fill("batch=250");
    migrate(0);
    expect_progress("applied 4 1000");
    expect_all_once();
}

/* --- errors ----------------------------------------------------------------------------------- */

Test(batch, an_error_keeps_the_batches_before_it)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, FILL, "-- pgtide: batch=200\n" STATEMENT(" + 0 / (id - 701)"));
    run = migrate(4);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), "22012");
    expect_error(run, "hint", "3 batches are done and stay, with 600 rows");
    cr_assert(strstr(run->out, "2_fill.sql:2"), "%s", run->out);
    cr_assert(strstr(run->out, "the batches that were done have stayed"), "%s", run->out);
    expect_progress("started 3 600");
    cr_assert_eq(fleet_fixture_count(fleet, 1, ALL_ONCE), 600);
    fleet_fixture_exec(fleet, 1, "UPDATE item SET id = 2000 WHERE id = 701");
    migrate(0);
    expect_progress("applied 5 1000");
    expect_all_once();
}

Test(batch, an_error_at_commit_names_the_file)
{
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                       "$$ BEGIN RAISE 'not this one' USING ERRCODE = '23514'; END $$; "
                       "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON item DEFERRABLE "
                       "INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 300) "
                       "EXECUTE FUNCTION refuse()");
    write_fill("batch=200");
    run = migrate(4);
    expect_error(run, "message", "not this one");
    expect_error(run, "file", "2_fill.sql");
    expect_progress("started 1 200");
    cr_assert_eq(fleet_fixture_count(fleet, 1, ALL_ONCE), 200);
    fleet_fixture_exec(fleet, 1, "DROP TRIGGER refuse ON item");
    migrate(0);
    expect_progress("applied 5 1000");
    expect_all_once();
}

Test(batch, a_serialization_failure_is_tried_again_from_there)
{
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE SEQUENCE calls; CREATE FUNCTION flaky(id int) RETURNS int "
                       "LANGUAGE plpgsql AS $$ BEGIN IF id = 500 AND nextval('calls') = 1 THEN "
                       "RAISE 'not now' USING ERRCODE = '40001'; END IF; RETURN 0; END $$");
    fleet_fixture_write(fleet, FILL, "-- pgtide: batch=200\n" STATEMENT(" + flaky(id)"));
    run = migrate(0);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(reported(run, "batches"), 5);
    expect_progress("applied 5 1000");
    expect_all_once();
}

Test(batch, counts_as_applied_once_verify_is_true)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, FILL,
                        "-- pgtide:up batch=250\n" STATEMENT(
                            "") "-- pgtide:verify\nSELECT count(*) = 0 FROM item WHERE n <> 1;\n");
    fleet_fixture_exec(fleet, 1, "UPDATE item SET n = 5 WHERE id = 7");
    run = migrate(4);
    expect_error(run, "message", "verify");
    expect_error(run, "hint", "are done and stay");
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL),
                     "first applied 2/2, fill started 1/1 verify pending");
    expect_progress("started 4 1000");
    fleet_fixture_exec(fleet, 1,
                       "UPDATE item SET n = 1 WHERE id = 7; "
                       "DELETE FROM item WHERE id = 8; INSERT INTO item VALUES (2000)");
    migrate(0);
    expect_progress("applied 5 1001"); /* a row that came in between */
    expect_all_once();
}

/* --- connections and programs that die -------------------------------------------------------- */

static void expect_once_after_cut(const char *query, enum proxy_action action)
{
    struct proxy *proxy = proxy_new(fleet, fleet->host, fleet->port);
    const struct fleet_run *run;

    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    write_fill("batch=200");
    proxy_on_query(proxy, query, 0, action);
    run = migrate(0);
    cr_assert(proxy_triggered(proxy));
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_facts_steps(run, "store-1"), 1);
    cr_assert_eq(reported(run, "batches"), 5);
    cr_assert_eq(reported(run, "rows"), ROWS);
    expect_progress("applied 5 1000");
    expect_all_once();
}

Test(batch, lost_before_a_commit)
{
    expect_once_after_cut("'rows', 600", PROXY_CUT_BEFORE);
}

Test(batch, lost_during_a_commit)
{
    expect_once_after_cut("'rows', 600", PROXY_CUT_AFTER);
}

Test(batch, lost_after_a_commit)
{
    expect_once_after_cut("'rows', 600", PROXY_CUT_DONE);
}

Test(batch, lost_after_the_last_commit)
{
    expect_once_after_cut("SET state = 'applied'", PROXY_CUT_DONE);
}

Test(batch, kill_9_again_and_again)
{
    enum { KILLS = 12 };
    unsigned random = 20261123;
    int killed = 0;

    write_fill("batch=7 pause=1ms");
    for (int i = 0; i < KILLS; i++) {
        struct process *process = fleet_fixture_start(fleet, "migrate", NULL);

        wait_for_batches(1 + i * 8);
        random = random * 1103515245 + 12345;
        harness_pause((int)(random / 65536 % 12));
        process_signal(process, SIGKILL);
        killed += process_wait(process)->signal == SIGKILL;
        cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM item WHERE n > 1"), 0);
    }
    cr_assert_gt(killed, KILLS / 2);
    migrate(0);
    expect_progress("applied 143 1000");
    expect_all_once();
}

Test(batch, a_round_trip_each)
{
    struct proxy *proxy = proxy_new(fleet, fleet->host, fleet->port);
    struct proxy_stats many, few;

    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    write_fill("batch=50");
    migrate(0);
    proxy_read_stats(proxy, &many);
    fleet_fixture_exec(fleet, 1,
                       "UPDATE item SET done = false; "
                       "DELETE FROM pgtide_history WHERE name = 'fill'");
    write_fill("batch=500");
    proxy_reset_stats(proxy);
    migrate(0);
    proxy_read_stats(proxy, &few);
    cr_assert_eq(many.round_trips - few.round_trips, 20 - 2);
    cr_assert_leq(few.round_trips, 2 + 5);
}

/* --- through a pooler ------------------------------------------------------------------------- */

Test(batch, through_a_pooler_by_two_runs_at_once)
{
    struct pg_pooler *pooler;
    struct fleet_fixture *other;
    struct process *first, *second;

    if (access("/usr/sbin/pgbouncer", X_OK) < 0)
        cr_skip_test("pgbouncer is not installed");
    pooler = pg_pooler_new(NULL, fleet->server, "transaction");
    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_inventory(fleet, NULL);
    write_fill("batch=9");
    other = fleet_fixture_new(fleet, fleet->server, 0);
    fleet_fixture_yaml(other,
                       "migrations: %s/migrations\nconnection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       fleet->dir, fleet->host, fleet->port, fleet->databases[0]);
    first = fleet_fixture_start(fleet, "migrate", NULL);
    second = fleet_fixture_start(other, "migrate", NULL);
    fleet_fixture_wait(fleet, first); /* one of them may give up: the other one was quicker */
    fleet_fixture_wait(other, second);
    migrate(0);
    expect_progress("applied 112 1000");
    expect_all_once();
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                     "AND database = (SELECT oid FROM pg_database WHERE datname = "
                                     "current_database())"),
                 0);
    talloc_free(pooler); /* it holds connections to the database */
}

/* --- a million rows, and a shop that is open -------------------------------------------------- */

enum { MILLION = 1000 * 1000, READERS = 1, WRITERS = 2 };

/* A session that reads or writes all the time. */
struct shopper {
    pthread_t thread;
    PGconn *conn;
    const char *sql;
    const char *answer; /* expected of a reader; NULL: a writer */
    atomic_bool *closed;
    int64_t done;
    char problem[200]; /* "" = none */
};

static void *shop(void *arg)
{
    struct shopper *shopper = arg;

    while (!*shopper->closed && !shopper->problem[0]) {
        PGresult *result = PQexec(shopper->conn, shopper->sql);

        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            snprintf(shopper->problem, sizeof(shopper->problem), "%s",
                     PQresultErrorMessage(result));
        else if (shopper->answer && strcmp(PQgetvalue(result, 0, 0), shopper->answer) != 0)
            snprintf(shopper->problem, sizeof(shopper->problem), "%s gave %s", shopper->sql,
                     PQgetvalue(result, 0, 0));
        shopper->done++;
        PQclear(result);
        harness_pause(2); /* there is to be something left for the migration */
    }
    return NULL;
}

static void open_shop(struct shopper *shoppers, atomic_bool *closed)
{
    for (int i = 0; i < READERS + WRITERS; i++) {
        shoppers[i] = (struct shopper){.closed = closed};
        shoppers[i].conn = pg_sql_connect(fleet->server, fleet->databases[0]);
        shoppers[i].sql = "SELECT sell((random() * 1000000)::int)";
        if (i < READERS) { /* the same id is never in both tables, nor in none */
            shoppers[i].sql = "SELECT count(*) FROM (SELECT id FROM sale UNION ALL "
                              "SELECT id FROM new_sale) AS s WHERE id BETWEEN 499990 AND 500009";
            shoppers[i].answer = "20";
        }
        cr_assert_eq(pthread_create(&shoppers[i].thread, NULL, shop, &shoppers[i]), 0);
    }
}

/* Returns how much was sold. */
static int64_t close_shop(struct shopper *shoppers, atomic_bool *closed)
{
    int64_t sold = 0;

    *closed = true;
    for (int i = 0; i < READERS + WRITERS; i++) {
        pthread_join(shoppers[i].thread, NULL);
        PQfinish(shoppers[i].conn);
        cr_assert_str_eq(shoppers[i].problem, "");
        cr_assert_gt(shoppers[i].done, 10);
        sold += i < READERS ? 0 : shoppers[i].done;
    }
    return sold;
}

Test(batch, a_million_rows_move_while_others_read_and_write)
{
    struct shopper shoppers[READERS + WRITERS];
    atomic_bool closed = false;
    struct process *process;
    const struct fleet_run *run;
    int64_t sold;

    /* A sale is found in its old place or, when it has gone from there, in its new one. */
    fleet_fixture_exec(
        fleet, 1,
        "CREATE TABLE sale (id int PRIMARY KEY, sold int NOT NULL);"
        "INSERT INTO sale SELECT i, 0 FROM generate_series(0, 999999) i; ANALYZE sale;"
        "CREATE TABLE new_sale (id int PRIMARY KEY, sold int NOT NULL);"
        "CREATE FUNCTION sell(which int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE sale SET sold = sold + 1 WHERE id = which % 1000000; "
        "IF NOT FOUND THEN UPDATE new_sale SET sold = sold + 1 "
        "WHERE id = which % 1000000; END IF; "
        "IF NOT FOUND THEN RAISE 'sale % is lost', which; END IF; END $$");
    fleet_fixture_write(fleet, FILL,
                        "-- pgtide: batch=50000\n"
                        "-- pgtide:up\n"
                        "WITH gone AS (DELETE FROM sale WHERE ctid = ANY (ARRAY(SELECT ctid FROM "
                        "sale\n    LIMIT current_setting('pgtide.batch')::int)) RETURNING *)\n"
                        "INSERT INTO new_sale SELECT * FROM gone;\n"
                        "-- pgtide:verify\nSELECT count(*) = 1000000 FROM new_sale;\n");
    open_shop(shoppers, &closed);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    wait_for_batches(7);
    process_signal(process, SIGKILL);
    cr_assert_eq(process_wait(process)->signal, SIGKILL);
    run = migrate(0);
    sold = close_shop(shoppers, &closed);
    cr_assert_geq(reported(run, "batches"), 20);
    cr_assert_eq(reported(run, "rows"), MILLION);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM sale"), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM new_sale"), MILLION);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT sum(sold) FROM new_sale"), sold);
}
