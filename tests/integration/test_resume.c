/*
 * test_resume.c: runs that go on with others: what they keep of them.
 */
#include "common/mem.h"
#include "tests/integration/fleet_facts.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <signal.h>

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, 8);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(resume_runs, .init = setup, .fini = teardown, .timeout = 120);

static const struct fleet_run *run(const char *command, const char *argument, const char *option)
{
    return fleet_fixture_run(fleet->fixture, command, argument, option, NULL);
}

static void expect(const struct fleet_run *some, int exit_code, int64_t failed, int64_t cancelled)
{
    fleet_facts_expect(some, exit_code);
    cr_assert_eq(fleet_fixture_total(some, "failed"), failed, "%s", some->out);
    cr_assert_eq(fleet_fixture_total(some, "cancelled"), cancelled, "%s", some->out);
}

/* --- budgets ---------------------------------------------------------------------------------- */

/* Two of eight are tolerated, and so are two of the five and of the two that are left. */
Test(resume_runs, percentages_stay_those_of_the_run_that_began_it_all)
{
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1, max_failures: 25%}\n");
    schema_fleet_fail(fleet, "all", "23505");
    expect(run("migrate", NULL, NULL), 4, 3, 5);
    expect(run("resume", "last", NULL), 4, 3, 2);
    expect(run("resume", "last", NULL), 3, 2, 0);
    expect(run("retry", "last", NULL), 3, 2, 0);
    expect(run("retry", "last", NULL), 3, 2, 0);
}

Test(resume_runs, a_wave_keeps_them_too)
{
    schema_fleet_inventory(fleet, NULL,
                           "run:\n  workers: 1\n  max_failures: 100%\n  waves:\n"
                           "    - {name: canary, size: 4, max_failures: 50%}\n"
                           "    - {name: rest}\n");
    schema_fleet_fail(fleet, "t01 t02 t03 t04", "23505");
    expect(run("migrate", NULL, NULL), 4, 3, 5);
    expect(run("resume", "last", NULL), 3, 1, 0);
}

Test(resume_runs, a_server_keeps_them_too)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    char *tenants = mem_strdup(ctx, "");

    for (int i = 1; i <= 4; i++)
        tenants =
            mem_printf(ctx, "%s  - {name: t%02d, server: main, database: %s, schema: t%02d}\n",
                       tenants, i, fixture->databases[0], i);
    fleet_fixture_yaml(fixture,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "settings: {create: schema}\nrun: {max_failures: 100%%, workers: 1}\n"
                       "servers:\n  main: {host: %s, port: %d, max_failures: 25%%}\ntenants:\n%s",
                       fixture->host, fixture->port, tenants);
    schema_fleet_fail(fleet, "all", "23505");
    expect(run("migrate", NULL, NULL), 3, 2, 2);
    expect(run("resume", "last", NULL), 3, 2, 0);
}

/* --- at work, or broken off ------------------------------------------------------------------- */

/* In a ledger that machines share it is the lease that tells, wherever the run is or was. */
Test(resume_runs, a_killed_run_is_broken_off_once_its_lease_is_over)
{
    struct process *process;
    const struct fleet_run *some;

    setenv("PGTIDE_LEASE", "500ms", 1);
    schema_fleet_inventory(fleet, NULL,
                           mem_printf(ctx, "ledger: postgresql://postgres@%s:%d/%s\n",
                                      fleet->fixture->host, fleet->fixture->port,
                                      fleet->fixture->databases[0]));
    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 4);
    some = run("runs", NULL, NULL);
    cr_assert(strstr(some->out, "  going  "), "%s%s", some->out, some->err);
    process_signal(process, SIGKILL);
    process_wait(process);
    do
        some = run("runs", NULL, NULL);
    while (strstr(some->out, "  going  "));
    cr_assert(strstr(some->out, "  broken off  "), "%s%s", some->out, some->err);
    schema_fleet_open_gate(fleet);
    fleet_facts_expect(run("resume", "last", NULL), 0);
}
