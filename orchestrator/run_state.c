/*
 * run_state.c: the tables of legal steps, and what follows from a step.
 */
#include "orchestrator/run_state.h"

#include "common/mem.h"

/* What run_state alone knows of a job. */
struct job_mark {
    enum job_state state;
    bool in_doubt; /* a connection was lost after changes were sent, and no later attempt has come
                      so far as to know what became of them */
};

static const bool job_steps[4][4] = {
    [JOB_READY] = {[JOB_IN_WORK] = true, [JOB_ENDED] = true},
    [JOB_IN_WORK] = {[JOB_WAITING] = true, [JOB_ENDED] = true},
    [JOB_WAITING] = {[JOB_IN_WORK] = true, [JOB_ENDED] = true},
    [JOB_ENDED] = {false},
};

static const bool run_steps[3][3] = {
    [RUN_GOING] = {[RUN_DRAINING] = true, [RUN_OVER] = true},
    [RUN_DRAINING] = {[RUN_OVER] = true},
    [RUN_OVER] = {false},
};

NORETURN static void illegal_step(const char *what, int from, int to)
{
    fprintf(stderr, "pgtide: bug: illegal step of a %s, %d to %d\n", what, from, to);
    abort();
}

struct run_state *run_state_new(const void *parent, const struct run_request *request,
                                struct run_result *result)
{
    struct run_state *state = mem_new(parent, struct run_state);

    state->result = result;
    state->halts = request->halts;
    budget_init(&state->budget, &request->config, request->tenant_count);
    state->marks = mem_array(state, struct job_mark, request->tenant_count);
    result->totals[OUTCOME_NONE] = request->tenant_count;
    return state;
}

/* A read-only job that reached its aim. */
static enum outcome inspected_outcome(const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++) {
        if (job->steps[i].held)
            return OUTCOME_HELD;
    }
    if (job->plan->action == JOB_VERIFY)
        return OUTCOME_CURRENT;
    return job->step_count + job->repair_count > 0 ? OUTCOME_PENDING : OUTCOME_CURRENT;
}

static enum outcome outcome_of(const struct job *job, bool in_doubt)
{
    bool inspects = !job_writes(job->plan->action);

    if (in_doubt)
        return OUTCOME_UNKNOWN;
    switch (job->err.kind) {
    case ERR_NONE:
        if (inspects)
            return inspected_outcome(job);
        return job->changed ? OUTCOME_MIGRATED : OUTCOME_CURRENT;
    case ERR_UNREACHABLE:
    case ERR_LOST:
        return OUTCOME_UNREACHABLE;
    case ERR_CONFLICT:
        return inspects || job->plan->action == JOB_REPAIR ? OUTCOME_CONFLICT : OUTCOME_FAILED;
    case ERR_HELD:
        return OUTCOME_HELD;
    case ERR_LOCKED:
        return OUTCOME_LOCKED;
    case ERR_CANCELLED:
        return OUTCOME_CANCELLED;
    default:
        return OUTCOME_FAILED;
    }
}

/* After an attempt: is it known what became of the changes that were sent? */
static bool still_in_doubt(const struct job *job, bool before)
{
    if (job->err.kind == ERR_LOST)
        return before || job->sent_changes;
    return before && job->err.kind != ERR_NONE && !job->looked;
}

static void halt(struct run_state *state, const struct budget_rule *rule)
{
    state->result->halt = (struct run_halt){
        .halted = true,
        .rule = rule->name,
        .limit = rule->limit,
        .tolerated = rule->tolerated,
        .failures = rule->count,
        .in_work = (int64_t)state->in_work,
    };
    run_state_change_run(state, RUN_DRAINING);
}

static void end_job(struct run_state *state, size_t index)
{
    struct job *job = &state->result->jobs[index];
    const struct budget_rule *exceeded;

    job->outcome = outcome_of(job, state->marks[index].in_doubt);
    state->result->totals[OUTCOME_NONE]--;
    state->result->totals[job->outcome]++;
    exceeded = budget_count(&state->budget, job->outcome);
    if (exceeded && state->halts && state->phase == RUN_GOING)
        halt(state, exceeded);
}

void run_state_change_job(struct run_state *state, size_t job, enum job_state to)
{
    struct job_mark *mark = &state->marks[job];
    enum job_state from = mark->state;

    if (!job_steps[from][to] || (to == JOB_IN_WORK && state->phase != RUN_GOING))
        illegal_step("job", (int)from, (int)to);
    mark->state = to;
    if (from == JOB_IN_WORK) {
        state->in_work--;
        mark->in_doubt = still_in_doubt(&state->result->jobs[job], mark->in_doubt);
    }
    if (to == JOB_IN_WORK)
        state->in_work++;
    if (to == JOB_ENDED)
        end_job(state, job);
}

void run_state_change_run(struct run_state *state, enum run_phase to)
{
    if (!run_steps[state->phase][to] || (to == RUN_OVER && run_state_left(state) > 0))
        illegal_step("run", (int)state->phase, (int)to);
    state->phase = to;
}

enum job_state run_state_of_job(const struct run_state *state, size_t job)
{
    return state->marks[job].state;
}

bool run_state_may_retry(const struct run_state *state, size_t job)
{
    const struct job *tried = &state->result->jobs[job];

    return state->phase == RUN_GOING && err_retryable(tried->err.kind) && !tried->final &&
           tried->attempt < tried->tenant->settings->retry.attempts;
}

size_t run_state_left(const struct run_state *state)
{
    return state->result->totals[OUTCOME_NONE];
}
