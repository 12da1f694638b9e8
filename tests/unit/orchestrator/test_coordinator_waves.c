/*
 * test_coordinator_waves.c: waves of whole runs by threads: order, budgets, gates, soak times,
 * confirmations, servers left out, the end of the time.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/unit/orchestrator/scripted_run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

static struct scripted_run run;
static struct wave waves[3];
static const size_t before[] = {0, 1};

/* Twelve tenants on two servers: canary has t0 t1, early t2 to t5, rest the others. */
static void setup(void)
{
    static const char *const names[] = {"canary", "early", "rest"};

    scripted_run_init(&run, 2, 12, 4, "migrated");
    memset(waves, 0, sizeof(waves));
    for (size_t i = 0; i < 3; i++) {
        waves[i].name = names[i];
        waves[i].depends_on = &before[i - (i > 0)];
        waves[i].depends_on_count = i > 0;
    }
    waves[0].has_size = waves[1].has_size = true;
    waves[0].size.value = 2;
    waves[1].size.value = 4;
    run.made.request.consent = (struct run_consent){.in_fd = -1, .out_fd = -1};
}

static void teardown(void)
{
    scripted_run_release(&run);
}

TestSuite(coordinator_waves, .init = setup, .fini = teardown, .timeout = 60);

static void go(void)
{
    scripted_run_waves(&run, waves, 3);
    scripted_run_go(&run);
}

static size_t total(enum outcome outcome)
{
    return run.result->totals[outcome];
}

static const struct run_wave *wave(size_t index)
{
    return &run.result->waves[index];
}

static int exit_code(void)
{
    return run_exit_code(&run.made.request, run.result);
}

/* A gate in the words of a shell. */
static struct hook shell(const char *text)
{
    const char **argv = mem_array(run.made.mem, const char *, 4);

    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = text;
    return (struct hook){.command = argv, .timeout_ms = 10000, .line = 9};
}

static void expect_stopped_by(const char *rule, const char *name)
{
    cr_expect(eq(int, run.halts, 1));
    cr_expect(eq(int, exit_code(), 4));
    cr_expect_str_eq(run_result_name(run.result), "halted");
    cr_expect_str_eq(run.result->halt.rule, rule);
    cr_assert_not_null(run.result->halt.wave);
    cr_expect_str_eq(run.result->halt.wave->name, name);
}

/* --- order ------------------------------------------------------------------------------- */

Test(coordinator_waves, one_after_the_other)
{
    scripted_run_script(&run, 1, "slow");
    scripted_run_script(&run, 2, "transient migrated");
    go();
    cr_expect_str_eq(run.waves, "canary:open canary:passed early:open early:passed rest:open "
                                "rest:passed ");
    cr_expect(eq(int, strncmp(run.order, "t0 t1 t2 ", 9), 0), "%s", run.order);
    cr_expect(eq(sz, wave(0)->totals[OUTCOME_MIGRATED], 2));
    cr_expect(eq(sz, wave(1)->totals[OUTCOME_MIGRATED], 4));
    cr_expect(eq(sz, wave(2)->totals[OUTCOME_MIGRATED], 6));
    cr_expect(eq(int, exit_code(), 0));
    for (size_t i = 0; i < 3; i++) {
        cr_expect(gt(i64, wave(i)->started_wall_ms, 0));
        cr_expect(ge(i64, wave(i)->finished_wall_ms, wave(i)->started_wall_ms));
        cr_expect(eq(i64, wave(i)->gate_looks, 0));
    }
}

Test(coordinator_waves, side_by_side)
{
    waves[1].depends_on_count = 0; /* begins with canary; rest waits for early alone */
    scripted_run_script(&run, 0, "slower");
    go();
    cr_expect_str_eq(run.waves, "canary:open early:open early:passed rest:open rest:passed "
                                "canary:passed ");
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 12));
}

Test(coordinator_waves, an_empty_wave_passes_without_asking_anybody)
{
    waves[0].size.value = 0;
    waves[0].soak_ms = 60000;
    waves[0].gate = shell("exit 1");
    waves[0].confirm = true;
    go();
    cr_expect(eq(int, exit_code(), 0));
    cr_expect_eq(wave(0)->state, RUN_WAVE_PASSED);
    cr_expect(eq(i64, wave(0)->started_wall_ms, 0));
}

Test(coordinator_waves, a_wave_has_workers_of_its_own)
{
    for (size_t i = 0; i < 12; i++)
        scripted_run_script(&run, i, "slow");
    waves[2].workers = 2;
    waves[0].workers = waves[1].workers = 1;
    go();
    cr_expect(eq(int, scripted_run_most(-1), 2));
}

Test(coordinator_waves, ramping_up_meets_a_broken_migration_with_few)
{
    for (size_t i = 0; i < 12; i++)
        scripted_run_script(&run, i, "sql");
    run.made.request.config.ramp_up = true;
    scripted_run_go(&run);
    cr_expect(eq(int, run.job_starts, 1));
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 11));
    cr_expect(eq(i64, run.result->halt.in_work, 0));
}

/* --- budgets ----------------------------------------------------------------------------- */

Test(coordinator_waves, the_budget_of_a_wave_is_its_own)
{
    run.made.request.config.max_failures.value = 10;
    waves[1].has_max_failures = true;
    waves[1].max_failures = (struct text_size){50, true}; /* of four: two */
    for (size_t i = 0; i < 5; i++)
        scripted_run_script(&run, i, "sql");
    go();
    expect_stopped_by("max_failures", "early");
    cr_expect(eq(i64, run.result->halt.failures, 3));
    cr_expect(eq(i64, run.result->halt.tolerated, 2));
    cr_expect_eq(wave(0)->state, RUN_WAVE_PASSED);
    cr_expect_eq(wave(1)->state, RUN_WAVE_STOPPED);
    cr_expect_eq(wave(2)->state, RUN_WAVE_WAITING);
    cr_expect(eq(sz, wave(2)->totals[OUTCOME_CANCELLED], 6));
    cr_expect_str_eq(run.result->jobs[11].err.message, "not started: the run was halted");
}

Test(coordinator_waves, a_server_is_left_out_and_others_go_on)
{
    run.made.request.config.max_failures.value = 12;
    run.made.request.config.workers = 1;
    run.made.servers[1].has_max_failures = true;
    run.made.servers[1].max_failures.value = 1;
    for (size_t i = 1; i < 12; i += 2)
        scripted_run_script(&run, i, "sql");
    scripted_run_go(&run);
    cr_expect(eq(int, run.halts, 0));
    cr_expect(eq(int, exit_code(), 3));
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 6));
    cr_expect(eq(sz, total(OUTCOME_FAILED), 2));
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 4));
    cr_expect(run.result->servers[1].left_out);
    cr_expect(eq(i64, run.result->servers[1].failures, 2));
    cr_expect_not(run.result->servers[0].left_out);
    cr_expect_str_eq(run.result->jobs[11].err.message,
                     "not started: server \"s1\" was left out, 2 failed there, 1 tolerated "
                     "(max_failures)");
    cr_expect_str_eq(run.servers, "s1:6 ");
}

/* --- gates ------------------------------------------------------------------------------- */

Test(coordinator_waves, a_gate_that_passes)
{
    waves[0].gate = shell("echo \"$PGTIDE_HOOK $PGTIDE_WAVE $PGTIDE_GATE $PGTIDE_TENANTS "
                          "$PGTIDE_TOTAL_MIGRATED $PGTIDE_TOTAL_CURRENT $PGTIDE_RUN "
                          "$PGTIDE_OPERATION\"; pwd");
    scripted_run_script(&run, 1, "current");
    go();
    cr_expect(eq(int, exit_code(), 0));
    cr_expect_str_eq(run.waves, "canary:open canary:gated canary:passed early:open early:passed "
                                "rest:open rest:passed ");
    cr_expect(eq(i64, wave(0)->gate_looks, 1));
    cr_expect(eq(int, wave(0)->gate.exit_code, 0));
    cr_expect_null(wave(0)->gate.problem);
    cr_expect_str_eq(wave(0)->gate.output,
                     "gate canary end 2 1 1 20261123T061500Z-4f2a migrate\n/\n");
}

Test(coordinator_waves, a_gate_that_fails_halts)
{
    waves[0].gate = shell("echo 3 orders lost; exit 7");
    go();
    expect_stopped_by("gate", "canary");
    cr_expect(eq(i64, run.result->halt.failures, 1));
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 2));
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 10));
    cr_expect_eq(wave(0)->state, RUN_WAVE_STOPPED);
    cr_expect(eq(int, wave(0)->gate.exit_code, 7));
    cr_expect_str_eq(wave(0)->gate.problem,
                     "gate of wave \"canary\": \"/bin/sh\" failed with exit status 7");
    cr_expect_str_eq(wave(0)->problem,
                     "gate of wave \"canary\": \"/bin/sh\" failed with exit status 7; its "
                     "output: 3 orders lost");
}

Test(coordinator_waves, the_last_wave_has_a_gate_too)
{
    waves[2].gate = shell("exit 1");
    go();
    expect_stopped_by("gate", "rest");
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 12));
}

Test(coordinator_waves, a_gate_keeps_no_other_wave_waiting)
{
    waves[1].depends_on_count = 0;
    waves[0].gate = shell("sleep 2");
    go();
    cr_expect(strstr(run.waves, "early:passed rest:open ") != NULL, "%s", run.waves);
    cr_expect(strstr(run.waves, "rest:passed canary:passed ") != NULL, "%s", run.waves);
}

Test(coordinator_waves, a_signal_ends_a_gate)
{
    int64_t begin_ms = clock_now_ms();

    waves[1].depends_on_count = waves[2].depends_on_count = 0;
    waves[0].gate = shell("sleep 30");
    scripted_run_script(&run, 11, "slower sigterm");
    scripted_run_script(&run, 11, "sigterm");
    scripted_run_script(&run, 0, "current");
    go();
    cr_expect(eq(int, exit_code(), 143));
    cr_expect(lt(i64, clock_now_ms() - begin_ms, 20000));
    cr_expect_eq(wave(0)->state, RUN_WAVE_STOPPED);
    cr_expect(eq(int, run.halts, 0));
}

/* --- soak times -------------------------------------------------------------------------- */

Test(coordinator_waves, soaking_without_a_gate_is_waiting)
{
    int64_t begin_ms = clock_now_ms();

    waves[0].soak_ms = 300;
    go();
    cr_expect(ge(i64, clock_now_ms() - begin_ms, 300));
    cr_expect_str_eq(run.waves, "canary:open canary:soaking canary:passed early:open early:passed "
                                "rest:open rest:passed ");
}

Test(coordinator_waves, the_gate_is_asked_while_soaking_and_at_its_end)
{
    waves[0].soak_ms = 1300; /* a look after a second, one at the end */
    waves[0].gate = shell("echo $PGTIDE_GATE");
    go();
    cr_expect(eq(int, exit_code(), 0));
    cr_expect(eq(i64, wave(0)->gate_looks, 2));
    cr_expect_str_eq(wave(0)->gate.output, "end\n");
    cr_expect(strstr(run.waves, "canary:soaking canary:gated canary:passed ") != NULL);
}

Test(coordinator_waves, a_gate_that_turns_false_while_soaking_halts_at_once)
{
    int64_t begin_ms = clock_now_ms();

    waves[0].soak_ms = 10000;
    waves[0].gate = shell("test $PGTIDE_GATE = end");
    go();
    expect_stopped_by("gate", "canary");
    cr_expect(eq(i64, wave(0)->gate_looks, 1));
    cr_expect(lt(i64, clock_now_ms() - begin_ms, 9000));
    cr_expect(strstr(run.waves, "canary:soaking canary:stopped ") != NULL);
}

static void *send_sigint(void *arg)
{
    poll(NULL, 0, 300);
    kill(getpid(), SIGINT);
    return arg;
}

Test(coordinator_waves, a_signal_ends_a_soak_time)
{
    int64_t begin_ms = clock_now_ms();
    sigset_t ints;
    pthread_t thread;

    sigemptyset(&ints);
    sigaddset(&ints, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ints, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, send_sigint, NULL), 0);
    waves[0].soak_ms = 60000;
    go();
    pthread_join(thread, NULL);
    cr_expect(eq(int, exit_code(), 130));
    cr_expect(lt(i64, clock_now_ms() - begin_ms, 30000));
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 2));
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 10));
}

/* --- confirmations ----------------------------------------------------------------------- */

Test(coordinator_waves, yes_confirms)
{
    waves[1].confirm = true;
    run.made.request.consent.given = true;
    go();
    cr_expect(eq(int, exit_code(), 0));
    cr_expect(strstr(run.waves, "early:confirming early:open ") != NULL);
}

Test(coordinator_waves, without_a_terminal_the_run_halts)
{
    waves[1].confirm = true;
    go();
    expect_stopped_by("confirm", "early");
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 2));
    cr_expect_str_eq(wave(1)->problem, "there is no terminal to ask on, and no --yes");
}

struct person {
    int fd;
    const char *answer;
    char shown[512];
};

/* Answers once the question is there. */
static void *answer(void *arg)
{
    struct person *person = arg;
    size_t len = 0;

    while (!strstr(person->shown, "[y/N] ") && len + 1 < sizeof(person->shown)) {
        ssize_t got = read(person->fd, person->shown + len, sizeof(person->shown) - 1 - len);

        if (got <= 0)
            return NULL;
        len += (size_t)got;
    }
    (void)!write(person->fd, person->answer, strlen(person->answer));
    return NULL;
}

static const char *ask_person(struct person *person)
{
    pthread_t thread;
    int terminal;

    cr_assert_eq(openpty(&person->fd, &terminal, NULL, NULL, NULL), 0);
    run.made.request.consent = (struct run_consent){.in_fd = terminal, .out_fd = terminal};
    cr_assert_eq(pthread_create(&thread, NULL, answer, person), 0);
    go();
    pthread_join(thread, NULL);
    close(terminal);
    close(person->fd);
    return person->shown;
}

Test(coordinator_waves, the_person_says_yes)
{
    struct person person = {.answer = "y\n"};

    waves[1].confirm = true;
    scripted_run_script(&run, 1, "current");
    ask_person(&person);
    cr_expect(eq(int, exit_code(), 0));
    cr_expect(strstr(person.shown, "canary: 1 migrated, 1 current; start wave \"early\" with 4 "
                                   "tenants? [y/N] ") != NULL,
              "%s", person.shown);
}

Test(coordinator_waves, the_person_says_no)
{
    struct person person = {.answer = "n\n"};

    waves[0].confirm = true;
    ask_person(&person);
    expect_stopped_by("confirm", "canary");
    cr_expect_str_eq(wave(0)->problem, "the answer was no");
    cr_expect(eq(int, run.job_starts, 0));
}

/* --- time -------------------------------------------------------------------------------- */

Test(coordinator_waves, when_the_time_is_over_nothing_is_started)
{
    for (size_t i = 0; i < 12; i++)
        scripted_run_script(&run, i, "slower");
    run.made.request.config.workers = 2;
    run.made.request.config.max_duration_ms = 200;
    run.made.request.closes_wall_ms = clock_wall_ms() + 200;
    run.made.request.closes_why = "max_duration";
    scripted_run_go(&run);
    cr_expect(run.result->closed);
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 2), "those in work go to their end");
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 10));
    cr_expect(eq(int, exit_code(), 3));
    cr_expect_str_eq(run_result_name(run.result), "partial");
    cr_expect_str_eq(run.result->jobs[11].err.message,
                     "not started: max_duration (200ms) has passed");
}

Test(coordinator_waves, a_tenant_that_would_take_too_long_is_not_started)
{
    int64_t expected[12];

    for (size_t i = 0; i < 12; i++)
        expected[i] = i == 1 || i == 4 ? 3600 * 1000 : 10;
    run.made.request.expected_ms = expected;
    run.made.request.closes_wall_ms = clock_wall_ms() + 60 * 1000;
    run.made.request.closes_why = "window";
    run.made.request.closes_at = "05:00 Europe/Berlin";
    go();
    cr_expect(run.result->closed);
    cr_expect(eq(sz, total(OUTCOME_MIGRATED), 10));
    cr_expect(eq(sz, total(OUTCOME_CANCELLED), 2));
    cr_expect(eq(int, exit_code(), 3));
    cr_expect_str_eq(run.result->jobs[4].err.message, "not started: expected to take 1h00m, and "
                                                      "the window closes at 05:00 Europe/Berlin");
    cr_expect(eq(i64, run.result->jobs[4].started_wall_ms, 0));
    cr_expect_eq(wave(2)->state, RUN_WAVE_PASSED, "the others go on");
}

Test(coordinator_waves, what_soaks_when_the_time_is_over_may_end)
{
    waves[0].has_size = false; /* all of them */
    waves[0].soak_ms = 400;
    waves[1].depends_on_count = waves[2].depends_on_count = 0;
    run.made.request.closes_wall_ms = clock_wall_ms() + 300;
    run.made.request.closes_why = "window";
    go();
    cr_expect_not(run.result->closed);
    cr_expect(eq(int, exit_code(), 0));
    cr_expect_eq(wave(0)->state, RUN_WAVE_PASSED);
}

/* --- runs that only look ----------------------------------------------------------------- */

Test(coordinator_waves, a_run_that_only_looks_opens_all_and_asks_nobody)
{
    run.made.request.plan.action = JOB_INSPECT;
    run.made.request.halts = false;
    waves[1].confirm = true;
    waves[0].soak_ms = 60000;
    waves[0].gate = shell("exit 1");
    go();
    cr_expect(eq(int, exit_code(), 0));
    cr_expect(eq(sz, total(OUTCOME_CURRENT), 12));
}
