/*
 * coordinator.c: the loop of a run.
 *
 * DESIGN. One turn of the loop: take the steps of waves that are due, hand out what may start, end
 * what is given up, end the rest once the run drains, then sleep in poll(2) until a job comes back,
 * a signal arrives, something is due, or the observers want their tick. What may start is
 * schedule.c's to say, what a job came to and whether the run goes on is run_state.c's, waves are
 * rollout.c's; here is what they cannot do: time, threads, words.
 *
 * A job is touched here only while it is not in work. Jobs are numbered by their position in
 * result->jobs, which is that of their tenant in the request.
 */
#include "orchestrator/coordinator.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/coordinator_jobs.h"
#include "orchestrator/coordinator_shared.h"
#include "orchestrator/run_hooks.h"
#include "worker/attempt.h"
#include "worker/tenant_hooks.h"

#include <poll.h>

#define TICK_MS 100

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

static void close_in_time(struct coordinator *c)
{
    if (coordinator_jobs_closes_ms(c) <= clock_now_ms())
        run_state_close(c->state);
}

static void tick(struct coordinator *c)
{
    if (c->next_tick_ms > clock_now_ms())
        return;
    coordinator_jobs_look_at_servers(c);
    TELL(c, tick, c->result, c->state->in_work);
    c->next_tick_ms = clock_now_ms() + TICK_MS;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When there is something to do that no worker and no person brings. */
static int64_t due_ms(const struct coordinator *c)
{
    int64_t turn_ms = coordinator_shared_due_ms(c);
    int64_t step_ms = coordinator_shared_leads(c) ? rollout_due_ms(c->rollout) : CLOCK_NEVER;
    int64_t due_ms = sooner(schedule_due_ms(c->schedule), step_ms);
    int64_t look_ms = server_watch_due_ms(c->watch);
    int64_t closes_ms = coordinator_jobs_closes_ms(c);

    if (c->state->phase != RUN_GOING)
        return turn_ms;
    if (closes_ms > clock_now_ms())
        due_ms = sooner(due_ms, closes_ms);
    return sooner(sooner(due_ms, look_ms), turn_ms);
}

static void wait_for_news(struct coordinator *c)
{
    enum { PERSON = 3 };
    struct pollfd fds[] = {
        {.fd = queue_event_fd(c->queue), .events = POLLIN},
        {.fd = signals_fd(c->signals), .events = POLLIN},
        {.fd = server_watch_fd(c->watch), .events = POLLIN},
        [PERSON] = {.fd = rollout_answer_fd(c->rollout), .events = POLLIN},
    };
    int64_t due = due_ms(c);
    bool answers =
        fds[PERSON].fd >= 0 || rollout_is_asking(c->rollout) || server_watch_holds(c->watch);

    /* would sleep for ever */
    if (c->state->in_work + c->failure_hooks == 0 && !answers && due == CLOCK_NEVER) {
        fprintf(stderr, "pgtide: bug: %zu tenants left and none may start\n",
                run_state_left(c->state));
        abort();
    }
    if (poll(fds, ARRAY_LEN(fds), clock_poll_timeout(sooner(due, c->next_tick_ms))) > 0 &&
        fds[PERSON].revents)
        rollout_read_answer(c->rollout);
}

/* True: one has changed. Other machines may be the ones who take the steps. */
static bool step_waves(struct coordinator *c)
{
    return coordinator_shared_leads(c) && rollout_step(c->rollout);
}

/* Until nothing changes any more without news from outside. */
static void do_what_is_due(struct coordinator *c)
{
    read_signals(c);
    close_in_time(c);
    coordinator_jobs_watch_servers(c);
    coordinator_shared_turn(c);
    (void)step_waves(c);
    do {
        coordinator_jobs_hand_out(c);
        coordinator_jobs_end_rest(c);
        coordinator_jobs_tell_halt(c);
    } while (step_waves(c));
}

static void collect(struct coordinator *c)
{
    const struct task *task;

    while ((task = queue_collect(c->queue))) {
        if (task->process == gate_look_run)
            rollout_collect(c->rollout, task->item);
        else
            coordinator_jobs_collect(c, task->item);
    }
}

static bool is_over(const struct coordinator *c)
{
    return run_state_is_done(c->state) && c->failure_hooks == 0 && !rollout_is_asking(c->rollout) &&
           coordinator_shared_is_settled(c);
}

static void run_loop(struct coordinator *c)
{
    for (;;) {
        do_what_is_due(c);
        if (is_over(c))
            break;
        tick(c);
        wait_for_news(c);
        collect(c);
    }
    coordinator_shared_leave(c);
    run_state_change_run(c->state, RUN_OVER);
    coordinator_jobs_look_at_servers(c);
}

/* --- beginning and end ------------------------------------------------------------------- */

static void process_task(void *item)
{
    const struct task *task = item;

    task->process(task->item);
}

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
    result->wave_count = request->waves ? request->waves->group_count : 1;
    result->waves = mem_array(result, struct run_wave, result->wave_count);
    result->servers = mem_array(result, struct run_server, request->fleet->server_count);
    for (size_t i = 0; i < result->job_count; i++)
        job_init(&result->jobs[i], c->plan, request->tenants[i]);
    c->result = result;
}

/* All that can fail: signals, queue, threads. */
static int open_roads(struct coordinator *c, void *mem, struct err *err)
{
    size_t workers = (size_t)c->request->config.workers;
    size_t tenants = c->request->tenant_count;

    if (signals_open(mem, &c->signals, err) < 0 || queue_new(&c->queue, err) < 0)
        return -1;
    if (tenants == 0)
        return 0;
    if (pool_start(mem, c->queue, (int)(workers < tenants ? workers : tenants), process_task,
                   &c->pool, err) < 0)
        return -1;
    return server_watch_start(c->request, signals_fd(c->signals), &c->watch, err);
}

static void close_roads(struct coordinator *c)
{
    server_watch_stop(c->watch);
    pool_stop(c->pool);
    queue_free(c->queue);
    signals_close(c->signals);
}

/* A gate is asked: the look owns its task. */
static void put_look(void *arg, struct gate_look *look)
{
    struct coordinator *c = arg;
    struct task *task = mem_new(look, struct task);

    *task = (struct task){.process = gate_look_run, .item = look};
    queue_put(c->queue, task);
}

static void wave_changed(void *arg, size_t wave)
{
    struct coordinator *c = arg;

    TELL(c, wave_changed, c->result, wave);
}

static void make_tasks(struct coordinator *c, void *mem, pool_process_fn *process)
{
    c->tasks = mem_array(mem, struct task, c->request->tenant_count);
    for (size_t i = 0; i < c->request->tenant_count; i++)
        c->tasks[i] = (struct task){.process = process, .item = &c->result->jobs[i]};
}

static int make_rollout(struct coordinator *c, void *mem, struct err *err)
{
    struct rollout_setup setup = {
        .request = c->request,
        .result = c->result,
        .state = c->state,
        .schedule = c->schedule,
        .put = put_look,
        .changed = wave_changed,
        .arg = c,
    };

    return rollout_new(mem, &setup, &c->rollout, err);
}

static int make_state(struct coordinator *c, void *mem, struct err *err)
{
    const struct run_request *request = c->request;
    struct schedule_setup setup = {
        .tenants = request->tenants,
        .tenant_count = request->tenant_count,
        .server_count = request->fleet->server_count,
        .waves = request->waves,
        .workers = c->pool ? pool_threads(c->pool) : 0,
        .per_server = request->per_server,
        .ramp_up = request->config.ramp_up,
        .claims = request->shared != NULL,
    };

    c->schedule = schedule_new(mem, &setup);
    c->state = run_state_new(mem, request, c->result);
    c->estimate = estimate_new(mem, request->expected_ms, request->tenant_count);
    c->started_ms = mem_array(mem, int64_t, request->tenant_count);
    c->contacts = contacts_new(mem, request->fleet->server_count);
    c->refusals = mem_array(mem, char *, request->fleet->server_count);
    c->waits_for = mem_array(c->result, char *, request->fleet->server_count);
    c->next_tick_ms = CLOCK_NEVER;
    for (size_t i = 0; i < c->observer_count; i++) {
        if (c->observers[i]->tick)
            c->next_tick_ms = clock_now_ms();
    }
    coordinator_shared_begin(c, mem);
    return make_rollout(c, mem, err);
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
    int rc = open_roads(&c, mem, err);

    if (rc == 0) {
        make_result(&c, parent);
        make_tasks(&c, mem, process);
        c.plan->cancel_fd = signals_cancel_fd(c.signals);
        rc = make_state(&c, mem, err);
        if (rc == 0)
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
