/*
 * test_run_state.c: legal steps, outcomes by error kind, totals, halts.
 */
#include "orchestrator/run_state.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/made_fleet.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

struct world {
    struct made_fleet made;
    struct run_result result;
    struct run_state *state;
};

static void world_init(struct world *world, size_t tenants)
{
    made_fleet_init(&world->made, 1, tenants, 8);
    world->result = (struct run_result){.job_count = tenants};
    world->result.jobs = mem_array(world->made.mem, struct job, tenants);
    for (size_t i = 0; i < tenants; i++)
        job_init(&world->result.jobs[i], &world->made.request.plan, world->made.selected[i]);
    world->state = run_state_new(world->made.mem, &world->made.request, &world->result);
    run_state_change_wave(world->state, 0, RUN_WAVE_OPEN);
}

static void world_release(struct world *world)
{
    run_result_release(&world->result);
    made_fleet_release(&world->made);
}

/* One attempt at job `i` that ends with `kind`; to `next` state. */
static void attempt(struct world *world, size_t i, enum err_kind kind, enum job_state next)
{
    struct job *job = &world->result.jobs[i];

    run_state_change_job(world->state, i, JOB_IN_WORK);
    err_clear(&job->err);
    if (kind != ERR_NONE)
        err_set(&job->err, kind, "scripted");
    job->attempt++;
    run_state_change_job(world->state, i, next);
}

static enum outcome outcome_after(enum job_action action, enum err_kind kind)
{
    struct world world;
    enum outcome outcome;

    world_init(&world, 1);
    world.made.request.plan.action = action;
    attempt(&world, 0, kind, JOB_ENDED);
    outcome = world.result.jobs[0].outcome;
    world_release(&world);
    return outcome;
}

Test(run_state, outcomes_of_a_migration)
{
    static const struct {
        enum err_kind kind;
        enum outcome outcome;
    } expected[] = {
        {ERR_NONE, OUTCOME_CURRENT},     {ERR_UNREACHABLE, OUTCOME_UNREACHABLE},
        {ERR_TRANSIENT, OUTCOME_FAILED}, {ERR_LOST, OUTCOME_UNREACHABLE},
        {ERR_LOCKED, OUTCOME_LOCKED},    {ERR_HELD, OUTCOME_HELD},
        {ERR_CONFLICT, OUTCOME_FAILED},  {ERR_SQL, OUTCOME_FAILED},
        {ERR_DATA, OUTCOME_FAILED},      {ERR_INTERNAL, OUTCOME_FAILED},
        {ERR_DEADLINE, OUTCOME_FAILED},  {ERR_CANCELLED, OUTCOME_CANCELLED},
    };

    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        cr_expect(eq(int, outcome_after(JOB_MIGRATE, expected[i].kind), expected[i].outcome), "%s",
                  err_kind_name(expected[i].kind));
    }
    cr_expect(eq(int, outcome_after(JOB_INSPECT, ERR_CONFLICT), OUTCOME_CONFLICT));
    cr_expect(eq(int, outcome_after(JOB_INSPECT, ERR_NONE), OUTCOME_CURRENT));
    cr_expect(eq(int, outcome_after(JOB_INSPECT, ERR_SQL), OUTCOME_FAILED));
}

Test(run_state, what_was_done_decides_a_success)
{
    struct world world;

    world_init(&world, 3);
    world.result.jobs[0].changed = true;
    attempt(&world, 0, ERR_NONE, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[0].outcome, OUTCOME_MIGRATED));
    world.made.request.plan.action = JOB_INSPECT;
    job_add_step(&world.result.jobs[1]);
    attempt(&world, 1, ERR_NONE, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[1].outcome, OUTCOME_PENDING));
    job_add_step(&world.result.jobs[2]);
    job_add_step(&world.result.jobs[2])->held = true;
    attempt(&world, 2, ERR_NONE, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[2].outcome, OUTCOME_HELD));
    world_release(&world);
}

Test(run_state, lost_after_changes_were_sent_is_unknown)
{
    struct world world;

    world_init(&world, 3);
    world.state->halts = false;
    for (size_t i = 0; i < 3; i++)
        world.result.jobs[i].sent_changes = i < 2;
    attempt(&world, 0, ERR_LOST, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[0].outcome, OUTCOME_UNKNOWN));
    attempt(&world, 1, ERR_LOST, JOB_WAITING);
    attempt(&world, 1, ERR_UNREACHABLE, JOB_WAITING);
    run_state_change_job(world.state, 1, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[1].outcome, OUTCOME_UNKNOWN), "could not look again");
    attempt(&world, 2, ERR_LOST, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[2].outcome, OUTCOME_UNREACHABLE), "nothing was sent");
    cr_expect(eq(i64, world.state->budget.rules[BUDGET_FAILURES].count, 3));
    world_release(&world);
}

Test(run_state, what_an_attempt_saw_afterwards_is_no_longer_in_doubt)
{
    struct world world;

    world_init(&world, 2);
    world.result.jobs[0].sent_changes = true;
    attempt(&world, 0, ERR_LOST, JOB_WAITING);
    world.result.jobs[0].looked = true;
    attempt(&world, 0, ERR_TRANSIENT, JOB_WAITING);
    world.result.jobs[0].looked = false;
    attempt(&world, 0, ERR_UNREACHABLE, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[0].outcome, OUTCOME_UNREACHABLE));
    world_release(&world);
}

Test(run_state, an_attempt_that_saw_nothing_leaves_the_doubt)
{
    static const enum err_kind kinds[] = {ERR_LOCKED, ERR_CANCELLED, ERR_DEADLINE, ERR_SQL};
    struct world world;

    world_init(&world, ARRAY_LEN(kinds));
    world.state->halts = false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        world.result.jobs[i].sent_changes = true;
        attempt(&world, i, ERR_LOST, JOB_WAITING);
        attempt(&world, i, kinds[i], JOB_ENDED);
        cr_expect(eq(int, world.result.jobs[i].outcome, OUTCOME_UNKNOWN), "%s",
                  err_kind_name(kinds[i]));
    }
    world_release(&world);
}

Test(run_state, of_a_database_that_is_gone_nothing_is_in_doubt)
{
    struct world world;

    world_init(&world, 1);
    world.result.jobs[0].sent_changes = true;
    attempt(&world, 0, ERR_LOST, JOB_WAITING);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
    err_set(&world.result.jobs[0].err, ERR_SQL, "database \"x\" does not exist");
    err_sqlstate(&world.result.jobs[0].err, "3D000");
    run_state_change_job(world.state, 0, JOB_ENDED);
    cr_expect(eq(int, world.result.jobs[0].outcome, OUTCOME_FAILED));
    world_release(&world);
}

Test(run_state, totals_add_up_at_any_time)
{
    struct world world;

    world_init(&world, 3);
    cr_expect(eq(sz, run_state_left(world.state), 3));
    attempt(&world, 0, ERR_NONE, JOB_ENDED);
    run_state_change_job(world.state, 1, JOB_IN_WORK);
    cr_expect(eq(sz, world.state->in_work, 1));
    cr_expect(eq(sz, run_state_left(world.state), 2));
    cr_expect(eq(sz, world.result.totals[OUTCOME_CURRENT], 1));
    run_state_change_job(world.state, 1, JOB_WAITING);
    cr_expect(eq(sz, world.state->in_work, 0));
    cr_expect(eq(sz, world.result.totals[OUTCOME_NONE], 2));
    world_release(&world);
}

Test(run_state, one_more_than_tolerated_halts)
{
    struct world world;

    world_init(&world, 10);
    world.made.request.config.max_failures = (struct text_size){.value = 20, .percent = true};
    world.state = run_state_new(world.made.mem, &world.made.request, &world.result);
    run_state_change_wave(world.state, 0, RUN_WAVE_OPEN);
    run_state_change_job(world.state, 8, JOB_IN_WORK);
    run_state_change_job(world.state, 9, JOB_IN_WORK);
    attempt(&world, 0, ERR_SQL, JOB_ENDED);
    attempt(&world, 1, ERR_SQL, JOB_ENDED);
    cr_expect(not(world.result.halt.halted));
    attempt(&world, 2, ERR_SQL, JOB_ENDED);
    cr_expect(world.result.halt.halted);
    cr_expect(eq(int, world.state->phase, RUN_DRAINING));
    cr_expect_str_eq(world.result.halt.rule, "max_failures");
    cr_expect(eq(i64, world.result.halt.limit.value, 20));
    cr_expect(world.result.halt.limit.percent);
    cr_expect(eq(i64, world.result.halt.tolerated, 2));
    cr_expect(eq(i64, world.result.halt.failures, 3));
    cr_expect(eq(i64, world.result.halt.in_work, 2));
    err_set(&world.result.jobs[8].err, ERR_SQL, "one of those in work fails, too");
    run_state_change_job(world.state, 8, JOB_ENDED);
    cr_expect(eq(i64, world.result.halt.failures, 3), "what halted it stays");
    world_release(&world);
}

Test(run_state, a_run_that_does_not_halt_asks_everyone)
{
    struct world world;

    world_init(&world, 3);
    world.state->halts = false;
    for (size_t i = 0; i < 3; i++)
        attempt(&world, i, ERR_SQL, JOB_ENDED);
    cr_expect(not(world.result.halt.halted));
    cr_expect(eq(int, world.state->phase, RUN_GOING));
    world_release(&world);
}

Test(run_state, retries_while_it_helps_and_the_run_goes_on)
{
    struct world world;
    struct job *job;

    world_init(&world, 1);
    job = &world.result.jobs[0];
    attempt(&world, 0, ERR_TRANSIENT, JOB_WAITING);
    cr_expect(run_state_may_retry(world.state, 0), "1 of 3");
    attempt(&world, 0, ERR_SQL, JOB_WAITING);
    cr_expect(not(run_state_may_retry(world.state, 0)), "would fail again");
    attempt(&world, 0, ERR_LOST, JOB_WAITING);
    cr_expect(not(run_state_may_retry(world.state, 0)), "3 of 3");
    job->attempt = 1;
    cr_expect(run_state_may_retry(world.state, 0));
    run_state_change_run(world.state, RUN_DRAINING);
    cr_expect(not(run_state_may_retry(world.state, 0)), "draining");
    world_release(&world);
}

/* Brings job 0 of a new world into `state`. */
static void bring(struct world *world, enum job_state state)
{
    world_init(world, 1);
    world->state->halts = false;
    if (state == JOB_WAITING)
        attempt(world, 0, ERR_TRANSIENT, JOB_WAITING);
    else if (state == JOB_ENDED)
        attempt(world, 0, ERR_NONE, JOB_ENDED);
    else if (state == JOB_IN_WORK)
        run_state_change_job(world->state, 0, JOB_IN_WORK);
}

#define ILLEGAL_STEP(name, from, to)                                                               \
    Test(run_state, name, .signal = SIGABRT)                                                       \
    {                                                                                              \
        struct world world;                                                                        \
                                                                                                   \
        bring(&world, from);                                                                       \
        run_state_change_job(world.state, 0, to);                                                  \
    }

ILLEGAL_STEP(ready_to_ready_aborts, JOB_READY, JOB_READY)
ILLEGAL_STEP(ready_to_waiting_aborts, JOB_READY, JOB_WAITING)
ILLEGAL_STEP(in_work_to_in_work_aborts, JOB_IN_WORK, JOB_IN_WORK)
ILLEGAL_STEP(waiting_to_waiting_aborts, JOB_WAITING, JOB_WAITING)
ILLEGAL_STEP(ended_to_ready_aborts, JOB_ENDED, JOB_READY)
ILLEGAL_STEP(ended_to_in_work_aborts, JOB_ENDED, JOB_IN_WORK)
ILLEGAL_STEP(ended_to_waiting_aborts, JOB_ENDED, JOB_WAITING)
ILLEGAL_STEP(ended_to_ended_aborts, JOB_ENDED, JOB_ENDED)

Test(run_state, a_start_while_draining_aborts, .signal = SIGABRT)
{
    struct world world;

    world_init(&world, 1);
    run_state_change_run(world.state, RUN_DRAINING);
    run_state_change_job(world.state, 0, JOB_IN_WORK);
}

Test(run_state, over_with_jobs_left_aborts, .signal = SIGABRT)
{
    struct world world;

    world_init(&world, 1);
    run_state_change_run(world.state, RUN_OVER);
}

Test(run_state, going_again_aborts, .signal = SIGABRT)
{
    struct world world;

    world_init(&world, 1);
    run_state_change_run(world.state, RUN_DRAINING);
    run_state_change_run(world.state, RUN_GOING);
}
