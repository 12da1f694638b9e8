/*
 * ledger_record.c: from the coordinator's structures to rows. ledger_record_read.c goes back.
 */
#include "orchestrator/ledger_record.h"

#include "common/mem.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/ledger_result.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_value.h"
#include "orchestrator/report_waves.h"

static void set_true(json_t *object, const char *key, bool flag)
{
    if (flag)
        report_value_set(object, key, json_true());
}

/* NULL for an empty object. */
static char *write_unless_empty(void *parent, json_t *object)
{
    if (json_object_size(object) > 0)
        return ledger_json_write(parent, object);
    json_decref(object);
    return NULL;
}

/* --- a tenant ---------------------------------------------------------------------------- */

static char *detail_of(void *parent, const struct job *job)
{
    json_t *object;

    if (job->err.kind == ERR_NONE)
        return NULL;
    object = report_value_object();
    set_true(object, "changed", job->changed);
    set_true(object, "hasHistory", job->has_history);
    if (job->lock_holder)
        report_value_set(object, "lockHolder", report_value_text(job->lock_holder));
    return write_unless_empty(parent, object);
}

/* Where its place and its wave are known already: in work, or waiting for its next attempt. */
static struct ledger_tenant tenant_so_far(const struct run_result *result, const struct job *job,
                                          enum ledger_state state)
{
    bool started = job->started_wall_ms != 0;

    return (struct ledger_tenant){
        .tenant = job - result->jobs,
        .state = state,
        .outcome = job->outcome,
        .attempts = job->attempt,
        .started_ms = started ? job->started_wall_ms : -1,
        .duration_ms = -1,
        .initial_version = -1,
        .version = -1,
        .backend_pid = -1,
        .error_kind = job->err.kind,
    };
}

struct ledger_tenant ledger_record_tenant(void *parent, const struct run_result *result,
                                          const struct job *job, enum ledger_state state)
{
    struct ledger_tenant tenant = tenant_so_far(result, job, state);

    if (state != LEDGER_ENDED)
        return tenant;
    if (job->started_wall_ms != 0)
        tenant.duration_ms = job->duration_ms;
    if (job->inspected) {
        tenant.initial_version = job->initial_version;
        tenant.version = job->version;
    }
    if (job->backend_pid != 0)
        tenant.backend_pid = job->backend_pid;
    tenant.result = ledger_result_write(parent, job);
    tenant.detail = detail_of(parent, job);
    return tenant;
}

/* --- a wave ------------------------------------------------------------------------------ */

static json_t *write_gate(const struct run_wave *wave)
{
    const struct hook_run *run = &wave->gate;
    json_t *value = report_value_object();
    json_t *noes = report_value_array();

    report_value_set(value, "looks", report_value_int(wave->gate_looks));
    report_value_set(value, "attempt", report_value_int(run->attempt));
    report_value_set(value, "exitCode", report_value_int(run->exit_code));
    report_value_set(value, "durationMs", report_value_int(run->duration_ms));
    report_value_set(value, "output", report_value_text(run->output));
    set_true(value, "outputCut", run->output_cut);
    report_value_set(value, "problem", report_value_text(run->problem));
    for (size_t i = 0; i < wave->no_count; i++) {
        json_t *no = report_value_object();

        report_value_set(no, "tenant", report_value_text(wave->noes[i].tenant->name));
        report_value_set(no, "answer", report_value_text(wave->noes[i].answer));
        report_value_append(noes, no);
    }
    report_value_set(value, "noes", noes);
    return value;
}

static char *wave_detail(void *parent, const struct run_wave *wave)
{
    json_t *object = report_value_object();

    report_value_set(object, "totals", report_parts_totals(wave->totals));
    if (wave->gate_looks > 0)
        report_value_set(object, "gate", write_gate(wave));
    if (wave->problem)
        report_value_set(object, "problem", report_value_text(wave->problem));
    return ledger_json_write(parent, object);
}

struct ledger_wave ledger_record_wave(void *parent, const struct run_request *request,
                                      const struct run_result *result, size_t index)
{
    const struct wave_group *group = &request->waves->groups[index];
    static const struct run_wave not_begun = {.state = RUN_WAVE_WAITING};
    const struct run_wave *wave = result ? &result->waves[index] : &not_begun;

    return (struct ledger_wave){
        .wave = (int64_t)index,
        .name = group->wave ? group->wave->name : NULL,
        .state = report_waves_state(wave->state),
        .tenants = (int64_t)group->count,
        .started_ms = wave->started_wall_ms ? wave->started_wall_ms : -1,
        .finished_ms = wave->finished_wall_ms ? wave->finished_wall_ms : -1,
        .detail = result ? wave_detail(parent, wave) : NULL,
    };
}

/* --- the end of a run -------------------------------------------------------------------- */

static json_t *write_halt(const struct run_halt *halt)
{
    json_t *value = report_parts_halt(halt);

    report_value_set(value, "value", report_value_int(halt->limit.value));
    set_true(value, "percent", halt->limit.percent);
    return value;
}

/* What stopped a run that was closed. */
static json_t *write_closing(const struct run_request *request)
{
    json_t *value = report_value_object();

    report_value_set(value, "wallMs", report_value_int(request->closes_wall_ms));
    report_value_set(value, "why", report_value_text(request->closes_why));
    report_value_set(value, "at", report_value_text(request->closes_at));
    report_value_set(value, "opensAt", report_value_text(request->opens_at));
    report_value_set(value, "opensWallMs", report_value_int(request->opens_wall_ms));
    report_value_set(value, "maxDurationMs", report_value_int(request->config.max_duration_ms));
    return value;
}

/* The servers that were left out. */
static json_t *write_servers(const struct run_request *request, const struct run_result *result)
{
    json_t *list = report_value_array();

    for (size_t i = 0; result->servers && i < request->fleet->server_count; i++) {
        json_t *value;

        if (!result->servers[i].left_out)
            continue;
        value = report_value_object();
        report_value_set(value, "name", report_value_text(request->fleet->servers[i].name));
        report_value_set(value, "failures", report_value_int(result->servers[i].failures));
        report_value_set(value, "blind", report_value_text(result->servers[i].blind));
        report_value_append(list, value);
    }
    return list;
}

char *ledger_record_end(void *parent, const struct run_request *request,
                        const struct run_result *result)
{
    json_t *object = report_value_object();

    report_value_set(object, "totals", report_parts_totals(result->totals));
    if (result->halt.halted)
        report_value_set(object, "halt", write_halt(&result->halt));
    if (result->signal)
        report_value_set(object, "signal", report_value_int(result->signal));
    if (result->closed)
        report_value_set(object, "closed", write_closing(request));
    report_value_set(object, "leftOut", write_servers(request, result));
    set_true(object, "refused", result->refused);
    if (result->refusal)
        report_value_set(object, "refusal", report_value_text(result->refusal));
    if (result->hook_count > 0)
        report_value_set(object, "hooks", report_hooks_value(result->hooks, result->hook_count));
    return ledger_json_write(parent, object);
}
