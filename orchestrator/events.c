/*
 * events.c: what happens in a run, as JSON Lines.
 */
#include "orchestrator/events.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/event_stream.h"
#include "orchestrator/progress_words.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_value.h"
#include "orchestrator/report_waves.h"
#include "orchestrator/signals.h"

#include <unistd.h>

/* How long the end of a run waits for a reader that is behind. */
#define DRAIN_MS 2000

struct events {
    struct event_stream *stream;
    struct run_observer observer;
    const struct run_request *request;
    const struct run_result *result; /* once it has started */
};

/* --- lines ----------------------------------------------------------------------------------- */

static json_t *line_of(const struct events *events, const char *event)
{
    json_t *line = report_value_object();

    report_value_set(line, "event", report_value_text(event));
    report_value_set(line, "time", report_value_time(clock_wall_ms()));
    report_value_set(line, "run", report_value_text(events->request->plan.run_id));
    return line;
}

/* Takes `line`. */
static void write_line(struct events *events, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    if (!text)
        mem_die(sizeof(json_t *));
    event_stream_line(events->stream, text, strlen(text));
    free(text);
    json_decref(line);
}

/* Takes `line`. Before it, how many a slow reader has missed. */
static void emit(struct events *events, json_t *line)
{
    size_t lost = event_stream_take_lost(events->stream);

    if (lost > 0) {
        json_t *loss = line_of(events, "lost");

        report_value_set(loss, "lines", report_value_int((int64_t)lost));
        write_line(events, loss);
    }
    write_line(events, line);
}

static void set_count(json_t *object, const char *key, size_t count)
{
    report_value_set(object, key, report_value_int((int64_t)count));
}

static const char *wave_name(const struct events *events, size_t index)
{
    const struct wave_plan *plan = events->request->waves;

    return plan && plan->groups[index].wave ? plan->groups[index].wave->name : NULL;
}

/* Begins a line about a tenant. */
static json_t *tenant_line(const struct events *events, const char *event, const struct job *job)
{
    const char *wave = report_parts_wave_of(events->request, events->result, job);
    json_t *line = line_of(events, event);

    report_value_set(line, "tenant", report_value_text(job->tenant->name));
    report_value_set(line, "server", report_value_text(job->tenant->server->name));
    report_value_set(line, "wave", report_value_text(wave));
    report_value_set(line, "attempt", report_value_int(job->attempt));
    return line;
}

/* --- the run begins -------------------------------------------------------------------------- */

static json_t *waves_value(const struct events *events)
{
    const struct wave_plan *plan = events->request->waves;
    json_t *waves = report_value_array();

    for (size_t i = 0; plan && i < plan->group_count; i++) {
        json_t *wave;

        if (!plan->groups[i].wave)
            continue;
        wave = report_value_object();
        report_value_set(wave, "name", report_value_text(wave_name(events, i)));
        set_count(wave, "tenants", plan->groups[i].count);
        report_value_append(waves, wave);
    }
    return waves;
}

/* Those that the run has tenants on. */
static json_t *servers_value(const struct run_request *request)
{
    size_t *tenants = mem_array(NULL, size_t, request->fleet->server_count);
    json_t *servers = report_value_array();

    for (size_t i = 0; i < request->tenant_count; i++)
        tenants[request->tenants[i]->server->index]++;
    for (size_t i = 0; i < request->fleet->server_count; i++) {
        const struct server *server = &request->fleet->servers[i];
        json_t *value;

        if (tenants[i] == 0)
            continue;
        value = report_value_object();
        report_value_set(value, "name", report_value_text(server->name));
        report_value_set(value, "host", report_value_text(server->host));
        report_value_set(value, "port", report_value_text(server->port));
        set_count(value, "tenants", tenants[i]);
        report_value_set(
            value, "perServer",
            report_value_int(request->per_server ? request->per_server : server->per_server));
        report_value_append(servers, value);
    }
    talloc_free(tenants);
    return servers;
}

static void on_started(void *arg, const struct run_request *request,
                       const struct run_result *so_far)
{
    struct events *events = arg;
    json_t *line = line_of(events, "started");
    char host[256] = "localhost";

    (void)!gethostname(host, sizeof(host) - 1);
    events->result = so_far;
    report_value_set(line, "pgtide", report_value_text(PGTIDE_VERSION));
    report_value_set(line, "operation", report_value_text(request->operation));
    report_value_set(line, "host", report_value_text(host));
    report_value_set(line, "pid", report_value_int(getpid()));
    report_value_set(line, "startedAt", report_value_time(so_far->started_wall_ms));
    report_value_set(line, "fleet", report_parts_fleet(request->fleet));
    report_value_set(line, "catalog", report_parts_catalog(request->plan.catalog));
    set_count(line, "tenants", request->tenant_count);
    report_value_set(line, "workers", report_value_int(request->config.workers));
    report_value_set(line, "closesAt", report_value_time(request->closes_wall_ms));
    report_value_set(line, "waves", waves_value(events));
    report_value_set(line, "servers", servers_value(request));
    emit(events, line);
}

/* --- tenants --------------------------------------------------------------------------------- */

static void on_job_started(void *arg, const struct job *job)
{
    struct events *events = arg;

    emit(events, tenant_line(events, "tenantStarted", job));
}

static void on_job_retry(void *arg, const struct job *job, int64_t delay_ms)
{
    struct events *events = arg;
    json_t *line = tenant_line(events, "tenantRetry", job);

    report_value_set(line, "delayMs", report_value_int(delay_ms));
    report_value_set(line, "error", report_parts_error(&job->err));
    emit(events, line);
}

static void on_job_ended(void *arg, const struct job *job, const struct run_result *so_far)
{
    struct events *events = arg;
    json_t *line = tenant_line(events, "tenantEnded", job);

    report_value_set(line, "outcome", report_value_text(outcome_name(job->outcome)));
    report_value_set(line, "report", report_parts_tenant(events->request, so_far, job));
    emit(events, line);
}

static void on_hook(void *arg, const struct job *job, const struct hook_run *hook)
{
    struct events *events = arg;
    json_t *line = line_of(events, "hook");
    json_t *list = report_hooks_value(hook, 1);

    report_value_set(line, "tenant", report_value_text(job ? job->tenant->name : NULL));
    report_value_set(line, "hook", json_incref(json_array_get(list, 0)));
    json_decref(list);
    emit(events, line);
}

/* --- waves and servers ----------------------------------------------------------------------- */

static json_t *gate_value(const struct hook_run *gate)
{
    json_t *value;

    if (gate->duration_ms < 0)
        return json_null();
    value = report_value_object();
    report_value_set(value, "exitCode",
                     gate->exit_code >= 0 ? report_value_int(gate->exit_code) : json_null());
    report_value_set(value, "durationMs", report_value_int(gate->duration_ms));
    report_value_set(value, "output", report_value_text(gate->output));
    report_value_set(value, "error", report_value_text(gate->problem));
    return value;
}

static void on_wave_changed(void *arg, const struct run_result *so_far, size_t index)
{
    struct events *events = arg;
    const struct run_wave *wave = &so_far->waves[index];
    bool soaking = wave->state == RUN_WAVE_SOAKING;
    json_t *line;

    if (!wave_name(events, index))
        return;
    line = line_of(events, "wave");
    report_value_set(line, "wave", report_value_text(wave_name(events, index)));
    report_value_set(line, "state", report_value_text(report_waves_state(wave->state)));
    set_count(line, "tenants", events->request->waves->groups[index].count);
    report_value_set(line, "totals", report_parts_totals(wave->totals));
    report_value_set(
        line, "soakUntil",
        report_value_time(soaking ? clock_wall_ms() + wave->soak_until_ms - clock_now_ms() : 0));
    report_value_set(line, "gate", gate_value(&wave->gate));
    emit(events, line);
}

static void on_server_changed(void *arg, const struct run_result *so_far, size_t index)
{
    struct events *events = arg;
    const struct run_server *server = &so_far->servers[index];
    const struct schedule_server *schedule = &server->schedule;
    json_t *line = line_of(events, "server");

    report_value_set(line, "server",
                     report_value_text(events->request->fleet->servers[index].name));
    report_value_set(line, "state",
                     report_value_text(progress_words_server_state(schedule->state)));
    set_count(line, "inWork", schedule->in_work);
    set_count(line, "cap", schedule->cap);
    set_count(line, "waiting", schedule->waiting);
    set_count(line, "left", schedule->left);
    report_value_set(line, "waitsFor", report_value_text(server->waits_for));
    report_value_set(line, "failures", report_value_int(server->failures));
    emit(events, line);
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_halted(void *arg, const struct run_halt *halt)
{
    struct events *events = arg;
    json_t *line = line_of(events, "halted");

    report_value_set(line, "halt", report_parts_halt(halt));
    emit(events, line);
}

static void on_signalled(void *arg, int signal, int count)
{
    struct events *events = arg;
    json_t *line = line_of(events, "signalled");

    report_value_set(line, "signal", report_value_text(signals_name(signal)));
    report_value_set(line, "does", report_value_text(count == 1 ? "drain" : "cancel"));
    emit(events, line);
}

/* What a slow reader has made room for. */
static void on_tick(void *arg, const struct run_result *so_far, size_t in_work)
{
    struct events *events = arg;

    (void)so_far;
    (void)in_work;
    event_stream_flush(events->stream);
}

void events_finished(struct events *events, const struct report *report)
{
    const struct run_result *result = report->result;
    json_t *line = line_of(events, "finished");

    report_value_set(line, "result", report_value_text(run_result_name(result)));
    report_value_set(line, "exitCode", report_value_int(report->exit_code));
    report_value_set(line, "durationMs", report_value_int(result->duration_ms));
    report_value_set(line, "halt", report_parts_halt(&result->halt));
    report_value_set(line, "signal",
                     report_value_text(result->signal ? signals_name(result->signal) : NULL));
    report_value_set(line, "closed", json_boolean(result->closed));
    report_value_set(line, "totals", report_parts_totals(result->totals));
    emit(events, line);
    event_stream_drain(events->stream, DRAIN_MS);
}

void events_refused(struct events *events, const struct err *err)
{
    json_t *line;

    if (!events->request) /* nobody knows which run that would have been */
        return;
    line = line_of(events, "refused");
    report_value_set(line, "exitCode", report_value_int(err_exit_code(err->kind)));
    report_value_set(line, "error", report_parts_error(err));
    emit(events, line);
    event_stream_drain(events->stream, DRAIN_MS);
}

/* --- life ------------------------------------------------------------------------------------ */

int events_open(void *parent, const char *path, struct events **ret, struct err *err)
{
    struct events *events = mem_new(parent, struct events);

    if (event_stream_open(events, path, &events->stream, err) < 0) {
        talloc_free(events);
        return -1;
    }
    events->observer = (struct run_observer){
        .arg = events,
        .started = on_started,
        .job_started = on_job_started,
        .job_retry = on_job_retry,
        .job_ended = on_job_ended,
        .hook = on_hook,
        .wave_changed = on_wave_changed,
        .server_changed = on_server_changed,
        .halted = on_halted,
        .signalled = on_signalled,
        .tick = on_tick,
    };
    *ret = events;
    return 0;
}

void events_begin(struct events *events, const struct run_request *request)
{
    events->request = request;
}

const struct run_observer *events_observer(const struct events *events)
{
    return &events->observer;
}
