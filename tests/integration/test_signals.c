/*
 * test_signals.c: SIGINT and SIGTERM once, twice and thrice, and that the same command again makes
 * everything right.
 */
#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/port.h"
#include "tests/harness/proxy.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { PATIENCE_MS = 30 * 1000, TENANTS = 8, WORKERS = 3 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    signal(SIGHUP, SIG_DFL); /* the tests may run under nohup */
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, TENANTS);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 3}\n");
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(signals, .init = setup, .fini = teardown, .timeout = 120);

/* A run with three tenants in the midst of their migration. */
static struct process *start_run(void)
{
    struct process *process;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, WORKERS);
    return process;
}

/* Sends it and waits until pgtide has seen it: two that wait together are one to the kernel. */
static void send(struct process *process, int signal, const char *answer)
{
    cr_assert(process_signal(process, signal));
    cr_assert(process_wait_text(process, answer, PATIENCE_MS), "%s", process_errors(process));
}

static void send_first(struct process *process, int signal)
{
    send(process, signal, "no tenant is started any more, those in work finish");
}

static void send_second(struct process *process, int signal)
{
    send(process, signal, "running statements are cancelled and rolled back");
}

/* The same command again, undisturbed. */
static void expect_rest(int64_t current)
{
    const struct fleet_run *run;

    schema_fleet_open_gate(fleet);
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "current"), current);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), TENANTS - current);
    cr_assert_eq(schema_fleet_done(fleet), TENANTS);
}

static void expect_interrupted(const struct fleet_run *run, int code)
{
    cr_assert_eq(run->exit_code, code, "%d: %s", run->exit_code, run->out);
    cr_assert_str_eq(json_string_value(json_object_get(run->report, "result")), "interrupted");
    cr_assert_eq(json_integer_value(json_object_get(run->report, "exitCode")), code);
    cr_assert(json_is_null(json_object_get(run->report, "halt")));
    cr_assert(strstr(run->out, code == 143   ? "stopped by SIGTERM\n"
                               : code == 129 ? "stopped by SIGHUP\n"
                                             : "stopped by SIGINT\n"),
              "%s", run->out);
}

static void expect_drained(int signal, int code)
{
    struct process *process = start_run();
    const struct fleet_run *run;

    send_first(process, signal);
    cr_assert(process_running(process));
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_interrupted(run, code);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), WORKERS);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), TENANTS - WORKERS);
    cr_assert_eq(schema_fleet_started(run), WORKERS);
    cr_assert_eq(schema_fleet_done(fleet), WORKERS);
    expect_rest(WORKERS);
}

Test(signals, sigint_drains)
{
    expect_drained(SIGINT, 130);
}

Test(signals, sigterm_drains)
{
    expect_drained(SIGTERM, 143);
}

/* What a closed ssh session does; often it sends more than one. */
Test(signals, sighup_drains)
{
    expect_drained(SIGHUP, 129);
}

Test(signals, a_second_sighup_changes_nothing)
{
    struct process *process = start_run();
    const struct fleet_run *run;

    send_first(process, SIGHUP);
    cr_assert(process_signal(process, SIGHUP));
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_interrupted(run, 129);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), WORKERS);
}

Test(signals, under_nohup_sighup_is_nothing)
{
    struct process *process;
    const struct fleet_run *run;

    signal(SIGHUP, SIG_IGN);
    process = start_run();
    cr_assert(process_signal(process, SIGHUP));
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
}

Test(signals, a_tenant_that_fails_while_draining_changes_nothing)
{
    struct process *process;
    const struct fleet_run *run;

    schema_fleet_fail(fleet, "t02", "40001");
    process = start_run();
    send_first(process, SIGTERM);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_interrupted(run, 143);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), WORKERS - 1);
    cr_assert_str_eq(fleet_fixture_outcome(run, "t02"), "failed");
    schema_fleet_mend(fleet);
    expect_rest(WORKERS - 1);
}

Test(signals, the_second_cancels_what_runs)
{
    struct process *process = start_run();
    const struct fleet_run *run;

    send_first(process, SIGINT);
    send_second(process, SIGTERM);
    run = fleet_fixture_wait(fleet->fixture, process); /* the gate is still closed */
    expect_interrupted(run, 130);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), TENANTS);
    cr_assert_eq(schema_fleet_started(run), WORKERS);
    cr_assert(strstr(run->out, "3 cancelled in work"), "%s", run->out);
    cr_assert(strstr(run->out, "5 not started"), "%s", run->out);
    schema_fleet_wait_at_gate(fleet, 0);
    cr_assert_eq(schema_fleet_done(fleet), 0);
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'pgtide_history'"),
                 0);
    expect_rest(0);
}

Test(signals, the_second_ends_waiting_for_a_lock)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    PGconn *holder = pg_sql_connect(fixture->server, fixture->databases[0]);
    const struct fleet_run *run;
    struct process *process;

    PQclear(PQexec(holder,
                   "SELECT pg_advisory_lock(hashtextextended('pgtide:t01.pgtide_history', 0))"));
    schema_fleet_inventory(fleet, "lock_wait: 1h", "run: {workers: 1}\n");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    cr_assert(pg_sql_wait(fixture->server, fixture->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                          "'pgtide % t01' AND query LIKE '%pg_try_advisory_lock%' AND "
                          "datname = current_database() AND state LIKE 'idle%'",
                          PATIENCE_MS));
    send_first(process, SIGINT);
    send_second(process, SIGINT);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_interrupted(run, 130);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), TENANTS);
    cr_assert_eq(schema_fleet_started(run), 1);
    PQfinish(holder);
    expect_rest(0);
}

/* A server that accepts connections and says nothing. */
Test(signals, the_second_ends_waiting_for_a_connection)
{
    const struct fleet_run *run;
    struct process *process;
    struct pollfd listener = {.events = POLLIN};
    int port;

    listener.fd = port_listen_any(&port);
    fleet_fixture_through(fleet->fixture, port);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    cr_assert_eq(poll(&listener, 1, PATIENCE_MS), 1);
    send_first(process, SIGINT);
    send_second(process, SIGINT);
    run = fleet_fixture_wait(fleet->fixture, process);
    close(listener.fd);
    expect_interrupted(run, 130);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), TENANTS, "%s", run->out);
    fleet_fixture_through(fleet->fixture, fleet->fixture->server->port);
    schema_fleet_inventory(fleet, NULL, NULL);
    expect_rest(0);
}

Test(signals, the_first_does_not_wait_for_retries)
{
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_fail(fleet, "all", "40001");
    schema_fleet_inventory(fleet, "retry: {attempts: 2, base: 1h, cap: 1h}", NULL);
    process = fleet_fixture_start(fleet->fixture, "migrate", "-v", NULL);
    cr_assert(process_wait_text(process, "t08: attempt 1: 40001", PATIENCE_MS));
    send_first(process, SIGINT);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_interrupted(run, 130);
    cr_assert_eq(fleet_fixture_total(run, "failed"), TENANTS);
    schema_fleet_mend(fleet);
    schema_fleet_inventory(fleet, NULL, NULL);
    expect_rest(0);
}

/* With a cable pulled, not even a cancelled statement answers: there the third is needed. */
Test(signals, the_third_leaves_at_once)
{
    struct proxy *proxy = proxy_new(ctx, fleet->fixture->host, fleet->fixture->port);
    const struct fleet_run *run;
    struct process *process;

    fleet_fixture_through(fleet->fixture, proxy_port(proxy));
    schema_fleet_inventory(fleet, NULL, "run: {workers: 3}\n");
    process = start_run();
    proxy_stall(proxy, true);
    send_first(process, SIGINT);
    send_second(process, SIGINT);
    cr_assert(process_running(process));
    cr_assert(process_signal(process, SIGTERM));
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 143, "%d: %s", run->exit_code, run->err);
    cr_assert_null(run->report, "it left without a word");
    cr_assert_str_empty(run->out);
    proxy_stall(proxy, false);
    proxy_cut_all(proxy);
    schema_fleet_inventory(fleet, "lock_wait: 30s", NULL);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(schema_fleet_done(fleet), TENANTS);
}
