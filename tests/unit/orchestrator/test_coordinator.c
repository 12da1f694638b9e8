/*
 * test_coordinator.c: whole runs by threads: caps, budgets, retries, signals, observers.
 */
#include "tests/unit/orchestrator/scripted_run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(coordinator, .timeout = 60);

static size_t total(const struct scripted_run *run, enum outcome outcome)
{
    return run->result->totals[outcome];
}

static int exit_code(const struct scripted_run *run)
{
    return run_exit_code(&run->made.request, run->result);
}

Test(coordinator, a_run_without_trouble)
{
    struct scripted_run run;

    scripted_run_init(&run, 3, 50, 4, "migrated");
    scripted_run_script(&run, 7, "current");
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 49));
    cr_expect(eq(sz, total(&run, OUTCOME_CURRENT), 1));
    cr_expect(eq(int, run.job_starts, 50));
    cr_expect(eq(int, exit_code(&run), 0));
    cr_expect_str_eq(run.result->run_id, "20261123T061500Z-4f2a");
    cr_expect(ge(i64, run.result->finished_wall_ms, run.result->started_wall_ms));
    for (size_t i = 0; i < 50; i++) {
        cr_assert_eq(run.result->jobs[i].tenant, run.made.selected[i], "in the request's order");
        cr_assert(eq(int, run.result->jobs[i].attempt, 1));
        cr_assert(gt(i64, run.result->jobs[i].started_wall_ms, 0));
    }
    scripted_run_release(&run);
}

Test(coordinator, no_tenants_is_a_success)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 0, 4, "migrated");
    scripted_run_go(&run);
    cr_expect(eq(int, exit_code(&run), 0));
    scripted_run_release(&run);
}

Test(coordinator, workers_and_servers_are_full_and_no_fuller)
{
    struct scripted_run run;

    scripted_run_init(&run, 3, 60, 2, "slow");
    run.made.request.config.workers = 5;
    scripted_run_go(&run);
    cr_expect(eq(int, scripted_run_most(-1), 5));
    for (int server = 0; server < 3; server++)
        cr_expect(eq(int, scripted_run_most(server), 2));
    scripted_run_release(&run);
}

Test(coordinator, per_server_of_the_command_line_holds_for_all)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 40, 2, "slow");
    run.made.servers[1].per_server = 1;
    run.made.request.per_server = 3;
    scripted_run_go(&run);
    cr_expect(eq(int, scripted_run_most(0), 3));
    cr_expect(eq(int, scripted_run_most(1), 3));
    scripted_run_release(&run);
}

Test(coordinator, servers_take_turns)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 6, 4, "migrated");
    run.made.request.config.workers = 1;
    for (size_t i = 0; i < 6; i++)
        made_fleet_place(&run.made, i, i < 4 ? 0 : 1);
    scripted_run_go(&run);
    cr_expect_str_eq(run.order, "t0 t4 t1 t5 t2 t3 ");
    scripted_run_release(&run);
}

/* One worker; every tenant fails: how many are started with this budget? */
static int started_with(int64_t value, bool percent)
{
    struct scripted_run run;
    int starts;

    scripted_run_init(&run, 2, 30, 4, "sql");
    run.made.request.config.workers = 1;
    run.made.request.config.max_failures = (struct text_size){value, percent};
    scripted_run_go(&run);
    starts = run.job_starts;
    cr_expect(eq(int, run.halts, 1));
    cr_expect(eq(int, exit_code(&run), 4));
    cr_expect(eq(i64, run.result->halt.failures, starts));
    cr_expect(eq(i64, run.result->halt.tolerated, starts - 1));
    cr_expect(eq(i64, run.result->halt.in_work, 0));
    cr_expect(eq(sz, total(&run, OUTCOME_FAILED), (size_t)starts));
    cr_expect(eq(sz, total(&run, OUTCOME_CANCELLED), 30 - (size_t)starts));
    cr_expect_str_eq(run.result->jobs[29].err.message, "not started: the run was halted");
    cr_expect(eq(int, run.result->jobs[29].attempt, 0));
    cr_expect(eq(i64, run.result->jobs[29].started_wall_ms, 0));
    scripted_run_release(&run);
    return starts;
}

Test(coordinator, one_more_than_tolerated_halts)
{
    cr_expect(eq(int, started_with(0, false), 1));
    cr_expect(eq(int, started_with(2, false), 3));
    cr_expect(eq(int, started_with(10, true), 4));
}

Test(coordinator, within_the_budget_the_run_goes_to_its_end)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 30, 4, "migrated");
    run.made.request.config.max_failures = (struct text_size){.value = 2};
    scripted_run_script(&run, 3, "sql");
    scripted_run_script(&run, 20, "locked");
    scripted_run_script(&run, 21, "held");
    scripted_run_go(&run);
    cr_expect(eq(int, run.halts, 0));
    cr_expect(eq(int, exit_code(&run), 3));
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 27));
    scripted_run_release(&run);
}

Test(coordinator, those_in_work_finish_after_a_halt)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 20, 8, "slower");
    run.made.request.config.workers = 4;
    scripted_run_script(&run, 0, "sql");
    scripted_run_go(&run);
    cr_expect(eq(i64, run.result->halt.in_work, 3));
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 3));
    cr_expect(eq(sz, total(&run, OUTCOME_CANCELLED), 16));
    cr_expect(eq(int, run.ends_after_halt, 19));
    scripted_run_release(&run);
}

Test(coordinator, read_only_runs_ask_everyone)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 30, 4, "sql");
    run.made.request.plan.action = JOB_INSPECT;
    run.made.request.halts = false;
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_FAILED), 30));
    cr_expect(eq(int, run.halts, 0));
    cr_expect(eq(int, exit_code(&run), 3));
    scripted_run_release(&run);
}

Test(coordinator, retries_what_may_help)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 6, 4, "migrated");
    scripted_run_script(&run, 0, "transient migrated");
    scripted_run_script(&run, 1, "lost unreachable current");
    scripted_run_script(&run, 2, "transient");
    scripted_run_script(&run, 3, "lost");
    scripted_run_script(&run, 4, "sql migrated");
    run.made.request.config.max_failures = (struct text_size){.value = 3};
    scripted_run_go(&run);
    cr_expect(eq(int, run.result->jobs[0].outcome, OUTCOME_MIGRATED));
    cr_expect(eq(int, run.result->jobs[0].attempt, 2));
    cr_expect(eq(int, run.result->jobs[0].err.kind, ERR_NONE), "the error of before is gone");
    cr_expect(eq(int, run.result->jobs[1].outcome, OUTCOME_CURRENT));
    cr_expect(eq(int, run.result->jobs[2].outcome, OUTCOME_FAILED));
    cr_expect(eq(int, run.result->jobs[2].attempt, 3));
    cr_expect(eq(int, run.result->jobs[3].outcome, OUTCOME_UNKNOWN));
    cr_expect(eq(int, run.result->jobs[4].attempt, 1));
    cr_expect(eq(int, run.job_retries, 1 + 2 + 2 + 2));
    scripted_run_release(&run);
}

Test(coordinator, a_tenant_that_waits_for_its_retry_occupies_nothing)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 4, 1, "migrated");
    run.made.settings.retry.base_ms = run.made.settings.retry.cap_ms = 150;
    scripted_run_script(&run, 0, "transient migrated");
    scripted_run_go(&run);
    cr_expect_str_eq(run.order, "t0 t1 t2 t3 t0 ");
    cr_expect(ge(i64, run.result->jobs[0].duration_ms, 75), "the wait belongs to it");
    scripted_run_release(&run);
}

Test(coordinator, a_halt_ends_retries)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 3, 1, "migrated");
    run.made.settings.retry.base_ms = run.made.settings.retry.cap_ms = 60000;
    scripted_run_script(&run, 0, "transient migrated");
    scripted_run_script(&run, 1, "sql");
    scripted_run_go(&run);
    cr_expect(eq(int, run.result->jobs[0].outcome, OUTCOME_FAILED), "by its last error");
    cr_expect_str_eq(run.result->jobs[0].err.message, "scripted transient");
    cr_expect(eq(int, run.result->jobs[2].outcome, OUTCOME_CANCELLED));
    scripted_run_release(&run);
}

Test(coordinator, first_signal_drains)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 20, 1, "migrated");
    scripted_run_script(&run, 2, "sigint");
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 3), "the one in work finishes and counts");
    cr_expect(eq(sz, total(&run, OUTCOME_CANCELLED), 17));
    cr_expect_str_eq(run.result->jobs[19].err.message,
                     "not started: the run was stopped by SIGINT");
    cr_expect(eq(int, run.signals, 1));
    cr_expect(eq(int, run.result->signal, SIGINT));
    cr_expect(eq(int, exit_code(&run), 130));
    cr_expect(not(run.result->halt.halted));
    scripted_run_release(&run);
}

Test(coordinator, a_terminal_that_goes_away_is_named)
{
    struct scripted_run run;

    signal(SIGHUP, SIG_DFL); /* the tests may run under nohup */
    scripted_run_init(&run, 1, 3, 1, "migrated");
    scripted_run_script(&run, 0, "sighup");
    scripted_run_go(&run);
    cr_expect_str_eq(run.result->jobs[2].err.message, "not started: the run was stopped by SIGHUP");
    cr_expect(eq(int, exit_code(&run), 129));
    scripted_run_release(&run);
}

Test(coordinator, second_signal_cancels)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 20, 2, "migrated");
    scripted_run_script(&run, 0, "sigterm");
    scripted_run_script(&run, 1, "sigint");
    scripted_run_go(&run);
    cr_expect(eq(int, run.signals, 2));
    cr_expect(eq(sz, total(&run, OUTCOME_CANCELLED), 20));
    cr_expect_str_eq(run.result->jobs[0].err.message, "cancelled in mid-statement");
    cr_expect(gt(int, exit_code(&run), 128), "130 or 143, as it came");
    scripted_run_release(&run);
}

static void raise_again(void *arg, int signal, int count)
{
    (void)arg;
    if (count < 3)
        raise(signal);
}

static void wait_for_ever(void *item)
{
    (void)item;
    kill(getpid(), SIGTERM);
    pause();
}

Test(coordinator, third_signal_leaves_at_once)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct made_fleet made;
        struct run_observer raises = {.signalled = raise_again};
        const struct run_observer *observers[] = {&raises};
        struct run_result *result;
        struct err err = ERR_INIT;

        alarm(20); /* should it not leave */
        made_fleet_init(&made, 1, 1, 1);
        _exit(coordinator_run_with(made.mem, &made.request, observers, 1, wait_for_ever, &result,
                                   &err) < 0);
    }
    waitpid(child, &status, 0);
    cr_expect_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 143);
}

Test(coordinator, signals_are_as_before_when_it_is_over)
{
    struct scripted_run run;
    sigset_t mask;

    scripted_run_init(&run, 1, 1, 1, "migrated");
    scripted_run_go(&run);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    cr_expect(eq(int, sigismember(&mask, SIGINT), 0));
    cr_expect(eq(int, run.result->jobs[0].plan->cancel_fd, -1));
    scripted_run_release(&run);
}

Test(coordinator, ticks_about_ten_times_a_second)
{
    struct scripted_run run;

    scripted_run_init(&run, 1, 30, 1, "slow"); /* 600 ms */
    scripted_run_go(&run);
    cr_expect(ge(int, run.ticks, 3));
    cr_expect(le(int, run.ticks, 1 + (int)(run.result->duration_ms / 100)));
    scripted_run_release(&run);
}

static int create_two_at_most(pthread_t *thread, const pthread_attr_t *attributes,
                              void *(*work)(void *), void *arg)
{
    static int left = 2;

    return left-- > 0 ? pthread_create(thread, attributes, work, arg) : EAGAIN;
}

Test(coordinator, goes_on_with_the_threads_it_gets)
{
    struct scripted_run run;

    pool_replace_create(create_two_at_most);
    scripted_run_init(&run, 1, 20, 8, "slow");
    scripted_run_go(&run);
    cr_expect(eq(int, scripted_run_most(-1), 2));
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 20));
    scripted_run_release(&run);
}

static int create_none(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                       void *arg)
{
    (void)thread;
    (void)attributes;
    (void)work;
    (void)arg;
    return EAGAIN;
}

Test(coordinator, without_a_thread_it_cannot_run)
{
    struct made_fleet made;
    struct run_result *result = NULL;
    struct err err = ERR_INIT;

    pool_replace_create(create_none);
    made_fleet_init(&made, 1, 3, 1);
    cr_expect_eq(coordinator_run(made.mem, &made.request, NULL, 0, &result, &err), -1);
    cr_expect(eq(int, err.kind, ERR_INTERNAL));
    cr_expect_null(result);
    err_clear(&err);
    made_fleet_release(&made);
}
