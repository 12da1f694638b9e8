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

Test(odd_databases, a_transaction_takes_the_time_it_takes)
{
    struct fleet_fixture *fleet = new_fleet(NULL);

    if (pg_sql_count(fleet->server, "postgres", "SHOW server_version_num") < 170000)
        cr_skip_test("the server knows no transaction_timeout before version 17");
    alter(fleet, "SET transaction_timeout = '500ms'");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT pg_sleep(1);\n");
    expect_migrated(fleet);
    fleet_fixture_write(fleet, "migrations/3_c.sql", "SELECT pg_sleep(1);\n");
    fleet_fixture_write(fleet, "migrations/4_d.sql", "SELECT pg_sleep(1);\n");
    expect_migrated(fleet);
}

Test(odd_databases, a_role_that_is_not_there_is_named)
{
    struct fleet_fixture *fleet = new_fleet("settings: {role: nobody_here}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "status", NULL);

    cr_expect_eq(run->exit_code, 3);
    cr_expect(strstr(run->process->out, "It is settings.role of the inventory"), "%s",
              run->process->out);
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

/* --- what the tenant's owner has made --------------------------------------------------------- */

/* Operators in the tenant's schema, found before PostgreSQL's own, that note who ran them; a look,
 * which may not write, fails at it. */
static void plant_operators(struct fleet_fixture *fleet)
{
    static const struct {
        const char *name, *left, *right, *result;
    } operators[] = {
        {"*", "float8", "int4", "float8"},   {"/", "float8", "int4", "float8"},
        {"*", "float8", "float8", "float8"}, {"=", "text", "text", "bool"},
        {"<>", "text", "text", "bool"},      {"=", "int8", "int8", "bool"},
        {"=", "int4", "int4", "bool"},       {"||", "text", "text", "text"},
        {"!~", "name", "name", "bool"},      {"=", "oid", "regclass", "bool"},
    };

    fleet_fixture_exec(fleet, 1, "CREATE TABLE evil (who text)");
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        fleet_fixture_exec(
            fleet, 1,
            mem_printf(
                (void *)fleet,
                "CREATE FUNCTION evil%zu(%s, %s) RETURNS %s LANGUAGE plpgsql AS $$BEGIN "
                "INSERT INTO public.evil VALUES (current_user); RETURN NULL; END$$; "
                "CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil%zu)",
                i, operators[i].left, operators[i].right, operators[i].result, operators[i].name,
                operators[i].left, operators[i].right, i));
    alter(fleet, "SET search_path = public, pg_catalog");
}

Test(odd_databases, operators_of_the_owner_are_not_run_by_pgtide)
{
    struct fleet_fixture *fleet = new_fleet("settings: {nonempty: allow}\n");

    plant_operators(fleet);
    for (int i = 2; i < 5; i++)
        fleet_fixture_write(fleet, mem_printf(fleet, "migrations/%d_b.sql", i),
                            mem_printf(fleet,
                                       "-- pgtide:up\nCREATE TABLE b%d (n int);\n"
                                       "-- pgtide:down\nDROP TABLE b%d;\n",
                                       i, i));
    fleet_facts_expect(fleet_fixture_run(fleet, "status", NULL), 0);
    expect_migrated(fleet);
    fleet_facts_expect(fleet_fixture_run(fleet, "status", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "2", "--yes", NULL), 0);
    expect_migrated(fleet);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT pg_catalog.count(*) FROM evil"), 0);
}

/* Its functions would run with the rights of whoever looks at it. */
Test(odd_databases, a_view_is_no_history)
{
    struct fleet_fixture *fleet = new_fleet(NULL);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE FUNCTION evil() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN "
                       "RAISE EXCEPTION 'evil was run'; END$$; "
                       "CREATE VIEW pgtide_history AS SELECT evil() AS rank");
    run = fleet_fixture_run(fleet, "status", NULL);
    fleet_facts_expect(run, 3);
    cr_expect(strstr(run->process->out, "not of a layout that this pgtide knows"), "%s",
              run->process->out);
    cr_expect_null(strstr(run->process->out, "evil"), "%s", run->process->out);
}

/* SPEC 8: never "all pending". */
Test(odd_databases, a_history_that_is_hidden_row_by_row_is_an_error)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(NULL);
    const char *database = fleet->databases[0];
    const struct fleet_run *run;

    expect_migrated(fleet);
    fleet_fixture_exec(
        fleet, 1,
        mem_printf(ctx,
                   "CREATE ROLE \"%s_rls\" LOGIN; GRANT ALL ON pgtide_history TO "
                   "\"%s_rls\"; ALTER TABLE pgtide_history ENABLE ROW LEVEL SECURITY",
                   database, database));
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: %s_rls}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       database, fleet->host, fleet->port, database);
    run = fleet_fixture_run(fleet, "status", NULL);
    fleet_fixture_exec(
        fleet, 1,
        mem_printf(ctx, "DROP OWNED BY \"%s_rls\"; DROP ROLE \"%s_rls\"", database, database));
    fleet_facts_expect(run, 3);
    cr_expect(strstr(run->process->out, "42501"), "%s", run->process->out);
    talloc_free(ctx);
}

/* A trigger may raise what it likes, pgtide's own marks too, and any amount of it. */
Test(odd_databases, an_error_is_only_a_text)
{
    static const char *const texts[] = {
        "'pgtide:' || current_setting('pgtide.token') || ':verify:'",
        "'pgtide:' || current_setting('pgtide.token') || ':require:'",
        "repeat('x', 1000000)",
    };
    struct fleet_fixture *fleet = new_fleet(NULL);

    expect_migrated(fleet);
    fleet_fixture_write(fleet, "migrations/2_b.sql", "INSERT INTO a VALUES (1);\n");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct fleet_run *run;

        fleet_fixture_exec(fleet, 1,
                           mem_printf(fleet,
                                      "CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE "
                                      "plpgsql AS $$BEGIN RAISE EXCEPTION '%%', %s; END$$; "
                                      "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON a "
                                      "FOR EACH ROW EXECUTE FUNCTION shout()",
                                      texts[i]));
        run = fleet_fixture_run(fleet, "migrate", NULL);
        cr_expect(run->exit_code == 4 || run->exit_code == 3, "%zu: exit code %d", i,
                  run->exit_code);
        cr_expect_lt(strlen(run->process->out), 100000, "%zu", i);
    }
}
