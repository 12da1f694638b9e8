/*
 * test_exit_codes.c: the exit codes that need a server, and that the options of
 * the commands reach the run.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>

static void *ctx;
static struct fleet_fixture *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 2);
    fleet_fixture_write(fleet, "migrations/v1/0001_first.sql", "CREATE TABLE first (id int);\n");
    fleet_fixture_write(fleet, "migrations/v2/0002_second.sql", "CREATE TABLE second (id int);\n");
    fleet_fixture_write(fleet, "migrations/R_view.sql",
                        "CREATE OR REPLACE VIEW firsts AS SELECT id FROM first;\n");
    fleet_fixture_write(fleet, "seeds/base/01_first.json",
                        "{\"table\": \"first\", \"mode\": \"insert\", \"rows\": [{\"id\": 1}]}\n");
    fleet_fixture_write(fleet, "seeds/other/01_first.json",
                        "{\"table\": \"first\", \"mode\": \"insert\", \"rows\": [{\"id\": 2}]}\n");
    fleet_fixture_tenants(fleet, NULL, "seeds: [base]");
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(exit_codes, .init = setup, .fini = teardown, .timeout = 120);

#define expect_code(result, code)                                                                  \
    do {                                                                                           \
        const struct fleet_run *r_ = (result);                                                     \
        cr_expect_eq(r_->exit_code, code, "exit code %d: %s%s", r_->exit_code, r_->out, r_->err);  \
    } while (0)

static const struct fleet_run *run(const char *command, const char *option)
{
    const struct fleet_run *result = fleet_fixture_run(fleet, command, option, NULL);

    return result;
}

Test(exit_codes, pending_is_2_only_where_asked)
{
    expect_code(run("status", NULL), 0);
    expect_code(run("status", "--exit-code"), 2);
    expect_code(run("plan", "--exit-code"), 2);
    expect_code(run("migrate", "--dry-run"), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);

    expect_code(run("migrate", NULL), 0);
    expect_code(run("status", "--exit-code"), 0);
    expect_code(run("plan", "--exit-code"), 0);
    expect_code(fleet_fixture_run(fleet, "plan", "--seed", "--exit-code", NULL), 2);
}

Test(exit_codes, mismatch_is_6)
{
    expect_code(run("validate", "--connect"), 0);
    expect_code(run("migrate", NULL), 0);
    expect_code(run("validate", "--connect"), 0);
    fleet_fixture_write(fleet, "migrations/v1/0001_first.sql", "CREATE TABLE first (id bigint);\n");
    expect_code(run("validate", NULL), 0);
    expect_code(run("validate", "--connect"), 6);
    expect_code(run("status", NULL), 3);
}

Test(exit_codes, to_stops_at_a_release_and_head_runs_all)
{
    expect_code(run("migrate", "--to=v1"), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 1, "below the head no repeatable runs");
    expect_code(run("migrate", "--to=2"), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 3, "the head by its number is the head");
}

Test(exit_codes, selection_reaches_the_run)
{
    expect_code(run("migrate", "--tenant=store-2"), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 2), 3);
    expect_code(run("migrate", "--limit=1"), 0);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 3);
}

Test(exit_codes, seeds)
{
    static const char ids[] = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM first";

    expect_code(run("migrate", "--seed"), 0);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, ids), "1");
    expect_code(run("seed", NULL), 0);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, ids), "1");
    expect_code(run("seed", "--reseed"), 0);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, ids), "1 1");
    expect_code(run("seed", "--seed-set=other"), 0);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, ids), "1 1 2");
}

Test(exit_codes, failures_within_and_above_the_budget)
{
    fleet_fixture_write(fleet, "migrations/v2/0002_second.sql", "CREATE TABLE first (id int);\n");
    expect_code(run("migrate", NULL), 4);
    expect_code(run("migrate", "--max-failures=100%"), 3);
    expect_code(run("migrate", "--max-failures=2"), 3);
    expect_code(run("migrate", "--max-failures=1"), 4);
}
