/*
 * coordinator_jobs.c: a tenant's way through the run, and what is said of those that never began.
 */
#include "orchestrator/coordinator_jobs.h"

#include "common/backoff.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/closing.h"
#include "orchestrator/coordinator_claims.h"
#include "orchestrator/coordinator_shared.h"
#include "worker/tenant_hooks.h"

#include <sys/random.h>

/* --- jobs that end ----------------------------------------------------------------------- */

static void explain_doubt(struct job *job)
{
    if (job->outcome == OUTCOME_UNKNOWN)
        err_hint(&job->err,
                 "The connection was lost after changes had been sent, so they may be there or "
                 "not. Run the same command again: it reads the history first and does the rest.");
}

void coordinator_jobs_tell_halt(struct coordinator *c)
{
    if (!c->result->halt.halted || c->halt_told)
        return;
    c->halt_told = true;
    TELL(c, halted, &c->result->halt);
}

/* How the server stands; the observers are told what is new. */
static void look_at_server(struct coordinator *c, size_t server)
{
    struct run_server *seen = &c->result->servers[server];
    enum schedule_server_state before = seen->schedule.state;

    seen->schedule = schedule_look(c->schedule, server);
    if (seen->schedule.state != before)
        TELL(c, server_changed, c->result, server);
}

void coordinator_jobs_look_at_servers(struct coordinator *c)
{
    for (size_t i = 0; i < c->request->fleet->server_count; i++)
        look_at_server(c, i);
}

/* Its budget is spent: nothing is started there any more. */
static void leave_out(struct coordinator *c, size_t server)
{
    if (!c->result->servers[server].left_out ||
        schedule_look(c->schedule, server).state == SCHEDULE_SERVER_LEFT_OUT)
        return;
    schedule_leave_out(c->schedule, server);
    look_at_server(c, server);
}

void coordinator_jobs_watch_servers(struct coordinator *c)
{
    struct server_watch_news news;

    while (server_watch_next(c->watch, &news)) {
        struct run_server *seen = &c->result->servers[news.server];
        char **waits_for = &c->waits_for[news.server];

        talloc_free(*waits_for);
        *waits_for = news.waits_for ? mem_strdup(c->waits_for, news.waits_for) : NULL;
        seen->waits_for = *waits_for;
        schedule_hold(c->schedule, news.server, seen->waits_for != NULL);
        look_at_server(c, news.server);
        if (news.refusal && !seen->left_out) {
            seen->blind = mem_strdup(c->result, news.refusal);
            seen->left_out = true;
            leave_out(c, news.server);
        }
    }
}

void coordinator_jobs_leave_out(struct coordinator *c, size_t server)
{
    c->result->servers[server].left_out = true;
    leave_out(c, server);
}

void coordinator_jobs_finish(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];

    if (job->attempt > 0)
        job->duration_ms = clock_now_ms() - c->started_ms[index];
    run_state_change_job(c->state, index, JOB_ENDED);
    explain_doubt(job);
    estimate_ended(c->estimate, index, job->outcome == OUTCOME_MIGRATED ? job->duration_ms : -1);
    TELL(c, job_ended, job, c->result);
    coordinator_jobs_tell_halt(c);
    leave_out(c, job->tenant->server->index);
    if (tenant_hooks_wants_failure(job)) {
        c->failure_hooks++;
        queue_put(c->queue, &c->tasks[index]);
    }
}

void coordinator_jobs_ended_elsewhere(struct coordinator *c, size_t index)
{
    const struct job *job = &c->result->jobs[index];

    estimate_ended(c->estimate, index, job->outcome == OUTCOME_MIGRATED ? job->duration_ms : -1);
    TELL(c, job_ended, job, c->result);
    leave_out(c, job->tenant->server->index);
}

static void end_job(struct coordinator *c, size_t index)
{
    if (!coordinator_shared_tells(c, index))
        coordinator_jobs_finish(c, index);
}

/* --- the end of the time ----------------------------------------------------------------- */

int64_t coordinator_jobs_closes_ms(const struct coordinator *c)
{
    int64_t wall_ms = c->request->closes_wall_ms;

    return wall_ms == 0 ? CLOCK_NEVER : clock_now_ms() + wall_ms - clock_wall_ms();
}

int64_t coordinator_jobs_time_left(const struct coordinator *c)
{
    int64_t closes_ms = coordinator_jobs_closes_ms(c);

    return closes_ms == CLOCK_NEVER ? CLOCK_NEVER : closes_ms - clock_now_ms();
}

bool coordinator_jobs_fits(const struct coordinator *c, size_t index, int64_t left_ms)
{
    return run_state_of_job(c->state, index) != JOB_READY ||
           estimate_fits(c->estimate, index, left_ms);
}

static void explain_late(struct coordinator *c, size_t index, const char *what)
{
    struct job *job = &c->result->jobs[index];
    const char *closes_at = c->request->closes_at;
    char *took = text_elapsed(NULL, estimate_of(c->estimate, index));

    if (closes_at)
        err_set(&job->err, ERR_CANCELLED, "%s: expected to take %s, and the window closes at %s",
                what, took, closes_at);
    else
        err_set(&job->err, ERR_CANCELLED,
                "%s: expected to take %s, and max_duration ends before that", what, took);
    talloc_free(took);
}

/* --- tenants that end without having been started --------------------------------------- */

static void explain_lost(struct coordinator *c, struct job *job)
{
    const struct server *server = job->tenant->server;

    if (job->err.kind != ERR_UNREACHABLE) /* else it has been refused itself */
        err_set(&job->err, ERR_UNREACHABLE, "server \"%s\" is down: %s, tenant not tried%s",
                server->name, c->refusals[server->index], job->attempt > 0 ? " again" : "");
}

/* One that waited for its retry ends by what it has. */
static void explain_left_out(struct coordinator *c, struct job *job)
{
    const struct server *server = job->tenant->server;
    const struct budget_rule *rule =
        &c->state->server_budgets[server->index].rules[BUDGET_FAILURES];

    if (job->attempt > 0)
        return;
    if (c->result->servers[server->index].blind) {
        err_set(&job->err, ERR_CANCELLED,
                "not started: server \"%s\" was left out, as it cannot be watched: %s",
                server->name, c->result->servers[server->index].blind);
        return;
    }
    err_set(&job->err, ERR_CANCELLED,
            "not started: server \"%s\" was left out, %lld failed there, %lld tolerated (%s)",
            server->name, (long long)rule->count, (long long)rule->tolerated, rule->name);
}

/* Tenants whose server is lost or left out. All of them, even when one of them halts the run: it is
 * known that they cannot be reached, or shall not be. */
static void end_given_up(struct coordinator *c)
{
    enum schedule_given_up why;
    size_t index;

    while (schedule_given_up(c->schedule, &index, &why)) {
        struct job *job = &c->result->jobs[index];

        if (run_state_of_job(c->state, index) == JOB_ENDED || coordinator_claims_drops(c, index))
            continue;
        if (why == GIVEN_UP_SERVER_LEFT_OUT)
            explain_left_out(c, job);
        else
            explain_lost(c, job);
        end_job(c, index);
    }
}

void coordinator_jobs_explain_cancel(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];
    const char *what =
        coordinator_shared_remains(c, index) ? "left to other machines" : "not started";
    const char *problem = coordinator_shared_problem(c);
    int signal = c->result->signal;
    char *closed;

    if (problem) {
        err_set(&job->err, ERR_CANCELLED, "%s: %s", what, problem);
    } else if (signal) {
        err_set(&job->err, ERR_CANCELLED, "%s: the run was stopped by %s", what,
                signals_name(signal));
    } else if (c->result->halt.halted) {
        err_set(&job->err, ERR_CANCELLED, "not started: the run was halted");
    } else if (c->result->servers[job->tenant->server->index].left_out) {
        explain_left_out(c, job);
    } else if (coordinator_jobs_time_left(c) > 0) {
        explain_late(c, index, what);
    } else {
        closed = closing_text(NULL, c->request);
        err_set(&job->err, ERR_CANCELLED, "%s: %s", what, closed);
        talloc_free(closed);
    }
}

/* The run drains: all that is not in work ends, a tenant that waits for its retry by what it has.
 */
static void end_not_started(struct coordinator *c)
{
    for (size_t index = 0; index < c->result->job_count; index++) {
        enum job_state state = run_state_of_job(c->state, index);

        if ((state != JOB_READY && state != JOB_WAITING) || !coordinator_shared_keeps(c, index))
            continue;
        if (state == JOB_READY)
            coordinator_jobs_explain_cancel(c, index);
        end_job(c, index);
    }
    c->rest_ended = !c->shared; /* others may have some in work still */
}

void coordinator_jobs_end_rest(struct coordinator *c)
{
    end_given_up(c);
    if (c->state->phase == RUN_DRAINING && !c->rest_ended)
        end_not_started(c);
}

/* It was about to be started. */
static void end_late(struct coordinator *c, size_t index)
{
    explain_late(c, index, "not started");
    schedule_ended(c->schedule, index, CONTACT_SILENT, false);
    c->result->closed = true;
    end_job(c, index);
}

/* --- jobs that come and go --------------------------------------------------------------- */

static void start(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];

    run_state_change_job(c->state, index, JOB_IN_WORK);
    err_clear(&job->err);
    job->attempt++;
    if (job->started_wall_ms == 0) {
        job->started_wall_ms = clock_wall_ms();
        c->started_ms[index] = clock_now_ms();
    }
    TELL(c, job_started, job);
    queue_put(c->queue, &c->tasks[index]);
}

void coordinator_jobs_hand_out(struct coordinator *c)
{
    int64_t now_ms = clock_now_ms();
    int64_t left_ms = coordinator_jobs_time_left(c);
    size_t index;

    while (c->state->phase == RUN_GOING && coordinator_shared_may_start(c) &&
           schedule_next(c->schedule, now_ms, &index)) {
        if (coordinator_claims_skips(c, index))
            continue;
        if (coordinator_jobs_fits(c, index, left_ms))
            start(c, index);
        else if (!coordinator_claims_gives_back(c, index))
            end_late(c, index);
    }
}

static void remember_refusal(struct coordinator *c, const struct job *job)
{
    char **refusal = &c->refusals[job->tenant->server->index];

    talloc_free(*refusal);
    *refusal = mem_strdup(c->refusals, job->err.message);
}

static void retry(struct coordinator *c, size_t index, enum schedule_contact contact)
{
    const struct job *job = &c->result->jobs[index];
    const struct settings *settings = job->tenant->settings;
    int tries = job->attempt > job->excused ? job->attempt - job->excused : 1;
    uint32_t random = 0;
    int64_t delay_ms;

    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK); /* without it: no jitter */
    delay_ms = backoff_delay(tries, settings->retry.base_ms, settings->retry.cap_ms, random);
    run_state_change_job(c->state, index, JOB_WAITING);
    schedule_retry(c->schedule, index, contact, clock_now_ms() + delay_ms);
    TELL(c, job_retry, job, delay_ms);
}

static void attempt_over(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];
    bool crowded = schedule_is_crowded(c->schedule, index);
    int excused = job->excused;
    enum schedule_contact contact = contacts_read(c->contacts, job, crowded, clock_now_ms());
    bool counts = job->excused == excused;
    bool last_look = contact == CONTACT_REFUSED && schedule_is_probe(c->schedule, index) && counts;

    if (contact == CONTACT_REFUSED)
        remember_refusal(c, job);
    if (coordinator_claims_was_lost(c, index, contact))
        return;
    if (run_state_may_retry(c->state, index) && !last_look) {
        retry(c, index, contact);
        return;
    }
    schedule_ended(c->schedule, index, contact, job->err.kind == ERR_NONE);
    end_job(c, index);
}

/* The hooks that were run since it was handed out. */
static void tell_hooks(struct coordinator *c, const struct job *job)
{
    for (size_t i = 0; i < job->hook_count; i++) {
        const struct hook_run *run = &job->hooks[i];

        if (run->attempt == job->attempt &&
            (run->point == HOOK_ON_FAILURE) == (job->outcome != OUTCOME_NONE))
            TELL(c, hook, job, run);
    }
}

void coordinator_jobs_collect(struct coordinator *c, const struct job *job)
{
    tell_hooks(c, job);
    if (job->outcome == OUTCOME_NONE)
        attempt_over(c, (size_t)(job - c->result->jobs));
    else
        c->failure_hooks--;
}
