/*
 * test_pooler.c: pgtide through PgBouncer's transaction pooling: nothing may rest on the session.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct fleet_fixture *fleet;
static struct pg_pooler *pooler;

static void setup(void)
{
    const struct pg_server *server = pg_server_shared(mem_context(NULL));

    if (access("/usr/sbin/pgbouncer", X_OK) < 0)
        cr_skip_test("pgbouncer is not installed");
    pooler = pg_pooler_new(NULL, server, "transaction");
    fleet = fleet_fixture_new(NULL, server, 1);
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\n"
                        "INSERT INTO done VALUES ('1');\n");
    fleet_fixture_through(fleet, pooler->port);
}

static void teardown(void)
{
    talloc_free(pooler); /* it holds connections to the database */
    talloc_free(fleet);
}

TestSuite(pooler, .init = setup, .fini = teardown, .timeout = 90);

/* What the pooler's next client finds. */
static const char *seen_through_pooler(const char *sql)
{
    PGconn *conn = PQconnectdb(mem_printf(fleet, "host=%s port=%d user=postgres dbname=%s",
                                          pooler->host, pooler->port, fleet->databases[0]));
    PGresult *result = PQexec(conn, sql);
    const char *value;

    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    value = mem_strdup(fleet, PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return value;
}

static void write_more(int from, int to)
{
    for (int i = from; i <= to; i++)
        fleet_fixture_write(fleet, mem_printf(fleet, "migrations/%d_more.sql", i),
                            mem_printf(fleet, "INSERT INTO done VALUES ('%d');\n", i));
}

Test(pooler, nothing_stays_behind_on_the_server_connection)
{
    write_more(2, 5);
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA shop");
    fleet_fixture_write(fleet, "migrations/6_set.sql",
                        "SET work_mem = '1234kB';\nSET ROLE pg_monitor;\n");
    fleet_fixture_tenants(fleet, "settings: {lock_timeout: 7s, statement_timeout: 1m}\n",
                          "schema: shop, vars: {currency: EUR}");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "status", NULL), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM shop.done"), 5);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                     "current_database() AND pid <> pg_backend_pid() AND "
                                     "backend_type = 'client backend'"),
                 1, "the pooler's connection is still there");
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                     "AND database = (SELECT oid FROM pg_database WHERE datname = "
                                     "current_database())"),
                 0);
    cr_assert_str_eq(
        seen_through_pooler("SELECT concat_ws(' ', current_setting('search_path'), "
                            "current_setting('lock_timeout'), current_setting('statement_timeout'),"
                            " current_setting('work_mem'), current_user, "
                            "nullif(current_setting('pgtide.currency', true), ''), "
                            "nullif(current_setting('pgtide.token', true), ''))"),
        "\"$user\", public 0 0 4MB postgres");
}

Test(pooler, two_runs_at_once_apply_once)
{
    struct fleet_fixture *other;

    other = fleet_fixture_new(fleet, fleet->server, 0);
    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_yaml(other,
                       "migrations: %s/migrations\nconnection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       fleet->dir, fleet->host, fleet->port, fleet->databases[0]);
    for (int round = 0; round < 8; round++) {
        struct process *first, *second;
        int head = 2 + 10 * round;

        write_more(head, head + 9);
        first = fleet_fixture_start(fleet, "migrate", NULL);
        second = fleet_fixture_start(other, "migrate", NULL);
        fleet_facts_expect(fleet_fixture_wait(fleet, first), 0);
        fleet_facts_expect(fleet_fixture_wait(other, second), 0);
        cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done"), head + 9);
        cr_assert_eq(fleet_fixture_applied(fleet, 1), head + 9);
    }
}

/* The pooler says so in its own words, as an error of class 08; the server has done it all. */
Test(pooler, a_server_lost_behind_the_pooler_is_looked_at_again)
{
    struct proxy *proxy = proxy_new(fleet, fleet->server->host, fleet->server->port);
    struct pg_server behind = *fleet->server;
    const struct fleet_run *run;

    behind.host = "127.0.0.1";
    behind.port = proxy_port(proxy);
    talloc_free(pooler);
    pooler = pg_pooler_new(NULL, &behind, "transaction");
    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_inventory(fleet, NULL);
    proxy_on_query(proxy, "INSERT INTO done", 0, PROXY_CUT_DONE);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert(proxy_triggered(proxy));
    fleet_facts_expect(run, 0);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_eq(fleet_facts_attempts(run, "store-1"), 2);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM done"), 1);
}

Test(pooler, transaction_none_is_refused_with_the_way_out)
{
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_index.sql",
                        "-- pgtide: transaction=none\n"
                        "CREATE INDEX CONCURRENTLY ix ON done (what);\n");
    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert(strstr(fleet_facts_error(run, "store-1", "hint"), "direct_dsn"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0, "nothing was run");

    fleet_fixture_tenants(fleet, NULL,
                          mem_printf(fleet, "direct_dsn: \"%s\"",
                                     pg_server_dsn(fleet, fleet->server, fleet->databases[0])));
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, index applied 1/1");
}
