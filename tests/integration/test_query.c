/*
 * test_query.c: one query on every tenant: its three formats, what is refused, many rows in little
 * memory, readers that go away, signals.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <signal.h>

TestSuite(query, .timeout = 60);

/* The address sanitizer keeps freed memory, to see who uses it. */
#ifdef __SANITIZE_ADDRESS__
enum { PEAK_MOST_KB = 800 * 1024 };
#else
enum { PEAK_MOST_KB = 40 * 1024 };
#endif

static struct fleet_fixture *new_fleet(void *ctx, size_t count)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), count);

    for (size_t i = 1; i <= count; i++)
        fleet_fixture_exec(fleet, i,
                           "CREATE TABLE t (id int, name text); INSERT INTO t VALUES "
                           "(1, 'one'), (2, NULL), (30, '')");
    fleet_fixture_inventory(fleet, "run: {workers: 1}\n");
    return fleet;
}

Test(query, as_a_table)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 2);
    const struct fleet_run *run = fleet_fixture_run(fleet, "query", "TABLE t ORDER BY id", NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(run->out, "tenant   id  name\n"
                               "store-1   1  one\n"
                               "store-1   2  NULL\n"
                               "store-1  30  \n"
                               "store-2   1  one\n"
                               "store-2   2  NULL\n"
                               "store-2  30  \n");
    cr_expect(strstr(run->err, ": 6 rows from 2 tenants in "), "%s", run->err);
    talloc_free(ctx);
}

Test(query, as_csv)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 1);
    const struct fleet_run *run =
        fleet_fixture_run(fleet, "query", "-o", "csv",
                          "SELECT 1 AS \"a,b\", E'x\"y' AS q, NULL AS n, '' AS e, E'l\\nm' AS l, "
                          "'\u00e9 \u4e16' AS u",
                          NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(run->out, "tenant,\"a,b\",q,n,e,l,u\n"
                               "store-1,1,\"x\"\"y\",,\"\",\"l\nm\",\u00e9 \u4e16\n");
    run = fleet_fixture_run(fleet, "query", "-o", "csv", "SELECT id FROM t WHERE false", NULL);
    cr_expect_str_eq(run->out, "tenant,id\n", "a head without rows: %s", run->out);
    talloc_free(ctx);
}

Test(query, as_json_lines)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 1);
    const struct fleet_run *run = fleet_fixture_run(
        fleet, "query", "-o", "json",
        "SELECT 9007199254740993 AS i, 1.50 AS n, 'Infinity'::float8 AS f, true AS b, NULL AS z, "
        "E'{\"k\":\\n[1]}'::json AS j, '{\"k\": 2}'::jsonb AS jb, E'\"\\\\\\n\\t\u00e9' AS t, "
        "'{1,2}'::int[] AS a",
        NULL);
    json_t *line = json_loads(run->out, 0, NULL);
    const json_t *row = json_object_get(line, "row");

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_assert(row, "%s", run->out);
    cr_expect_str_eq(json_string_value(json_object_get(line, "tenant")), "store-1");
    cr_expect_eq(json_integer_value(json_object_get(row, "i")), 9007199254740993);
    cr_expect(strstr(run->out, "\"n\": 1.50"));
    cr_expect_str_eq(json_string_value(json_object_get(row, "f")), "Infinity");
    cr_expect(json_is_true(json_object_get(row, "b")));
    cr_expect(json_is_null(json_object_get(row, "z")));
    cr_expect(json_is_array(json_object_get(json_object_get(row, "j"), "k")));
    cr_expect(json_is_object(json_object_get(row, "jb")));
    cr_expect_str_eq(json_string_value(json_object_get(row, "t")), "\"\\\n\t\u00e9");
    cr_expect_str_eq(json_string_value(json_object_get(row, "a")), "{1,2}");
    json_decref(line);
    run = fleet_fixture_run(fleet, "query", "-o", "json", "SELECT 1 AS a, 2 AS a", NULL);
    cr_expect_eq(run->exit_code, 3);
    cr_expect(strstr(run->err, "two columns are called \"a\""));
    talloc_free(ctx);
}

/* What a migration would find there: search_path, variables, role, time-outs. */
Test(query, in_the_tenants_surroundings)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA \"a b\"; CREATE TABLE \"a b\".t AS SELECT 7 AS x");
    fleet_fixture_write(fleet, "q.sql",
                        "SELECT x, current_setting('pgtide.tenant') AS name,\n"
                        "       current_setting('pgtide.currency') AS currency, current_user,\n"
                        "       current_setting('statement_timeout') AS most FROM t\n");
    fleet_fixture_yaml(
        fleet,
        "migrations: migrations\nsettings: {role: pg_monitor, statement_timeout: 3s}\n"
        "servers: {main: {host: %s, port: %d, connection: {user: postgres}}}\n"
        "tenants: [{name: one, server: main, database: %s, schema: 'a b', "
        "vars: {currency: EUR}}]\n",
        fleet->host, fleet->port, fleet->databases[0]);
    fleet_fixture_exec(fleet, 1,
                       "GRANT USAGE ON SCHEMA \"a b\" TO pg_monitor; GRANT SELECT ON "
                       "\"a b\".t TO pg_monitor");
    run = fleet_fixture_run(fleet, "query", "-o", "csv", "--file", "q.sql", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(run->out, "tenant,x,name,currency,current_user,most\n"
                               "one,7,one,EUR,pg_monitor,3s\n");
    run = fleet_fixture_run(fleet, "query", "SELECT pg_sleep(10)", NULL);
    cr_expect_eq(run->exit_code, 3);
    cr_expect(strstr(run->err, "57014"), "%s", run->err);
    talloc_free(ctx);
}

Test(query, an_error_in_one_tenant_and_other_columns_in_another)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 4);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 2, "DROP TABLE t");
    fleet_fixture_exec(fleet, 3, "ALTER TABLE t ADD COLUMN more int");
    run = fleet_fixture_run(fleet, "query", "-o", "csv", "SELECT * FROM t WHERE id = 1", NULL);
    cr_expect_eq(run->exit_code, 3);
    cr_expect_str_eq(run->out, "tenant,id,name\nstore-1,1,one\nstore-4,1,one\n");
    cr_expect(strstr(run->err, "42P01 relation \"t\" does not exist at query:1: store-2"), "%s",
              run->err);
    cr_expect(strstr(run->err, "the columns are not those that tenant \"store-1\" gave: store-3"),
              "%s", run->err);
    cr_expect(strstr(run->err, "id, name, more here, id, name there"));
    cr_expect(strstr(run->err, "2 rows from 2 of 4 tenants"));
    talloc_free(ctx);
}

static void expect_refused(struct fleet_fixture *fleet, const char *sql, int code)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "query", sql, NULL);

    cr_expect_eq(run->exit_code, code, "%s: %d %s", sql, run->exit_code, run->err);
    cr_expect_str_empty(run->out);
}

Test(query, nothing_can_be_changed)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 1);

    fleet_fixture_exec(fleet, 1,
                       "CREATE FUNCTION change() RETURNS int LANGUAGE sql AS "
                       "'DELETE FROM t; SELECT 1'; CREATE SEQUENCE s");
    expect_refused(fleet, "DELETE FROM t", 65);
    expect_refused(fleet, "SELECT 1; DELETE FROM t", 65);
    expect_refused(fleet, "COPY t TO '/tmp/x'", 65);
    expect_refused(fleet, "WITH gone AS (DELETE FROM t RETURNING 1) SELECT * FROM gone", 3);
    expect_refused(fleet, "SELECT change()", 3);
    expect_refused(fleet, "SELECT nextval('s')", 3);
    expect_refused(fleet, "SELECT * INTO u FROM t", 3);
    expect_refused(fleet, "EXPLAIN ANALYZE DELETE FROM t", 3);
    expect_refused(fleet, "SELECT set_config('transaction_read_only', 'off', true), change()", 3);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM t"), 3);
    talloc_free(ctx);
}

Test(query, many_rows_in_little_memory)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 2);
    char *command =
        mem_printf(ctx,
                   "%s -f fleet.yaml query -q -o csv \"SELECT g, repeat('x', 200) AS x FROM "
                   "generate_series(1, 200000) g\" | awk -F, 'length($3) == 200 { sum += $2; n++ } "
                   "END { printf \"%%d %%.0f\\n\", n, sum }'",
                   fleet_fixture_program(ctx));
    const struct process_result *result = process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sh", "-c", command, NULL},
                                    .cwd = fleet->dir});

    cr_expect_str_eq(result->out, "400000 40000200000\n", "%s", result->err);
    cr_expect_lt(result->peak_kb, PEAK_MOST_KB, "80 MB of rows took %lld KiB",
                 (long long)result->peak_kb);
    talloc_free(ctx);
}

/* `pgtide query ... | head`: the other tenants are not asked, and nobody is blamed. */
Test(query, a_reader_that_goes_away)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 4);
    char *command =
        mem_printf(ctx,
                   "{ %s -f fleet.yaml query \"SELECT g FROM generate_series(1, 300000) g\"; "
                   "echo $? >code; } 2>errors | head -1",
                   fleet_fixture_program(ctx));

    (void)process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sh", "-c", command, NULL},
                                    .cwd = fleet->dir});
    cr_expect_str_eq(tmpdir_read(ctx, fleet->dir, "code"), "141\n");
    cr_expect_null(strstr(tmpdir_read(ctx, fleet->dir, "errors"), "error"));
    talloc_free(ctx);
}

Test(query, ctrl_c_twice_cancels)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 2);
    struct process *process = fleet_fixture_start(fleet, "query", "SELECT pg_sleep(30)", NULL);
    const struct fleet_run *run;

    cr_assert(pg_sql_wait(fleet->server, "postgres",
                          mem_printf(ctx,
                                     "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = "
                                     "'%s' AND query LIKE '%%pg_sleep(30)%%'",
                                     fleet->databases[0]),
                          10000));
    process_signal(process, SIGINT);
    cr_assert(process_wait_text(process, "SIGINT", 10000));
    process_signal(process, SIGINT);
    run = fleet_fixture_wait(fleet, process);
    cr_expect_eq(run->exit_code, 130);
    cr_expect_str_empty(run->out);
    talloc_free(ctx);
}

Test(query, from_standard_input_and_wrong_usage)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 1);
    char *command =
        mem_printf(ctx, "echo 'TABLE t' | %s -f fleet.yaml query -q -o csv - -t store-1",
                   fleet_fixture_program(ctx));
    const struct process_result *result = process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sh", "-c", command, NULL},
                                    .cwd = fleet->dir});

    cr_expect_str_eq(result->out, "tenant,id,name\nstore-1,1,one\nstore-1,2,\nstore-1,30,\"\"\n");
    cr_expect_eq(fleet_fixture_run(fleet, "query", NULL)->exit_code, 64);
    cr_expect_eq(fleet_fixture_run(fleet, "query", "TABLE t", "--file", "x", NULL)->exit_code, 64);
    cr_expect_eq(fleet_fixture_run(fleet, "query", "--file", "missing.sql", NULL)->exit_code, 66);
    tmpdir_write_bytes(fleet->dir, "nul.sql", "TABLE t\0WHERE id = 2", 20);
    cr_expect_eq(fleet_fixture_run(fleet, "query", "--file", "nul.sql", NULL)->exit_code, 65);
    cr_expect_eq(fleet_fixture_run(fleet, "query", "-o", "xml", "TABLE t", NULL)->exit_code, 64);
    talloc_free(ctx);
}

Test(query, a_row_that_is_too_large_fails_its_tenant_alone)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, 2);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "CREATE TABLE doc AS SELECT repeat('x', 70000000) AS text");
    fleet_fixture_exec(fleet, 2, "CREATE TABLE doc AS SELECT 'small' AS text");
    run = fleet_fixture_run(fleet, "query", "-o", "csv", "SELECT text FROM doc", NULL);
    cr_expect_eq(run->exit_code, 3, "%s", run->err);
    cr_expect(strstr(run->err, "a row of 70000000 bytes is more than a query may give"), "%s",
              run->err);
    cr_expect_str_eq(run->out, "tenant,text\nstore-2,small\n");
    talloc_free(ctx);
}
