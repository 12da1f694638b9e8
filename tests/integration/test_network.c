/*
 * test_network.c: servers that do not answer, or answer no.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/port.h"
#include "tests/harness/proxy.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define SECRET "x7$ecret%pass"

enum { PATIENCE_MS = 30 * 1000 };

TestSuite(network, .timeout = 90);

static struct fleet_fixture *new_fleet(const struct pg_server *server)
{
    struct fleet_fixture *fleet = fleet_fixture_new(NULL, server, 1);

    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\n"
                        "INSERT INTO done VALUES ('first');\n");
    fleet_fixture_inventory(fleet, NULL);
    return fleet;
}

static struct fleet_fixture *new_shared_fleet(void)
{
    return new_fleet(pg_server_shared(mem_context(NULL)));
}

static const struct fleet_run *migrate(struct fleet_fixture *fleet, int expected_code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    fleet_facts_expect(run, expected_code);
    return run;
}

static void expect_failed(const struct fleet_run *run, const char *sqlstate)
{
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed", "%s", run->out);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "sqlstate"), sqlstate, "%s", run->out);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 1, "it would say no again");
}

/* --- silence -------------------------------------------------------------------------------- */

Test(network, silence_in_mid_statement_ends_at_the_deadline)
{
    struct fleet_fixture *fleet = new_shared_fleet();
    struct proxy *proxy = proxy_new(fleet, fleet->host, fleet->port);
    const struct fleet_run *run;

    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, "settings: {tenant_deadline: 1s, retry: {attempts: 1}}\n");
    proxy_on_query(proxy, "CREATE TABLE done", 0, PROXY_STALL);
    run = migrate(fleet, 4);
    cr_assert_lt(run->process->elapsed_ms, 20000);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unknown",
                     "changes were sent, and nobody answered");
    proxy_cut_all(proxy);
    fleet_fixture_inventory(fleet, NULL);
    cr_assert_str_eq(fleet_fixture_outcome(migrate(fleet, 0), "store-1"), "migrated");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done"), 1);
    talloc_free(fleet);
}

Test(network, a_dead_network_is_noticed_by_keepalives)
{
    struct fleet_fixture *fleet = new_shared_fleet();
    struct proxy *proxy = proxy_new(fleet, fleet->host, fleet->port);
    struct process *process;
    const struct fleet_run *run;

    if (!proxy_can_unplug())
        cr_skip_test("the kernel keeps socket filters for root here, no network can be cut");
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\nSELECT pg_sleep(2);\n"
                        "INSERT INTO done VALUES ('first');\n");
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: postgres, keepalives_idle: 1, keepalives_interval: 1, "
                       "keepalives_count: 2, tcp_user_timeout: 2000}\n"
                       "settings: {retry: {attempts: 2, base: 10ms}}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       fleet->host, fleet->port, fleet->databases[0]);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                          "AND datname = current_database()",
                          PATIENCE_MS));
    proxy_unplug(proxy);
    run = fleet_fixture_wait(fleet, process);
    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_lt(run->process->elapsed_ms, 30000);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done"), 1);
    talloc_free(fleet);
}

/* The kernel takes the connection, nobody ever answers. */
Test(network, connect_timeout_holds)
{
    struct fleet_fixture *fleet = new_shared_fleet();
    const struct fleet_run *run;
    int port;
    int fd = port_listen_any(&port);

    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: postgres, connect_timeout: 2}\n"
                       "settings: {retry: {attempts: 1}}\n"
                       "servers: {main: {host: 127.0.0.1, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: x}]\n",
                       port);
    run = migrate(fleet, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unreachable");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "timed out"));
    cr_assert_geq(run->process->elapsed_ms, 1900);
    cr_assert_lt(run->process->elapsed_ms, 15000);
    close(fd);
    talloc_free(fleet);
}

/* --- read only ------------------------------------------------------------------------------ */

Test(network, a_standby_can_be_asked_and_not_migrated)
{
    void *ctx = mem_context(NULL);
    struct pg_server *primary = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = new_fleet(primary);
    struct pg_server *standby;
    const struct fleet_run *run;

    migrate(fleet, 0);
    standby = pg_server_standby(ctx, primary);
    fleet_fixture_write(fleet, "migrations/2_second.sql", "CREATE TABLE second (a int);\n");
    fleet->port = standby->port;
    fleet_fixture_inventory(fleet, NULL);
    run = migrate(fleet, 4);
    expect_failed(run, "25006");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "primary"));
    run = fleet_fixture_run(fleet, "status", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "pending");
    talloc_free(fleet);
    talloc_free(ctx);
}

Test(network, a_read_only_database_is_named)
{
    struct fleet_fixture *fleet = new_shared_fleet();
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       mem_printf(fleet, "ALTER DATABASE %s SET default_transaction_read_only = on",
                                  fleet->databases[0]));
    run = migrate(fleet, 4);
    expect_failed(run, "25006");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "message"), "read only"));
    talloc_free(fleet);
}

/* --- two runs at once ----------------------------------------------------------------------- */

Test(network, two_runs_at_once_under_repeatable_read)
{
    struct fleet_fixture *a = new_shared_fleet();
    struct fleet_fixture *b = fleet_fixture_new(a, a->server, 0);

    fleet_fixture_exec(a, 1,
                       mem_printf(a,
                                  "ALTER DATABASE %s SET default_transaction_isolation = "
                                  "'repeatable read'",
                                  a->databases[0]));
    fleet_fixture_yaml(b,
                       "migrations: %s/migrations\nconnection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       a->dir, a->host, a->port, a->databases[0]);
    fleet_fixture_write(a, "migrations/2_index.sql",
                        "-- pgtide: transaction=none\n"
                        "CREATE INDEX CONCURRENTLY ix ON done (what);\n");
    for (int i = 3; i < 8; i++) {
        struct process *first, *second;
        const struct fleet_run *run;

        fleet_fixture_write(a, mem_printf(a, "migrations/%d_more.sql", i),
                            mem_printf(a, "INSERT INTO done VALUES ('%d');\n", i));
        first = fleet_fixture_start(a, "migrate", NULL);
        second = fleet_fixture_start(b, "migrate", NULL);
        run = fleet_fixture_wait(a, first);
        fleet_facts_expect(run, 0);
        fleet_facts_expect(fleet_fixture_wait(b, second), 0);
        cr_assert_eq(fleet_fixture_count(a, 1, "SELECT count(*) FROM done"), i - 1);
        cr_assert_eq(fleet_fixture_applied(a, 1), i);
    }
    talloc_free(a);
}

/* --- who may come in ------------------------------------------------------------------------ */

/* Nothing that a run leaves for people and programs may hold the password. */
static void expect_no_secret(const struct fleet_fixture *fleet, const struct fleet_run *run)
{
    char *report = json_dumps(run->report, 0);
    char *kept = tmpdir_read(fleet, fleet->dir, "pgtide.log");

    cr_assert_null(strstr(run->out, SECRET));
    cr_assert_null(strstr(run->err, SECRET));
    cr_assert_null(strstr(report, SECRET));
    cr_assert(!kept || !strstr(kept, SECRET));
    free(report);
}

static void inventory_of_role(const struct fleet_fixture *fleet, const char *role,
                              const char *password)
{
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: %s, password: \"%s\"}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       role, password, fleet->host, fleet->port, fleet->databases[0]);
}

Test(network, passwords_stay_secret)
{
    void *ctx = mem_context(NULL);
    struct pg_server *server = pg_server_new(ctx, "track_activity_query_size = 100kB\n");
    struct fleet_fixture *fleet = new_fleet(server);
    struct process *process;
    const struct fleet_run *run;

    pg_server_hba(server, "host all migrator all scram-sha-256\n");
    fleet_fixture_exec(fleet, 1, "CREATE ROLE migrator LOGIN SUPERUSER PASSWORD '" SECRET "'");
    inventory_of_role(fleet, "migrator", SECRET "-wrong");
    run = fleet_fixture_run(fleet, "migrate", "-v", NULL);
    fleet_facts_expect(run, 4);
    expect_failed(run, "28P01");
    expect_no_secret(fleet, run);

    fleet_fixture_yaml(fleet,
                       "migrations: migrations\ntenants:\n"
                       "  - {name: store-1, dsn: \"postgresql://migrator:x7$$ecret%%25pass-wrong@"
                       "%s:%d/%s\"}\n",
                       fleet->host, fleet->port, fleet->databases[0]);
    run = fleet_fixture_run(fleet, "migrate", "-v", NULL);
    expect_failed(run, "28P01");
    expect_no_secret(fleet, run);
    cr_assert_null(strstr(run->out, "x7$"));

    inventory_of_role(fleet, "migrator", "");
    run = migrate(fleet, 4);
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "password_file"), "%s", run->out);

    inventory_of_role(fleet, "migrator", "x7$$ecret%pass");
    fleet_fixture_write(fleet, "migrations/2_sleep.sql", "SELECT pg_sleep(0.5);\n");
    process = fleet_fixture_start(fleet, "migrate", "-v", NULL);
    cr_assert(pg_sql_wait(server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
                          PATIENCE_MS));
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_stat_activity a WHERE "
                                     "a::text LIKE '%x7$ecret%' AND pid <> pg_backend_pid()"),
                 0);
    run = fleet_fixture_wait(fleet, process);
    fleet_facts_expect(run, 0);
    expect_no_secret(fleet, run);
    talloc_free(fleet);
    talloc_free(ctx);
}

Test(network, a_missing_role_and_a_closed_database_are_named)
{
    struct fleet_fixture *fleet = new_shared_fleet();

    inventory_of_role(fleet, "nobody_here", "x");
    expect_failed(migrate(fleet, 4), "28000");
    fleet_fixture_inventory(fleet, NULL);
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s ALLOW_CONNECTIONS false",
                 fleet->databases[0]);
    expect_failed(migrate(fleet, 4), "55000");
    talloc_free(fleet);
}
