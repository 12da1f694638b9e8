/*
 * test_ledger_server.c: a ledger on a server that does not let it be written: no tenant is touched,
 * and it is said what to do; and on one that crashes in the middle of a run.
 */
#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>

TestSuite(ledger_server, .timeout = 120);

static void expect_refused(struct schema_fleet *fleet, const char *dsn, const char *words,
                           const char *hint)
{
    void *mem = mem_context(NULL);
    int64_t done = schema_fleet_done(fleet);
    const struct fleet_run *run;

    schema_fleet_inventory(fleet, NULL, mem_printf(mem, "ledger: \"%s\"\n", dsn));
    run = fleet_fixture_run(fleet->fixture, "migrate", "--run", "r", NULL);
    cr_expect_eq(run->exit_code, 1, "%d: %s", run->exit_code, run->err);
    cr_expect(strstr(run->err, words), "%s", run->err);
    cr_expect(strstr(run->err, hint), "%s", run->err);
    cr_expect_eq(schema_fleet_done(fleet), done);
    talloc_free(mem);
}

Test(ledger_server, a_user_without_rights)
{
    void *mem = mem_context(NULL);
    struct schema_fleet *fleet = schema_fleet_new(mem, 1);
    const struct pg_server *server = pg_server_shared(mem);
    const char *database = pg_sql_unique(mem, "ledger");
    const char *role = pg_sql_unique(mem, "clerk");
    const char *owner = pg_server_dsn(mem, server, database);
    const char *clerk = mem_printf(mem, "%s user=%s", pg_server_dsn(mem, server, database), role);

    pg_sql_create_database(server, database);
    pg_sql_execf(server, database,
                 "CREATE ROLE %s LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC", role);
    expect_refused(fleet, clerk, "permission denied for schema public",
                   "CREATE SCHEMA AUTHORIZATION");
    pg_sql_execf(server, database, "REVOKE USAGE ON SCHEMA public FROM PUBLIC");
    expect_refused(fleet, clerk, "no schema has been selected", "CREATE SCHEMA AUTHORIZATION");
    pg_sql_execf(server, database, "GRANT USAGE ON SCHEMA public TO PUBLIC");

    schema_fleet_inventory(fleet, NULL, mem_printf(mem, "ledger: \"%s\"\n", owner));
    cr_expect_eq(fleet_fixture_run(fleet->fixture, "migrate", "--run", "q", NULL)->exit_code, 0);
    expect_refused(fleet, clerk, "permission denied for table pgtide_ledger", "GRANT");
    pg_sql_execf(server, database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO %s", role);
    expect_refused(fleet, clerk, "permission denied for table pgtide_", "GRANT");

    pg_sql_drop_database(server, database);
    pg_sql_execf(server, "postgres", "DROP ROLE %s", role);
    talloc_free(mem);
}

Test(ledger_server, a_standby)
{
    void *mem = mem_context(NULL);
    struct schema_fleet *fleet = schema_fleet_new(mem, 1);
    struct pg_server *primary = pg_server_new(mem, NULL);
    struct pg_server *standby = pg_server_standby(mem, primary);
    const char *dsn = pg_server_dsn(mem, standby, "postgres");
    const struct fleet_run *run;

    expect_refused(fleet, dsn, "read-only transaction", "primary");
    schema_fleet_inventory(
        fleet, NULL, mem_printf(mem, "ledger: \"%s\"\n", pg_server_dsn(mem, primary, "postgres")));
    cr_expect_eq(fleet_fixture_run(fleet->fixture, "migrate", "--run", "q", NULL)->exit_code, 0);
    pg_server_catch_up(standby, primary);
    expect_refused(fleet, dsn, "read-only transaction", "primary");
    run = fleet_fixture_run(fleet->fixture, "report", "q", NULL);
    cr_expect_eq(run->exit_code, 0, "what is recorded can be read: %s", run->err);
    talloc_free(mem);
}

Test(ledger_server, none_at_all)
{
    void *mem = mem_context(NULL);
    struct schema_fleet *fleet = schema_fleet_new(mem, 1);

    expect_refused(fleet, "postgresql://u@127.0.0.1:1/ledger", "ledger database", "");
    talloc_free(mem);
}

/* The servers of the tests run without synchronous_commit, so it has lost its last commits. */
Test(ledger_server, one_that_crashes_and_comes_back)
{
    enum { MACHINES = 2, WORKERS = 4, TENANTS = 24, PATIENCE_MS = 60 * 1000 };
    void *mem = mem_context(NULL);
    struct schema_fleet *fleet = schema_fleet_new(mem, TENANTS);
    struct pg_server *ledger = pg_server_new(mem, NULL);
    struct process *machines[MACHINES];

    schema_fleet_inventory(fleet, NULL,
                           mem_printf(mem, "ledger: \"%s\"\nrun: {workers: %d, per_server: 20}\n",
                                      pg_server_dsn(mem, ledger, "postgres"), WORKERS));
    schema_fleet_close_gate(fleet, "all");
    for (int i = 0; i < MACHINES; i++)
        machines[i] = fleet_fixture_start(fleet->fixture, "migrate", "--run", "again", NULL);
    schema_fleet_wait_at_gate(fleet, MACHINES * WORKERS);
    pg_server_stop(ledger, PG_SERVER_IMMEDIATE);
    cr_assert(process_wait_text(machines[0], "until it is back", PATIENCE_MS));
    pg_server_start(ledger);
    schema_fleet_open_gate(fleet);
    for (int i = 0; i < MACHINES; i++) {
        const struct fleet_run *run = fleet_fixture_wait(fleet->fixture, machines[i]);

        cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
        cr_expect_eq(fleet_fixture_total(run, "migrated"), TENANTS);
    }
    cr_expect_eq(schema_fleet_done(fleet), TENANTS);
    cr_expect_str_eq(
        pg_sql_rows(mem, ledger, "postgres",
                    "SELECT state, outcome, count(*) FROM pgtide_tenant GROUP BY 1, 2"),
        mem_printf(mem, "ended|migrated|%d\n", TENANTS));
    talloc_free(mem);
}
