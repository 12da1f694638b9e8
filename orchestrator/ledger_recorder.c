/*
 * ledger_recorder.c: the observer that keeps the record.
 */
#include "orchestrator/ledger_recorder.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/ledger_batch.h"
#include "orchestrator/ledger_catalog.h"
#include "orchestrator/ledger_options.h"
#include "orchestrator/ledger_record.h"
#include "orchestrator/message.h"
#include "orchestrator/shared_result.h"

#include <unistd.h>

enum { TICKS_A_COMMIT = 5 }; /* a commit costs more than what a few tenants have to say */

/* Of a job's last attempt; known also while the record falls behind. */
struct attempt_times {
    int64_t began_ms; /* 0 = there is none, or it has been put */
    int64_t ended_ms; /* 0 = it has not */
};

struct ledger_recorder {
    struct run_observer observer;
    struct ledger_db *db;
    const struct run_request *request;
    const struct run_result *result; /* once it has begun */
    const char *owner;
    int64_t begun_ms;
    struct ledger_batch *batch;
    int ticks;                   /* since the last commit */
    struct attempt_times *times; /* by job */
    void *mem;                   /* of what the batch copies; emptied with it */
    char *failure;               /* why it fell behind; NULL: it has not */
};

/* --- falling behind ---------------------------------------------------------------------- */

static void flush(struct ledger_recorder *recorder)
{
    struct err err = ERR_INIT;

    if (recorder->failure) /* written as a whole at the end */
        return;
    if (ledger_batch_run(recorder->batch, recorder->db, &err) < 0) {
        recorder->failure = err_text(recorder, &err);
        message_warning("%s\nThe run goes on, and its record falls behind.", recorder->failure);
        err_clear(&err);
    }
    talloc_free_children(recorder->mem);
}

/* --- events ------------------------------------------------------------------------------ */

static void set_tenant(struct ledger_recorder *recorder, const struct job *job,
                       enum ledger_state state)
{
    struct ledger_tenant tenant = ledger_record_tenant(recorder->mem, recorder->result, job, state);

    tenant.owner = recorder->owner;
    ledger_tenants_set(recorder->batch, recorder->request->plan.run_id, &tenant);
}

static struct attempt_times *times_of(struct ledger_recorder *recorder, const struct job *job)
{
    return &recorder->times[job - recorder->result->jobs];
}

/* Now, unless it has ended before. */
static void note_end(struct ledger_recorder *recorder, const struct job *job)
{
    struct attempt_times *times = times_of(recorder, job);

    if (times->ended_ms == 0)
        times->ended_ms = clock_wall_ms();
}

/* The last attempt: it has begun, or it has ended. */
static void put_attempt(struct ledger_recorder *recorder, const struct job *job)
{
    const struct attempt_times *times = times_of(recorder, job);
    bool ended = times->ended_ms > 0;
    bool failed = ended && job->err.kind != ERR_NONE;
    struct ledger_attempt attempt = {
        .tenant = job - recorder->result->jobs,
        .number = job->attempt,
        .started_ms = times->began_ms,
        .ended_ms = ended ? times->ended_ms : -1,
        .kind = failed ? err_kind_name(job->err.kind) : NULL,
        .sqlstate = failed && job->err.sqlstate[0] ? job->err.sqlstate : NULL,
        .message = failed ? job->err.message : NULL,
        .owner = recorder->owner,
    };

    ledger_tenants_put_attempt(recorder->batch, recorder->request->plan.run_id, &attempt);
}

static void on_started(void *arg, const struct run_request *request UNUSED,
                       const struct run_result *so_far)
{
    struct ledger_recorder *recorder = arg;

    recorder->result = so_far;
}

static void on_job_started(void *arg, const struct job *job)
{
    struct ledger_recorder *recorder = arg;

    *times_of(recorder, job) = (struct attempt_times){.began_ms = clock_wall_ms()};
    if (recorder->failure)
        return;
    set_tenant(recorder, job, LEDGER_IN_WORK);
    put_attempt(recorder, job);
}

static void end_attempt(struct ledger_recorder *recorder, const struct job *job)
{
    struct attempt_times *times = times_of(recorder, job);

    if (times->began_ms > 0)
        put_attempt(recorder, job);
    times->began_ms = 0;
}

/* For the runs to come: what the attempt took that has migrated the tenant. */
static void put_duration(struct ledger_recorder *recorder, const struct job *job)
{
    const struct attempt_times *times = times_of(recorder, job);

    if (job->outcome == OUTCOME_MIGRATED && job->plan->action == JOB_MIGRATE && times->began_ms > 0)
        ledger_tenants_put_duration(recorder->batch, job->tenant->name, times->ended_ms,
                                    times->ended_ms - times->began_ms);
}

static void end_job(struct ledger_recorder *recorder, const struct job *job)
{
    note_end(recorder, job);
    set_tenant(recorder, job, LEDGER_ENDED);
    put_duration(recorder, job);
    end_attempt(recorder, job);
}

static void on_job_retry(void *arg, const struct job *job, int64_t delay_ms UNUSED)
{
    struct ledger_recorder *recorder = arg;

    note_end(recorder, job);
    if (recorder->failure)
        return;
    set_tenant(recorder, job, LEDGER_WAITING);
    end_attempt(recorder, job);
}

static void on_job_ended(void *arg, const struct job *job, const struct run_result *so_far UNUSED)
{
    struct ledger_recorder *recorder = arg;

    note_end(recorder, job);
    if (recorder->failure || job->elsewhere) /* the machine that has done it records it */
        return;
    end_job(recorder, job);
}

/* on_failure is run when the job has ended already. */
static void on_hook(void *arg, const struct job *job, const struct hook_run *hook UNUSED)
{
    struct ledger_recorder *recorder = arg;

    if (job && job->outcome != OUTCOME_NONE && !recorder->failure)
        set_tenant(recorder, job, LEDGER_ENDED);
}

static void put_wave(struct ledger_recorder *recorder, size_t wave)
{
    struct ledger_wave row =
        ledger_record_wave(recorder->mem, recorder->request, recorder->result, wave);

    ledger_tenants_put_wave(recorder->batch, recorder->request->plan.run_id, &row);
}

static void on_wave_changed(void *arg, const struct run_result *so_far UNUSED, size_t wave)
{
    struct ledger_recorder *recorder = arg;

    if (!recorder->failure)
        put_wave(recorder, wave);
}

static void on_tick(void *arg, const struct run_result *so_far UNUSED, size_t in_work UNUSED)
{
    struct ledger_recorder *recorder = arg;

    if (++recorder->ticks < TICKS_A_COMMIT)
        return;
    flush(recorder);
    recorder->ticks = 0;
}

static void on_finished(void *arg, const struct run_result *result UNUSED)
{
    flush(arg);
}

const struct run_observer *ledger_recorder_observer(struct ledger_recorder *recorder)
{
    return &recorder->observer;
}

/* --- the beginning ----------------------------------------------------------------------- */

static void add_run(struct ledger_recorder *recorder, const struct ledger_recorder_setup *setup)
{
    const struct run_request *request = setup->request;
    const struct catalog *catalog = request->plan.catalog;
    void *mem = recorder->mem;
    char host[256] = "";
    struct ledger_run run = {
        .id = request->plan.run_id,
        .name = setup->name,
        .operation = request->operation,
        .started_ms = recorder->begun_ms,
        .host = host,
        .pid = getpid(),
        .origin = request->origin,
        .origin_kind = request->origin_kind,
        .tool = "pgtide " PGTIDE_VERSION,
        .fleet_file = request->fleet->file,
        .fleet_tenants = (int64_t)request->fleet->tenant_count,
        .fingerprint = request->fleet->fingerprint,
        .suspended = (int64_t)setup->suspended,
        .catalog_checksum = catalog->checksum,
        .tenants = (int64_t)request->tenant_count,
        .options = ledger_options_write(mem, setup->options, request),
    };

    if (gethostname(host, sizeof(host) - 1) < 0)
        snprintf(host, sizeof(host), "localhost");
    run.catalog = ledger_keep_document(mem, recorder->batch, ledger_catalog_write(mem, catalog));
    ledger_add(recorder->batch, &run);
}

static void add_tenant(struct ledger_recorder *recorder, size_t index, size_t wave, size_t order)
{
    const struct tenant *tenant = recorder->request->tenants[index];
    struct ledger_tenant row = {
        .tenant = (int64_t)index,
        .name = tenant->name,
        .server = tenant->server->name,
        .database = tenant->database,
        .schema = tenant->schema,
        .wave = (int64_t)wave,
        .wave_order = (int64_t)order,
    };

    ledger_tenants_add(recorder->batch, recorder->request->plan.run_id, &row);
}

static void add_list(struct ledger_recorder *recorder)
{
    const struct run_request *request = recorder->request;

    if (!request->waves) {
        for (size_t i = 0; i < request->tenant_count; i++)
            add_tenant(recorder, i, 0, i);
        return;
    }
    for (size_t wave = 0; wave < request->waves->group_count; wave++) {
        const struct wave_group *group = &request->waves->groups[wave];
        struct ledger_wave row = ledger_record_wave(recorder->mem, request, NULL, wave);

        ledger_tenants_put_wave(recorder->batch, request->plan.run_id, &row);
        for (size_t i = 0; i < group->count; i++)
            add_tenant(recorder, group->jobs[i], wave, i);
    }
}

int ledger_recorder_begin(void *parent, const struct ledger_recorder_setup *setup,
                          struct ledger_recorder **ret, struct err *err)
{
    struct ledger_recorder *recorder = mem_new(parent, struct ledger_recorder);

    *recorder = (struct ledger_recorder){
        .observer =
            {
                .arg = recorder,
                .started = on_started,
                .job_started = on_job_started,
                .job_retry = on_job_retry,
                .job_ended = on_job_ended,
                .hook = on_hook,
                .wave_changed = on_wave_changed,
                .tick = on_tick,
                .finished = on_finished,
            },
        .db = setup->db,
        .request = setup->request,
        .owner = setup->owner,
        .begun_ms = clock_wall_ms(),
        .batch = ledger_batch_new(recorder),
        .times = mem_array(recorder, struct attempt_times, setup->request->tenant_count),
        .mem = mem_context(recorder),
    };
    ledger_db_name_run(setup->db, setup->request->plan.run_id);
    if (!setup->joined) {
        add_run(recorder, setup);
        add_list(recorder);
    }
    if (ledger_batch_run(recorder->batch, setup->db, err) < 0) {
        talloc_free(recorder);
        return -1;
    }
    talloc_free_children(recorder->mem);
    *ret = recorder;
    return 0;
}

/* --- the end ----------------------------------------------------------------------------- */

/* What is known of the whole run, for a ledger that fell behind. */
static void put_tenants(struct ledger_recorder *recorder)
{
    const struct run_result *result = recorder->result;

    for (size_t i = 0; result && i < result->job_count; i++) {
        if (result->jobs[i].elsewhere)
            continue;
        end_job(recorder, &result->jobs[i]);
    }
}

static void put_end(struct ledger_recorder *recorder, const struct run_result *result,
                    int exit_code)
{
    struct ledger_run run = {
        .id = recorder->request->plan.run_id,
        .started_ms = result->started_wall_ms,
        .finished_ms = result->finished_wall_ms,
        .duration_ms = result->duration_ms,
        .result = run_result_name(result),
        .exit_code = exit_code,
        .detail = ledger_record_end(recorder->mem, recorder->request, result),
    };

    ledger_end(recorder->batch, &run);
}

void ledger_recorder_end(struct ledger_recorder *recorder, const struct run_result *result,
                         int exit_code)
{
    struct err err = ERR_INIT;

    if (recorder->failure)
        put_tenants(recorder);
    if (recorder->owner)
        shared_result_settle(recorder->batch, recorder->request->plan.run_id);
    for (size_t i = 0; i < result->wave_count; i++) /* their last totals */
        put_wave(recorder, i);
    put_end(recorder, result, exit_code);
    if (ledger_batch_run(recorder->batch, recorder->db, &err) < 0) {
        char *text = err_text(recorder, &err);

        message_warning("the record of run %s is incomplete: %s", recorder->request->plan.run_id,
                        text);
        err_clear(&err);
    }
    talloc_free_children(recorder->mem);
}

void ledger_recorder_refuse(struct ledger_recorder *recorder, const struct err *why)
{
    int64_t now_ms = clock_wall_ms();
    struct run_result refused = {
        .started_wall_ms = recorder->begun_ms,
        .finished_wall_ms = now_ms,
        .duration_ms = now_ms - recorder->begun_ms,
        .refused = true,
        .refusal = why->message,
    };

    ledger_recorder_end(recorder, &refused, err_exit_code(why->kind));
}
