/*
 * test_variables.c: vars of tenants in migrations, outside transactions, in seeds and hooks;
 * directly and through poolers; and that none of them is left behind for the next tenant.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>

/* As YAML writes it, and as it is meant. */
#define VALUE_YAML "\"it's $tag$ \\\\ \\\"two\\\"\\nlines; -- %s {x} \\u00e9 $$HOME\""
#define VALUE "it's $tag$ \\ \"two\"\nlines; -- %s {x} \u00e9 $HOME"

#define GET(name) "nullif(current_setting('pgtide." name "', true), '')"

struct place {
    int port;
    const char *pooler; /* "auto", "session" */
};

/* Two tenants, schemas of one database, so that a pooler gives them the same session. */
static struct fleet_fixture *new_fleet(void *ctx, const struct place *place)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA one; CREATE SCHEMA two");
    fleet_fixture_yaml(
        fleet,
        "migrations: migrations\nseeds: seeds\nrun: {workers: 1}\n"
        "connection: {pooler: %s}\n"
        "servers: {main: {host: %s, port: %d, connection: {user: postgres}}}\n"
        "hooks: {before_tenant: {command: [sh, -c, 'printf %%s \"$PGTIDE_VAR_NOTE\" > "
        "$PGTIDE_TENANT.note'], timeout: 20s}}\n"
        "tenants:\n"
        "- {name: one, server: main, database: %s, schema: one, seeds: [s],\n"
        "   vars: {note: %s, empty: '', currency: EUR}}\n"
        "- {name: two, server: main, database: %s, schema: two, seeds: [s], vars: {note: x}}\n",
        place->pooler, fleet->host, place->port ? place->port : fleet->port, fleet->databases[0],
        VALUE_YAML, fleet->databases[0]);
    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "CREATE TABLE seen (at text, tenant text, note text, currency text);\n"
                        "INSERT INTO seen VALUES ('migration', " GET("tenant") ", " GET(
                            "note") ", " GET("currency") ");\n");
    fleet_fixture_write(fleet, "seeds/s/01_s.sql",
                        "INSERT INTO seen VALUES ('seed', " GET("tenant") ", " GET("note") ", " GET(
                            "currency") ");\n");
    return fleet;
}

static void add_outside(const struct fleet_fixture *fleet)
{
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide: transaction=none\n"
                        "INSERT INTO seen VALUES ('outside', " GET("tenant") ", " GET(
                            "note") ", " GET("currency") ");\n"
                                                         "VACUUM seen;\n");
}

static void expect_seen(const struct fleet_fixture *fleet, int64_t times)
{
    char *value = fleet_fixture_value(
        fleet, 1,
        "SELECT string_agg(DISTINCT note, '|') FROM one.seen WHERE tenant = 'one' AND "
        "currency = 'EUR'");

    cr_expect_str_eq(value ? value : "(none)", VALUE);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM one.seen"), times);
    cr_expect_eq(fleet_fixture_count(fleet, 1,
                                     "SELECT count(*) FROM two.seen WHERE tenant = 'two' AND note "
                                     "= 'x' AND currency IS NULL"),
                 times, "a variable of the first tenant reached the second");
}

static void expect_note(const struct fleet_fixture *fleet)
{
    cr_expect_str_eq(tmpdir_read(fleet, fleet->dir, "one.note"), VALUE);
    cr_expect_str_eq(tmpdir_read(fleet, fleet->dir, "two.note"), "x");
}

/* What a session of the pooler has after the run: as many as there may be are asked. */
static void expect_nothing_left(const struct fleet_fixture *fleet, int port)
{
    static const char question[] = "SELECT coalesce(" GET("note") ", '') || coalesce(" GET(
        "currency") ", '') || coalesce(" GET("tenant") ", '') || CASE WHEN "
                                                       "current_schemas(false)::text ~ 'one|two' "
                                                       "THEN 'path' "
                                                       "ELSE '' END || "
                                                       "current_setting('lock_timeout') || (SELECT "
                                                       "count(*) FROM "
                                                       "pg_locks WHERE locktype = 'advisory' AND "
                                                       "pid = pg_backend_pid())";
    struct pg_server pooler = {.host = "127.0.0.1", .socket_dir = "127.0.0.1", .port = port};

    for (int i = 0; i < 3; i++) {
        char *left = pg_sql_value(fleet, &pooler, fleet->databases[0], question);

        cr_expect_str_eq(left, "00", "left behind: %s", left);
    }
}

Test(variables, directly)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(ctx, &(struct place){.pooler = "auto"});
    const struct fleet_run *run;

    add_outside(fleet);
    run = fleet_fixture_run(fleet, "migrate", "--seed", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    expect_seen(fleet, 3);
    expect_note(fleet);
    talloc_free(ctx);
}

Test(variables, through_a_transaction_pooler)
{
    void *ctx = mem_context(NULL);
    struct pg_pooler *pooler = pg_pooler_new(ctx, pg_server_shared(ctx), "transaction");
    struct place place = {.port = pooler->port, .pooler = "auto"};
    struct fleet_fixture *fleet = new_fleet(ctx, &place);
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", "--seed", NULL);

    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    expect_seen(fleet, 2);
    expect_note(fleet);
    expect_nothing_left(fleet, pooler->port);
    talloc_free(ctx);
}

Test(variables, through_a_session_pooler)
{
    void *ctx = mem_context(NULL);
    struct pg_pooler *pooler = pg_pooler_new(ctx, pg_server_shared(ctx), "session");
    struct place place = {.port = pooler->port, .pooler = "session"};
    struct fleet_fixture *fleet = new_fleet(ctx, &place);
    const struct fleet_run *run;

    add_outside(fleet);
    run = fleet_fixture_run(fleet, "migrate", "--seed", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    expect_seen(fleet, 3);
    expect_nothing_left(fleet, pooler->port);
    talloc_free(ctx);
}

/* A migration that fails in the middle leaves nothing in the pooled session either. */
Test(variables, a_failure_leaves_nothing_behind)
{
    void *ctx = mem_context(NULL);
    struct pg_pooler *pooler = pg_pooler_new(ctx, pg_server_shared(ctx), "transaction");
    struct place place = {.port = pooler->port, .pooler = "auto"};
    struct fleet_fixture *fleet = new_fleet(ctx, &place);

    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "SET pgtide.note = 'left';\nSET lock_timeout = '7s';\nSELECT 1/0;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 4);
    expect_nothing_left(fleet, pooler->port);
    talloc_free(ctx);
}

Test(variables, sql_of_hooks_has_them_through_a_pooler)
{
    void *ctx = mem_context(NULL);
    struct pg_pooler *pooler = pg_pooler_new(ctx, pg_server_shared(ctx), "transaction");
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    fleet_fixture_through(fleet, pooler->port);
    fleet_fixture_exec(fleet, 1, "CREATE TABLE seen (note text)");
    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a ();\n");
    fleet_fixture_tenants(fleet,
                          "settings: {nonempty: allow}\n"
                          "hooks: {before_tenant: {sql: \"SET search_path = pg_catalog; INSERT "
                          "INTO public.seen VALUES (" GET("note") ")\"}}\n",
                          "vars: {note: " VALUE_YAML "}");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, "SELECT note FROM seen"), VALUE);
    expect_nothing_left(fleet, pooler->port);
    talloc_free(ctx);
}

/* Some are words of SQL's own. */
Test(variables, any_name_of_a_variable_will_do)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    const struct fleet_run *run;

    fleet_fixture_tenants(fleet, NULL, "vars: {user: bob, order: asc, select: x}");
    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "CREATE TABLE seen AS SELECT " GET("user") " AS who;\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide: transaction=none\n"
                        "INSERT INTO seen VALUES (" GET("order") ");\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->process->out);
    run = fleet_fixture_run(fleet, "query", "-o", "csv", "SELECT " GET("select") " AS v", NULL);
    cr_expect(strstr(run->process->out, ",x"), "%s%s", run->process->out, run->process->err);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, "SELECT string_agg(who, ' ') FROM seen"),
                     "bob asc");
    talloc_free(ctx);
}
