/*
 * report_parts.c: the objects that the JSON report and the events are made of.
 */
#include "orchestrator/report_parts.h"

#include "common/mem.h"
#include "orchestrator/report.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_release.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_value.h"

/* --- small values ---------------------------------------------------------------------------- */

static json_t *int_or_null(int64_t number, bool known)
{
    return known ? report_value_int(number) : json_null();
}

/* null for 0: no version. */
json_t *report_parts_version(const struct catalog *catalog, int64_t version)
{
    char *text;
    json_t *value;

    if (version == 0)
        return json_null();
    text = report_version(NULL, catalog, version);
    value = report_value_text(text);
    talloc_free(text);
    return value;
}

/* --- the run --------------------------------------------------------------------------------- */

json_t *report_parts_fleet(const struct fleet *fleet)
{
    json_t *value = report_value_object();

    report_value_set(value, "file", report_value_text(fleet->file));
    report_value_set(value, "tenants", report_value_int((int64_t)fleet->tenant_count));
    report_value_set(value, "fingerprint", report_value_text(fleet->fingerprint));
    return value;
}

json_t *report_parts_catalog(const struct catalog *catalog)
{
    json_t *value = report_value_object();

    report_value_set(value, "source", report_value_text(catalog->source));
    report_value_set(value, "migrations", report_value_int((int64_t)catalog->count));
    report_value_set(value, "head", report_parts_version(catalog, catalog->head));
    report_value_set(value, "checksum", report_value_text(catalog->checksum));
    report_value_set(value, "bundle", report_value_text(catalog->bundle));
    return value;
}

json_t *report_parts_halt(const struct run_halt *halt)
{
    json_t *value;

    if (!halt->halted)
        return json_null();
    value = report_value_object();
    report_value_set(value, "rule", report_value_text(halt->rule));
    report_value_set(value, "limit", report_value_int(halt->tolerated));
    report_value_set(value, "failures", report_value_int(halt->failures));
    report_value_set(value, "inWork", report_value_int(halt->in_work));
    report_value_set(value, "wave", report_value_text(halt->wave ? halt->wave->name : NULL));
    return value;
}

json_t *report_parts_origin(const char *run, const char *kind)
{
    json_t *value;

    if (!run)
        return json_null();
    value = report_value_object();
    report_value_set(value, "run", report_value_text(run));
    report_value_set(value, "kind", report_value_text(kind));
    return value;
}

json_t *report_parts_totals(const size_t totals[OUTCOME_COUNT])
{
    json_t *value = report_value_object();

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        report_value_set(value, outcome_name(outcome), report_value_int((int64_t)totals[outcome]));
    return value;
}

/* --- a tenant -------------------------------------------------------------------------------- */

json_t *report_parts_error(const struct err *err)
{
    json_t *value;

    if (err->kind == ERR_NONE)
        return json_null();
    value = report_value_object();
    report_value_set(value, "sqlstate", report_value_text(err->sqlstate[0] ? err->sqlstate : NULL));
    report_value_set(value, "message", report_value_text(err->message));
    report_value_set(value, "detail", report_value_text(err->detail));
    report_value_set(value, "hint", report_value_text(err->hint));
    report_value_set(value, "file", report_value_text(err->file));
    report_value_set(value, "line", int_or_null(err->line, err->line > 0));
    report_value_set(value, "statement", report_value_text(err->statement));
    return value;
}

/* What a migration is, for a plan; a tenant's list adds what it took. */
static json_t *migration_value(const struct catalog *catalog, const struct job_step *step)
{
    const struct migration *migration = step->migration;
    bool versioned = migration->kind == MIGRATION_VERSIONED;
    json_t *value = report_value_object();

    report_value_set(value, "version",
                     versioned ? report_parts_version(catalog, migration->version) : json_null());
    report_value_set(value, "name", report_value_text(migration->name));
    report_value_set(value, "kind", report_value_text(versioned ? "versioned" : "repeatable"));
    if (step->skipped)
        report_value_set(value, "skipped", json_true());
    if (step->begun)
        report_value_set(value, "statementsDone", report_value_int(step->done));
    if (step->held)
        report_value_set(value, "held", json_true());
    return value;
}

/* Of a data migration, in all runs that worked on it. */
static void add_batches(json_t *value, const struct job_step *step)
{
    report_value_set(value, "batches", report_value_int(step->batches));
    report_value_set(value, "rows", report_value_int(step->rows));
}

json_t *report_parts_migrations(const struct job *job, bool with_work)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < job->step_count; i++) {
        const struct job_step *step = &job->steps[i];
        json_t *value;

        if (!step->migration)
            continue;
        value = migration_value(job->plan->catalog, step);
        if (with_work) {
            bool done = job_writes(job->plan->action);
            bool counted = done || job->plan->action == JOB_VERIFY;

            report_value_set(value, "durationMs", int_or_null(step->duration_ms, done));
            report_value_set(value, "statements", int_or_null(step->statements, counted));
            if (job->plan->action == JOB_MIGRATE && step->migration->directives.batch > 0)
                add_batches(value, step);
            if (step->output)
                report_value_set(value, "output", report_value_text(step->output));
        }
        report_value_append(list, value);
    }
    return list;
}

json_t *report_parts_seeds(const struct job *job)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < job->step_count; i++) {
        const struct job_step *step = &job->steps[i];
        json_t *value;

        if (!step->seed)
            continue;
        value = report_value_object();
        report_value_set(value, "name", report_value_text(step->seed->name));
        report_value_set(value, "durationMs",
                         int_or_null(step->duration_ms, job_writes(job->plan->action)));
        report_value_append(list, value);
    }
    return list;
}

/* verify: the queries that are not true. */
static json_t *mismatches_value(const struct job *job)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < job->mismatch_count; i++) {
        const struct job_mismatch *mismatch = &job->mismatches[i];
        const struct migration *migration = mismatch->migration;
        const struct sql_statement *statement = mismatch->statement;
        char *query = mem_strndup(NULL, migration->text + statement->start,
                                  statement->end - statement->start);
        json_t *value = report_value_object();

        report_value_set(value, "version",
                         report_parts_version(job->plan->catalog, migration->version));
        report_value_set(value, "name", report_value_text(migration->name));
        report_value_set(value, "file",
                         report_value_text(migration_section_file(migration, SECTION_VERIFY)));
        report_value_set(value, "line", report_value_int(mismatch->line));
        report_value_set(value, "query", report_value_text(query));
        report_value_set(value, "sqlstate",
                         report_value_text(mismatch->sqlstate[0] ? mismatch->sqlstate : NULL));
        report_value_set(value, "result", report_value_text(mismatch->result));
        report_value_append(list, value);
        talloc_free(query);
    }
    return list;
}

static json_t *release_name(const struct release *release)
{
    return report_value_text(release ? release->name : NULL);
}

const char *report_parts_wave_of(const struct run_request *request, const struct run_result *result,
                                 const struct job *job)
{
    const struct wave_plan *plan = request->waves;
    const struct wave *wave = plan ? plan->groups[plan->group_of[job - result->jobs]].wave : NULL;

    return wave ? wave->name : NULL;
}

json_t *report_parts_tenant(const struct run_request *request, const struct run_result *result,
                            const struct job *job)
{
    const struct tenant *tenant = job->tenant;
    const struct catalog *catalog = job->plan->catalog;
    bool started = job->started_wall_ms != 0;
    json_t *value = report_value_object();

    report_value_set(value, "name", report_value_text(tenant->name));
    report_value_set(value, "server", report_value_text(tenant->server->name));
    report_value_set(value, "database", report_value_text(tenant->database));
    report_value_set(value, "schema", report_value_text(tenant->schema));
    report_value_set(value, "wave", report_value_text(report_parts_wave_of(request, result, job)));
    report_value_set(value, "outcome", report_value_text(outcome_name(job->outcome)));
    report_value_set(value, "initialVersion",
                     report_parts_version(catalog, job->inspected ? job->initial_version : 0));
    report_value_set(value, "version",
                     report_parts_version(catalog, job->inspected ? job->version : 0));
    report_value_set(value, "release", release_name(report_release_of(job)));
    report_value_set(value, "attempts", report_value_int(job->attempt));
    report_value_set(value, "startedAt", report_value_time(job->started_wall_ms));
    report_value_set(value, "durationMs", int_or_null(job->duration_ms, started));
    report_value_set(value, "backendPid", int_or_null(job->backend_pid, job->backend_pid != 0));
    report_value_set(value, "migrations", report_parts_migrations(job, true));
    report_value_set(value, "seeds", report_parts_seeds(job));
    if (job->plan->action == JOB_VERIFY)
        report_value_set(value, "mismatches", mismatches_value(job));
    if (job->plan->action == JOB_REPAIR || job->plan->action == JOB_REPAIR_PLAN)
        report_value_set(value, "repairs", report_repair_value(job));
    report_value_set(value, "hooks", report_hooks_value(job->hooks, job->hook_count));
    report_value_set(value, "error", report_parts_error(&job->err));
    return value;
}
