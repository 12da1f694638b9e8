/*
 * test_server_care.c: servers as a whole: full ones, those that are restarted, those whose replicas
 * lag or whose connections are in use, and those that stand still while others do not.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <signal.h>

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

TestSuite(server_care, .init = setup, .fini = teardown, .timeout = 120);

/* --- a fleet of schemas in one database, reached as a role that is no superuser --------------- */

static struct fleet_fixture *shops_on(const struct pg_server *server)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 1);

    pg_sql_exec(server, "postgres", "CREATE ROLE migrator LOGIN");
    pg_sql_execf(server, "postgres", "GRANT CREATE ON DATABASE %s TO migrator",
                 fleet->databases[0]);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    return fleet;
}

/* `server` are more entries of the server, `extra` is more of the top level. */
static void write_shops(const struct fleet_fixture *fleet, int count, const char *server,
                        const char *extra)
{
    struct strbuf yaml;

    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: migrations\n"
                  "connection: {user: migrator}\n"
                  "servers: {main: {host: %s, port: %d, %s}}\n"
                  "settings: {create: schema, retry: {attempts: 3, base: 10ms, cap: 100ms}}\n"
                  "%stenants:\n",
                  fleet->host, fleet->port, server, extra);
    for (int i = 1; i <= count; i++)
        strbuf_printf(&yaml, "  - {name: t%03d, server: main, database: %s, schema: t%03d}\n", i,
                      fleet->databases[0], i);
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
}

static int64_t shops_done(const struct fleet_fixture *fleet)
{
    return fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'");
}

/* Connections of `user` that somebody else has open. */
struct crowd {
    PGconn *members[64];
    size_t count;
};

static void gather(struct crowd *crowd, const struct pg_server *server, const char *user,
                   size_t count)
{
    char *dsn = mem_printf(ctx, "host=%s port=%d user=%s dbname=postgres", server->host,
                           server->port, user);

    for (size_t i = 0; i < count; i++) {
        crowd->members[crowd->count] = PQconnectdb(dsn);
        cr_assert_eq(PQstatus(crowd->members[crowd->count++]), CONNECTION_OK);
    }
}

static void disperse(struct crowd *crowd)
{
    while (crowd->count > 0)
        PQfinish(crowd->members[--crowd->count]);
}

/* --- full servers ----------------------------------------------------------------------------- */

Test(server_care, more_workers_than_the_server_has_places)
{
    struct pg_server *server = pg_server_new(ctx, "max_connections = 15\n"); /* 3 are reserved */
    struct fleet_fixture *fleet = shops_on(server);
    const struct fleet_run *run;

    write_shops(fleet, 150, "per_server: 32", "run: {workers: 32}\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 150);
    cr_assert_eq(shops_done(fleet), 150);
}

Test(server_care, a_server_that_others_have_filled_is_waited_for)
{
    struct pg_server *server = pg_server_new(ctx, "max_connections = 15\n");
    struct fleet_fixture *fleet = shops_on(server);
    struct crowd crowd = {.count = 0};
    const struct fleet_run *run;
    struct process *process;

    write_shops(fleet, 10, "per_server: 4", "run: {workers: 4}\n");
    gather(&crowd, server, "migrator", 12);
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "attempt 6: 53300", PATIENCE_MS), "%s",
              process_errors(process));
    disperse(&crowd);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 10);
}

Test(server_care, the_limit_of_one_database_or_role_is_that_tenants_trouble)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 8);
    char *role = pg_sql_unique(ctx, "nobody");
    struct strbuf yaml;
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    pg_sql_execf(fleet->server, "postgres", "CREATE ROLE %s LOGIN CONNECTION LIMIT 0", role);
    pg_sql_execf(fleet->server, "postgres", "CREATE ROLE %s_2 LOGIN", role);
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s CONNECTION LIMIT 0",
                 fleet->databases[1]);
    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: migrations\nconnection: {user: postgres}\n"
                  "settings: {retry: {attempts: 3, base: 10ms, cap: 100ms}}\n"
                  "run: {workers: 4, max_failures: 2}\n"
                  "servers: {main: {host: %s, port: %d}}\ntenants:\n",
                  fleet->host, fleet->port);
    for (size_t i = 0; i < 8; i++)
        strbuf_printf(&yaml, "  - {name: store-%zu, server: main, database: %s%s%s%s}\n", i + 1,
                      fleet->databases[i], i < 2 ? ", connection: {user: " : "",
                      i < 2 ? mem_printf(ctx, "%s%s", role, i == 1 ? "_2" : "") : "",
                      i < 2 ? "}" : "");
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unreachable");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "unreachable");
    cr_expect(strstr(run->out, "It is the limit of this database or role alone"), "%s", run->out);
    for (int i = 1; i <= 2; i++)
        cr_assert_eq(json_integer_value(json_object_get(
                         fleet_fixture_tenant(run, mem_printf(ctx, "store-%d", i)), "attempts")),
                     3);
    pg_sql_execf(fleet->server, "postgres", "DROP ROLE %s, %s_2", role, role);
}

/* --- restarts --------------------------------------------------------------------------------- */

/* A smart shutdown refuses new connections with 57P03 while an old one is open. */
Test(server_care, a_server_that_is_restarted_is_waited_for)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = shops_on(server);
    PGconn *guest = pg_sql_connect(server, "postgres");
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "CREATE TABLE a (a int);\nSELECT pg_sleep(0.02);\n");
    write_shops(fleet, 40, "per_server: 4", "run: {workers: 4}\n");
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "t004", PATIENCE_MS), "%s", process_errors(process));
    process_signal(server->process, SIGTERM);
    cr_assert(process_wait_text(process, "attempt 8: 57P03", PATIENCE_MS), "%s",
              process_errors(process));
    PQfinish(guest);
    pg_server_stop(server, PG_SERVER_FAST);
    harness_pause(300);
    pg_server_start(server);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 40);
    cr_assert_eq(shops_done(fleet), 40);
}

/* --- max_connections_used --------------------------------------------------------------------- */

static struct fleet_fixture *watched_shops(const struct pg_server *server, const char *limit)
{
    struct fleet_fixture *fleet = shops_on(server);

    pg_sql_exec(server, "postgres", "GRANT pg_monitor TO migrator");
    write_shops(fleet, 6, limit, "run: {workers: 4}\n");
    return fleet;
}

Test(server_care, a_server_with_many_connections_is_waited_for)
{
    struct pg_server *server = pg_server_new(ctx, "max_connections = 33\n");
    struct fleet_fixture *fleet = watched_shops(server, "max_connections_used: 50%");
    struct crowd crowd = {.count = 0};
    const struct fleet_run *run;
    struct process *process;

    gather(&crowd, server, "postgres", 16);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(
        process_wait_text(process, "connections 16 of 30 (max_connections_used 50%)", PATIENCE_MS),
        "%s", process_errors(process));
    cr_assert_eq(shops_done(fleet), 0);
    disperse(&crowd);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
}

Test(server_care, who_waits_for_a_server_can_be_stopped)
{
    struct pg_server *server = pg_server_new(ctx, "max_connections = 33\n");
    struct fleet_fixture *fleet = watched_shops(server, "max_connections_used: 10");
    struct crowd crowd = {.count = 0};
    const struct fleet_run *run;
    struct process *process;

    gather(&crowd, server, "postgres", 12);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(process_wait_text(process, "max_connections_used", PATIENCE_MS));
    process_signal(process, SIGTERM);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 143, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 6);
    run = fleet_fixture_run(fleet, "migrate", "--max-duration", "300ms", NULL);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 6);
    cr_assert(strstr(run->out, "max_duration (300ms) has passed"), "%s", run->out);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_assert_eq(run->exit_code, 0, "who only looks does not wait: %s", run->err);
    disperse(&crowd);
}

Test(server_care, who_may_not_see_the_connections_does_not_start)
{
    struct fleet_fixture *fleet = shops_on(pg_server_new(ctx, NULL));
    const struct fleet_run *run;

    write_shops(fleet, 3, "max_replica_lag: 10s", "");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 1, "%s%s", run->out, run->err);
    cr_assert(strstr(run->err, "cannot watch server \"main\": role \"migrator\" may not see"), "%s",
              run->err);
    cr_assert(strstr(run->err, "GRANT pg_monitor TO \"migrator\""), "%s", run->err);
    cr_assert_eq(shops_done(fleet), 0);
    cr_assert_eq(fleet_fixture_run(fleet, "plan", NULL)->exit_code, 0);
    pg_sql_exec(fleet->server, "postgres", "GRANT pg_monitor TO \"migrator\"");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
}

/* PostgreSQL's own views in this database: one that sleeps takes the place of theirs. A look goes
 * on for longer than the role's time limit, and one that somebody cancels is no refusal. */
Test(server_care, a_look_that_is_cancelled_is_no_refusal)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = watched_shops(server, "max_connections_used: 90%");
    const struct fleet_run *run;
    struct process *process;

    pg_sql_exec(
        server, "postgres",
        "SET allow_system_table_mods = on;"
        "ALTER VIEW pg_catalog.pg_stat_activity RENAME TO pg_stat_quick;"
        "CREATE VIEW pg_catalog.pg_stat_activity AS SELECT a.* FROM pg_catalog.pg_stat_quick a,"
        " pg_sleep(1);"
        "GRANT SELECT ON pg_catalog.pg_stat_activity TO PUBLIC;"
        "ALTER ROLE migrator IN DATABASE postgres SET statement_timeout = 100");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    while (pg_sql_count(server, "postgres",
                        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_quick"
                        " WHERE usename = 'migrator' AND datname = 'postgres'"
                        " AND wait_event = 'PgSleep'") == 0 &&
           process_running(process))
        continue;
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
}

/* Nobody may connect to "postgres", nor to the first tenant's database; in the second one another
 * view has the name of PostgreSQL's own. */
Test(server_care, a_look_from_a_database_of_a_tenant)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 2);
    const struct fleet_run *run;

    pg_sql_exec(server, "postgres",
                "CREATE ROLE migrator LOGIN; GRANT pg_monitor TO migrator;"
                "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
    pg_sql_execf(server, "postgres", "REVOKE CONNECT ON DATABASE %s FROM PUBLIC",
                 fleet->databases[0]);
    fleet_fixture_exec(fleet, 2,
                       "GRANT CREATE ON SCHEMA public TO migrator;"
                       "CREATE VIEW public.pg_stat_activity AS"
                       " SELECT 'client backend' AS backend_type, 1 / 0 AS pid;"
                       "GRANT SELECT ON public.pg_stat_activity TO migrator");
    pg_sql_execf(server, "postgres",
                 "GRANT CREATE ON DATABASE %s TO migrator;"
                 "ALTER ROLE migrator SET search_path = public, pg_catalog",
                 fleet->databases[1]);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: migrator}\n"
                       "servers: {main: {host: %s, port: %d, max_connections_used: 90%%}}\n"
                       "settings: {nonempty: allow}\n"
                       "run: {max_failures: 1}\n"
                       "tenants:\n"
                       "  - {name: a, server: main, database: %s}\n"
                       "  - {name: b, server: main, database: %s}\n",
                       fleet->host, fleet->port, fleet->databases[0], fleet->databases[1]);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 1, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "failed"), 1, "%s%s", run->out, run->err);
    run = fleet_fixture_run(fleet, "migrate", "-t", "a", NULL);
    cr_expect_eq(run->exit_code, 1);
    cr_expect(strstr(run->err, "cannot watch server \"main\": "), "%s", run->err);
}

/* The watch may never turn into one that sees nothing and so no reason to wait. */
Test(server_care, who_loses_that_right_in_a_run_goes_on_without_the_server)
{
    struct pg_server *server = pg_server_new(ctx, "max_connections = 33\n");
    struct fleet_fixture *fleet = watched_shops(server, "max_connections_used: 10");
    struct crowd crowd = {.count = 0};
    const struct fleet_run *run;
    struct process *process;

    gather(&crowd, server, "postgres", 12);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(process_wait_text(process, "max_connections_used", PATIENCE_MS));
    pg_sql_exec(server, "postgres", "REVOKE pg_monitor FROM migrator");
    run = fleet_fixture_wait(fleet, process);
    disperse(&crowd);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 6);
    cr_assert_eq(shops_done(fleet), 0);
    cr_assert(strstr(run->out, "server main was left out, as it cannot be watched: role "
                               "\"migrator\" may not see"),
              "%s", run->out);
}

/* --- max_replica_lag -------------------------------------------------------------------------- */

Test(server_care, a_server_whose_replica_lags_is_waited_for)
{
    struct pg_server *primary = pg_server_new(ctx, "wal_receiver_status_interval = 1s\n");
    struct pg_server *standby = pg_server_standby(ctx, primary);
    struct fleet_fixture *fleet = watched_shops(primary, "max_replica_lag: 500ms");
    const struct fleet_run *run;
    struct process *process;

    pg_server_catch_up(standby, primary);
    pg_sql_exec(standby, "postgres", "SELECT pg_wal_replay_pause()");
    pg_sql_exec(primary, "postgres", "CREATE TABLE written AS SELECT generate_series(1, 1000)");
    cr_assert(pg_sql_wait(primary, "postgres",
                          "SELECT replay_lsn < pg_current_wal_flush_lsn() AND coalesce(replay_lag "
                          "> '500ms', true) FROM pg_stat_replication",
                          PATIENCE_MS));
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(process_wait_text(process, "replica", PATIENCE_MS), "%s", process_errors(process));
    cr_assert(process_wait_text(process, "(max_replica_lag 500ms)", PATIENCE_MS));
    cr_assert_eq(shops_done(fleet), 0);
    pg_sql_exec(standby, "postgres", "SELECT pg_wal_replay_resume()");
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
}

Test(server_care, a_replica_that_keeps_up_is_no_reason_to_wait)
{
    struct pg_server *primary = pg_server_new(ctx, NULL);
    struct pg_server *standby = pg_server_standby(ctx, primary);
    struct fleet_fixture *fleet = watched_shops(primary, "max_replica_lag: 1h");
    const struct fleet_run *run;

    pg_server_catch_up(standby, primary);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 6);
}

/* --- one of four ------------------------------------------------------------------------------ */

Test(server_care, a_server_that_stands_still_does_not_hold_up_the_others)
{
    enum { SERVERS = 4, EACH = 10 };
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    struct proxy *proxies[SERVERS];
    const struct fleet_run *run;
    struct process *process;
    struct strbuf yaml;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    strbuf_init(&yaml, ctx);
    strbuf_str(&yaml, "migrations: migrations\nconnection: {user: postgres, connect_timeout: 60}\n"
                      "settings: {create: schema}\nrun: {workers: 4, per_server: 2}\nservers:\n");
    for (int i = 0; i < SERVERS; i++) {
        proxies[i] = proxy_new(ctx, fleet->host, fleet->port);
        strbuf_printf(&yaml, "  s%d: {host: 127.0.0.1, port: %d}\n", i, proxy_port(proxies[i]));
    }
    strbuf_str(&yaml, "tenants:\n");
    for (int i = 0; i < SERVERS * EACH; i++) /* all of the first server stand first */
        strbuf_printf(&yaml, "  - {name: t%02d, server: s%d, database: %s, schema: t%02d}\n", i,
                      i / EACH, fleet->databases[0], i);
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
    proxy_stall(proxies[0], true);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT (count(*) = 30)::int FROM pg_tables WHERE tablename = 'a'",
                          PATIENCE_MS),
              "%s", process_errors(process));
    cr_assert(process_running(process));
    proxy_stall(proxies[0], false);
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), SERVERS * EACH);
}
