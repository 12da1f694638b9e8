/*
 * coordinator_shared.c: turns, waves and halts; when this machine leaves.
 *
 * What is heard is applied in this order: a halt (what ends then ends because of it), ends, waves
 * (they wait for their tenants' ends), claims.
 */
#include "orchestrator/coordinator_shared.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/coordinator_claims.h"
#include "orchestrator/message.h"
#include "orchestrator/shared_run.h"

enum {
    POLL_MS = 200,      /* between turns while something is waited for */
    UNREACHED_MS = 500, /* between tries to reach the ledger */
    LEASE_PARTS = 3,    /* a lease is renewed when this part of it is over */
};

struct coordinator_shared {
    struct shared_run *run;
    size_t late_count;         /* jobs that there was no time for here, at the last turn */
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

/* This machine stops, the run goes on: also when the others do not know that it has halted here. */
static bool is_leaving(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;
    bool halted = c->result->halt.halted && !c->result->signal && !s->cut_off && !s->overruled;

    return c->state->phase == RUN_DRAINING && !halted;
}

/* --- what is told ------------------------------------------------------------------------- */

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
    if (coordinator_claims_held(c) == 0) /* all have been given back */
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

static void hear(struct coordinator *c, void *mem, const struct shared_news *news)
{
    struct coordinator_shared *s = c->shared;
    bool halted_before = s->halted;

    hear_halt(c, news);
    coordinator_claims_hear_ends(c, news);
    hear_waves(c, news);
    coordinator_claims_hear(c, mem, news);
    c->result->machines = news->machines;
    c->result->in_work_all = news->in_work;
    if (news->more || s->halted != halted_before || coordinator_claims_untold(c) > 0)
        s->due_ms = clock_now_ms();
}

/* --- the ledger cannot be reached ----------------------------------------------------------- */

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
        coordinator_claims_end_untold(c);
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

    if (!s || coordinator_shared_due_ms(c) > begun_ms)
        return;
    mem = mem_context(s);
    ask.leaving = is_leaving(c);
    coordinator_claims_ask(c, mem, &ask);
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
    bool untold = s && coordinator_claims_untold(c) > 0;
    bool news;

    if (!s || (s->cut_off && !untold))
        return CLOCK_NEVER;
    news = untold || (s->leads && has_wave_news(c) && !is_leaving(c));
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
    if (given_back)
        c->result->jobs[job].elsewhere = ""; /* or will be: it is not this machine's any more */
    return coordinator_claims_end(c, job, !s->cut_off && !given_back);
}

bool coordinator_shared_keeps(const struct coordinator *c, size_t job)
{
    return !c->shared || is_leaving(c) || coordinator_claims_has(c, job);
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
    struct coordinator_shared *s;

    if (!c->request->shared)
        return;
    s = mem_new(mem, struct coordinator_shared);
    s->run = c->request->shared;
    s->waves = mem_array(s, struct shared_wave, c->result->wave_count);
    s->heard_ms = clock_now_ms();
    c->shared = s;
    coordinator_claims_begin(c, mem);
}

bool coordinator_shared_is_settled(const struct coordinator *c)
{
    const struct coordinator_shared *s = c->shared;

    return !s || s->cut_off || is_leaving(c) ||
           (coordinator_claims_untold(c) == 0 && (!s->leads || !has_wave_news(c)));
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
