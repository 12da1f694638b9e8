/*
 * test_run_state_waves.c: what waves go through, and budgets of waves and servers.
 */
#include "orchestrator/run_state.h"

#include "tests/unit/orchestrator/made_run.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

static const char *const gate[] = {"gate", NULL};

/* --- one after the other ----------------------------------------------------------------- */

Test(run_state_waves, a_wave_opens_when_the_one_before_has_passed)
{
    struct made_run world;

    made_run_init(&world, 2, "0011");
    made_run_begin(&world);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_WAITING));
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_OPEN));
    made_run_job(&world, 0, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_OPEN), "one is left");
    made_run_job(&world, 1, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_PASSED));
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_OPEN));
    cr_expect(not(run_state_is_done(world.state)));
    made_run_job(&world, 2, ERR_NONE);
    made_run_job(&world, 3, ERR_NONE);
    cr_expect(not(run_state_is_done(world.state)), "the wave has not passed yet");
    made_run_move(&world, 1);
    cr_expect(run_state_is_done(world.state));
    made_run_release(&world);
}

Test(run_state_waves, waves_that_depend_on_none_run_side_by_side)
{
    static const size_t both[] = {0, 1};
    struct made_run world;

    made_run_init(&world, 3, "012");
    world.made.waves[1].depends_on_count = 0;
    world.made.waves[2].depends_on = both;
    world.made.waves[2].depends_on_count = 2;
    made_run_begin(&world);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_OPEN));
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_OPEN));
    made_run_job(&world, 1, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_PASSED));
    cr_expect(eq(int, made_run_move(&world, 2), RUN_WAVE_WAITING), "for both");
    made_run_job(&world, 0, ERR_NONE);
    made_run_move(&world, 0);
    cr_expect(eq(int, made_run_move(&world, 2), RUN_WAVE_OPEN));
    made_run_release(&world);
}

Test(run_state_waves, a_wave_does_not_wait_for_one_that_is_not_in_the_run)
{
    struct made_run world;

    made_run_init(&world, 2, "0000");
    world.made.plan.groups[0].wave = &world.made.waves[1]; /* --wave w1 */
    world.made.plan.group_count = 1;
    made_run_begin(&world);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_OPEN));
    made_run_release(&world);
}

Test(run_state_waves, a_wave_without_tenants_passes_at_once)
{
    struct made_run world;

    made_run_init(&world, 3, "0022");
    world.made.waves[1].confirm = true;
    world.made.waves[1].soak_ms = 1000;
    world.made.waves[1].gate.command = gate;
    made_run_begin(&world);
    made_run_move(&world, 0);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_WAITING), "not before its turn");
    made_run_job(&world, 0, ERR_NONE);
    made_run_job(&world, 1, ERR_NONE);
    made_run_move(&world, 0);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_PASSED));
    cr_expect(eq(int, made_run_move(&world, 2), RUN_WAVE_OPEN));
    made_run_release(&world);
}

Test(run_state_waves, a_wave_whose_tenants_are_all_cancelled_passes_at_once)
{
    struct made_run world;

    made_run_init(&world, 2, "0011");
    world.made.waves[1].confirm = true;
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_cancel(&world, 2);
    made_run_cancel(&world, 3);
    made_run_job(&world, 0, ERR_NONE);
    made_run_job(&world, 1, ERR_NONE);
    made_run_move(&world, 0);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_PASSED));
    made_run_release(&world);
}

Test(run_state_waves, confirm_comes_first_then_soak_then_gate)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    world.made.waves[0].confirm = true;
    world.made.waves[0].soak_ms = 1000;
    world.made.waves[0].gate.sql = "SELECT true";
    made_run_begin(&world);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_CONFIRMING));
    run_state_change_wave(world.state, 0, RUN_WAVE_OPEN);
    made_run_job(&world, 0, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_SOAKING));
    run_state_change_wave(world.state, 0, RUN_WAVE_GATED);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_GATED));
    run_state_change_wave(world.state, 0, RUN_WAVE_PASSED);
    cr_expect(run_state_is_done(world.state));
    made_run_release(&world);
}

Test(run_state_waves, a_run_that_only_looks_opens_all_waves)
{
    struct made_run world;

    made_run_init(&world, 2, "01");
    world.made.request.halts = false;
    world.made.waves[1].confirm = true;
    world.made.waves[1].soak_ms = 1000;
    world.made.waves[1].gate.command = gate;
    made_run_begin(&world);
    made_run_move(&world, 0);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_OPEN));
    made_run_job(&world, 1, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_PASSED));
    made_run_release(&world);
}

Test(run_state_waves, totals_of_waves_add_up)
{
    struct made_run world;

    made_run_init(&world, 2, "0011");
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_NONE);
    made_run_job(&world, 1, ERR_SQL);
    cr_expect(eq(sz, world.result.waves[0].totals[OUTCOME_CURRENT], 1));
    cr_expect(eq(sz, world.result.waves[0].totals[OUTCOME_FAILED], 1));
    cr_expect(eq(sz, run_state_left_in_wave(world.state, 0), 0));
    cr_expect(eq(sz, run_state_left_in_wave(world.state, 1), 2));
    cr_expect(eq(sz, run_state_left(world.state), 2));
    made_run_release(&world);
}

/* --- halts ------------------------------------------------------------------------------- */

Test(run_state_waves, a_waves_budget_is_of_its_own_tenants_and_halts_the_run)
{
    struct made_run world;
    const struct run_halt *halt = &world.result.halt;

    made_run_init(&world, 2, "0000111111");
    world.made.waves[0].has_max_failures = true;
    world.made.waves[0].max_failures = (struct text_size){.value = 25, .percent = true};
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 3, JOB_IN_WORK);
    made_run_job(&world, 0, ERR_SQL);
    cr_expect(not(halt->halted));
    made_run_job(&world, 1, ERR_SQL);
    cr_expect(halt->halted);
    cr_expect(eq(ptr, (void *)(uintptr_t)halt->wave, &world.made.waves[0]));
    cr_expect_str_eq(halt->rule, "max_failures");
    cr_expect(eq(i64, halt->tolerated, 1));
    cr_expect(eq(i64, halt->failures, 2));
    cr_expect(eq(i64, halt->in_work, 1));
    made_run_cancel(&world, 2);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_OPEN), "one is in work");
    run_state_change_job(world.state, 3, JOB_ENDED);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_STOPPED));
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_WAITING));
    made_run_release(&world);
}

Test(run_state_waves, unreachable_has_a_budget_of_its_own_in_a_wave_too)
{
    struct made_run world;

    made_run_init(&world, 1, "0000");
    world.made.waves[0].has_max_failures = true;
    world.made.waves[0].has_max_unreachable = true;
    world.made.waves[0].max_unreachable = (struct text_size){.value = 1};
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_UNREACHABLE);
    cr_expect(not(world.result.halt.halted));
    made_run_job(&world, 1, ERR_UNREACHABLE);
    cr_expect_str_eq(world.result.halt.rule, "max_unreachable");
    made_run_release(&world);
}

Test(run_state_waves, the_runs_budget_comes_before_the_waves)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    world.made.waves[0].has_max_failures = true;
    world.made.request.config.max_failures = (struct text_size){.value = 0};
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_SQL);
    cr_expect(world.result.halt.halted);
    cr_expect_null(world.result.halt.wave);
    made_run_release(&world);
}

Test(run_state_waves, a_gate_that_fails_stops_its_wave_and_halts_the_run)
{
    struct made_run world;

    made_run_init(&world, 3, "012");
    world.made.waves[0].gate.command = gate;
    world.made.waves[2].depends_on_count = 0;
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_move(&world, 2);
    run_state_change_job(world.state, 2, JOB_IN_WORK);
    made_run_job(&world, 0, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_GATED));
    run_state_halt(world.state, 0, "gate");
    cr_expect(eq(i64, world.result.halt.in_work, 1));
    cr_expect(eq(int, made_run_wave(&world, 0), RUN_WAVE_STOPPED));
    cr_expect_str_eq(world.result.halt.rule, "gate");
    cr_expect(eq(ptr, (void *)(uintptr_t)world.result.halt.wave, &world.made.waves[0]));
    made_run_cancel(&world, 1);
    run_state_change_job(world.state, 2, JOB_ENDED);
    made_run_move(&world, 2);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_WAITING));
    cr_expect(run_state_is_done(world.state));
    made_run_release(&world);
}

Test(run_state_waves, a_gate_that_fails_after_a_halt_changes_nothing_of_it)
{
    struct made_run world;

    made_run_init(&world, 2, "01");
    world.made.waves[0].gate.command = gate;
    world.made.waves[1].depends_on_count = 0;
    world.made.waves[1].has_max_failures = true;
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_move(&world, 1);
    made_run_job(&world, 0, ERR_NONE);
    made_run_move(&world, 0);
    made_run_job(&world, 1, ERR_SQL);
    run_state_halt(world.state, 0, "gate");
    cr_expect_str_eq(world.result.halt.rule, "max_failures");
    cr_expect(eq(int, made_run_wave(&world, 0), RUN_WAVE_STOPPED));
    made_run_release(&world);
}

Test(run_state_waves, a_run_that_drains_soaks_and_asks_no_more)
{
    struct made_run world;

    made_run_init(&world, 4, "0123");
    for (size_t i = 0; i < 4; i++)
        world.made.waves[i].depends_on_count = 0;
    world.made.waves[0].confirm = true;
    world.made.waves[1].soak_ms = 1000;
    world.made.waves[2].soak_ms = 1000;
    made_run_begin(&world);
    for (size_t i = 0; i < 4; i++)
        made_run_move(&world, i);
    made_run_job(&world, 1, ERR_NONE);
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_SOAKING));
    run_state_change_job(world.state, 2, JOB_IN_WORK);
    run_state_change_job(world.state, 3, JOB_IN_WORK);
    run_state_change_run(world.state, RUN_DRAINING);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_STOPPED), "was confirming");
    cr_expect(eq(int, made_run_move(&world, 1), RUN_WAVE_STOPPED), "was soaking");
    run_state_change_job(world.state, 2, JOB_ENDED);
    run_state_change_job(world.state, 3, JOB_ENDED);
    cr_expect(eq(int, made_run_move(&world, 2), RUN_WAVE_STOPPED), "was to soak");
    cr_expect(eq(int, made_run_move(&world, 3), RUN_WAVE_PASSED), "nothing was to follow");
    made_run_release(&world);
}

Test(run_state_waves, a_wave_with_cancelled_tenants_is_stopped)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_NONE);
    run_state_change_run(world.state, RUN_DRAINING);
    made_run_cancel(&world, 1);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_STOPPED));
    made_run_release(&world);
}

Test(run_state_waves, a_wave_whose_last_tenant_halts_the_run_is_stopped)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    world.made.request.config.max_failures = (struct text_size){.value = 0};
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_SQL);
    cr_expect(eq(int, made_run_move(&world, 0), RUN_WAVE_STOPPED));
    made_run_release(&world);
}

/* --- servers ----------------------------------------------------------------------------- */

Test(run_state_waves, a_servers_budget_leaves_it_out_and_the_run_goes_on)
{
    struct made_run world;

    made_run_init(&world, 1, "00000000"); /* four on each server */
    world.made.servers[0].has_max_failures = true;
    world.made.servers[0].max_failures = (struct text_size){.value = 25, .percent = true};
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_LOCKED);
    made_run_job(&world, 1, ERR_SQL); /* of the other server */
    cr_expect(not(world.result.servers[0].left_out), "one of four is tolerated");
    made_run_job(&world, 2, ERR_SQL);
    cr_expect(world.result.servers[0].left_out);
    cr_expect(eq(i64, world.result.servers[0].failures, 2));
    cr_expect(eq(i64, world.result.servers[1].failures, 1));
    cr_expect(not(world.result.servers[1].left_out), "it has no budget");
    cr_expect(not(world.result.halt.halted));
    cr_expect(eq(int, world.state->phase, RUN_GOING));
    made_run_release(&world);
}

Test(run_state_waves, no_retry_on_a_server_that_is_left_out)
{
    struct made_run world;

    made_run_init(&world, 1, "0000");
    world.made.servers[0].has_max_failures = true;
    made_run_begin(&world);
    made_run_move(&world, 0);
    for (size_t i = 0; i < 2; i++) {
        run_state_change_job(world.state, 2 + i, JOB_IN_WORK);
        err_set(&world.result.jobs[2 + i].err, ERR_TRANSIENT, "scripted");
    }
    made_run_job(&world, 0, ERR_SQL);
    cr_expect(not(run_state_may_retry(world.state, 2)));
    cr_expect(run_state_may_retry(world.state, 3), "on the other server");
    made_run_release(&world);
}

Test(run_state_waves, a_run_that_only_looks_leaves_no_server_out)
{
    struct made_run world;

    made_run_init(&world, 1, "00");
    world.made.servers[0].has_max_failures = true;
    world.made.request.halts = false;
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_SQL);
    cr_expect(not(world.result.servers[0].left_out));
    cr_expect(eq(i64, world.result.servers[0].failures, 1));
    made_run_release(&world);
}

/* --- illegal steps ----------------------------------------------------------------------- */

Test(run_state_waves, a_start_in_a_wave_that_is_not_open_aborts, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 2, "01");
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_job(world.state, 1, JOB_IN_WORK);
}

Test(run_state_waves, a_wave_that_passes_with_tenants_left_aborts, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    made_run_begin(&world);
    made_run_move(&world, 0);
    run_state_change_wave(world.state, 0, RUN_WAVE_PASSED);
}

Test(run_state_waves, opening_while_the_run_drains_aborts, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    made_run_begin(&world);
    run_state_change_run(world.state, RUN_DRAINING);
    run_state_change_wave(world.state, 0, RUN_WAVE_OPEN);
}

Test(run_state_waves, over_with_a_wave_under_way_aborts, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_NONE);
    run_state_change_run(world.state, RUN_OVER);
}

Test(run_state_waves, a_wave_that_passed_stays_so, .signal = SIGABRT)
{
    struct made_run world;

    made_run_init(&world, 1, "0");
    made_run_begin(&world);
    made_run_move(&world, 0);
    made_run_job(&world, 0, ERR_NONE);
    made_run_move(&world, 0);
    run_state_change_wave(world.state, 0, RUN_WAVE_STOPPED);
}
