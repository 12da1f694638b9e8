/*
 * ledger_record_read.c: from rows back to the coordinator's structures.
 */
#include "orchestrator/ledger_record.h"

#include "common/mem.h"
#include "common/text.h"
#include "config/fleet_hooks.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/report_waves.h"

/* --- what a tenant's object says --------------------------------------------------------- */

static int64_t version_of(const json_t *value)
{
    const char *text = ledger_json_text(value, "version");
    int64_t version = 0;

    if (text && !text_to_int64(text, 0, INT64_MAX, &version))
        version = 0;
    return version;
}

static const struct migration *find_migration(const struct catalog *catalog, const json_t *value)
{
    const char *kind = ledger_json_text(value, "kind");
    const char *name = ledger_json_text(value, "name");
    bool versioned = kind && strcmp(kind, "versioned") == 0;
    const struct migration *list = versioned ? catalog->migrations : catalog->repeatables;
    size_t count = versioned ? catalog->count : catalog->repeatable_count;
    int64_t version = version_of(value);

    for (size_t i = 0; name && i < count; i++) {
        if (list[i].version == version && strcmp(list[i].name, name) == 0)
            return &list[i];
    }
    return NULL;
}

static void read_migrations(struct job *job, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        const struct migration *migration = find_migration(job->plan->catalog, value);
        struct job_step *step;

        if (!migration)
            continue;
        step = job_add_step(job);
        step->migration = migration;
        step->duration_ms = ledger_json_int(value, "durationMs", 0);
        step->statements = (int)ledger_json_int(value, "statements", 0);
        step->batches = ledger_json_int(value, "batches", 0);
        step->rows = ledger_json_int(value, "rows", 0);
        step->output = ledger_json_text(value, "output");
        step->skipped = ledger_json_bool(value, "skipped");
        step->held = ledger_json_bool(value, "held");
    }
}

static void read_seeds(struct job *job, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        struct seed_file *seed = mem_new(job->mem, struct seed_file);
        struct job_step *step = job_add_step(job);

        seed->name = ledger_json_text(value, "name");
        seed->file = "";
        seed->path = "";
        step->seed = seed;
        step->duration_ms = ledger_json_int(value, "durationMs", 0);
    }
}

static void read_repairs(struct job *job, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        const char *what = ledger_json_text(value, "what");
        enum job_repair_kind kind;
        struct job_repair *repair;

        if (!what || !job_repair_kind_of(what, &kind))
            continue;
        repair = job_add_repair(job);
        repair->kind = kind;
        repair->version = version_of(value);
        repair->name = ledger_json_text(value, "name");
        repair->was = ledger_json_text(value, "was");
        repair->cosmetic = ledger_json_bool(value, "cosmetic");
    }
}

static struct hook_run read_hook(const json_t *value)
{
    const char *name = ledger_json_text(value, "name");
    struct hook_run run = {
        .attempt = (int)ledger_json_int(value, "attempt", 0),
        .exit_code = (int)ledger_json_int(value, "exitCode", -1),
        .duration_ms = ledger_json_int(value, "durationMs", 0),
        .output = ledger_json_text(value, "output"),
        .output_cut = ledger_json_bool(value, "outputCut"),
        .problem = ledger_json_text(value, "error"),
    };

    for (enum hook_point point = 0; name && point < HOOK_POINTS; point++) {
        if (strcmp(fleet_hooks_name(point), name) == 0)
            run.point = point;
    }
    return run;
}

static void read_error(struct job *job, const json_t *value, enum err_kind kind)
{
    const char *message = ledger_json_text(value, "message");
    const char *sqlstate = ledger_json_text(value, "sqlstate");
    const char *detail = ledger_json_text(value, "detail");
    const char *hint = ledger_json_text(value, "hint");
    const char *file = ledger_json_text(value, "file");
    const char *statement = ledger_json_text(value, "statement");

    if (kind == ERR_NONE)
        return;
    err_set(&job->err, kind, "%s", message ? message : "no reason is known");
    if (sqlstate)
        err_sqlstate(&job->err, sqlstate);
    if (detail)
        err_detail(&job->err, "%s", detail);
    if (hint)
        err_hint(&job->err, "%s", hint);
    if (file)
        err_place(&job->err, file, (int)ledger_json_int(value, "line", 0), 0);
    if (statement) /* as long as it was kept */
        job->err.statement = mem_strdup(job->err.mem, statement);
}

void ledger_record_to_job(const struct ledger_tenant *tenant, struct job *job)
{
    const json_t *result = ledger_json_read(job->mem, tenant->result);
    const json_t *detail = ledger_json_read(job->mem, tenant->detail);
    const json_t *hooks = json_object_get(result, "hooks");

    job->outcome = tenant->outcome;
    job->attempt = (int)tenant->attempts;
    job->started_wall_ms = tenant->started_ms == -1 ? 0 : tenant->started_ms;
    job->duration_ms = tenant->duration_ms == -1 ? 0 : tenant->duration_ms;
    job->inspected = tenant->version != -1;
    job->initial_version = job->inspected ? tenant->initial_version : 0;
    job->version = job->inspected ? tenant->version : 0;
    job->backend_pid = tenant->backend_pid == -1 ? 0 : (int)tenant->backend_pid;
    job->changed = ledger_json_bool(detail, "changed");
    job->has_history = ledger_json_bool(detail, "hasHistory");
    job->lock_holder = ledger_json_text(detail, "lockHolder");
    read_migrations(job, json_object_get(result, "migrations"));
    read_seeds(job, json_object_get(result, "seeds"));
    read_repairs(job, json_object_get(result, "repairs"));
    for (size_t i = 0; i < json_array_size(hooks); i++)
        *job_add_hook(job) = read_hook(json_array_get(hooks, i));
    read_error(job, json_object_get(result, "error"), tenant->error_kind);
}

/* --- waves ------------------------------------------------------------------------------- */

static enum run_wave_state state_of(const char *name)
{
    for (enum run_wave_state state = RUN_WAVE_WAITING; state <= RUN_WAVE_STOPPED; state++) {
        if (strcmp(report_waves_state(state), name) == 0)
            return state;
    }
    return RUN_WAVE_WAITING;
}

static void read_totals(const json_t *object, size_t totals[OUTCOME_COUNT])
{
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        totals[outcome] = (size_t)ledger_json_int(object, outcome_name(outcome), 0);
}

static void read_noes(void *parent, const json_t *list, struct run_wave *ret)
{
    struct run_wave_no *noes = mem_array(parent, struct run_wave_no, json_array_size(list));

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        struct tenant *tenant = mem_new(noes, struct tenant);

        tenant->name = ledger_json_text(value, "tenant");
        noes[i] = (struct run_wave_no){tenant, ledger_json_text(value, "answer")};
    }
    ret->noes = noes;
    ret->no_count = json_array_size(list);
}

void ledger_record_to_wave(void *parent, const struct ledger_wave *wave, struct run_wave *ret)
{
    const json_t *detail = ledger_json_read(parent, wave->detail);
    const json_t *gate = json_object_get(detail, "gate");

    *ret = (struct run_wave){
        .state = state_of(wave->state),
        .started_wall_ms = wave->started_ms == -1 ? 0 : wave->started_ms,
        .finished_wall_ms = wave->finished_ms == -1 ? 0 : wave->finished_ms,
        .gate_looks = ledger_json_int(gate, "looks", 0),
        .gate =
            {
                .attempt = (int)ledger_json_int(gate, "attempt", 0),
                .exit_code = (int)ledger_json_int(gate, "exitCode", -1),
                .duration_ms = ledger_json_int(gate, "durationMs", -1),
                .output = ledger_json_text(gate, "output"),
                .output_cut = ledger_json_bool(gate, "outputCut"),
                .problem = ledger_json_text(gate, "problem"),
            },
        .problem = ledger_json_text(detail, "problem"),
    };
    read_totals(json_object_get(detail, "totals"), ret->totals);
    read_noes(parent, json_object_get(gate, "noes"), ret);
}

void ledger_record_to_totals(const struct ledger_run *run, size_t totals[OUTCOME_COUNT])
{
    void *mem = mem_context(NULL);
    const json_t *detail = ledger_json_read(mem, run->detail);

    totals[OUTCOME_NONE] = 0;
    read_totals(json_object_get(detail, "totals"), totals);
    talloc_free(mem);
}

/* --- the run ----------------------------------------------------------------------------- */

static const struct wave *find_wave(const struct run_request *request, const char *name)
{
    for (size_t i = 0; name && request->waves && i < request->waves->group_count; i++) {
        const struct wave *wave = request->waves->groups[i].wave;

        if (wave && strcmp(wave->name, name) == 0)
            return wave;
    }
    return NULL;
}

static struct run_halt read_halt(const struct run_request *request, const json_t *value)
{
    const char *rule = ledger_json_text(value, "rule");

    return (struct run_halt){
        .halted = rule,
        .rule = rule,
        .limit = {.value = ledger_json_int(value, "value", 0),
                  .percent = ledger_json_bool(value, "percent")},
        .tolerated = ledger_json_int(value, "limit", 0),
        .failures = ledger_json_int(value, "failures", 0),
        .in_work = ledger_json_int(value, "inWork", 0),
        .wave = find_wave(request, ledger_json_text(value, "wave")),
    };
}

static void read_closing(const json_t *value, struct run_request *request)
{
    request->closes_wall_ms = ledger_json_int(value, "wallMs", 0);
    request->closes_why = ledger_json_text(value, "why");
    request->closes_at = ledger_json_text(value, "at");
    request->opens_at = ledger_json_text(value, "opensAt");
    request->opens_wall_ms = ledger_json_int(value, "opensWallMs", 0);
    request->config.max_duration_ms = ledger_json_int(value, "maxDurationMs", 0);
}

static void read_servers(const json_t *list, const struct fleet *fleet, struct run_server *servers)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        const char *name = ledger_json_text(value, "name");

        for (size_t j = 0; name && j < fleet->server_count; j++) {
            if (strcmp(fleet->servers[j].name, name) == 0)
                servers[j] = (struct run_server){.left_out = true,
                                                 .failures = ledger_json_int(value, "failures", 0),
                                                 .blind = ledger_json_text(value, "blind")};
        }
    }
}

void ledger_record_to_result(void *parent, const struct ledger_run *run,
                             struct run_request *request, struct run_server *servers,
                             struct run_result *result)
{
    const json_t *detail = ledger_json_read(parent, run->detail);
    const json_t *hooks = json_object_get(detail, "hooks");
    const json_t *closing = json_object_get(detail, "closed");

    result->run_id = run->id;
    result->started_wall_ms = run->started_ms;
    result->finished_wall_ms = run->finished_ms;
    result->duration_ms = run->duration_ms;
    result->halt = read_halt(request, json_object_get(detail, "halt"));
    result->signal = (int)ledger_json_int(detail, "signal", 0);
    result->refused = ledger_json_bool(detail, "refused");
    result->refusal = ledger_json_text(detail, "refusal");
    result->closed = closing;
    read_closing(closing, request);
    result->servers = servers;
    read_servers(json_object_get(detail, "leftOut"), request->fleet, servers);
    result->hook_count = json_array_size(hooks);
    result->hooks = mem_array(parent, struct hook_run, result->hook_count);
    for (size_t i = 0; i < result->hook_count; i++)
        result->hooks[i] = read_hook(json_array_get(hooks, i));
}
