/*
 * test_odd_databases.c: databases and roles with settings of their own, made by ALTER DATABASE and
 * ALTER ROLE for the application, that a run meets at night.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

static struct fleet_fixture *new_fleet(const char *extra)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (n int);\n");
    fleet_fixture_inventory(fleet, extra);
    return fleet;
}

/* ALTER DATABASE of the only tenant. */
static void alter(const struct fleet_fixture *fleet, const char *setting)
{
    fleet_fixture_exec(fleet, 1,
                       mem_printf(fleet, "ALTER DATABASE \"%s\" %s", fleet->databases[0], setting));
}

static void expect_migrated(struct fleet_fixture *fleet)
{
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

Test(odd_databases, numbers_that_are_rounded_do_not_reach_the_history)
{
    struct fleet_fixture *fleet = new_fleet(NULL);

    alter(fleet, "SET extra_float_digits = -15");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (n int);\n");
    expect_migrated(fleet);
    cr_expect_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE duration_ms "
                                     "BETWEEN 0 AND 60000 AND started_at BETWEEN now() - interval "
                                     "'5 min' AND finished_at"),
                 2);
}

/* The application's tools get a role of the session; a file that says "role" does not change it. */
Test(odd_databases, the_role_of_the_session_writes_the_history)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const char *database = fleet->databases[0];

    fleet_fixture_exec(
        fleet, 1,
        mem_printf(ctx,
                   "CREATE ROLE \"%s_own\"; CREATE ROLE \"%s_tool\" LOGIN NOINHERIT PASSWORD 'x';"
                   "GRANT \"%s_own\" TO \"%s_tool\"; ALTER ROLE \"%s_tool\" SET role = '%s_own';"
                   "ALTER SCHEMA public OWNER TO \"%s_own\"",
                   database, database, database, database, database, database, database));
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: %s_tool, password: x}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       database, fleet->host, fleet->port, database);
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (n int);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (role text);\n");
    expect_migrated(fleet);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 2);
    fleet_fixture_exec(
        fleet, 1,
        mem_printf(ctx,
                   "ALTER SCHEMA public OWNER TO postgres; DROP OWNED BY \"%s_own\" CASCADE; "
                   "DROP ROLE \"%s_tool\", \"%s_own\"",
                   database, database, database));
}

/* Hooks, commands and pauses take their time; the server must not end the session meanwhile. */
Test(odd_databases, idle_timeouts_do_not_end_what_waits, .timeout = 60)
{
    struct fleet_fixture *fleet = new_fleet("run: {workers: 1}\nhooks: {before_tenant: {command: "
                                            "[sh, -c, 'echo x >> log; sleep 1.5']}}\n");

    if (pg_sql_count(fleet->server, "postgres", "SHOW server_version_num") >= 140000)
        alter(fleet, "SET idle_session_timeout = '800ms'");
    alter(fleet, "SET idle_in_transaction_session_timeout = '800ms'");
    expect_migrated(fleet); /* without a history */
    fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml", "argv: [sleep, '1.5']\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql",
                        "-- pgtide: batch=1 pause=1500ms\n"
                        "INSERT INTO a SELECT 1 WHERE (SELECT count(*) FROM a) < 2;\n");
    expect_migrated(fleet);
    cr_expect_str_eq(tmpdir_read(fleet, fleet->dir, "log"), "x\nx\n");
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 3);
}

Test(odd_databases, a_long_name_of_the_history_is_not_cut_within_a_character)
{
    struct fleet_fixture *fleet =
        new_fleet("settings: {history: {table: "
                  "\"x\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"
                  "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"
                  "\u00e4\u00e4\u00e4"
                  "\"}}\n");

    expect_migrated(fleet);
    expect_migrated(fleet);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'a'"),
                 1);
}
