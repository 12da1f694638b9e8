/*
 * run_state.c: the tables of legal steps, and what follows from a step.
 */
#include "orchestrator/run_state.h"

#include "common/mem.h"
#include "orchestrator/run_whole.h"

/* What run_state alone knows of a job. */
struct job_mark {
    enum job_state state;
    bool in_doubt; /* a connection was lost after changes were sent, and no later attempt has come
                      so far as to know what became of them */
};

static const bool job_steps[4][4] = {
    [JOB_READY] = {[JOB_IN_WORK] = true, [JOB_ENDED] = true},
    [JOB_IN_WORK] = {[JOB_READY] = true, [JOB_WAITING] = true, [JOB_ENDED] = true},
    [JOB_WAITING] = {[JOB_READY] = true, [JOB_IN_WORK] = true, [JOB_ENDED] = true},
    [JOB_ENDED] = {false},
};

static const bool wave_steps[7][7] = {
    [RUN_WAVE_WAITING] =
        {[RUN_WAVE_CONFIRMING] = true, [RUN_WAVE_OPEN] = true, [RUN_WAVE_PASSED] = true},
    [RUN_WAVE_CONFIRMING] = {[RUN_WAVE_OPEN] = true, [RUN_WAVE_STOPPED] = true},
    [RUN_WAVE_OPEN] = {[RUN_WAVE_SOAKING] = true,
                       [RUN_WAVE_GATED] = true,
                       [RUN_WAVE_PASSED] = true,
                       [RUN_WAVE_STOPPED] = true},
    [RUN_WAVE_SOAKING] =
        {[RUN_WAVE_GATED] = true, [RUN_WAVE_PASSED] = true, [RUN_WAVE_STOPPED] = true},
    [RUN_WAVE_GATED] = {[RUN_WAVE_PASSED] = true, [RUN_WAVE_STOPPED] = true},
    [RUN_WAVE_PASSED] = {false},
    [RUN_WAVE_STOPPED] = {false},
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

/* --- the beginning ----------------------------------------------------------------------- */

static void make_waves(struct run_state *state, const struct run_whole *whole, size_t tenants)
{
    state->wave_count = state->plan ? state->plan->group_count : 1;
    state->waves = state->result->waves;
    if (!state->waves)
        state->waves = mem_array(state, struct run_wave, state->wave_count);
    state->wave_budgets = mem_array(state, struct budget, state->wave_count);
    for (size_t i = 0; i < state->wave_count; i++) {
        const struct wave_group *group = state->plan ? &state->plan->groups[i] : NULL;
        size_t count = group ? group->count : tenants;

        state->waves[i].totals[OUTCOME_NONE] = count;
        if (group && group->wave)
            budget_init_wave(&state->wave_budgets[i], group->wave, whole->of_waves[i]);
    }
}

static void make_servers(struct run_state *state, const struct fleet *fleet,
                         const struct run_whole *whole)
{
    state->servers = state->result->servers;
    if (!state->servers)
        state->servers = mem_array(state, struct run_server, fleet->server_count);
    state->server_budgets = mem_array(state, struct budget, fleet->server_count);
    for (size_t i = 0; i < fleet->server_count; i++)
        budget_init_server(&state->server_budgets[i], &fleet->servers[i], whole->of_servers[i]);
}

struct run_state *run_state_new(const void *parent, const struct run_request *request,
                                struct run_result *result)
{
    struct run_state *state = mem_new(parent, struct run_state);
    const struct run_whole *whole = run_whole_of(state, request);

    state->result = result;
    state->plan = request->waves;
    state->rules = request->config.waves;
    state->halts = request->halts;
    budget_init(&state->budget, &request->config, whole->tenants);
    make_waves(state, whole, request->tenant_count);
    make_servers(state, request->fleet, whole);
    state->marks = mem_array(state, struct job_mark, request->tenant_count);
    result->totals[OUTCOME_NONE] = request->tenant_count;
    return state;
}

/* --- outcomes ---------------------------------------------------------------------------- */

/* A read-only job that reached its aim. */
static enum outcome inspected_outcome(const struct job *job)
{
    for (size_t i = 0; i < job->step_count; i++) {
        if (job->steps[i].held)
            return OUTCOME_HELD;
    }
    if (job->plan->action == JOB_VERIFY || job->plan->action == JOB_QUERY)
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
    case ERR_FULL:
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

/* After an attempt: is it not known what became of the changes that were sent? Of those in a
 * database that is not there any more (3D000) it is. */
static bool still_in_doubt(const struct job *job, bool before)
{
    if (job->err.kind == ERR_LOST)
        return before || job->sent_changes;
    if (strcmp(job->err.sqlstate, "3D000") == 0)
        return false;
    return before && job->err.kind != ERR_NONE && !job->looked;
}

/* --- jobs and the run -------------------------------------------------------------------- */

static size_t wave_of(const struct run_state *state, size_t job)
{
    return state->plan ? state->plan->group_of[job] : 0;
}

/* The wave as the file has it, or NULL. */
static const struct wave *rules_of(const struct run_state *state, size_t wave)
{
    return state->plan ? state->plan->groups[wave].wave : NULL;
}

static size_t server_of(const struct run_state *state, size_t job)
{
    return state->result->jobs[job].tenant->server->index;
}

static void halt(struct run_state *state, struct run_halt halt)
{
    state->result->halt = halt;
    state->result->halt.halted = true;
    run_state_change_run(state, RUN_DRAINING);
}

static void halt_by_rule(struct run_state *state, const struct budget_rule *rule,
                         const struct wave *wave)
{
    halt(state, (struct run_halt){
                    .rule = rule->name,
                    .limit = rule->limit,
                    .tolerated = rule->tolerated,
                    .failures = rule->count,
                    .in_work = (int64_t)state->in_work,
                    .wave = wave,
                });
}

/* The tenant counts in three places, whatever the others say. */
static void count(struct run_state *state, size_t job, enum outcome outcome)
{
    size_t wave = wave_of(state, job);
    size_t server = server_of(state, job);
    struct budget *of_server = &state->server_budgets[server];
    const struct budget_rule *by_run = budget_count(&state->budget, outcome);
    const struct budget_rule *by_wave = budget_count(&state->wave_budgets[wave], outcome);
    const struct budget_rule *by_server = budget_count(of_server, outcome);

    state->servers[server].failures = of_server->rules[BUDGET_FAILURES].count;
    if (!state->halts)
        return;
    if (by_server)
        state->servers[server].left_out = true;
    if (state->phase != RUN_GOING)
        return;
    if (by_run)
        halt_by_rule(state, by_run, NULL);
    else if (by_wave)
        halt_by_rule(state, by_wave, rules_of(state, wave));
}

static void end_job(struct run_state *state, size_t job, enum outcome outcome)
{
    struct run_wave *wave = &state->waves[wave_of(state, job)];

    state->result->jobs[job].outcome = outcome;
    state->result->totals[OUTCOME_NONE]--;
    state->result->totals[outcome]++;
    wave->totals[OUTCOME_NONE]--;
    wave->totals[outcome]++;
    count(state, job, outcome);
}

static bool may_start(const struct run_state *state, size_t job)
{
    return state->phase == RUN_GOING && state->waves[wave_of(state, job)].state == RUN_WAVE_OPEN;
}

void run_state_change_job(struct run_state *state, size_t job, enum job_state to)
{
    const struct job *changed = &state->result->jobs[job];
    struct job_mark *mark = &state->marks[job];
    enum job_state from = mark->state;

    if (!job_steps[from][to] || (to == JOB_IN_WORK && !may_start(state, job)))
        illegal_step("job", (int)from, (int)to);
    mark->state = to;
    if (from == JOB_IN_WORK) {
        state->in_work--;
        mark->in_doubt = still_in_doubt(changed, mark->in_doubt);
    }
    if (to == JOB_IN_WORK)
        state->in_work++;
    if (to == JOB_ENDED)
        end_job(state, job, outcome_of(changed, mark->in_doubt));
}

enum outcome run_state_outcome(const struct run_state *state, size_t job)
{
    const struct job *asked = &state->result->jobs[job];
    const struct job_mark *mark = &state->marks[job];
    bool in_work = mark->state == JOB_IN_WORK;

    return outcome_of(asked, in_work ? still_in_doubt(asked, mark->in_doubt) : mark->in_doubt);
}

void run_state_lose(struct run_state *state, size_t job)
{
    run_state_change_job(state, job, JOB_READY);
    state->marks[job].in_doubt = false;
}

void run_state_end_elsewhere(struct run_state *state, size_t job, enum outcome outcome)
{
    struct job_mark *mark = &state->marks[job];

    if (mark->state == JOB_IN_WORK || mark->state == JOB_ENDED)
        illegal_step("job elsewhere", (int)mark->state, JOB_ENDED);
    mark->state = JOB_ENDED;
    end_job(state, job, outcome);
}

void run_state_change_run(struct run_state *state, enum run_phase to)
{
    if (!run_steps[state->phase][to] || (to == RUN_OVER && !run_state_is_done(state)))
        illegal_step("run", (int)state->phase, (int)to);
    state->phase = to;
}

void run_state_halt(struct run_state *state, size_t wave, const char *rule)
{
    int64_t in_work = (int64_t)state->in_work;

    run_state_change_wave(state, wave, RUN_WAVE_STOPPED);
    if (state->phase == RUN_GOING)
        halt(state,
             (struct run_halt){.rule = rule, .in_work = in_work, .wave = rules_of(state, wave)});
}

void run_state_halt_elsewhere(struct run_state *state, const struct run_halt *decided)
{
    if (state->phase == RUN_GOING)
        halt(state, *decided);
}

void run_state_close(struct run_state *state)
{
    if (state->phase != RUN_GOING || run_state_left(state) == state->in_work)
        return;
    state->result->closed = true;
    run_state_change_run(state, RUN_DRAINING);
}

/* --- waves ------------------------------------------------------------------------------- */

void run_state_change_wave(struct run_state *state, size_t wave, enum run_wave_state to)
{
    struct run_wave *changed = &state->waves[wave];
    bool begins = to == RUN_WAVE_OPEN || to == RUN_WAVE_CONFIRMING;

    if (!wave_steps[changed->state][to] || (begins && state->phase != RUN_GOING) ||
        (changed->state == RUN_WAVE_OPEN && run_state_left_in_wave(state, wave) > 0))
        illegal_step("wave", (int)changed->state, (int)to);
    changed->state = to;
}

bool run_state_follow_wave(struct run_state *state, size_t wave, enum run_wave_state to)
{
    bool begins = to == RUN_WAVE_WAITING || to == RUN_WAVE_CONFIRMING || to == RUN_WAVE_OPEN;

    if (!begins && run_state_left_in_wave(state, wave) > 0)
        return false;
    state->waves[wave].state = to;
    return true;
}

/* Have all waves that it depends on passed, as far as they are in this run? Those of a run that
 * only looks depend on none. */
static bool is_its_turn(const struct run_state *state, size_t wave)
{
    const struct wave *rules = rules_of(state, wave);

    if (state->phase != RUN_GOING)
        return false;
    for (size_t i = 0; state->halts && rules && i < rules->depends_on_count; i++) {
        size_t before = wave_plan_find(state->plan, &state->rules[rules->depends_on[i]]);

        if (before != WAVE_PLAN_NONE && state->waves[before].state != RUN_WAVE_PASSED)
            return false;
    }
    return true;
}

static enum run_wave_state begin_of_wave(const struct run_state *state, size_t wave)
{
    const struct wave *rules = rules_of(state, wave);
    const size_t *totals = state->waves[wave].totals;
    size_t tenants = 0;

    for (int i = 0; i < OUTCOME_COUNT; i++)
        tenants += totals[i];
    if (totals[OUTCOME_CANCELLED] == tenants)
        return RUN_WAVE_PASSED;
    return state->halts && rules && rules->confirm ? RUN_WAVE_CONFIRMING : RUN_WAVE_OPEN;
}

static bool has_gate(const struct wave *rules)
{
    return rules->gate.command || rules->gate.sql;
}

/* All its tenants have ended. */
static enum run_wave_state end_of_wave(const struct run_state *state, size_t wave)
{
    const struct wave *rules = rules_of(state, wave);
    bool soaks = state->halts && rules && rules->soak_ms > 0;
    bool gated = state->halts && rules && has_gate(rules);

    if (state->phase == RUN_GOING)
        return soaks ? RUN_WAVE_SOAKING : gated ? RUN_WAVE_GATED : RUN_WAVE_PASSED;
    if (soaks || gated || state->result->halt.halted ||
        state->waves[wave].totals[OUTCOME_CANCELLED] > 0)
        return RUN_WAVE_STOPPED;
    return RUN_WAVE_PASSED;
}

enum run_wave_state run_state_next_of_wave(const struct run_state *state, size_t wave)
{
    enum run_wave_state now = state->waves[wave].state;

    switch (now) {
    case RUN_WAVE_WAITING:
        return is_its_turn(state, wave) ? begin_of_wave(state, wave) : now;
    case RUN_WAVE_OPEN:
        return run_state_left_in_wave(state, wave) == 0 ? end_of_wave(state, wave) : now;
    case RUN_WAVE_CONFIRMING:
    case RUN_WAVE_SOAKING:
    case RUN_WAVE_GATED:
        return state->phase == RUN_GOING ? now : RUN_WAVE_STOPPED;
    case RUN_WAVE_PASSED:
    case RUN_WAVE_STOPPED:
        break;
    }
    return now;
}

/* --- questions --------------------------------------------------------------------------- */

enum job_state run_state_of_job(const struct run_state *state, size_t job)
{
    return state->marks[job].state;
}

bool run_state_may_retry(const struct run_state *state, size_t job)
{
    const struct job *tried = &state->result->jobs[job];

    return state->phase == RUN_GOING && !state->servers[server_of(state, job)].left_out &&
           err_retryable(tried->err.kind) && !tried->final &&
           tried->attempt - tried->excused < tried->tenant->settings->retry.attempts;
}

size_t run_state_left(const struct run_state *state)
{
    return state->result->totals[OUTCOME_NONE];
}

size_t run_state_left_in_wave(const struct run_state *state, size_t wave)
{
    return state->waves[wave].totals[OUTCOME_NONE];
}

/* May this wave stay as it is for good? */
static bool is_final(const struct run_state *state, size_t wave)
{
    enum run_wave_state now = state->waves[wave].state;

    return now == RUN_WAVE_PASSED || now == RUN_WAVE_STOPPED ||
           (now == RUN_WAVE_WAITING && state->phase != RUN_GOING);
}

bool run_state_is_done(const struct run_state *state)
{
    if (run_state_left(state) > 0)
        return false;
    for (size_t i = 0; i < state->wave_count; i++) {
        if (!is_final(state, i))
            return false;
    }
    return true;
}
