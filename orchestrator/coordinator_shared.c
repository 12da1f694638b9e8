/*
 * coordinator_shared.c: turns, and what follows from them.
 *
 * What is heard is applied in this order: a halt (what ends then ends because of it), ends, waves
 * (they wait for their tenants' ends), claims.
 */
#include "orchestrator/coordinator_shared.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/message.h"
#include "orchestrator/shared_result.h"
#include "orchestrator/shared_run.h"

enum {
    POLL_MS = 200,      /* between turns while something is waited for */
    UNREACHED_MS = 500, /* between tries to reach the ledger */
    LEASE_PARTS = 3,    /* a lease is renewed when this part of it is over */
};

/* A tenant that has ended on another machine while a worker here had it. */
struct late_end {
    bool there;
    enum outcome outcome;
    char *result;
    char *host;
};

struct coordinator_shared {
    struct shared_run *run;
    bool *held; /* by job, like the three below */
    bool *placed;
    bool *ending;
    struct late_end *late;
    size_t *told; /* jobs that are ending */
    size_t told_count;
    size_t held_count;
    size_t late_count;         /* jobs that there was no time for here, at the last turn */
    size_t *held_on;           /* by server */
    struct shared_wave *waves; /* as all machines know them */
    bool leads;
    bool halted;      /* all machines know that the run is */
    int64_t heard_ms; /* when the last turn that was answered had begun: the lease counts from it */
    int64_t due_ms;
    bool unreached; /* the last turn failed */
    bool cut_off;   /* for longer than the lease: this machine gives up */
    bool overruled; /* it has halted the run, and was not the one to do so any more */
    char *problem;
};

static size_t server_of(const struct coordinator *c, size_t job)
{
    return c->request->tenants[job]->server->index;
}

/* This machine stops, the run goes on: also when the others do not know that it has halted here. */
static bool is_leaving(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;
    bool halted = c->result->halt.halted && !c->result->signal && !s->cut_off && !s->overruled;

    return c->state->phase == RUN_DRAINING && !halted;
}

static void hold(struct coordinator *c, size_t job, bool held)
{
    struct coordinator_shared *s = c->shared;

    if (s->held[job] == held)
        return;
    s->held[job] = held;
    s->held_count += held ? 1 : -1UL;
    s->held_on[server_of(c, job)] += held ? 1 : -1UL;
}

static void tell(struct coordinator_shared *s, size_t job)
{
    if (!s->ending[job])
        s->told[s->told_count++] = job;
    s->ending[job] = true;
}

/* --- what is told ------------------------------------------------------------------------- */

static struct shared_end end_of(struct coordinator *c, void *mem, size_t index)
{
    struct job *job = &c->result->jobs[index];
    enum outcome outcome = run_state_outcome(c->state, index);

    if (job->attempt > 0 && job->outcome == OUTCOME_NONE)
        job->duration_ms = clock_now_ms() - c->started_ms[index];
    return (struct shared_end){
        .job = index,
        .outcome = outcome,
        .good = job->err.kind == ERR_NONE,
        .result = shared_result_write(mem, c->result, job, outcome),
    };
}

static void add_ends(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    struct coordinator_shared *s = c->shared;
    struct shared_end *ends = mem_array(mem, struct shared_end, s->told_count);

    for (size_t i = 0; i < s->told_count; i++)
        ends[i] = end_of(c, mem, s->told[i]);
    ask->ends = ends;
    ask->end_count = s->told_count;
}

/* What this machine could hold: what it has, and as much as its workers could begin with now. */
static void add_wishes(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    struct coordinator_shared *s = c->shared;
    size_t servers = c->request->fleet->server_count;
    size_t *by_server = mem_array(mem, size_t, servers);
    size_t *told_on = mem_array(mem, size_t, servers);
    bool *down = mem_array(mem, bool, servers);
    size_t busy = 0;
    size_t workers = c->pool ? (size_t)pool_threads(c->pool) : 0;

    for (size_t i = 0; i < s->told_count; i++) /* they are about to be given back */
        told_on[server_of(c, s->told[i])]++;
    for (size_t i = 0; i < servers; i++) {
        struct schedule_server look = schedule_look(c->schedule, i);

        by_server[i] = s->held_on[i] - told_on[i] + schedule_places(&look);
        down[i] = schedule_is_down(&look);
        busy += look.in_work + (down[i] ? 0 : look.left);
    }
    ask->capacity = s->held_count - s->told_count + (workers > busy ? workers - busy : 0);
    ask->by_server = by_server;
    ask->down = down;
}

/* Those that there is no time for here. Where that is all that is left, it asks for nothing. */
static void add_late(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    struct coordinator_shared *s = c->shared;
    size_t *late = mem_array(mem, size_t, c->result->job_count);
    int64_t left_ms = coordinator_jobs_time_left(c);

    s->late_count = 0;
    for (size_t i = 0; i < c->result->job_count; i++) {
        if (!coordinator_jobs_fits(c, i, left_ms))
            late[s->late_count++] = i;
    }
    ask->late = late;
    ask->late_count = s->late_count;
    if (s->late_count < run_state_left(c->state))
        return;
    ask->capacity = 0;
    if (s->held_count == 0) /* all have been given back */
        ask->late_count = 0;
}

/* Nobody is at work, and there is no time here for any that is left. */
static void close_if_late(struct coordinator *c, const struct shared_news *news)
{
    size_t late = c->shared->late_count;

    if (late > 0 && late == run_state_left(c->state) && news->in_work == 0 && !news->more)
        run_state_close(c->state);
}

static struct shared_wave wave_here(const struct coordinator *c, size_t wave)
{
    const struct run_wave *here = &c->result->waves[wave];
    int64_t left_ms = here->soak_until_ms - clock_now_ms();

    return (struct shared_wave){
        .state = here->state,
        .started_wall_ms = here->started_wall_ms,
        .finished_wall_ms = here->finished_wall_ms,
        .soak_left_ms = here->state == RUN_WAVE_SOAKING && left_ms > 0 ? left_ms : 0,
    };
}

static bool has_wave_news(const struct coordinator *c)
{
    for (size_t i = 0; i < c->result->wave_count; i++) {
        if (c->shared->waves[i].state != c->result->waves[i].state)
            return true;
    }
    return false;
}

static void add_steps(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    struct coordinator_shared *s = c->shared;
    struct shared_wave *waves;

    if (!s->leads || ask->leaving)
        return;
    if (c->result->halt.halted && !s->halted)
        ask->halt = &c->result->halt;
    if (!has_wave_news(c))
        return;
    waves = mem_array(mem, struct shared_wave, c->result->wave_count);
    for (size_t i = 0; i < c->result->wave_count; i++)
        waves[i] = wave_here(c, i);
    ask->waves = waves;
}

/* --- what is heard ------------------------------------------------------------------------ */

/* It is as if it had never been started here. */
static void forget(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];

    if (run_state_of_job(c->state, index) != JOB_READY)
        run_state_lose(c->state, index);
    job_release(job);
    job_init(job, c->plan, c->request->tenants[index]);
}

/* Ended by nobody: the run was halted, or its server left out; or by one that is dead. */
static void explain(struct coordinator *c, size_t index, enum outcome outcome, const char *host)
{
    struct job *job = &c->result->jobs[index];

    if (outcome == OUTCOME_UNKNOWN) {
        err_set(&job->err, ERR_LOST, "the machine that had it in work, %s, is gone",
                host ? host : "unknown");
        err_hint(&job->err, "It may be migrated or not, or even be in work still. Run the same "
                            "command again: it reads the history first and does the rest.");
        return;
    }
    coordinator_jobs_explain_cancel(c, index);
}

static void end_elsewhere(struct coordinator *c, size_t index, enum outcome outcome,
                          const char *result, const char *host)
{
    struct job *job = &c->result->jobs[index];

    forget(c, index);
    if (result) {
        shared_result_read(result, job);
        job->elsewhere = host ? mem_strdup(job->mem, host) : "";
    } else {
        explain(c, index, outcome, host);
    }
    run_state_end_elsewhere(c->state, index, outcome);
    coordinator_jobs_ended_elsewhere(c, index);
}

static void hear_end(struct coordinator *c, const struct shared_news_end *end)
{
    struct coordinator_shared *s = c->shared;
    bool worked_on = run_state_of_job(c->state, end->job) == JOB_IN_WORK && !s->ending[end->job];
    bool recorded = s->ending[end->job] && end->here;

    hold(c, end->job, false);
    s->ending[end->job] = false;
    if (run_state_of_job(c->state, end->job) == JOB_ENDED)
        return;
    if (recorded)
        coordinator_jobs_finish(c, end->job);
    else if (worked_on)
        s->late[end->job] = (struct late_end){
            .there = true,
            .outcome = end->outcome,
            .result = end->result ? mem_strdup(s->late, end->result) : NULL,
            .host = end->host ? mem_strdup(s->late, end->host) : NULL,
        };
    else
        end_elsewhere(c, end->job, end->outcome, end->result, end->host);
}

static void hear_waves(struct coordinator *c, const struct shared_news *news)
{
    struct coordinator_shared *s = c->shared;
    bool leads = news->conducts && !is_leaving(c);

    for (size_t i = 0; i < c->result->wave_count; i++) {
        const struct shared_wave *wave = &news->waves[i];
        struct run_wave *here = &c->result->waves[i];

        s->waves[i] = *wave;
        if ((s->leads && leads) || is_leaving(c))
            continue; /* it knows better */
        here->started_wall_ms = wave->started_wall_ms;
        here->finished_wall_ms = wave->finished_wall_ms;
        here->soak_until_ms = clock_now_ms() + wave->soak_left_ms;
        rollout_follow(c->rollout, i, wave->state);
    }
    if (leads && !s->leads)
        rollout_lead(c->rollout);
    s->leads = leads;
}

static void hear_halt(struct coordinator *c, const struct shared_news *news)
{
    c->shared->halted = news->halt.halted;
    c->shared->overruled = c->result->halt.halted && !news->halt.halted;
    if (news->halt.halted)
        run_state_halt_elsewhere(c->state, &news->halt);
    coordinator_jobs_tell_halt(c);
    for (size_t i = 0; i < c->request->fleet->server_count; i++) {
        if (news->left_out[i])
            coordinator_jobs_leave_out(c, i);
    }
}

static void take_claim(struct coordinator *c, const struct shared_claim *claim)
{
    struct coordinator_shared *s = c->shared;
    size_t index = claim->job;

    hold(c, index, true);
    if (run_state_of_job(c->state, index) == JOB_ENDED) /* the ledger has lost that */
        tell(s, index);
    if (run_state_of_job(c->state, index) != JOB_IN_WORK) /* else it is a worker's */
        c->result->jobs[index].taken_over = claim->takeovers > 0;
    if (s->placed[index] || s->ending[index])
        return;
    s->placed[index] = true;
    schedule_add(c->schedule, index);
}

/* What is not among the claims any more is another machine's now. */
static void hear_claims(struct coordinator *c, void *mem, const struct shared_news *news)
{
    struct coordinator_shared *s = c->shared;
    bool *kept = mem_array(mem, bool, c->result->job_count);

    for (size_t i = 0; i < news->claim_count; i++)
        kept[news->claims[i].job] = true;
    for (size_t job = 0; job < c->result->job_count && s->held_count > 0; job++) {
        if (!s->held[job] || kept[job])
            continue;
        hold(c, job, false);
        if (s->ending[job] && run_state_of_job(c->state, job) != JOB_ENDED)
            forget(c, job);
        s->ending[job] = false;
    }
    for (size_t i = 0; i < news->claim_count && c->state->phase == RUN_GOING; i++)
        take_claim(c, &news->claims[i]);
    schedule_expect_more(c->schedule, news->ready);
}

static void drop_told(struct coordinator_shared *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->told_count; i++) {
        if (s->ending[s->told[i]])
            s->told[left++] = s->told[i];
    }
    s->told_count = left;
}

static void hear(struct coordinator *c, void *mem, const struct shared_news *news)
{
    struct coordinator_shared *s = c->shared;
    bool halted_before = s->halted;

    hear_halt(c, news);
    for (size_t i = 0; i < news->end_count; i++)
        hear_end(c, &news->ends[i]);
    hear_waves(c, news);
    hear_claims(c, mem, news);
    drop_told(s);
    c->result->machines = news->machines;
    c->result->in_work_all = news->in_work;
    if (news->more || s->halted != halted_before || s->told_count > 0)
        s->due_ms = clock_now_ms();
}

/* --- the ledger cannot be reached ----------------------------------------------------------- */

/* What has ended here and cannot be told any more ends by what is known. */
static void end_untold(struct coordinator *c)
{
    struct coordinator_shared *s = c->shared;
    size_t count = s->told_count;

    s->told_count = 0;
    for (size_t i = 0; i < count; i++) {
        s->ending[s->told[i]] = false;
        if (run_state_of_job(c->state, s->told[i]) != JOB_ENDED)
            coordinator_jobs_finish(c, s->told[i]);
    }
}

static void fail_turn(struct coordinator *c, struct err *err)
{
    struct coordinator_shared *s = c->shared;

    if (!s->unreached)
        message_warning("%s\nThe tenants in work go on; no other is started until it is back.",
                        err_text(s, err));
    s->unreached = true;
    s->due_ms = clock_now_ms() + UNREACHED_MS;
    if (!coordinator_shared_may_start(c) && !s->cut_off) {
        s->cut_off = true;
        s->problem = mem_printf(s, "the ledger could not be reached: %s", err->message);
        message_warning("The lease of this machine has run out, so it leaves the run.");
        if (c->state->phase == RUN_GOING)
            run_state_change_run(c->state, RUN_DRAINING);
    }
    if (s->cut_off)
        end_untold(c);
    err_clear(err);
}

/* --- turns -------------------------------------------------------------------------------- */

static void plan_next(struct coordinator_shared *s)
{
    int64_t part_ms = shared_run_lease_ms(s->run) / LEASE_PARTS;

    s->due_ms = clock_now_ms() + (part_ms < POLL_MS ? part_ms : POLL_MS);
}

void coordinator_shared_turn(struct coordinator *c)
{
    struct coordinator_shared *s = c->shared;
    const struct shared_news *news;
    struct err err = ERR_INIT;
    struct shared_ask ask = {0};
    int64_t begun_ms = clock_now_ms();
    void *mem;

    if (!s || coordinator_shared_due_ms(c) > begun_ms || (s->cut_off && s->told_count == 0))
        return;
    mem = mem_context(s);
    ask.leaving = is_leaving(c);
    add_ends(c, mem, &ask);
    add_wishes(c, mem, &ask);
    add_late(c, mem, &ask);
    add_steps(c, mem, &ask);
    if (shared_run_turn(s->run, &ask, &news, &err) == 0) {
        s->heard_ms = begun_ms;
        s->unreached = false;
        plan_next(s);
        hear(c, mem, news);
        close_if_late(c, news);
    } else {
        fail_turn(c, &err);
    }
    talloc_free(mem);
}

int64_t coordinator_shared_due_ms(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;
    bool news;

    if (!s || (s->cut_off && s->told_count == 0))
        return CLOCK_NEVER;
    news = s->told_count > 0 || (s->leads && has_wave_news(c) && !is_leaving(c));
    return news && !s->unreached ? clock_now_ms() : s->due_ms;
}

bool coordinator_shared_leads(const struct coordinator *c)
{
    return !c->shared || c->shared->leads || is_leaving(c);
}

bool coordinator_shared_may_start(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;

    return !s || clock_now_ms() - s->heard_ms < shared_run_lease_ms(s->run);
}

/* --- tenants ------------------------------------------------------------------------------ */

bool coordinator_shared_drops(struct coordinator *c, size_t job)
{
    struct coordinator_shared *s = c->shared;

    if (!s || (s->held[job] && !s->ending[job]))
        return false;
    s->placed[job] = false;
    if (run_state_of_job(c->state, job) == JOB_WAITING)
        forget(c, job);
    return true;
}

bool coordinator_shared_skips(struct coordinator *c, size_t job)
{
    if (!coordinator_shared_drops(c, job))
        return false;
    schedule_ended(c->schedule, job, CONTACT_SILENT, false);
    return true;
}

bool coordinator_shared_gives_back(struct coordinator *c, size_t job)
{
    if (!c->shared)
        return false;
    c->shared->placed[job] = false;
    schedule_ended(c->schedule, job, CONTACT_SILENT, false);
    return true;
}

bool coordinator_shared_was_lost(struct coordinator *c, size_t job, enum schedule_contact contact)
{
    struct coordinator_shared *s = c->shared;
    struct late_end late;

    if (!s || s->held[job])
        return false;
    s->placed[job] = false;
    schedule_ended(c->schedule, job, contact, false);
    late = s->late[job];
    s->late[job] = (struct late_end){0};
    if (late.there)
        end_elsewhere(c, job, late.outcome, late.result, late.host);
    else
        forget(c, job);
    return true;
}

/* Has it come to something? Not when it was cancelled here, or might go better the next time. */
static bool has_decided(const struct coordinator *c, size_t job)
{
    enum err_kind kind = c->result->jobs[job].err.kind;

    return run_state_of_job(c->state, job) == JOB_IN_WORK && kind != ERR_CANCELLED &&
           !err_retryable(kind);
}

bool coordinator_shared_tells(struct coordinator *c, size_t job)
{
    struct coordinator_shared *s = c->shared;
    bool given_back = s && is_leaving(c) && !has_decided(c, job);

    if (!s)
        return false;
    s->placed[job] = false;
    if (given_back)
        c->result->jobs[job].elsewhere = ""; /* or will be: it is not this machine's any more */
    if (!s->held[job] || s->cut_off || given_back)
        return false;
    tell(s, job);
    return true;
}

bool coordinator_shared_keeps(const struct coordinator *c, size_t job)
{
    const struct coordinator_shared *s = c->shared;

    return !s || is_leaving(c) || (s->held[job] && !s->ending[job]);
}

bool coordinator_shared_remains(const struct coordinator *c, size_t job)
{
    return c->shared && is_leaving(c) && run_state_of_job(c->state, job) != JOB_ENDED;
}

const char *coordinator_shared_problem(const struct coordinator *c)
{
    return c->shared ? c->shared->problem : NULL;
}

/* --- beginning and end -------------------------------------------------------------------- */

void coordinator_shared_begin(struct coordinator *c, void *mem)
{
    size_t jobs = c->request->tenant_count;
    struct coordinator_shared *s;

    if (!c->request->shared)
        return;
    s = mem_new(mem, struct coordinator_shared);
    s->run = c->request->shared;
    s->held = mem_array(s, bool, jobs);
    s->placed = mem_array(s, bool, jobs);
    s->ending = mem_array(s, bool, jobs);
    s->late = mem_array(s, struct late_end, jobs);
    s->told = mem_array(s, size_t, jobs);
    s->held_on = mem_array(s, size_t, c->request->fleet->server_count);
    s->waves = mem_array(s, struct shared_wave, c->result->wave_count);
    s->heard_ms = clock_now_ms();
    c->shared = s;
}

bool coordinator_shared_is_settled(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;

    return !s || s->cut_off || is_leaving(c) ||
           (s->told_count == 0 && (!s->leads || !has_wave_news(c)));
}

void coordinator_shared_leave(struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;

    if (!s)
        return;
    c->result->left = is_leaving(c);
    if (!s->cut_off)
        shared_run_leave(s->run, !c->result->left);
}
