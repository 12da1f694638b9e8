/*
 * test_servers.c: attempts: what is tried again and what is not, servers that go away, tenants that
 * somebody else has locked, and the limits of time.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>

enum { PATIENCE_MS = 30 * 1000 };

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(servers, .init = setup, .fini = teardown, .timeout = 120);

static int64_t attempts(const struct fleet_run *run, const char *tenant)
{
    return json_integer_value(json_object_get(fleet_fixture_tenant(run, tenant), "attempts"));
}

/* A text of the tenant's error: "sqlstate", "message", "detail". */
static const char *error_text(const struct fleet_run *run, const char *tenant, const char *key)
{
    const json_t *error = json_object_get(fleet_fixture_tenant(run, tenant), "error");
    const char *text = json_string_value(json_object_get(error, key));

    return text ? text : "";
}

static const struct fleet_run *migrate(struct fleet_fixture *fleet)
{
    return fleet_fixture_run(fleet, "migrate", NULL);
}

/* One database, with `quick` retries. */
static struct fleet_fixture *one_store(void)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_inventory(fleet, NULL);
    return fleet;
}

/* --- tried again ------------------------------------------------------------------------------ */

/* A migration that raises `sqlstate` the first `times` times; a sequence is not rolled back. */
static struct fleet_fixture *stubborn_store(const char *sqlstate, int times)
{
    struct fleet_fixture *fleet = one_store();

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA tools; CREATE SEQUENCE tools.tries");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        mem_printf(ctx,
                                   "CREATE TABLE b (a int);\n"
                                   "DO $$ BEGIN IF nextval('tools.tries') <= %d THEN\n"
                                   "RAISE EXCEPTION 'not now' USING ERRCODE = '%s';\n"
                                   "END IF; END $$;\n",
                                   times, sqlstate));
    return fleet;
}

Test(servers, what_the_server_undid_is_tried_again)
{
    static const char *const sqlstates[] = {"40001", "40P01", "55P03", "53200"};

    for (size_t i = 0; i < ARRAY_LEN(sqlstates); i++) {
        struct fleet_fixture *fleet = stubborn_store(sqlstates[i], 2);
        const struct fleet_run *run = migrate(fleet);

        cr_assert_eq(run->exit_code, 0, "%s: %s", sqlstates[i], run->out);
        cr_assert_eq(attempts(run, "store-1"), 3);
        cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
        cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT last_value FROM tools.tries"), 3);
        cr_assert_eq(
            json_array_size(json_object_get(fleet_fixture_tenant(run, "store-1"), "migrations")), 2,
            "that of the first attempt is this run's work, too");
    }
}

Test(servers, but_only_so_often)
{
    struct fleet_fixture *fleet = stubborn_store("40001", 4);
    const struct fleet_run *run = migrate(fleet);

    cr_assert_eq(run->exit_code, 4, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "40001");
    cr_assert_eq(attempts(run, "store-1"), 3);
    cr_assert(strstr(run->err, "(after 3 attempts)"), "%s", run->err);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(attempts(run, "store-1"), 2);
}

Test(servers, an_error_of_the_sql_is_not_tried_again)
{
    static const char *const sqlstates[] = {"23505", "42P01", "P0001", "57014", "XX000"};

    for (size_t i = 0; i < ARRAY_LEN(sqlstates); i++) {
        struct fleet_fixture *fleet = stubborn_store(sqlstates[i], 1);
        const struct fleet_run *run = migrate(fleet);

        cr_assert_eq(run->exit_code, 4);
        cr_assert_eq(attempts(run, "store-1"), 1);
        cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT last_value FROM tools.tries"), 1);
        cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), sqlstates[i]);
    }
}

Test(servers, a_real_deadlock_is_tried_again)
{
    struct fleet_fixture *fleet = one_store();
    PGconn *rival = pg_sql_connect(fleet->server, fleet->databases[0]);
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_exec(fleet, 1,
                       "CREATE SCHEMA tools; CREATE TABLE tools.a (); "
                       "CREATE TABLE tools.b ()");
    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "LOCK TABLE tools.a;\nLOCK TABLE tools.b;\nCREATE TABLE a (a int);\n");
    PQclear(PQexec(rival, "SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE tools.b"));
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_locks WHERE relation = 'tools.b'::regclass "
                          "AND NOT granted",
                          PATIENCE_MS));
    PQclear(PQexec(rival, "LOCK TABLE tools.a; COMMIT")); /* until pgtide is the victim */
    run = fleet_fixture_wait(fleet, process);
    PQfinish(rival);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert(strstr(run->err, "40P01"), "%s", run->err);
    cr_assert_geq(attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
}

Test(servers, a_table_that_is_in_use_is_waited_for)
{
    struct fleet_fixture *fleet = one_store();
    PGconn *user = pg_sql_connect(fleet->server, fleet->databases[0]);
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA tools; CREATE TABLE tools.a ()");
    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "-- pgtide: lock_timeout=20ms\n"
                        "CREATE TABLE a (a int);\nALTER TABLE tools.a ADD COLUMN b int;\n");
    fleet_fixture_inventory(fleet, "settings: {retry: {attempts: 100, base: 10ms, cap: 100ms}}\n");
    PQclear(PQexec(user, "BEGIN; SELECT * FROM tools.a"));
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "attempt 2: 55P03", PATIENCE_MS));
    PQfinish(user);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_geq(attempts(run, "store-1"), 3);
}

Test(servers, a_history_that_is_in_use_does_not_hang_the_run)
{
    struct fleet_fixture *fleet = one_store();
    PGconn *user;
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    cr_assert_eq(migrate(fleet)->exit_code, 0);
    user = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(user, "BEGIN; LOCK TABLE pgtide_history"));
    fleet_fixture_inventory(fleet,
                            "settings: {lock_timeout: 20ms, retry: {attempts: 2, base: 10ms}}\n");
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 4, "%s", run->out);
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "55P03");
    cr_assert_eq(attempts(run, "store-1"), 2);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert_eq(run->exit_code, 3);
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "55P03");
    PQfinish(user);
    cr_assert_eq(migrate(fleet)->exit_code, 0);
}

/* `count` databases reached by a role that connection limits hold for. */
static struct fleet_fixture *limited_stores(size_t count, const char *settings)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), count);
    char *role = pg_sql_unique(ctx, "limited");

    pg_sql_execf(fleet->server, "postgres", "CREATE ROLE %s LOGIN", role);
    for (size_t i = 0; i < count; i++)
        pg_sql_execf(fleet->server, fleet->databases[i], "GRANT CREATE ON SCHEMA public TO %s",
                     role);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_tenants(fleet, settings, mem_printf(ctx, "connection: {user: %s}", role));
    return fleet;
}

static void limit(const struct fleet_fixture *fleet, size_t n, int connections)
{
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s CONNECTION LIMIT %d",
                 fleet->databases[n - 1], connections);
}

Test(servers, a_full_database_is_waited_for)
{
    struct fleet_fixture *fleet =
        limited_stores(1, "settings: {retry: {attempts: 100, base: 10ms, cap: 100ms}}\n");
    const struct fleet_run *run;
    struct process *process;

    limit(fleet, 1, 0);
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "attempt 2: 53300", PATIENCE_MS));
    limit(fleet, 1, -1);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_geq(attempts(run, "store-1"), 3);
}

Test(servers, full_databases_do_not_make_their_server_one_that_is_down)
{
    struct fleet_fixture *fleet = limited_stores(6, "run: {workers: 1, max_failures: 3}\n");
    const struct fleet_run *run;

    for (size_t n = 1; n <= 3; n++)
        limit(fleet, n, 0);
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 3, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "unreachable"), 3, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 3);
    cr_assert_str_eq(error_text(run, "store-2", "sqlstate"), "53300");
}

/* --- servers that go away --------------------------------------------------------------------- */

Test(servers, a_server_that_comes_back_in_time_is_not_lost)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 6);
    struct proxy *proxy = proxy_new(ctx, fleet->host, fleet->port);
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_inventory(fleet, "settings: {retry: {attempts: 100, base: 10ms, cap: 100ms}}\n");
    proxy_refuse(proxy, true);
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "attempt 2: ", PATIENCE_MS));
    proxy_refuse(proxy, false);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
    cr_assert_geq(attempts(run, "store-1"), 2);
}

/* Twenty tenants on the server "far" behind `port`, two on "near"; the first of all is on "far". */
static void write_far_and_near(const struct fleet_fixture *fleet, int port)
{
    struct strbuf yaml;

    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: migrations\n"
                  "connection: {user: postgres, connect_timeout: 1}\n"
                  "settings: {create: schema, retry: {attempts: 2, base: 10ms}}\n"
                  "run: {workers: 4, per_server: 2, max_failures: 20}\n"
                  "servers: {far: {host: 127.0.0.1, port: %d}, near: {host: %s, port: %d}}\n"
                  "tenants:\n",
                  port, fleet->host, fleet->port);
    for (int i = 1; i <= 22; i++)
        strbuf_printf(&yaml, "  - {name: t%02d, server: %s, database: %s, schema: t%02d}\n", i,
                      i <= 20 ? "far" : "near", fleet->databases[0], i);
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
}

static int64_t all_attempts(const struct fleet_run *run)
{
    const json_t *tenants = json_object_get(run->report, "tenants");
    int64_t sum = 0;

    for (size_t i = 0; i < json_array_size(tenants); i++)
        sum += json_integer_value(json_object_get(json_array_get(tenants, i), "attempts"));
    return sum;
}

static void expect_far_down(const struct fleet_run *run)
{
    cr_assert_eq(run->exit_code, 3, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "unreachable"), 20);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_assert_eq(attempts(run, "t20"), 0);
    cr_assert(strstr(error_text(run, "t20", "message"), "server \"far\" is down"), "%s",
              error_text(run, "t20", "message"));
    /* two that find out, with two attempts each, one more look, and the two on "near" */
    cr_assert_leq(all_attempts(run), 2 * 2 + 1 + 2, "%lld", (long long)all_attempts(run));
}

Test(servers, a_server_that_is_down_costs_a_few_attempts_not_one_a_tenant)
{
    struct fleet_fixture *fleet = one_store();
    struct proxy *proxy = proxy_new(ctx, fleet->host, fleet->port);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    write_far_and_near(fleet, proxy_port(proxy));
    proxy_refuse(proxy, true);
    expect_far_down(migrate(fleet));
    proxy_refuse(proxy, false);
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 20);
}

Test(servers, nor_does_one_that_accepts_and_never_answers)
{
    struct fleet_fixture *fleet = one_store();
    struct proxy *proxy = proxy_new(ctx, fleet->host, fleet->port);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    write_far_and_near(fleet, proxy_port(proxy));
    proxy_stall(proxy, true);
    run = migrate(fleet);
    expect_far_down(run);
    cr_assert(strstr(error_text(run, "t01", "message"), "timed out"), "%s",
              error_text(run, "t01", "message"));
}

/* --- locked ----------------------------------------------------------------------------------- */

static PGconn *hold_lock(const struct fleet_fixture *fleet)
{
    PGconn *holder = pg_sql_connect(fleet->server, fleet->databases[0]);

    PQclear(PQexec(holder, "SET application_name = 'nightly import'; SELECT pg_advisory_lock("
                           "hashtextextended('pgtide:public.pgtide_history', 0))"));
    return holder;
}

Test(servers, the_holder_of_a_locked_tenant_is_named)
{
    struct fleet_fixture *fleet = one_store();
    PGconn *holder = hold_lock(fleet);
    const struct fleet_run *run;
    const char *detail;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_inventory(fleet, "settings: {lock_wait: 100ms}\n");
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 4, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "locked");
    detail = error_text(run, "store-1", "detail");
    cr_assert(strstr(detail, mem_printf(ctx, "pid %d,", PQbackendPID(holder))), "%s", detail);
    cr_assert(strstr(detail, "nightly import"), "%s", detail);
    cr_assert(strstr(run->out, "nightly import"), "%s", run->out);
    cr_assert_eq(attempts(run, "store-1"), 1);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
    cr_assert_eq(fleet_fixture_run(fleet, "plan", NULL)->exit_code, 0, "plan takes no lock");
    PQfinish(holder);
    cr_assert_eq(migrate(fleet)->exit_code, 0);
}

Test(servers, a_lock_that_is_given_up_in_time_is_no_matter)
{
    struct fleet_fixture *fleet = one_store();
    PGconn *holder = hold_lock(fleet);
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_inventory(fleet, "settings: {lock_wait: 1m}\n");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                          "'pgtide %store-1' AND query LIKE '%pg_try_advisory_lock%' AND "
                          "datname = current_database() AND state LIKE 'idle%'",
                          PATIENCE_MS));
    PQfinish(holder);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(attempts(run, "store-1"), 1);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
}

/* --- limits of time --------------------------------------------------------------------------- */

Test(servers, a_tenant_that_takes_too_long_is_cancelled)
{
    struct fleet_fixture *fleet = one_store();
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "CREATE TABLE b (a int);\nSELECT pg_sleep(3600);\n");
    fleet_fixture_inventory(fleet, "settings: {tenant_deadline: 1s}\n");
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 4, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(error_text(run, "store-1", "message"), "deadline"), "%s",
              error_text(run, "store-1", "message"));
    cr_assert_str_eq(error_text(run, "store-1", "file"), "migrations/2_b.sql");
    cr_assert_eq(attempts(run, "store-1"), 1);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1, "what was committed stays");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'b'"),
                 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                     "'%pg_sleep(3600)%' AND state = 'active' AND "
                                     "pid <> pg_backend_pid() AND datname = current_database()"),
                 0, "the statement was to be cancelled on the server");
}

Test(servers, a_statement_that_takes_too_long_is_the_servers_to_stop)
{
    struct fleet_fixture *fleet = one_store();
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "CREATE TABLE a (a int);\n\nSELECT pg_sleep(3600);\n");
    fleet_fixture_inventory(fleet, "settings: {statement_timeout: 100ms}\n");
    run = migrate(fleet);
    cr_assert_eq(run->exit_code, 4, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(error_text(run, "store-1", "sqlstate"), "57014");
    cr_assert(strstr(error_text(run, "store-1", "message"), "statement timeout"));
    cr_assert_eq(attempts(run, "store-1"), 1);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);
}
