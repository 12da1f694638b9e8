/*
 * test_discover.c: tenants that nobody has listed: databases, schemas, rows, files, programs; and
 * what has become of the fleet since it was planned.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/port.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/stat.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(discover, .init = setup, .fini = teardown, .timeout = 120);

/* A fleet of `count` databases, one migration, and these entries of discover:. */
static struct fleet_fixture *new_fleet(size_t count)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), count);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    return fleet;
}

static void inventory(const struct fleet_fixture *fleet, const char *rest)
{
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d, labels: {region: eu}}}\n"
                       "%s",
                       fleet->host, fleet->port, rest);
}

/* The glob that fits the databases of this fleet alone: "store_4711_*". */
static const char *glob_of(const struct fleet_fixture *fleet)
{
    const char *name = fleet->databases[0];

    return mem_printf(ctx, "%.*s*", (int)(strrchr(name, '_') + 1 - name), name);
}

/* "name=database.schema", a line each, as list shows them. */
static const char *listed(struct fleet_fixture *fleet)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "list", "-o", "json", NULL);
    struct strbuf text;
    json_t *list;

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    list = json_is_array(run->report) ? (json_t *)(uintptr_t)run->report
                                      : json_object_get(run->report, "tenants");
    strbuf_init(&text, ctx);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tenant = json_array_get(list, i);
        const char *schema = json_string_value(json_object_get(tenant, "schema"));

        strbuf_printf(&text, "%s=%s%s%s\n", json_string_value(json_object_get(tenant, "name")),
                      json_string_value(json_object_get(tenant, "database")), schema ? "." : "",
                      schema ? schema : "");
    }
    return text.text;
}

static const struct fleet_run *refused(struct fleet_fixture *fleet, int exit_code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, exit_code, "%d: %s", run->exit_code, run->err);
    return run;
}

/* --- servers ---------------------------------------------------------------------------------- */

Test(discover, databases_that_can_be_tenants)
{
    struct fleet_fixture *fleet = new_fleet(4);
    const char *const *names = fleet->databases;
    const struct fleet_run *run;

    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s IS_TEMPLATE true", names[1]);
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s ALLOW_CONNECTIONS false", names[2]);
    inventory(fleet,
              mem_printf(ctx, "discover: [{server: main, databases: \"%s\"}]\n", glob_of(fleet)));
    cr_expect_str_eq(listed(fleet),
                     mem_printf(ctx, "%s=%s\n%s=%s\n", names[0], names[0], names[3], names[3]));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 1);
    cr_expect_eq(fleet_fixture_applied(fleet, 2), 0);
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s IS_TEMPLATE false", names[1]);
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s ALLOW_CONNECTIONS true", names[2]);
}

Test(discover, schemas_and_listed_tenants)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const char *database = fleet->databases[0];
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA s_b; CREATE SCHEMA s_a; CREATE SCHEMA \"S\"");
    inventory(fleet,
              mem_printf(ctx,
                         "tenants: [{name: own, server: main, database: %s, schema: s_a,\n"
                         "           labels: {ring: canary}}]\n"
                         "discover:\n"
                         "- {server: main, database: %s, schemas: \"*\", labels: {ring: x},\n"
                         "   name: \"{schema} of {server}\"}\n",
                         database, database));
    cr_expect_str_eq(listed(fleet),
                     mem_printf(ctx, "own=%s.s_a\nS of main=%s.S\ns_b of main=%s.s_b\n", database,
                                database, database));
    run = fleet_fixture_run(fleet, "migrate", "--label", "ring=x", NULL);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2, "%s", run->err);
    cr_expect_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_tables WHERE tablename = 'a' AND "
                                     "schemaname IN ('S', 's_b')"),
                 2);
    cr_expect_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'"), 2);
}

Test(discover, rows_of_a_query)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const char *const *names = fleet->databases;
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 2,
                       mem_printf(ctx,
                                  "CREATE TABLE shop (name text, database text, schema text,\n"
                                  "                   state text, labels jsonb, tax int);\n"
                                  "INSERT INTO shop VALUES\n"
                                  "('two', '%s', 's2', 'active', '{\"ring\": \"late\"}', 7),\n"
                                  "('one', '%s', 's1', NULL, NULL, 19),\n"
                                  "('off', '%s', 's3', 'suspended', NULL, NULL)",
                                  names[0], names[0], names[0]));
    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA s1; CREATE SCHEMA s2; CREATE SCHEMA s3");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "CREATE TABLE b AS SELECT current_setting('pgtide.tax')::int AS tax;\n");
    inventory(fleet, mem_printf(ctx,
                                "discover:\n"
                                "- server: main\n"
                                "  database: %s\n"
                                "  query: |\n"
                                "    SELECT name, database, schema, state, labels,\n"
                                "           tax AS \"vars.tax\" FROM shop; -- all\n",
                                names[1]));
    cr_expect_str_eq(listed(fleet), mem_printf(ctx, "off=%s.s3\none=%s.s1\ntwo=%s.s2\n", names[0],
                                               names[0], names[0]));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_expect(strstr(run->out, "suspended"), "%s", run->out);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT 100 * (TABLE s1.b) + (TABLE s2.b)"), 1907);
    run = fleet_fixture_run(fleet, "status", "-l", "ring=late", "-l", "region=eu", NULL);
    cr_expect_eq(json_array_size(json_object_get(run->report, "tenants")), 1, "%s", run->err);
}

Test(discover, a_query_cannot_write)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    inventory(fleet, mem_printf(ctx,
                                "discover: [{server: main, database: %s,\n"
                                "            query: SELECT 1 AS database INTO x}]\n",
                                fleet->databases[0]));
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "read-only transaction"), "%s", run->err);
    inventory(fleet, mem_printf(ctx,
                                "discover: [{server: main, database: %s,\n"
                                "            query: SELECT 1 AS databse}]\n",
                                fleet->databases[0]));
    run = refused(fleet, 65);
    cr_expect(strstr(run->err, "row 1: unknown name \"databse\""), "%s", run->err);
    cr_expect(strstr(run->err, "Did you mean \"database\"?"), "%s", run->err);
    cr_expect(strstr(run->err, "fleet.yaml:4:12: "), "%s", run->err);
}

/* Nothing in it may end the read-only transaction around it, or open it. Found without a server. */
Test(discover, a_query_is_one_query)
{
    static const struct {
        const char *query;
        const char *problem;
    } wrong[] = {
        {"COMMIT; CREATE TABLE x ()", "\"query\" has more than one statement"},
        {"SET TRANSACTION READ WRITE", "\"query\" is no query"},
        {"COPY a TO STDOUT", "\"query\" is no query"},
        {"-- nothing", "\"query\" is no query"},
        {"SELECT 'a", "\"query\": unterminated"},
    };
    struct fleet_fixture *fleet = new_fleet(1);

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct fleet_run *run;

        inventory(fleet, mem_printf(ctx,
                                    "discover: [{server: main, database: %s,\n"
                                    "            query: \"%s\"}]\n",
                                    fleet->databases[0], wrong[i].query));
        run = fleet_fixture_run(fleet, "validate", NULL);
        cr_assert_eq(run->exit_code, 78, "%s: %s", wrong[i].query, run->err);
        cr_expect(strstr(run->err, wrong[i].problem), "%s", run->err);
        cr_expect(strstr(run->err, "fleet.yaml:4:12: "), "%s", run->err);
    }
    inventory(fleet, mem_printf(ctx,
                                "discover: [{server: main, database: %s,\n"
                                "            query: \"SELECT '%s' AS database; -- all;\"}]\n",
                                fleet->databases[0], fleet->databases[0]));
    cr_expect_str_eq(listed(fleet),
                     mem_printf(ctx, "%s=%s\n", fleet->databases[0], fleet->databases[0]));
}

/* One database is there and could be migrated; it is not. */
Test(discover, a_part_of_the_fleet_is_no_fleet)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    inventory(fleet, mem_printf(ctx,
                                "  # more\n"
                                "tenants: [{name: own, server: main, database: %s}]\n"
                                "discover:\n"
                                "- {server: main, databases: \"%s\", name: \"x-{database}\"}\n"
                                "- {server: main, database: no_such_database, schemas: \"*\"}\n",
                                fleet->databases[0], glob_of(fleet)));
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "fleet.yaml:8:3: cannot discover schemas \"*\" of database "
                               "\"no_such_database\" on server \"main\": "),
              "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);

    fleet_fixture_through(fleet, port_pick());
    inventory(fleet, "discover: [{server: main, databases: \"*\", timeout: 600ms}]\n");
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "cannot discover databases \"*\" of server \"main\": "), "%s",
              run->err);
    cr_expect(strstr(run->err, "No tenant was touched"), "%s", run->err);
    cr_expect(strstr(run->err, "note: server \"main\" takes no connection yet, trying again: "),
              "%s", run->err);
}

Test(discover, a_server_that_takes_no_connection_yet_is_asked_again)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 1);
    const struct fleet_run *run;
    struct process *process;

    pg_sql_exec(server, "postgres", "CREATE ROLE migrator LOGIN CONNECTION LIMIT 0");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "SELECT 1;\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: migrator}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "discover: [{server: main, databases: \"%s\"}]\n",
                       fleet->host, fleet->port, glob_of(fleet));
    process = fleet_fixture_start(fleet, "status", NULL);
    cr_assert(process_wait_text(process, "takes no connection yet, trying again", 30000), "%s",
              process_errors(process));
    pg_sql_exec(server, "postgres", "ALTER ROLE migrator CONNECTION LIMIT -1");
    run = fleet_fixture_wait(fleet, process);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
}

/* PostgreSQL says it where it also says that the role's connections are used up. */
Test(discover, a_role_that_is_not_there_has_no_limit)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: no_such_role}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "discover: [{server: main, databases: \"*\"}]\n",
                       fleet->host, fleet->port);
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "\"no_such_role\""), "%s", run->err);
    cr_expect_not(strstr(run->err, "CONNECTION LIMIT"), "%s", run->err);
}

Test(discover, a_slow_query_ends_in_time)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    inventory(fleet, mem_printf(ctx,
                                "discover: [{server: main, database: %s, timeout: 200ms,\n"
                                "            query: SELECT 'd' AS database FROM pg_sleep(60)}]\n",
                                fleet->databases[0]));
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "cannot discover the query in database"), "%s", run->err);
}

Test(discover, nothing_found_is_said)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    inventory(fleet, mem_printf(ctx,
                                "tenants: [{name: own, server: main, database: %s}]\n"
                                "discover: [{server: main, databases: \"no_such_%s\"}]\n",
                                fleet->databases[0], glob_of(fleet)));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->err, "fleet.yaml:5: no tenant was found: databases \"no_such_"), "%s",
              run->err);
}

/* --- files and programs ----------------------------------------------------------------------- */

Test(discover, rows_of_a_file)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const char *const *names = fleet->databases;
    const struct fleet_run *run;

    inventory(fleet, "discover: [{file: stores.csv}]\n");
    fleet_fixture_write(fleet, "stores.csv",
                        mem_printf(ctx,
                                   "name,server,database,schema,state,labels.ring,vars.tax\r\n"
                                   "\"store, one\",main,%s,,,early,7\r\n"
                                   ",main,%s,,suspended,,\r\n",
                                   names[0], names[1]));
    cr_expect_str_eq(listed(fleet),
                     mem_printf(ctx, "store, one=%s\n%s=%s\n", names[0], names[1], names[1]));
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->out, "2 tenants on 1 server, 1 suspended"), "%s", run->out);
    run = fleet_fixture_run(fleet, "migrate", "-l", "ring=early", NULL);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 1, "%s", run->err);

    fleet_fixture_write(fleet, "stores.csv", "name,server,database\na,main,a\nb,mayn,b\n");
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_expect_eq(run->exit_code, 65, "%s", run->err);
    cr_expect(strstr(run->err, "stores.csv:3: there is no server \"mayn\""), "%s", run->err);
    cr_expect(strstr(run->err, "Did you mean \"main\"?"), "%s", run->err);
    fleet_fixture_write(fleet, "stores.csv", "name,server,shema\na,main,a\n");
    cr_expect(strstr(refused(fleet, 65)->err, "stores.csv:1: unknown name \"shema\""));
    fleet_fixture_remove(fleet, "stores.csv");
    fleet_fixture_write(fleet, "stores.csv/in", "");
    run = refused(fleet, 66);
    cr_expect(strstr(run->err, "stores.csv: cannot read it: Is a directory"), "%s", run->err);
    fleet_fixture_remove(fleet, "stores.csv/in");
    fleet_fixture_remove(fleet, "stores.csv");
    cr_expect(strstr(refused(fleet, 66)->err, "cannot discover the file \"stores.csv\": No such"));
}

static void write_program(const struct fleet_fixture *fleet, const char *text)
{
    fleet_fixture_write(fleet, "list-stores", text);
    cr_assert_eq(chmod(tmpdir_path(ctx, fleet->dir, "list-stores"), 0755), 0);
}

Test(discover, lines_of_a_program)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const char *database = fleet->databases[0];
    const struct fleet_run *run;

    inventory(fleet, "discover: [{command: [./list-stores, --active], server: main}]\n");
    write_program(fleet, mem_printf(ctx,
                                    "#!/bin/sh\n"
                                    "test \"$1\" = --active || exit 9\n"
                                    "echo looking >&2\n"
                                    "echo '{\"database\": \"%s\", \"labels\": {\"n\": 1}}'\n"
                                    "echo\n"
                                    "echo '{\"database\": \"%s\", \"schema\": \"s\"}'\n",
                                    database, database));
    cr_expect_str_eq(listed(fleet),
                     mem_printf(ctx, "s=%s.s\n%s=%s\n", database, database, database));
    run = fleet_fixture_run(fleet, "status", "-l", "n=1", NULL);
    cr_expect_eq(json_array_size(json_object_get(run->report, "tenants")), 1, "%s", run->err);
    cr_expect(strstr(run->err, "looking\n"), "%s", run->err);

    write_program(fleet, "#!/bin/sh\necho '{\"database\": \"a\"}'\necho 'b'\n");
    run = refused(fleet, 65);
    cr_expect(strstr(run->err, "cannot discover the command \"./list-stores\": line 2 of its "
                               "output: it is not JSON: "),
              "%s", run->err);
    write_program(fleet, "#!/bin/sh\necho '{\"database\": \"a\"}'\nexit 3\n");
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "it failed with exit status 3"), "%s", run->err);
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_expect_eq(run->exit_code, 0, "offline, nothing is run: %s", run->err);
    cr_expect(strstr(run->out, "1 entry of discover: was not asked"), "%s", run->out);
}

Test(discover, a_program_that_never_ends)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    struct process *process;

    inventory(fleet, "discover: [{command: [./list-stores], server: main, timeout: 1h}]\n");
    write_program(fleet, "#!/bin/sh\nyes\n");
    run = refused(fleet, 1);
    cr_expect(strstr(run->err, "it wrote too much and was killed"), "%s", run->err);

    write_program(fleet, "#!/bin/sh\ntrap 'echo told >&2; exit 1' TERM\n"
                         "echo looking >&2\nwhile :; do sleep 0.05; done\n");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(process_wait_text(process, "looking", 30000));
    process_signal(process, SIGTERM);
    cr_assert(process_wait_text(process, "stopped by SIGTERM, no tenant was touched", 30000));
    cr_expect_eq(process_wait(process)->signal, SIGTERM);
    cr_expect(strstr(process_errors(process), "told\n"), "nothing of it may be left behind");
}

/* --- the password ----------------------------------------------------------------------------- */

Test(discover, a_password_command_is_not_left_behind)
{
    static const char *const discover[] = {"", "discover: [{server: main, databases: \"*\"}]\n"};
    struct fleet_fixture *fleet = new_fleet(1);
    struct process *process;

    write_program(fleet, "#!/bin/sh\ntrap 'echo told >&2; exit 1' TERM\n"
                         "echo looking >&2\nwhile :; do sleep 0.05; done\n");
    for (size_t i = 0; i < ARRAY_LEN(discover); i++) {
        fleet_fixture_yaml(fleet,
                           "migrations: migrations\n"
                           "connection: {user: postgres, password_command: [\"%s/list-stores\"]}\n"
                           "servers: {main: {host: %s, port: %d}}\n"
                           "tenants: [{name: a, server: main, database: %s}]\n%s",
                           fleet->dir, fleet->host, fleet->port, fleet->databases[0], discover[i]);
        process = fleet_fixture_start(fleet, "migrate", NULL);
        cr_assert(process_wait_text(process, "looking", 30000), "%s", process_errors(process));
        process_signal(process, SIGTERM);
        cr_assert(process_wait_text(process, "stopped by SIGTERM, no tenant was touched", 30000));
        cr_expect_eq(process_wait(process)->signal, SIGTERM);
        cr_expect(strstr(process_errors(process), "told\n"), "nothing of it may be left behind");
    }
}

Test(discover, a_password_command_is_run_once_and_before)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 2);
    const struct fleet_run *run;

    pg_sql_exec(server, "postgres", "CREATE ROLE migrator SUPERUSER LOGIN PASSWORD 'Tr0ub4'");
    pg_server_hba(server, "host all migrator all scram-sha-256\n");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\n"
                       "connection: {user: migrator, password_command: [sh, -c,\n"
                       "  'echo x >> calls; echo Tr0ub4']}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "discover: [{server: main, databases: \"%s\"}]\n",
                       fleet->host, fleet->port, glob_of(fleet));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_expect_str_eq(tmpdir_read(ctx, fleet->dir, "calls"), "x\n");
}

/* --- since the plan --------------------------------------------------------------------------- */

static const struct fleet_run *with_plan(struct fleet_fixture *fleet, const char *more)
{
    return fleet_fixture_run(fleet, "migrate", "--plan", "plan.json", more, NULL);
}

Test(discover, what_changed_since_the_plan_is_named)
{
    struct fleet_fixture *fleet = new_fleet(3);
    const struct fleet_run *run;

    inventory(fleet,
              mem_printf(ctx, "discover: [{server: main, databases: \"%s\"}]\n", glob_of(fleet)));
    run = fleet_fixture_run(fleet, "plan", "--report", "plan.json", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    pg_sql_drop_database(fleet->server, fleet->databases[1]);
    run = with_plan(fleet, NULL);
    cr_expect_eq(run->exit_code, 64, "%s", run->err);
    cr_expect(strstr(run->err, mem_printf(ctx,
                                          "since the plan \"plan.json\", 1 tenant has "
                                          "vanished: \"%s\"\n",
                                          fleet->databases[1])),
              "%s", run->err);
    cr_expect(strstr(run->err, "add --yes"), "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
    pg_sql_create_database(fleet->server, fleet->databases[1]);
    run = with_plan(fleet, NULL);
    cr_expect_eq(run->exit_code, 0, "as planned again: %s", run->err);

    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (b int);\n");
    run = with_plan(fleet, NULL);
    cr_expect_eq(run->exit_code, 64, "%s", run->err);
    cr_expect(strstr(run->err, "the catalog has changed: from 1 to 2 migrations"), "%s", run->err);
    run = with_plan(fleet, "--yes");
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->err, "the catalog has changed"), "%s", run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 3);
}

/* Warnings, and what would run, whoever would be asked otherwise; the exit code is that of plan. */
Test(discover, a_dry_run_names_what_changed_since_the_plan)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, NULL);
    run = fleet_fixture_run(fleet, "plan", "--report", "plan.json", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    run = with_plan(fleet, "--dry-run");
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_null(strstr(run->err, "since the plan"), "%s", run->err);

    fleet_fixture_write(fleet, "migrations/2_b.sql", "CREATE TABLE b (b int);\n");
    pg_sql_drop_database(fleet->server, fleet->databases[1]);
    run = with_plan(fleet, "--dry-run");
    cr_expect_eq(run->exit_code, 3, "one cannot be asked: %s", run->err);
    pg_sql_create_database(fleet->server, fleet->databases[1]);
    run = with_plan(fleet, "--dry-run");
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->err, "warning: since the plan \"plan.json\", the catalog has changed: "
                               "from 1 to 2 migrations\n"),
              "%s", run->err);
    cr_expect(strstr(run->out, "2_b"), "%s", run->out);
    run = fleet_fixture_run(fleet, "seed", "--dry-run", "--plan", "plan.json", NULL);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->err, "since the plan"), "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
    cr_expect_eq(fleet_fixture_total(run, "pending"), 2);

    fleet_fixture_write(fleet, "plan.json", "{}");
    run = with_plan(fleet, "--dry-run");
    cr_expect_eq(run->exit_code, 65, "%s", run->err);
    cr_expect_str_eq(run->out, "");
}

Test(discover, a_plan_must_be_one)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, NULL);
    run = with_plan(fleet, NULL);
    cr_expect_eq(run->exit_code, 66, "%s", run->err);
    fleet_fixture_write(fleet, "plan.json", "{\"operation\": \"migrate\"}");
    run = with_plan(fleet, NULL);
    cr_expect_eq(run->exit_code, 65, "%s", run->err);
    cr_expect(strstr(run->err, "plan.json: this is not the JSON report of a plan"), "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
}
