/*
 * test_prepared.c: the guards and the history row as prepared statements (worker/prepared.h):
 * whatever files do to their session, no setting reaches the next file, and what the guards refuse
 * is refused from the second transaction on as in the first.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

TestSuite(prepared, .timeout = 60);

#define LOCK_KEY "hashtextextended('pgtide:public.pgtide_history', 0)"

/* What a file finds when it begins; `seen` is made by the first. */
#define SEE                                                                                        \
    "INSERT INTO public.seen SELECT current_setting('lock_timeout'), "                             \
    "current_setting('statement_timeout'), current_setting('search_path'), current_user, "         \
    "current_setting('pgtide.tenant'), current_setting('TimeZone');\n"
#define SEEN                                                                                       \
    "CREATE TABLE public.seen (lock text, statement text, path text, role text, tenant text, "     \
    "zone text);\n"

/* Files that leave their session in disorder, each in its own way. */
static const char *const unruly[] = {
    SEEN SEE,
    SEE "SET lock_timeout = 0; SET statement_timeout = '1h'; SET TimeZone = 'Asia/Tokyo';\n",
    SEE "SELECT set_config('search_path', '', false);\n",
    SEE "SET LOCAL search_path = pg_temp;\n",
    SEE "SET ROLE pg_monitor;\n",
    "-- pgtide: lock_timeout=3s statement_timeout=4s\n"
    "SELECT 1 / (current_setting('lock_timeout') = '3s' AND "
    "current_setting('statement_timeout') = '4s')::int;\n",
    SEE "DEALLOCATE ALL;\n",
    SEE "RESET search_path; RESET lock_timeout;\n",
    SEE "DISCARD PLANS; DISCARD SEQUENCES;\n",
    SEE "LISTEN here; NOTIFY here, 'done';\n",
    SEE "PREPARE mine AS SELECT 1; EXECUTE mine;\n",
    "-- pgtide: transaction=none\nDEALLOCATE ALL;\n",
    SEE "SELECT pg_advisory_unlock_all();\n",
    SEE "CREATE TABLE last ();\n",
};

static void write_files(const struct fleet_fixture *fleet, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fleet_fixture_write(fleet, mem_printf(fleet, "migrations/%02zu_f.sql", i + 1), texts[i]);
}

static void expect_all_applied(const struct fleet_fixture *fleet, size_t count)
{
    cr_expect_eq(fleet_fixture_applied(fleet, 1), (int64_t)count);
    cr_expect_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(DISTINCT version) FROM pgtide_history"),
        (int64_t)count);
    cr_expect_eq(
        fleet_fixture_count(
            fleet, 1,
            "SELECT count(*) FROM pgtide_history WHERE duration_ms NOT BETWEEN 0 AND 60000 "
            "OR started_at NOT BETWEEN now() - interval '2 min' AND finished_at"),
        0);
}

Test(prepared, nothing_a_file_sets_reaches_the_next)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    write_files(fleet, unruly, ARRAY_LEN(unruly));
    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_all_applied(fleet, ARRAY_LEN(unruly));
    cr_expect_str_eq(
        fleet_fixture_value(fleet, 1,
                            "SELECT string_agg(DISTINCT concat_ws(',', lock, statement, role, "
                            "tenant, path, zone IS DISTINCT FROM 'Asia/Tokyo'), ';') FROM seen"),
        "5s,0,postgres,store-1,\"$user\", public,t");
    talloc_free(ctx);
}

/* Through a pooler and in a vouched session they would be left behind for somebody else. */
static void expect_prepared(const char *pooler, int64_t count)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: postgres, pooler: %s}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       pooler, fleet->host, fleet->port, fleet->databases[0]);
    write_files(fleet,
                (const char *const[]){"CREATE TABLE a ();", "CREATE TABLE b ();",
                                      "CREATE TABLE c AS SELECT FROM pg_prepared_statements;"},
                3);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_all_applied(fleet, 3);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM c"), count);
    talloc_free(ctx);
}

Test(prepared, not_in_a_vouched_session_nor_through_a_pooler)
{
    expect_prepared("none", 3);
    expect_prepared("session", 0);
    expect_prepared("transaction", 0);
}

/* A row that somebody else writes between two transactions of one Query. */
Test(prepared, a_row_of_another_stops_the_next_transaction)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    write_files(
        fleet,
        (const char *const[]){
            "CREATE TABLE a ();", "CREATE TABLE b ();",
            "CREATE FUNCTION alien() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
            "INSERT INTO pgtide_history (kind, version, name, state, statements_done,\n"
            "statements_total, started_at, applied_by, tool) SELECT 'versioned', 77, 'alien',\n"
            "'applied', 1, 1, now(), 'me', 'by hand' WHERE NEW.version = 3; RETURN NULL; END $$;\n"
            "CREATE TRIGGER alien AFTER INSERT ON pgtide_history FOR EACH ROW EXECUTE FUNCTION "
            "alien();",
            "CREATE TABLE d ();"},
        4);
    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 4);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 4, "three of ours, one of another");
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(to_regclass('d'))"), 0);
    talloc_free(ctx);
}

/* A file gives the lock away, and somebody waits for it. */
Test(prepared, a_lock_that_was_given_away_stops_the_next_transaction)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    PGconn *other = pg_sql_connect(fleet->server, fleet->databases[0]);
    const struct fleet_run *run;
    struct process *process;

    write_files(fleet,
                (const char *const[]){
                    "CREATE TABLE a ();", "CREATE TABLE b ();",
                    "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = "
                    "'advisory' AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;\n"
                    "SELECT pg_advisory_unlock_all();",
                    "CREATE TABLE d ();"},
                4);
    fleet_fixture_inventory(fleet,
                            "settings: {lock_wait: 100ms, retry: {attempts: 2, base: 10ms}}\n");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND "
                          "database = (SELECT oid FROM pg_database WHERE datname = "
                          "current_database())",
                          10000));
    cr_assert(PQsendQuery(other, "SELECT pg_advisory_lock(" LOCK_KEY ")"));
    PQclear(PQgetResult(other)); /* it comes with the COMMIT of the third */
    run = fleet_fixture_wait(fleet, process);
    PQfinish(other);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "locked", "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 3);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(to_regclass('d'))"), 0);
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0, "and then it is done");
    talloc_free(ctx);
}

/* A second run of the same set, on a lock that is given away by every file. */
Test(prepared, two_runs_at_once_apply_each_once)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;
    struct process *one, *two;

    fleet_fixture_write(fleet, "migrations/01_t.sql", "CREATE TABLE t (n int);");
    for (int i = 1; i <= 30; i++)
        fleet_fixture_write(fleet, mem_printf(ctx, "migrations/%02d_f.sql", i + 1),
                            mem_printf(ctx,
                                       "INSERT INTO t VALUES (%d);\n"
                                       "SELECT pg_advisory_unlock_all(), pg_sleep(0.005);\n",
                                       i));
    fleet_fixture_inventory(fleet, "settings: {retry: {attempts: 20, base: 5ms, cap: 20ms}}\n");
    one = fleet_fixture_start(fleet, "migrate", NULL);
    fleet_fixture_inventory(fleet, "state: other\n"
                                   "settings: {retry: {attempts: 20, base: 5ms, cap: 20ms}}\n");
    two = fleet_fixture_start(fleet, "migrate", NULL);
    (void)fleet_fixture_wait(fleet, one);
    (void)fleet_fixture_wait(fleet, two);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 31);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM t"), 30);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(DISTINCT n) FROM t"), 30);
    talloc_free(ctx);
}

/* That it drops prepared statements does not show in the file: its transaction fails, and the same
 * attempt does it again with plain ones. */
Test(prepared, statements_dropped_by_a_function_are_done_without)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const json_t *tenant;
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE SCHEMA tools; CREATE FUNCTION tools.tidy() RETURNS void LANGUAGE "
                       "plpgsql AS $$ BEGIN DEALLOCATE ALL; END $$");
    write_files(fleet,
                (const char *const[]){"CREATE TABLE a ();", "CREATE TABLE b ();",
                                      "CREATE TABLE c (); SELECT tools.tidy();",
                                      "SELECT tools.tidy(); CREATE TABLE d ();",
                                      "CREATE TABLE e AS SELECT FROM pg_prepared_statements;"},
                5);
    fleet_fixture_inventory(fleet, "settings: {retry: {attempts: 1}}\n"
                                   "hooks: {before_tenant: {sql: SELECT 1}}\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_all_applied(fleet, 5);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM e"), 0);
    tenant = fleet_fixture_tenant(run, "store-1");
    cr_expect_eq(json_integer_value(json_object_get(tenant, "attempts")), 1);
    cr_expect_eq(json_array_size(json_object_get(tenant, "migrations")), 5, "each once");
    cr_expect_eq(json_array_size(json_object_get(tenant, "hooks")), 1, "before_tenant, once");
    talloc_free(ctx);
}

/* Else the third would change the second's, and count as applied. */
Test(prepared, a_temporary_table_is_gone_behind_its_file)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "CREATE TABLE product (price int); INSERT INTO product VALUES (100);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "CREATE TEMP TABLE product AS SELECT * FROM public.product;\n"
                        "DECLARE c CURSOR WITH HOLD FOR SELECT 1;\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "UPDATE product SET price = 999;\n");
    fleet_fixture_write(fleet, "migrations/4_d.sql",
                        "-- pgtide: transaction=none\n"
                        "CREATE TEMP TABLE product (price int);\n");
    fleet_fixture_write(fleet, "migrations/5_e.sql", "UPDATE product SET price = price + 1;\n");
    fleet_fixture_inventory(fleet, NULL);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT price FROM product"), 1000);
    talloc_free(ctx);
}
