/*
 * test_migrate.c: the states a tenant can be met in, and what a run leaves behind.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

static struct fleet_fixture *new_fleet(size_t tenants)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);

    fleet_fixture_write(fleet, "migrations/0001_product.sql",
                        "CREATE TABLE product (id int PRIMARY KEY, title text NOT NULL);\n"
                        "INSERT INTO product VALUES (1, 'a;b'), (2, $$c$$);\n");
    fleet_fixture_write(fleet, "migrations/0002_handle.sql",
                        "ALTER TABLE product ADD COLUMN handle text;\n"
                        "UPDATE product SET handle = lower(title);\n");
    fleet_fixture_inventory(fleet, NULL);
    return fleet;
}

Test(migrate, a_fresh_fleet_is_raised_to_the_head)
{
    struct fleet_fixture *fleet = new_fleet(3);
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    for (size_t i = 1; i <= 3; i++) {
        cr_assert_eq(fleet_fixture_applied(fleet, i), 2);
        cr_assert_eq(fleet_fixture_count(fleet, i, "SELECT count(handle) FROM product"), 2);
    }
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "migrated");
    cr_assert(strstr(run->out,
                     ": 3 tenants: 3 migrated, 0 current, 0 failed, 0 held, 0 unreachable, "
                     "0 locked, 0 unknown, 0 cancelled in "),
              "%s", run->out);
}

Test(migrate, the_history_says_what_was_done)
{
    struct fleet_fixture *fleet = new_fleet(1);

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1,
                            "SELECT string_agg(concat_ws(' ', rank, kind, version, name, state, "
                            "statements_done, statements_total, applied_by, tool), ', ' ORDER BY "
                            "rank) FROM pgtide_history WHERE run_id ~ '^[0-9]{8}T[0-9]{6}Z-' AND "
                            "checksum LIKE 'sha256:%' AND finished_at >= started_at"),
        "1 versioned 1 product applied 2 2 postgres pgtide " PGTIDE_VERSION
        ", 2 versioned 2 handle applied 2 2 postgres pgtide " PGTIDE_VERSION);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT obj_description('pgtide_history'::regclass)"),
        "pgtide history, layout 1");
}

Test(migrate, a_tenant_half_way_gets_what_it_lacks)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", "-t", "store-1", "--to", "1", NULL)->exit_code,
                 0);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 1);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_assert_eq(
        json_array_size(json_object_get(fleet_fixture_tenant(run, "store-1"), "migrations")), 1);
    cr_assert_eq(
        json_array_size(json_object_get(fleet_fixture_tenant(run, "store-2"), "migrations")), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
}

Test(migrate, a_second_run_finds_nothing_to_do)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0);
    cr_assert_eq(fleet_fixture_total(run, "current"), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
}

Test(migrate, a_failing_migration_leaves_nothing_of_itself)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    const json_t *error;

    fleet_fixture_write(fleet, "migrations/0003_bad.sql",
                        "CREATE TABLE half (a int);\n"
                        "INSERT INTO half VALUES (1);\n\n"
                        "INSERT INTO product\n"
                        "    VALUES (1, 'again');\n");
    fleet_fixture_write(fleet, "migrations/0004_after.sql", "CREATE TABLE after (a int);\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    cr_assert_eq(fleet_fixture_count(
                     fleet, 1, "SELECT count(*) FROM pg_class WHERE relname IN ('half', 'after')"),
                 0);
    error = json_object_get(fleet_fixture_tenant(run, "store-1"), "error");
    cr_assert_str_eq(json_string_value(json_object_get(error, "sqlstate")), "23505");
    cr_assert_eq(json_integer_value(json_object_get(error, "line")), 4);
    cr_assert(strstr(json_string_value(json_object_get(error, "file")), "0003_bad.sql"));
    cr_assert(
        strstr(json_string_value(json_object_get(error, "statement")), "INSERT INTO product"));
}

Test(migrate, an_error_at_commit_stops_what_stands_behind)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(
        fleet, "migrations/0003_deferred.sql",
        "CREATE TABLE child (id int REFERENCES product DEFERRABLE INITIALLY DEFERRED);\n"
        "INSERT INTO child VALUES (99);\n");
    fleet_fixture_write(fleet, "migrations/0004_after.sql", "CREATE TABLE after (a int);\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_assert(strstr(run->out, " at 0003_deferred.sql: store-1"), "%s", run->out);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    cr_assert_eq(fleet_fixture_count(
                     fleet, 1, "SELECT count(*) FROM pg_class WHERE relname IN ('child', 'after')"),
                 0);
}

Test(migrate, a_failing_first_migration_leaves_not_even_a_history)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_remove(fleet, "migrations/0001_product.sql");
    fleet_fixture_write(fleet, "migrations/0001_bad.sql", "CREATE TABLE half (); SELECT 1/0;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 4);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_class WHERE relname = "
                                     "'pgtide_history'"),
                 0);
}

Test(migrate, dry_run_and_plan_write_nothing)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", "--dry-run", NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_assert(strstr(run->out, "0001_product"), "%s", run->out);
    run = fleet_fixture_run(fleet, "plan", "--exit-code", NULL);
    cr_assert_eq(run->exit_code, 2);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_class WHERE relname LIKE "
                                     "'pgtide%' OR relname = 'product'"),
                 0);
    run = fleet_fixture_run(fleet, "plan", "-v", NULL);
    cr_assert(strstr(run->out, "UPDATE product SET handle = lower(title)"), "%s", run->out);
}

Test(migrate, hostile_names_are_only_names)
{
    void *ctx = mem_context(NULL);
    const struct pg_server *server = pg_server_shared(ctx);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 0);
    char *database = mem_printf(ctx, "%s \"ö'; DROP--%%s", pg_sql_unique(ctx, "odd"));
    const struct fleet_run *run;

    pg_sql_create_database(server, database);
    fleet_fixture_write(fleet, "migrations/1_tëst of \"names\".sql",
                        "CREATE TABLE \"T '1\" (a int);\n");
    fleet_fixture_yaml(
        fleet,
        "migrations: migrations\nconnection: {user: postgres}\n"
        "settings: {history: {table: \"my \\\"history' %%d\"}, create: schema}\n"
        "servers: {main: {host: %s, port: %d}}\n"
        "tenants:\n"
        "  - {name: 'shop \"1\" ''x'' ü', server: main, database: '%s \"ö''; DROP--%%s',"
        " schema: 'sch \"ema'' ä', vars: {v: \"a'b\\\\c\\nd $$ -- \"}}\n",
        fleet->host, fleet->port, mem_strndup(ctx, database, strcspn(database, " ")));
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(pg_sql_count(server, database,
                              "SELECT count(*) FROM \"sch \"\"ema' ä\".\"my \"\"history' %d\", "
                              "\"sch \"\"ema' ä\".\"T '1\" RIGHT JOIN (VALUES (1)) v ON true "
                              "WHERE name = 'tëst of \"names\"'"),
                 1);
    pg_sql_drop_database(server, database);
}

Test(migrate, a_file_over_one_mebibyte_is_one_transaction)
{
    struct fleet_fixture *fleet = new_fleet(1);
    char *text = mem_strdup(fleet, "CREATE TABLE big (n int, filler text);\n");
    char *filler = talloc_zero_array(fleet, char, 10001);

    memset(filler, 'x', 10000);
    for (int i = 0; i < 300; i++)
        text =
            talloc_asprintf_append_buffer(text, "INSERT INTO big VALUES (%d, '%s');\n", i, filler);
    fleet_fixture_write(fleet, "migrations/0003_big.sql", text);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM big"), 300);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(DISTINCT xmin::text) FROM big"), 1);

    fleet_fixture_exec(fleet, 1, "DROP TABLE big; DELETE FROM pgtide_history WHERE version = 3");
    text = talloc_asprintf_append_buffer(text, "SELECT 1/0;\n");
    fleet_fixture_write(fleet, "migrations/0003_big.sql", text);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 4);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'big'"), 0);
}

Test(migrate, copy_data_arrives_and_its_errors_have_lines)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    const json_t *error;

    fleet_fixture_write(fleet, "migrations/0003_copy.sql",
                        "COPY product (id, title) FROM stdin;\n10\tten\n11\tel;even\n\\.\n"
                        "SELECT 1;\nCOPY product (id, title) FROM stdin WITH (FORMAT csv);\n"
                        "12,\"two\nlines\"\n\\.\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM product WHERE id >= 10"), 3);
    fleet_fixture_write(fleet, "migrations/0004_copy.sql",
                        "SELECT 1;\nCOPY product (id, title) FROM stdin;\n20\tx\nnope\ty\n\\.\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    error = json_object_get(fleet_fixture_tenant(run, "store-1"), "error");
    cr_assert_str_eq(json_string_value(json_object_get(error, "sqlstate")), "22P02");
    cr_assert_eq(json_integer_value(json_object_get(error, "line")), 4);
}

Test(migrate, settings_of_a_file_do_not_leak_into_the_next)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(fleet, "migrations/0003_dump.sql",
                        "SELECT pg_catalog.set_config('search_path', '', false);\n"
                        "SET statement_timeout = '9min';\nSET ROLE pg_read_all_data;\n");
    fleet_fixture_write(fleet, "migrations/0004_after.sql",
                        "CREATE TABLE after AS SELECT current_setting('search_path') AS path, "
                        "current_setting('statement_timeout') AS timeout, "
                        "current_user::text AS who;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT concat_ws(' ', path, timeout, who) FROM after"),
        "\"$user\", public 0 postgres");
}

Test(migrate, a_role_that_a_function_sets_does_not_leak_into_the_next)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    /* no file can be seen to do it; the role may create and write here, so that nothing fails */
    fleet_fixture_write(fleet, "migrations/0003_hidden.sql",
                        "CREATE FUNCTION hidden() RETURNS text LANGUAGE sql AS "
                        "$$ SELECT set_config('ro' || 'le', 'pg_read_all_data', false) $$;\n"
                        "GRANT ALL ON SCHEMA public TO pg_read_all_data;\n"
                        "GRANT ALL ON ALL TABLES IN SCHEMA public TO pg_read_all_data;\n"
                        "SELECT hidden();\n");
    fleet_fixture_write(fleet, "migrations/0004_after.sql",
                        "CREATE TABLE after AS SELECT current_user::text AS who;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, "SELECT who FROM after"), "postgres");
}

Test(migrate, a_date_style_does_not_matter_to_the_history)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_exec(
        fleet, 1,
        mem_printf(fleet, "ALTER DATABASE %s SET datestyle = 'German, DMY'", fleet->databases[0]));
    fleet_fixture_write(fleet, "migrations/0003_style.sql", "SET datestyle = 'SQL, MDY';\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pgtide_history WHERE started_at BETWEEN "
                                     "now() - interval '1 hour' AND finished_at"),
                 3);
}

Test(migrate, a_file_that_resets_the_transaction_is_caught)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/0003_reset.sql",
                        "CREATE TABLE t3 (a int);\nRESET ALL;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_assert(strstr(run->out, "ended pgtide's transaction or reset its settings"), "%s", run->out);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 't3'"), 0);
}

Test(migrate, variables_reach_the_sql_unharmed)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_write(
        fleet, "migrations/1_vars.sql",
        "CREATE TABLE v AS SELECT current_setting('pgtide.currency') AS currency,\n"
        "    current_setting('pgtide.tenant') AS tenant,\n"
        "    nullif(current_setting('pgtide.nope', true), '') IS NULL AS undefined,\n"
        "    current_setting('pgtide.run') ~ '^[0-9]{8}T' AS run;\n");
    fleet_fixture_tenants(fleet, NULL, "vars: {currency: \"E'U\\\"R\\n$1 \\\\\"}");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1,
                            "SELECT count(*) FROM v WHERE currency = E'E''U\"R\\n$1 \\\\' AND "
                            "tenant = 'store-1' AND undefined AND run"),
        1);
}

Test(migrate, time_outs_come_from_settings_and_directives)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(
        fleet, "migrations/0003_t.sql",
        "-- pgtide: lock_timeout=2s\nCREATE TABLE t3 AS SELECT "
        "current_setting('lock_timeout') l, current_setting('statement_timeout') s;\n");
    fleet_fixture_write(fleet, "migrations/0004_t.sql",
                        "CREATE TABLE t4 AS SELECT current_setting('lock_timeout') l, "
                        "current_setting('statement_timeout') s;\n");
    fleet_fixture_inventory(fleet, "settings: {lock_timeout: 7s, statement_timeout: 1m}\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT t3.l || t3.s || t4.l || t4.s FROM t3, t4"),
        "2s1min7s1min");
}

Test(migrate, the_role_owns_what_is_made)
{
    struct fleet_fixture *fleet = new_fleet(1);
    void *ctx = mem_context(NULL);
    char *role = pg_sql_unique(ctx, "owner");

    pg_sql_execf(fleet->server, fleet->databases[0],
                 "CREATE ROLE %s; GRANT CREATE ON SCHEMA public TO %s", role, role);
    fleet_fixture_inventory(fleet, mem_printf(ctx, "settings: {role: %s}\n", role));
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT string_agg(DISTINCT tableowner, ',') FROM "
                                         "pg_tables WHERE schemaname = 'public'"),
                     role);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT DISTINCT applied_by FROM pgtide_history"),
        "postgres");
    cr_assert_eq(fleet_fixture_total(fleet_fixture_run(fleet, "status", NULL), "current"), 1);
    pg_sql_execf(fleet->server, fleet->databases[0], "DROP OWNED BY %s; DROP ROLE %s", role, role);
}

/* An inventory of one schema in `database`. */
static void one_schema(struct fleet_fixture *fleet, const char *create, const char *database)
{
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "settings: {create: %s}\nservers: {main: {host: %s, port: %d}}\n"
                       "tenants:\n  - {name: a, server: main, database: %s, schema: shop}\n",
                       create, fleet->host, fleet->port, database);
}

Test(migrate, a_missing_database_or_schema_is_made_only_when_asked)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 0);
    char *database = pg_sql_unique(ctx, "made");
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int);\n");
    one_schema(fleet, "none", database);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_str_eq(fleet_fixture_outcome(run, "a"), "failed");
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_object_get(fleet_fixture_tenant(run, "a"), "error"), "sqlstate")),
                     "3D000");
    one_schema(fleet, "database", database);
    cr_assert_eq(fleet_fixture_run(fleet, "plan", "--exit-code", NULL)->exit_code, 2);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(pg_sql_count(fleet->server, database, "SELECT count(*) FROM shop.pgtide_history"),
                 1);
    pg_sql_drop_database(fleet->server, database);
    pg_sql_create_database(fleet->server, database);
    one_schema(fleet, "none", database);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_object_get(fleet_fixture_tenant(run, "a"), "error"), "sqlstate")),
                     "3F000");
    pg_sql_drop_database(fleet->server, database);
}

Test(migrate, schemas_of_one_database_are_tenants_of_their_own)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c; "
                       "CREATE TABLE b.product (odd int)");
    fleet_fixture_write(fleet, "migrations/1_p.sql",
                        "CREATE TABLE product (id int);\nSELECT id FROM product;\n");
    fleet_fixture_yaml(
        fleet,
        "migrations: migrations\nconnection: {user: postgres}\nrun: {max_failures: 5}\n"
        "servers: {main: {host: %s, port: %d}}\ntenants:\n"
        "  - {name: a, server: main, database: %s, schema: a}\n"
        "  - {name: b, server: main, database: %s, schema: b}\n"
        "  - {name: c, server: main, database: %s, schema: c}\n",
        fleet->host, fleet->port, fleet->databases[0], fleet->databases[0], fleet->databases[0]);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3, "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "a"), "migrated");
    cr_assert_str_eq(fleet_fixture_outcome(run, "b"), "failed"); /* objects without a history */
    cr_assert_str_eq(fleet_fixture_outcome(run, "c"), "migrated");
    cr_assert_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM pg_tables WHERE tablename = "
                                     "'product' AND schemaname IN ('a', 'c')"),
                 2);
    cr_assert_eq(
        fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        0);
}
