/*
 * test_budgets.c: how many tenants are started before a run halts, what becomes of the others, and
 * what people and scripts are told.
 */
#include "common/mem.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>

#include "tests/harness/pg_sql.h"
#include "tests/harness/port.h"

enum { PATIENCE_MS = 30 * 1000 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(budgets, .init = setup, .fini = teardown, .timeout = 120);

static const struct fleet_run *migrate(void)
{
    return fleet_fixture_run(fleet->fixture, "migrate", NULL);
}

/* The totals as "migrated current failed held unreachable locked unknown cancelled". */
static void expect_totals(const struct fleet_run *run, const char *expected)
{
    static const char *const outcomes[] = {"migrated",    "current", "failed",  "held",
                                           "unreachable", "locked",  "unknown", "cancelled"};
    char *totals = mem_strdup(ctx, "");

    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
        totals = mem_printf(ctx, "%s%s%lld", totals, i ? " " : "",
                            (long long)fleet_fixture_total(run, outcomes[i]));
    cr_assert_str_eq(totals, expected, "%s\n%s", totals, run->out);
}

static void expect_halt(const struct fleet_run *run, const char *rule, int64_t limit,
                        int64_t failures, int64_t in_work)
{
    const json_t *halt = json_object_get(run->report, "halt");

    cr_assert_eq(run->exit_code, 4, "%d: %s", run->exit_code, run->out);
    cr_assert_str_eq(json_string_value(json_object_get(run->report, "result")), "halted");
    cr_assert_eq(json_integer_value(json_object_get(run->report, "exitCode")), 4);
    cr_assert(json_is_object(halt));
    cr_assert_str_eq(json_string_value(json_object_get(halt, "rule")), rule);
    cr_assert_eq(json_integer_value(json_object_get(halt, "limit")), limit);
    cr_assert_eq(json_integer_value(json_object_get(halt, "failures")), failures);
    cr_assert_eq(json_integer_value(json_object_get(halt, "inWork")), in_work);
}

static void expect_partial(const struct fleet_run *run)
{
    cr_assert_eq(run->exit_code, 3, "%d: %s", run->exit_code, run->out);
    cr_assert_str_eq(json_string_value(json_object_get(run->report, "result")), "partial");
    cr_assert(json_is_null(json_object_get(run->report, "halt")));
}

/* After the cause is mended the same command does the rest. */
static void expect_mended(int64_t migrated, int64_t current)
{
    const struct fleet_run *run;

    schema_fleet_mend(fleet);
    run = migrate();
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), migrated);
    cr_assert_eq(fleet_fixture_total(run, "current"), current);
    cr_assert_eq(schema_fleet_done(fleet), migrated + current);
}

/* --- one after the other ---------------------------------------------------------------------- */

Test(budgets, zero_halts_at_the_first_failure)
{
    const struct fleet_run *run;

    fleet = schema_fleet_new(ctx, 12);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    schema_fleet_fail(fleet, "t04 t09", "23505");
    run = migrate();
    expect_halt(run, "max_failures", 0, 1, 0);
    expect_totals(run, "3 0 1 0 0 0 0 8");
    cr_assert_eq(schema_fleet_started(run), 4);
    cr_assert_eq(schema_fleet_done(fleet), 3);
    cr_assert(strstr(run->err, "halted: 1 failed, 0 tolerated (max_failures); 0 were in work\n"));
    cr_assert(strstr(run->out, "halted: 1 failed, 0 tolerated (max_failures); 0 were in work\n"));
    cr_assert(strstr(run->out, "8 not started: t05, "), "%s", run->out);
    cr_assert_str_eq(fleet_fixture_outcome(run, "t05"), "cancelled");
    expect_mended(9, 3);
}

Test(budgets, two_are_tolerated_and_the_third_halts)
{
    const struct fleet_run *run;

    fleet = schema_fleet_new(ctx, 12);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1, max_failures: 2}\n");
    schema_fleet_fail(fleet, "t02 t05 t09 t10", "23505");
    run = migrate();
    expect_halt(run, "max_failures", 2, 3, 0);
    expect_totals(run, "6 0 3 0 0 0 0 3");
    cr_assert_eq(schema_fleet_started(run), 9);
    expect_mended(6, 6);
}

Test(budgets, a_share_is_of_the_selected_tenants_rounded_down)
{
    const struct fleet_run *run;

    fleet = schema_fleet_new(ctx, 29);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1, max_failures: \"10%\"}\n");
    schema_fleet_fail(fleet, "t02 t07 t11 t12", "23505");
    run = migrate(); /* 10 % of 29: two */
    expect_halt(run, "max_failures", 2, 3, 0);
    cr_assert_eq(schema_fleet_started(run), 11);
    expect_totals(run, "8 0 3 0 0 0 0 18");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--limit=19", NULL); /* of 19: one */
    expect_halt(run, "max_failures", 1, 2, 0);
    expect_totals(run, "0 5 2 0 0 0 0 12");
    expect_mended(21, 8);
}

Test(budgets, within_the_budget_everybody_has_a_turn)
{
    const struct fleet_run *run;

    fleet = schema_fleet_new(ctx, 10);
    schema_fleet_fail(fleet, "t01 t10", "23505");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--max-failures=2", NULL);
    expect_partial(run);
    expect_totals(run, "8 0 2 0 0 0 0 0");
    cr_assert_null(strstr(run->out, "halted"));
    expect_mended(2, 8);
}

/* --- several at once -------------------------------------------------------------------------- */

Test(budgets, those_in_work_are_drained_when_a_run_halts)
{
    const struct fleet_run *run;
    struct process *process;

    fleet = schema_fleet_new(ctx, 12);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 4, max_failures: 2}\n");
    schema_fleet_close_gate(fleet, "t01 t02 t03");
    schema_fleet_fail(fleet, "t04 t06 t07 t08", "23505");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    /* t04 to t07 go one after the other through the fourth worker */
    cr_assert(process_wait_text(process,
                                "halted: 3 failed, 2 tolerated (max_failures); 3 were in "
                                "work\n",
                                PATIENCE_MS));
    schema_fleet_wait_at_gate(fleet, 3);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_halt(run, "max_failures", 2, 3, 3);
    expect_totals(run, "4 0 3 0 0 0 0 5");
    cr_assert_eq(schema_fleet_started(run), 7);
    cr_assert_eq(schema_fleet_done(fleet), 4);
    expect_mended(8, 4);
}

Test(budgets, one_that_fails_while_the_run_drains_is_not_tried_again)
{
    const struct fleet_run *run;
    struct process *process;

    fleet = schema_fleet_new(ctx, 6);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 2}\n");
    schema_fleet_close_gate(fleet, "t01");
    schema_fleet_fail(fleet, "t01", "40001");
    schema_fleet_fail(fleet, "t02", "23505");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    cr_assert(process_wait_text(process, "1 was in work\n", PATIENCE_MS));
    schema_fleet_wait_at_gate(fleet, 1);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_halt(run, "max_failures", 0, 1, 1);
    expect_totals(run, "0 0 2 0 0 0 0 4");
    cr_assert_eq(json_integer_value(json_object_get(fleet_fixture_tenant(run, "t01"), "attempts")),
                 1);
}

Test(budgets, never_more_are_started_than_tolerated_and_workers)
{
    const int workers = 4, tolerated = 3;

    fleet = schema_fleet_new(ctx, 20);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 4, max_failures: 3}\n");
    schema_fleet_fail(fleet, "all", "23505");
    for (int round = 0; round < 5; round++) {
        const struct fleet_run *run = migrate();
        size_t started = schema_fleet_started(run);
        const json_t *halt = json_object_get(run->report, "halt");
        int64_t in_work = json_integer_value(json_object_get(halt, "inWork"));

        expect_halt(run, "max_failures", tolerated, tolerated + 1, in_work);
        cr_assert_leq(started, (size_t)(tolerated + workers));
        cr_assert_eq((int64_t)started, tolerated + 1 + in_work);
        cr_assert_eq(fleet_fixture_total(run, "failed"), (int64_t)started);
        cr_assert_eq(fleet_fixture_total(run, "cancelled"), 20 - (int64_t)started);
    }
}

/* --- budgets of their own --------------------------------------------------------------------- */

/* Tenants t01 to t06 are held. */
static void hold_six(void)
{
    fleet = schema_fleet_new(ctx, 8);
    fleet_fixture_write(fleet->fixture, "migrations/2_held.sql",
                        "-- pgtide:up\nCREATE TABLE late (a int);\n-- pgtide:require\n"
                        "SELECT current_setting('pgtide.tenant') > 't06';\n");
}

Test(budgets, held_tenants_never_halt_a_run)
{
    const struct fleet_run *run;

    hold_six();
    run = migrate();
    expect_partial(run);
    expect_totals(run, "2 0 0 6 0 0 0 0");
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'done'"),
                 8, "what came before the held migration stays");
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'late'"),
                 2);
}

Test(budgets, unless_max_held_says_so)
{
    const struct fleet_run *run;

    hold_six();
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1, max_failures: 1, max_held: 1}\n");
    run = migrate();
    expect_halt(run, "max_held", 1, 2, 0);
    expect_totals(run, "0 0 0 2 0 0 0 6");
    cr_assert(strstr(run->out, "halted: 2 held, 1 tolerated (max_held); 0 were in work"));
}

/* `tenants` holds the lock of t01, t02, t03. */
static PGconn *lock_three(void)
{
    PGconn *conn = pg_sql_connect(fleet->fixture->server, fleet->fixture->databases[0]);

    PQclear(PQexec(conn, "SELECT pg_advisory_lock(hashtextextended(format("
                         "'pgtide:t0%s.pgtide_history', n), 0)) FROM generate_series(1, 3) n"));
    return conn;
}

Test(budgets, locked_tenants_have_a_budget_of_their_own)
{
    const struct fleet_run *run;
    PGconn *holder;

    fleet = schema_fleet_new(ctx, 8);
    holder = lock_three();
    schema_fleet_fail(fleet, "t08", "23505");
    schema_fleet_inventory(fleet, "lock_wait: 10ms",
                           "run: {workers: 1, max_failures: 1, max_locked: 3}\n");
    expect_partial(run = migrate());
    expect_totals(run, "4 0 1 0 0 3 0 0");
    schema_fleet_inventory(fleet, "lock_wait: 10ms",
                           "run: {workers: 1, max_failures: 1, max_locked: 1}\n");
    run = migrate();
    expect_halt(run, "max_locked", 1, 2, 0);
    expect_totals(run, "0 0 0 0 0 2 0 6");
    schema_fleet_inventory(fleet, "lock_wait: 10ms", "run: {workers: 1, max_failures: 2}\n");
    run = migrate();
    expect_halt(run, "max_failures", 2, 3, 0);
    expect_totals(run, "0 0 0 0 0 3 0 5");
    PQfinish(holder);
    expect_mended(4, 4);
}

/* Three tenants on the server "gone", where nobody listens, then three on "main". */
static void write_half_gone(const char *run)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    char *tenants = mem_strdup(ctx, "");

    for (int i = 1; i <= 6; i++)
        tenants = mem_printf(ctx, "%s  - {name: t%02d, server: %s, database: %s, schema: t%02d}\n",
                             tenants, i, i <= 3 ? "gone" : "main", fixture->databases[0], i);
    fleet_fixture_yaml(fixture,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "servers:\n  gone: {host: 127.0.0.1, port: %d, per_server: 1}\n"
                       "  main: {host: %s, port: %d}\n"
                       "settings: {create: schema, retry: {attempts: 2, base: 10ms}}\n%s"
                       "tenants:\n%s",
                       port_pick(), fixture->host, fixture->port, run, tenants);
}

Test(budgets, unreachable_tenants_have_a_budget_of_their_own)
{
    const struct fleet_run *run;

    fleet = schema_fleet_new(ctx, 6);
    write_half_gone("run: {max_unreachable: \"50%\"}\n");
    expect_partial(run = migrate());
    expect_totals(run, "3 0 0 0 3 0 0 0");
    write_half_gone("run: {max_unreachable: 1}\n");
    run = migrate(); /* the others of a server that is down are given up together, at the end */
    expect_halt(run, "max_unreachable", 1, 2, 0);
    expect_totals(run, "0 3 0 0 3 0 0 0");
    cr_assert(
        strstr(run->out, "halted: 2 unreachable, 1 tolerated (max_unreachable); 0 were in work"));
    write_half_gone("run: {max_failures: 3}\n");
    expect_partial(migrate());
    schema_fleet_inventory(fleet, NULL, NULL);
    expect_mended(3, 3);
}
