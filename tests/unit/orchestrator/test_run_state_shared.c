/*
 * test_run_state_shared.c: runs that close, and tenants, waves and halts of other machines.
 */
#include "orchestrator/run_state.h"

#include "tests/unit/orchestrator/made_run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

/* --- time -------------------------------------------------------------------------------- */

Test(run_state_shared, closing_drains_without_a_halt)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
    run_state_close(world.state);
    cr_expect(world.result.closed);
    cr_expect(not(world.result.halt.halted));
    cr_expect(eq(int, world.state->phase, RUN_DRAINING));
    made_run_release(&world);
}

Test(run_state_shared, closing_is_nothing_when_nothing_is_left_to_start)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    world.made.waves[0].soak_ms = 1000;
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
    run_state_change_job(world.state, 1, JOB_IN_WORK);
    run_state_close(world.state);
    cr_expect(not(world.result.closed));
    cr_expect(eq(int, world.state->phase, RUN_GOING));
    run_state_change_job(world.state, 1, JOB_WAITING);
    run_state_close(world.state);
    cr_expect(world.result.closed, "a retry is a start");
    made_run_release(&world);
}

/* --- other machines ---------------------------------------------------------------------- */

Test(run_state_shared, what_ends_elsewhere_counts_here)
{
    struct made_run world;

    made_run_init(&world, 1, "000");
    world.made.request.config.max_failures = (struct text_size){.value = 0};
    made_run_begin(&world);
    run_state_end_elsewhere(world.state, 0, OUTCOME_MIGRATED);
    cr_expect(eq(int, run_state_of_job(world.state, 0), JOB_ENDED));
    cr_expect(eq(int, world.result.jobs[0].outcome, OUTCOME_MIGRATED));
    cr_expect(eq(sz, world.result.waves[0].totals[OUTCOME_MIGRATED], 1));
    run_state_end_elsewhere(world.state, 1, OUTCOME_FAILED);
    cr_expect(world.result.halt.halted);
    made_run_release(&world);
}

Test(run_state_shared, a_halt_decided_elsewhere)
{
    struct made_run world;
    struct run_halt halt = {.halted = true, .rule = "max_locked", .failures = 7};

    made_run_init(&world, 1, "00");
    made_run_begin(&world);
    run_state_halt_elsewhere(world.state, &halt);
    cr_expect(eq(int, world.state->phase, RUN_DRAINING));
    cr_expect(eq(i64, world.result.halt.failures, 7));
    halt.failures = 8;
    run_state_halt_elsewhere(world.state, &halt);
    cr_expect(eq(i64, world.result.halt.failures, 7), "the first stays");
    made_run_release(&world);
}

Test(run_state_shared, a_tenant_lost_to_another_machine_was_never_started_here)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
    world.result.jobs[0].sent_changes = true;
    err_set(&world.result.jobs[0].err, ERR_LOST, "scripted");
    run_state_lose(world.state, 0);
    cr_expect(eq(int, run_state_of_job(world.state, 0), JOB_READY));
    cr_expect(eq(sz, world.state->in_work, 0));
    err_clear(&world.result.jobs[0].err);
    cr_expect(eq(int, run_state_outcome(world.state, 0), OUTCOME_CURRENT), "no doubt is left");
    run_state_end_elsewhere(world.state, 0, OUTCOME_MIGRATED);
    cr_expect(eq(sz, run_state_left(world.state), 1));
    made_run_release(&world);
}

Test(run_state_shared, a_wave_decided_elsewhere_waits_for_its_tenants)
{
    struct made_run world;

    made_run_init(&world, 2, "01");
    made_run_begin(&world);
    cr_expect(run_state_follow_wave(world.state, 0, RUN_WAVE_OPEN));
    cr_expect(not(run_state_follow_wave(world.state, 0, RUN_WAVE_PASSED)));
    cr_expect(eq(int, made_run_wave(&world, 0), RUN_WAVE_OPEN));
    run_state_end_elsewhere(world.state, 0, OUTCOME_MIGRATED);
    cr_expect(run_state_follow_wave(world.state, 0, RUN_WAVE_PASSED));
    run_state_end_elsewhere(world.state, 1, OUTCOME_MIGRATED);
    cr_expect(not(run_state_is_done(world.state)), "the second has yet to go its way");
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_PASSED));
    made_run_release(&world);
}

Test(run_state_shared, to_end_elsewhere_in_work_here_aborts, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
    run_state_end_elsewhere(world.state, 0, OUTCOME_MIGRATED);
}
