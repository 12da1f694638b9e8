/*
 * scripted_run.c: what the worker threads do in place of attempt_run(), and an observer that
 * counts.
 */
#include "tests/unit/orchestrator/scripted_run.h"

#include "common/mem.h"
#include "orchestrator/report_waves.h"
#include "orchestrator/wave_request.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* --- on the worker threads --------------------------------------------------------------- */

static atomic_int in_work[SCRIPTED_SERVERS + 1]; /* the last: all */
static atomic_int most[SCRIPTED_SERVERS + 1];
static atomic_bool refuses[SCRIPTED_SERVERS];

static void enter(size_t place)
{
    int now = atomic_fetch_add(&in_work[place], 1) + 1;
    int before = atomic_load(&most[place]);

    while (before < now && !atomic_compare_exchange_weak(&most[place], &before, now))
        continue;
}

int scripted_run_most(int server)
{
    return atomic_load(&most[server < 0 ? SCRIPTED_SERVERS : server]);
}

void scripted_run_answers(int server, bool answers)
{
    atomic_store(&refuses[server], !answers);
}

/* The word of this attempt. Owned by the job. */
static const char *word_of(const struct job *job)
{
    const char *word = job->tenant->database;

    for (int i = 1; i < job->attempt && strchr(word, ' '); i++)
        word = strchr(word, ' ') + 1;
    return mem_strndup(job->mem, word, strcspn(word, " "));
}

static bool cancelled(const struct job *job, int timeout_ms)
{
    struct pollfd fd = {.fd = job->plan->cancel_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) == 1;
}

static void send_signal(struct job *job, int signal)
{
    kill(getpid(), signal);
    if (cancelled(job, 300))
        err_set(&job->err, ERR_CANCELLED, "cancelled in mid-statement");
    else
        job->changed = true;
}

static void follow_script(struct job *job)
{
    static const struct {
        const char *word;
        enum err_kind kind;
    } errors[] = {
        {"sql", ERR_SQL},           {"transient", ERR_TRANSIENT}, {"unreachable", ERR_UNREACHABLE},
        {"lost", ERR_LOST},         {"locked", ERR_LOCKED},       {"held", ERR_HELD},
        {"deadline", ERR_DEADLINE}, {"cancelled", ERR_CANCELLED},
    };
    const char *word = word_of(job);

    if (atomic_load(&refuses[job->tenant->server->index]))
        word = "unreachable";
    job->sent_changes = job->sent_changes || strcmp(word, "lost") == 0;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (strcmp(word, errors[i].word) == 0)
            err_set(&job->err, errors[i].kind, "scripted %s", word);
    }
    if (strcmp(word, "slow") == 0 || strcmp(word, "deadline") == 0)
        poll(NULL, 0, 20);
    if (strcmp(word, "slower") == 0)
        poll(NULL, 0, 400);
    if (strcmp(word, "sigint") == 0)
        send_signal(job, SIGINT);
    else if (strcmp(word, "sigterm") == 0)
        send_signal(job, SIGTERM);
    else if (strcmp(word, "sighup") == 0)
        send_signal(job, SIGHUP);
    else
        job->changed = job->err.kind == ERR_NONE && strcmp(word, "current") != 0;
}

static void scripted_attempt(void *item)
{
    struct job *job = item;
    size_t server = job->tenant->server->index;

    enter(server);
    enter(SCRIPTED_SERVERS);
    follow_script(job);
    atomic_fetch_sub(&in_work[server], 1);
    atomic_fetch_sub(&in_work[SCRIPTED_SERVERS], 1);
}

/* --- the observer ------------------------------------------------------------------------ */

static void on_started(void *arg, const struct run_request *request,
                       const struct run_result *so_far)
{
    struct scripted_run *run = arg;

    run->started++;
    run->wrong = run->wrong || request != &run->made.request || so_far->started_wall_ms == 0;
}

static void on_job_started(void *arg, const struct job *job)
{
    struct scripted_run *run = arg;
    char *order = run->order;

    run->wrong = run->wrong || !run->started || job->attempt < 1 || job->outcome != OUTCOME_NONE;
    run->job_starts++;
    run->order = mem_printf(run->made.mem, "%s%s ", order, job->tenant->name);
    talloc_free(order);
}

static void on_job_retry(void *arg, const struct job *job, int64_t delay_ms)
{
    struct scripted_run *run = arg;

    run->job_retries++;
    run->wrong = run->wrong || !err_retryable(job->err.kind) || delay_ms < 0;
}

static void on_job_ended(void *arg, const struct job *job, const struct run_result *so_far)
{
    struct scripted_run *run = arg;

    run->job_ends++;
    run->ends_after_halt += run->halts > 0;
    run->wrong = run->wrong || job->outcome == OUTCOME_NONE || so_far->totals[job->outcome] == 0;
}

static char *noted(const struct scripted_run *run, char *list, const char *name, const char *what)
{
    char *longer = mem_printf(run->made.mem, "%s%s:%s ", list, name, what);

    talloc_free(list);
    return longer;
}

static void on_wave_changed(void *arg, const struct run_result *so_far, size_t wave)
{
    struct scripted_run *run = arg;
    const struct wave *rules =
        run->made.request.waves ? run->made.request.waves->groups[wave].wave : NULL;
    const char *name = rules ? rules->name : "all";
    const char *state = report_waves_state(so_far->waves[wave].state);
    char *last = mem_printf(run->made.mem, "%s:%s ", name, state);

    if (!strstr(run->waves, last))
        run->waves = noted(run, run->waves, name, state);
    talloc_free(last);
}

static void on_server_changed(void *arg, const struct run_result *so_far, size_t server)
{
    struct scripted_run *run = arg;
    char state[16];

    snprintf(state, sizeof(state), "%d", (int)so_far->servers[server].schedule.state);
    run->servers = noted(run, run->servers, run->made.servers[server].name, state);
}

static void on_halted(void *arg, const struct run_halt *halt)
{
    struct scripted_run *run = arg;

    run->halts++;
    run->wrong = run->wrong || !halt->halted;
}

static void on_signalled(void *arg, int signal, int count)
{
    struct scripted_run *run = arg;

    run->signals++;
    run->last_signal = signal;
    run->wrong = run->wrong || count != run->signals;
}

static void on_tick(void *arg, const struct run_result *so_far, size_t jobs_in_work)
{
    struct scripted_run *run = arg;

    run->ticks++;
    run->wrong = run->wrong || jobs_in_work > so_far->totals[OUTCOME_NONE];
}

static void on_finished(void *arg, const struct run_result *result)
{
    struct scripted_run *run = arg;

    run->finished++;
    run->wrong = run->wrong || result->totals[OUTCOME_NONE] != 0;
}

/* --- the run ----------------------------------------------------------------------------- */

void scripted_run_init(struct scripted_run *run, size_t servers, size_t tenants, int per_server,
                       const char *script)
{
    *run = (struct scripted_run){0};
    made_fleet_init(&run->made, servers, tenants, per_server);
    run->order = mem_strdup(run->made.mem, "");
    run->waves = mem_strdup(run->made.mem, "");
    run->servers = mem_strdup(run->made.mem, "");
    for (size_t i = 0; i < tenants; i++)
        scripted_run_script(run, i, script);
}

void scripted_run_script(struct scripted_run *run, size_t tenant, const char *script)
{
    run->made.tenants[tenant].database = script;
}

void scripted_run_waves(struct scripted_run *run, const struct wave *waves, size_t count)
{
    struct run_request *request = &run->made.request;
    struct err_list errors = ERR_LIST_INIT;
    struct err err = ERR_INIT;
    struct wave_plan *plan;

    run->made.fleet.directory = "/";
    run->made.fleet.file = "fleet.yaml";
    request->config.waves = run->made.fleet.run.waves = waves;
    request->config.wave_count = run->made.fleet.run.wave_count = count;
    cr_assert_eq(wave_plan_make(run->made.mem, &request->config, request->tenants,
                                request->tenant_count, (struct wave_history){.seed = 1}, &plan,
                                &err),
                 0, "%s", err.message);
    request->waves = plan;
    cr_assert_eq(wave_request_gates(run->made.mem, request, &errors), 0);
}

void scripted_run_go(struct scripted_run *run)
{
    struct run_observer counting = {
        .arg = run,
        .started = on_started,
        .job_started = on_job_started,
        .job_retry = on_job_retry,
        .job_ended = on_job_ended,
        .halted = on_halted,
        .wave_changed = on_wave_changed,
        .server_changed = on_server_changed,
        .signalled = on_signalled,
        .tick = on_tick,
        .finished = on_finished,
    };
    struct run_observer silent = {0};
    const struct run_observer *observers[] = {&silent, &counting};
    struct err err = ERR_INIT;

    cr_assert_eq(coordinator_run_with(run->made.mem, &run->made.request, observers, 2,
                                      scripted_attempt, &run->result, &err),
                 0, "%s", err.message);
    cr_expect_not(run->wrong);
    cr_expect_eq(run->started, 1);
    cr_expect_eq(run->finished, 1);
    cr_expect_eq(run->job_ends, (int)run->result->job_count, "every job ends exactly once");
}

void scripted_run_release(struct scripted_run *run)
{
    run_result_release(run->result);
    made_fleet_release(&run->made);
}
