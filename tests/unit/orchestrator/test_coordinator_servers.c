/*
 * test_coordinator_servers.c: runs on servers that do not answer, or answer again.
 */
#include "tests/unit/orchestrator/scripted_run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

TestSuite(coordinator_servers, .timeout = 60);

static size_t total(const struct scripted_run *run, enum outcome outcome)
{
    return run->result->totals[outcome];
}

/* Tenants 0-9 on s0, 10-19 on s1; everything may be unreachable. */
static void two_servers(struct scripted_run *run, const char *script)
{
    scripted_run_init(run, 2, 20, 2, script);
    run->made.request.config.max_failures = (struct text_size){100, true};
    for (size_t i = 0; i < 20; i++)
        made_fleet_place(&run->made, i, i / 10);
}

Test(coordinator_servers, one_is_down_and_the_other_is_done)
{
    struct scripted_run run;
    int untried = 0;

    two_servers(&run, "migrated");
    scripted_run_answers(0, false);
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_UNREACHABLE), 10));
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 10));
    for (size_t i = 0; i < 10; i++) {
        const struct job *job = &run.result->jobs[i];

        if (job->attempt == 0) {
            untried++;
            cr_expect_str_eq(job->err.message,
                             "server \"s0\" is down: scripted unreachable, tenant not tried");
        } else {
            cr_expect_str_eq(job->err.message, "scripted unreachable");
        }
    }
    /* 2 at once until one of them has used up its attempts, and the second look */
    cr_expect(ge(int, untried, 7));
    cr_expect(le(int, run.job_starts, 10 + 2 * 3 + 1));
    cr_expect(eq(int, run_exit_code(&run.made.request, run.result), 3));
    scripted_run_release(&run);
}

Test(coordinator_servers, the_first_that_is_certain_halts_at_zero)
{
    struct scripted_run run;

    two_servers(&run, "slow");
    run.made.request.config.max_failures = (struct text_size){.value = 0};
    scripted_run_answers(0, false);
    scripted_run_go(&run);
    cr_expect(run.result->halt.halted);
    cr_expect(eq(i64, run.result->halt.failures, 1));
    cr_expect_str_eq(run.result->jobs[9].err.message, "not started: the run was halted");
    cr_expect(eq(int, run.result->jobs[9].outcome, OUTCOME_CANCELLED));
    scripted_run_release(&run);
}

Test(coordinator_servers, tenants_of_a_lost_server_are_unreachable_though_they_halt)
{
    struct scripted_run run;

    two_servers(&run, "migrated");
    run.made.request.config.has_max_unreachable = true;
    run.made.request.config.max_unreachable = (struct text_size){.value = 4};
    scripted_run_answers(0, false);
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 10), "it halts only after the second look");
    cr_expect(eq(sz, total(&run, OUTCOME_UNREACHABLE), 10));
    cr_expect_str_eq(run.result->halt.rule, "max_unreachable");
    cr_expect(eq(i64, run.result->halt.failures, 5));
    scripted_run_release(&run);
}

Test(coordinator_servers, the_second_look_brings_the_others_back)
{
    struct scripted_run run;

    two_servers(&run, "migrated");
    run.made.servers[0].per_server = 1;
    run.made.request.config.workers = 1;
    scripted_run_script(&run, 0, "unreachable"); /* takes its server down, alone */
    scripted_run_go(&run);
    cr_expect(eq(int, run.result->jobs[0].outcome, OUTCOME_UNREACHABLE), "used up: for good");
    cr_expect(eq(sz, total(&run, OUTCOME_MIGRATED), 19));
    cr_expect_str_eq(strstr(run.order, " t1 "), " t1 t2 t3 t4 t5 t6 t7 t8 t9 ", "after all else");
    scripted_run_release(&run);
}

Test(coordinator_servers, one_that_waited_for_another_reason_is_told_why_it_was_not_tried_again)
{
    struct scripted_run run;
    struct settings once = {.retry = {.attempts = 1}};
    int given_up = 0;

    scripted_run_init(&run, 1, 3, 1, "transient unreachable");
    run.made.request.config.max_failures = (struct text_size){100, true};
    run.made.request.config.workers = 1;
    run.made.settings.retry.base_ms = run.made.settings.retry.cap_ms = 200;
    scripted_run_script(&run, 2, "unreachable"); /* takes the server down while 0 and 1 wait */
    run.made.tenants[2].settings = &once;
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_UNREACHABLE), 3));
    for (size_t i = 0; i < 2; i++) /* one of them is the second look, the other is given up */
        given_up +=
            strcmp(run.result->jobs[i].err.message, "server \"s0\" is down: scripted "
                                                    "unreachable, tenant not tried again") == 0;
    cr_expect(eq(int, given_up, 1));
    scripted_run_release(&run);
}

Test(coordinator_servers, lost_and_then_unreachable_is_unknown)
{
    struct scripted_run run;
    const struct job *job;

    scripted_run_init(&run, 1, 1, 1, "lost unreachable");
    scripted_run_go(&run);
    job = &run.result->jobs[0];
    cr_expect(eq(int, job->outcome, OUTCOME_UNKNOWN));
    cr_expect_str_eq(job->err.message, "scripted unreachable");
    cr_expect_not_null(strstr(job->err.hint, "Run the same command again"));
    scripted_run_release(&run);
}

Test(coordinator_servers, a_deadline_says_nothing_about_its_server)
{
    struct scripted_run run;

    scripted_run_init(&run, 2, 12, 2, "deadline");
    run.made.request.config.max_failures = (struct text_size){100, true};
    run.made.request.config.workers = 2;
    run.made.settings.retry.attempts = 1;
    for (size_t i = 0; i < 12; i++)
        made_fleet_place(&run.made, i, i == 0);
    scripted_run_script(&run, 0, "slower");      /* on the other server, keeps one worker busy */
    scripted_run_script(&run, 1, "unreachable"); /* takes the server down */
    scripted_run_go(&run);
    cr_expect(eq(sz, total(&run, OUTCOME_FAILED), 10));
    cr_expect(eq(int, scripted_run_most(0), 1), "nobody answered: one look after the other");
    scripted_run_release(&run);
}

/* Chance instead of scripts: many short runs, each must end, with every job ended once. */
Test(coordinator_servers, runs_end_whatever_happens)
{
    static const char *const scripts[] = {
        "migrated",    "current",          "sql",      "transient migrated", "lost migrated",
        "unreachable", "unreachable lost", "deadline", "lost unreachable",   "held",
    };

    srandom(1);
    for (int round = 0; round < 300; round++) {
        struct scripted_run run;

        scripted_run_init(&run, 1 + (size_t)random() % 4, (size_t)random() % 40, 2, "migrated");
        run.made.request.config.max_failures = (struct text_size){random() % 120, false};
        for (int server = 0; server < SCRIPTED_SERVERS; server++)
            scripted_run_answers(server, random() % 4 > 0);
        for (size_t i = 0; i < run.made.request.tenant_count; i++)
            scripted_run_script(&run, i, scripts[(size_t)random() % ARRAY_LEN(scripts)]);
        scripted_run_go(&run);
        cr_assert(le(int, scripted_run_most(0), 2));
        scripted_run_release(&run);
    }
}
