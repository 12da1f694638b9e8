/*
 * coordinator.c: the loop of a run.
 *
 * DESIGN. One turn of the loop: hand out what may start, end what is given up, end the rest once
 * the run drains, then sleep in poll(2) until a job comes back, a signal arrives, a retry is due,
 * or the observers want their tick. What may start is schedule.c's to say, what a job came to and
 * whether the run goes on is run_state.c's; here is what they cannot do: time, threads, words.
 *
 * A job is touched here only while it is not in work. Jobs are numbered by their position in
 * result->jobs, which is that of their tenant in the request.
 */
#include "orchestrator/coordinator.h"

#include "common/backoff.h"
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/run_hooks.h"
#include "orchestrator/run_state.h"
#include "orchestrator/schedule.h"
#include "orchestrator/signals.h"
#include "worker/attempt.h"
#include "worker/tenant_hooks.h"

#include <poll.h>
#include <signal.h>
#include <sys/random.h>

#define TICK_MS 100

struct coordinator {
    const struct run_request *request;
    const struct run_observer *const *observers;
    size_t observer_count;
    struct run_result *result;
    struct job_plan *plan;
    struct run_state *state;
    struct schedule *schedule;
    struct signals *signals;
    struct queue *queue;
    struct pool *pool;    /* NULL: no tenants */
    int64_t *started_ms;  /* by job: first hand-out */
    char **refusals;      /* by server: what its last refused attempt said, or NULL */
    int64_t next_tick_ms; /* CLOCK_NEVER: nobody wants it */
    size_t failure_hooks; /* jobs that have ended and are with the workers for on_failure */
    bool rest_ended;      /* the run drains, and what was not started has been ended */
};

/* Calls a function of every observer that has it: TELL(c, job_started, job). */
#define TELL(c, event, ...)                                                                        \
    for (size_t i_ = 0; i_ < (c)->observer_count; i_++) {                                          \
        const struct run_observer *observer_ = (c)->observers[i_];                                 \
                                                                                                   \
        if (observer_->event)                                                                      \
            observer_->event(observer_->arg, __VA_ARGS__);                                         \
    }

/* --- jobs that end ----------------------------------------------------------------------- */

static void explain_doubt(struct job *job)
{
    if (job->outcome == OUTCOME_UNKNOWN)
        err_hint(&job->err,
                 "The connection was lost after changes had been sent, so they may be there or "
                 "not. Run the same command again: it reads the history first and does the rest.");
}

static void end_job(struct coordinator *c, size_t index)
{
    struct job *job = &c->result->jobs[index];
    bool halted_before = c->result->halt.halted;

    if (job->attempt > 0)
        job->duration_ms = clock_now_ms() - c->started_ms[index];
    run_state_change_job(c->state, index, JOB_ENDED);
    explain_doubt(job);
    TELL(c, job_ended, job, c->result);
    if (c->result->halt.halted && !halted_before)
        TELL(c, halted, &c->result->halt);
    if (tenant_hooks_wants_failure(job)) {
        c->failure_hooks++;
        queue_put(c->queue, job);
    }
}

/* Tenants whose server is lost. All of them, even when one of them halts the run: it is known that
 * they cannot be reached. */
static void end_given_up(struct coordinator *c)
{
    enum schedule_given_up why;
    size_t index;

    while (schedule_given_up(c->schedule, &index, &why)) {
        struct job *job = &c->result->jobs[index];
        const struct server *server = job->tenant->server;
        const char *refusal = c->refusals[server->index];

        if (run_state_of_job(c->state, index) == JOB_ENDED)
            continue;
        if (job->err.kind != ERR_UNREACHABLE) /* else it has been refused itself */
            err_set(&job->err, ERR_UNREACHABLE, "server \"%s\" is down: %s, tenant not tried%s",
                    server->name, refusal, job->attempt > 0 ? " again" : "");
        end_job(c, index);
    }
}

static void cancel(struct coordinator *c, struct job *job)
{
    int signal = c->result->signal;

    if (signal)
        err_set(&job->err, ERR_CANCELLED, "not started: the run was stopped by %s",
                signals_name(signal));
    else
        err_set(&job->err, ERR_CANCELLED, "not started: the run was halted");
}

/* The run drains: all that is not in work ends, a tenant that waits for its retry by what it has.
 */
static void end_rest(struct coordinator *c)
{
    for (size_t index = 0; index < c->result->job_count; index++) {
        enum job_state state = run_state_of_job(c->state, index);

        if (state == JOB_READY)
            cancel(c, &c->result->jobs[index]);
        if (state == JOB_READY || state == JOB_WAITING)
            end_job(c, index);
    }
    c->rest_ended = true;
}

/* --- jobs that come and go --------------------------------------------------------------- */

static void hand_out(struct coordinator *c)
{
    int64_t now_ms = clock_now_ms();
    size_t index;

    while (schedule_next(c->schedule, now_ms, &index)) {
        struct job *job = &c->result->jobs[index];

        run_state_change_job(c->state, index, JOB_IN_WORK);
        err_clear(&job->err);
        if (job->attempt++ == 0) {
            job->started_wall_ms = clock_wall_ms();
            c->started_ms[index] = now_ms;
        }
        TELL(c, job_started, job);
        queue_put(c->queue, job);
    }
}

/* 53300 is no sign of a server that is down: it answers, and a database or a role can have a
 * connection limit of its own. */
static enum schedule_contact contact_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_UNREACHABLE:
        return strcmp(err->sqlstate, "53300") == 0 ? CONTACT_ANSWERED : CONTACT_REFUSED;
    case ERR_DEADLINE:
    case ERR_CANCELLED:
        return CONTACT_SILENT;
    default:
        return CONTACT_ANSWERED;
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
    uint32_t random = 0;
    int64_t delay_ms;

    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK); /* without it: no jitter */
    delay_ms = backoff_delay(job->attempt, settings->retry.base_ms, settings->retry.cap_ms, random);
    run_state_change_job(c->state, index, JOB_WAITING);
    schedule_retry(c->schedule, index, contact, clock_now_ms() + delay_ms);
    TELL(c, job_retry, job, delay_ms);
}

static void attempt_over(struct coordinator *c, const struct job *job)
{
    size_t index = (size_t)(job - c->result->jobs);
    enum schedule_contact contact = contact_of(&job->err);
    bool last_look = contact == CONTACT_REFUSED && schedule_is_probe(c->schedule, index);

    if (contact == CONTACT_REFUSED)
        remember_refusal(c, job);
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

static void collect(struct coordinator *c)
{
    const struct job *job;

    while ((job = queue_collect(c->queue))) {
        tell_hooks(c, job);
        if (job->outcome == OUTCOME_NONE)
            attempt_over(c, job);
        else
            c->failure_hooks--;
    }
}

/* --- waiting ----------------------------------------------------------------------------- */

static void read_signals(struct coordinator *c)
{
    int signal;

    while ((signal = signals_read(c->signals))) {
        if (!c->result->signal)
            c->result->signal = signal;
        if (c->state->phase == RUN_GOING)
            run_state_change_run(c->state, RUN_DRAINING);
        TELL(c, signalled, signal, signals_count(c->signals));
    }
}

static void tick(struct coordinator *c)
{
    if (c->next_tick_ms > clock_now_ms())
        return;
    TELL(c, tick, c->result, c->state->in_work);
    c->next_tick_ms = clock_now_ms() + TICK_MS;
}

static void wait_for_news(struct coordinator *c)
{
    struct pollfd fds[] = {
        {.fd = queue_event_fd(c->queue), .events = POLLIN},
        {.fd = signals_fd(c->signals), .events = POLLIN},
    };
    bool going = c->state->phase == RUN_GOING;
    int64_t due_ms = going ? schedule_due_ms(c->schedule) : CLOCK_NEVER;
    int64_t wake_ms = due_ms < c->next_tick_ms ? due_ms : c->next_tick_ms;

    /* would sleep for ever */
    if (c->state->in_work + c->failure_hooks == 0 && due_ms == CLOCK_NEVER) {
        fprintf(stderr, "pgtide: bug: %zu tenants left and none may start\n",
                run_state_left(c->state));
        abort();
    }
    (void)poll(fds, ARRAY_LEN(fds), clock_poll_timeout(wake_ms));
}

static void run_loop(struct coordinator *c)
{
    for (;;) {
        read_signals(c);
        if (c->state->phase == RUN_GOING)
            hand_out(c);
        end_given_up(c);
        if (c->state->phase == RUN_DRAINING && !c->rest_ended)
            end_rest(c);
        if (run_state_left(c->state) == 0 && c->failure_hooks == 0)
            break;
        tick(c);
        wait_for_news(c);
        collect(c);
    }
    run_state_change_run(c->state, RUN_OVER);
}

/* --- beginning and end ------------------------------------------------------------------- */

static void attempt_process(void *item)
{
    struct job *job = item;

    if (job->outcome == OUTCOME_NONE)
        attempt_run(job);
    else
        tenant_hooks_on_failure(job);
}

static void make_result(struct coordinator *c, void *parent)
{
    const struct run_request *request = c->request;
    struct run_result *result = mem_new(parent, struct run_result);

    c->plan = mem_new(result, struct job_plan);
    *c->plan = request->plan;
    result->run_id = request->plan.run_id;
    result->jobs = mem_array(result, struct job, request->tenant_count);
    result->job_count = request->tenant_count;
    for (size_t i = 0; i < result->job_count; i++)
        job_init(&result->jobs[i], c->plan, request->tenants[i]);
    c->result = result;
}

/* All that can fail: signals, queue, threads. */
static int open_roads(struct coordinator *c, void *mem, pool_process_fn *process, struct err *err)
{
    size_t workers = (size_t)c->request->config.workers;
    size_t tenants = c->request->tenant_count;

    if (signals_open(mem, &c->signals, err) < 0 || queue_new(&c->queue, err) < 0)
        return -1;
    if (tenants == 0)
        return 0;
    return pool_start(mem, c->queue, (int)(workers < tenants ? workers : tenants), process,
                      &c->pool, err);
}

static void close_roads(struct coordinator *c)
{
    pool_stop(c->pool);
    queue_free(c->queue);
    signals_close(c->signals);
}

static void make_state(struct coordinator *c, void *mem)
{
    const struct run_request *request = c->request;
    struct schedule_setup setup = {
        .tenants = request->tenants,
        .tenant_count = request->tenant_count,
        .server_count = request->fleet->server_count,
        .workers = c->pool ? pool_threads(c->pool) : 0,
        .per_server = request->per_server,
    };

    c->schedule = schedule_new(mem, &setup);
    c->state = run_state_new(mem, request, c->result);
    c->started_ms = mem_array(mem, int64_t, request->tenant_count);
    c->refusals = mem_array(mem, char *, request->fleet->server_count);
    c->next_tick_ms = CLOCK_NEVER;
    for (size_t i = 0; i < c->observer_count; i++) {
        if (c->observers[i]->tick)
            c->next_tick_ms = clock_now_ms();
    }
}

static void tell_run_hooks(struct coordinator *c, size_t from)
{
    for (size_t i = from; i < c->result->hook_count; i++)
        TELL(c, hook, NULL, &c->result->hooks[i]);
}

/* With the hooks around it; after_run is due whenever before_run was. */
static int run_begin_to_end(struct coordinator *c, struct err *err)
{
    struct run_result *result = c->result;
    int signal_fd = signals_fd(c->signals);
    int64_t begin_ms = clock_now_ms();
    size_t told;
    int code;

    result->started_wall_ms = clock_wall_ms();
    result->refused = run_hooks_before(c->request, result, signal_fd, err) < 0;
    tell_run_hooks(c, 0);
    told = result->hook_count;
    if (!result->refused) {
        TELL(c, started, c->request, result);
        run_loop(c);
    }
    result->finished_wall_ms = clock_wall_ms();
    result->duration_ms = clock_now_ms() - begin_ms;
    code = result->refused ? err_exit_code(err->kind) : run_exit_code(c->request, result);
    run_hooks_after(c->request, result, signal_fd, code);
    tell_run_hooks(c, told);
    if (result->refused)
        return -1;
    TELL(c, finished, result);
    return 0;
}

int coordinator_run_with(void *parent, const struct run_request *request,
                         const struct run_observer *const *observers, size_t observer_count,
                         pool_process_fn *process, struct run_result **ret, struct err *err)
{
    void *mem = mem_context(NULL);
    struct coordinator c = {
        .request = request,
        .observers = observers,
        .observer_count = observer_count,
    };
    int rc = open_roads(&c, mem, process, err);

    if (rc == 0) {
        make_result(&c, parent);
        c.plan->cancel_fd = signals_cancel_fd(c.signals);
        make_state(&c, mem);
        rc = run_begin_to_end(&c, err);
        c.plan->cancel_fd = -1;
        if (rc == 0)
            *ret = c.result;
        else
            run_result_release(c.result);
    }
    close_roads(&c);
    talloc_free(mem);
    return rc;
}

int coordinator_run(void *parent, const struct run_request *request,
                    const struct run_observer *const *observers, size_t observer_count,
                    struct run_result **ret, struct err *err)
{
    return coordinator_run_with(parent, request, observers, observer_count, attempt_process, ret,
                                err);
}
