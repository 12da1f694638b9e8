/*
 * coordinator_claims.c: held, placed, ending, lost; and what follows when that changes.
 */
#include "orchestrator/coordinator_claims.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/shared_result.h"

/* A tenant that has ended on another machine while a worker here had it. */
struct late_end {
    bool there;
    enum outcome outcome;
    char *result;
    char *host;
};

struct coordinator_claims {
    bool *held; /* by job, like the three below */
    bool *placed;
    bool *ending;
    struct late_end *late;
    size_t *told; /* jobs that are ending */
    size_t told_count;
    size_t held_count;
    size_t *held_on; /* by server */
};

static size_t server_of(const struct coordinator *c, size_t job)
{
    return c->request->tenants[job]->server->index;
}

static void hold(struct coordinator *c, size_t job, bool held)
{
    struct coordinator_claims *claims = c->claims;

    if (claims->held[job] == held)
        return;
    claims->held[job] = held;
    claims->held_count += held ? 1 : -1UL;
    claims->held_on[server_of(c, job)] += held ? 1 : -1UL;
}

static void tell(struct coordinator_claims *claims, size_t job)
{
    if (!claims->ending[job])
        claims->told[claims->told_count++] = job;
    claims->ending[job] = true;
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
    struct coordinator_claims *claims = c->claims;
    struct shared_end *ends = mem_array(mem, struct shared_end, claims->told_count);

    for (size_t i = 0; i < claims->told_count; i++)
        ends[i] = end_of(c, mem, claims->told[i]);
    ask->ends = ends;
    ask->end_count = claims->told_count;
}

/* What this machine could hold: what it has, and as much as its workers could begin with now. */
static void add_wishes(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    struct coordinator_claims *claims = c->claims;
    size_t servers = c->request->fleet->server_count;
    size_t *by_server = mem_array(mem, size_t, servers);
    size_t *told_on = mem_array(mem, size_t, servers);
    bool *down = mem_array(mem, bool, servers);
    size_t busy = 0;
    size_t workers = c->pool ? (size_t)pool_threads(c->pool) : 0;

    for (size_t i = 0; i < claims->told_count; i++) /* they are about to be given back */
        told_on[server_of(c, claims->told[i])]++;
    for (size_t i = 0; i < servers; i++) {
        struct schedule_server look = schedule_look(c->schedule, i);

        by_server[i] = claims->held_on[i] - told_on[i] + schedule_places(&look);
        down[i] = schedule_is_down(&look);
        busy += look.in_work + (down[i] ? 0 : look.left);
    }
    ask->capacity = claims->held_count - claims->told_count + (workers > busy ? workers - busy : 0);
    ask->by_server = by_server;
    ask->down = down;
}

void coordinator_claims_ask(struct coordinator *c, void *mem, struct shared_ask *ask)
{
    add_ends(c, mem, ask);
    add_wishes(c, mem, ask);
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
    struct coordinator_claims *claims = c->claims;
    bool worked_on =
        run_state_of_job(c->state, end->job) == JOB_IN_WORK && !claims->ending[end->job];
    bool recorded = claims->ending[end->job] && end->here;

    hold(c, end->job, false);
    claims->ending[end->job] = false;
    if (run_state_of_job(c->state, end->job) == JOB_ENDED)
        return;
    if (recorded)
        coordinator_jobs_finish(c, end->job);
    else if (worked_on)
        claims->late[end->job] = (struct late_end){
            .there = true,
            .outcome = end->outcome,
            .result = end->result ? mem_strdup(claims->late, end->result) : NULL,
            .host = end->host ? mem_strdup(claims->late, end->host) : NULL,
        };
    else
        end_elsewhere(c, end->job, end->outcome, end->result, end->host);
}

void coordinator_claims_hear_ends(struct coordinator *c, const struct shared_news *news)
{
    for (size_t i = 0; i < news->end_count; i++)
        hear_end(c, &news->ends[i]);
}

static void take_claim(struct coordinator *c, const struct shared_claim *claim)
{
    struct coordinator_claims *claims = c->claims;
    size_t index = claim->job;

    hold(c, index, true);
    if (run_state_of_job(c->state, index) == JOB_ENDED) /* the ledger has lost that */
        tell(claims, index);
    if (run_state_of_job(c->state, index) != JOB_IN_WORK) /* else it is a worker's */
        c->result->jobs[index].taken_over = claim->takeovers > 0;
    if (claims->placed[index] || claims->ending[index])
        return;
    claims->placed[index] = true;
    schedule_add(c->schedule, index);
}

static void drop_told(struct coordinator_claims *claims)
{
    size_t left = 0;

    for (size_t i = 0; i < claims->told_count; i++) {
        if (claims->ending[claims->told[i]])
            claims->told[left++] = claims->told[i];
    }
    claims->told_count = left;
}

/* What is not among the claims any more is another machine's now. */
void coordinator_claims_hear(struct coordinator *c, void *mem, const struct shared_news *news)
{
    struct coordinator_claims *claims = c->claims;
    bool *kept = mem_array(mem, bool, c->result->job_count);

    for (size_t i = 0; i < news->claim_count; i++)
        kept[news->claims[i].job] = true;
    for (size_t job = 0; job < c->result->job_count && claims->held_count > 0; job++) {
        if (!claims->held[job] || kept[job])
            continue;
        hold(c, job, false);
        if (claims->ending[job] && run_state_of_job(c->state, job) != JOB_ENDED)
            forget(c, job);
        claims->ending[job] = false;
    }
    for (size_t i = 0; i < news->claim_count && c->state->phase == RUN_GOING; i++)
        take_claim(c, &news->claims[i]);
    schedule_expect_more(c->schedule, news->ready);
    drop_told(claims);
}

void coordinator_claims_end_untold(struct coordinator *c)
{
    struct coordinator_claims *claims = c->claims;
    size_t count = claims->told_count;

    claims->told_count = 0;
    for (size_t i = 0; i < count; i++) {
        claims->ending[claims->told[i]] = false;
        if (run_state_of_job(c->state, claims->told[i]) != JOB_ENDED)
            coordinator_jobs_finish(c, claims->told[i]);
    }
}

/* --- tenants ------------------------------------------------------------------------------ */

bool coordinator_claims_drops(struct coordinator *c, size_t job)
{
    struct coordinator_claims *claims = c->claims;

    if (!claims || coordinator_claims_has(c, job))
        return false;
    claims->placed[job] = false;
    if (run_state_of_job(c->state, job) == JOB_WAITING)
        forget(c, job);
    return true;
}

bool coordinator_claims_skips(struct coordinator *c, size_t job)
{
    if (!coordinator_claims_drops(c, job))
        return false;
    schedule_ended(c->schedule, job, CONTACT_SILENT, false);
    return true;
}

bool coordinator_claims_gives_back(struct coordinator *c, size_t job)
{
    if (!c->claims)
        return false;
    c->claims->placed[job] = false;
    schedule_ended(c->schedule, job, CONTACT_SILENT, false);
    return true;
}

bool coordinator_claims_was_lost(struct coordinator *c, size_t job, enum schedule_contact contact)
{
    struct coordinator_claims *claims = c->claims;
    struct late_end late;

    if (!claims || claims->held[job])
        return false;
    claims->placed[job] = false;
    schedule_ended(c->schedule, job, contact, false);
    late = claims->late[job];
    claims->late[job] = (struct late_end){0};
    if (late.there)
        end_elsewhere(c, job, late.outcome, late.result, late.host);
    else
        forget(c, job);
    return true;
}

bool coordinator_claims_end(struct coordinator *c, size_t job, bool told)
{
    struct coordinator_claims *claims = c->claims;

    claims->placed[job] = false;
    if (!claims->held[job] || !told)
        return false;
    tell(claims, job);
    return true;
}

/* --- beginning and questions -------------------------------------------------------------- */

void coordinator_claims_begin(struct coordinator *c, void *mem)
{
    size_t jobs = c->request->tenant_count;
    struct coordinator_claims *claims = mem_new(mem, struct coordinator_claims);

    claims->held = mem_array(claims, bool, jobs);
    claims->placed = mem_array(claims, bool, jobs);
    claims->ending = mem_array(claims, bool, jobs);
    claims->late = mem_array(claims, struct late_end, jobs);
    claims->told = mem_array(claims, size_t, jobs);
    claims->held_on = mem_array(claims, size_t, c->request->fleet->server_count);
    c->claims = claims;
}

bool coordinator_claims_has(const struct coordinator *c, size_t job)
{
    return c->claims->held[job] && !c->claims->ending[job];
}

size_t coordinator_claims_held(const struct coordinator *c)
{
    return c->claims->held_count;
}

size_t coordinator_claims_untold(const struct coordinator *c)
{
    return c->claims->told_count;
}
