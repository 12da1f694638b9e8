/*
 * report_json.c: the JSON report, docs/report.schema.json.
 *
 * One object, but never one tree in memory: the head is written, then failures, groups, versions
 * and tenants element by element, one in a line, which is also pleasant to grep.
 */
#include "orchestrator/report_json.h"

#include "common/mem.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_release.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_status.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"

/* --- small values ---------------------------------------------------------------------------- */

static json_t *int_or_null(int64_t number, bool known)
{
    return known ? report_value_int(number) : json_null();
}

/* null for 0: no version. */
static json_t *version_value(const struct catalog *catalog, int64_t version)
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

static json_t *names_value(const struct job *const *jobs, size_t count)
{
    json_t *names = report_value_array();

    for (size_t i = 0; i < count; i++)
        report_value_append(names, report_value_text(jobs[i]->tenant->name));
    return names;
}

/* --- the head: all but the long lists -------------------------------------------------------- */

static json_t *run_value(const struct report *report)
{
    const struct run_result *result = report->result;
    json_t *run = report_value_object();

    report_value_set(run, "id", report_value_text(result->run_id));
    report_value_set(run, "startedAt", report_value_time(result->started_wall_ms));
    report_value_set(run, "finishedAt", report_value_time(result->finished_wall_ms));
    report_value_set(run, "durationMs", report_value_int(result->duration_ms));
    report_value_set(run, "host", report_value_text(report->host));
    return run;
}

static json_t *fleet_value(const struct fleet *fleet)
{
    json_t *value = report_value_object();

    report_value_set(value, "file", report_value_text(fleet->file));
    report_value_set(value, "tenants", report_value_int((int64_t)fleet->tenant_count));
    report_value_set(value, "fingerprint", report_value_text(fleet->fingerprint));
    return value;
}

static json_t *catalog_value(const struct catalog *catalog)
{
    json_t *value = report_value_object();

    report_value_set(value, "source", report_value_text(catalog->source));
    report_value_set(value, "migrations", report_value_int((int64_t)catalog->count));
    report_value_set(value, "head", version_value(catalog, catalog->head));
    report_value_set(value, "checksum", report_value_text(catalog->checksum));
    report_value_set(value, "bundle", report_value_text(catalog->bundle));
    return value;
}

static json_t *halt_value(const struct run_halt *halt)
{
    json_t *value;

    if (!halt->halted)
        return json_null();
    value = report_value_object();
    report_value_set(value, "rule", report_value_text(halt->rule));
    report_value_set(value, "limit", report_value_int(halt->tolerated));
    report_value_set(value, "failures", report_value_int(halt->failures));
    report_value_set(value, "inWork", report_value_int(halt->in_work));
    report_value_set(value, "wave", json_null());
    return value;
}

static json_t *totals_value(const struct run_result *result)
{
    json_t *totals = report_value_object();

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        report_value_set(totals, outcome_name(outcome),
                         report_value_int((int64_t)result->totals[outcome]));
    return totals;
}

static json_t *head_value(const struct report *report)
{
    const struct run_request *request = report->request;
    json_t *head = report_value_object();

    report_value_set(head, "pgtide", report_value_text(PGTIDE_VERSION));
    report_value_set(head, "operation", report_value_text(request->operation));
    report_value_set(head, "run", run_value(report));
    report_value_set(head, "fleet", fleet_value(request->fleet));
    report_value_set(head, "catalog", catalog_value(request->plan.catalog));
    report_value_set(head, "result", report_value_text(run_result_name(report->result)));
    report_value_set(head, "exitCode", report_value_int(report->exit_code));
    report_value_set(head, "halt", halt_value(&report->result->halt));
    report_value_set(head, "totals", totals_value(report->result));
    report_value_set(head, "hooks",
                     report_hooks_value(report->result->hooks, report->result->hook_count));
    return head;
}

/* --- elements of the lists ------------------------------------------------------------------- */

static json_t *failure_value(const struct report_failure *failure)
{
    const struct err *err = failure->err;
    json_t *value = report_value_object();

    report_value_set(value, "sqlstate", report_value_text(err->sqlstate[0] ? err->sqlstate : NULL));
    report_value_set(value, "message", report_value_text(failure->message));
    report_value_set(value, "file", report_value_text(err->file));
    report_value_set(value, "line", int_or_null(err->line, err->line > 0));
    report_value_set(value, "count", report_value_int((int64_t)failure->count));
    report_value_set(value, "tenants", names_value(failure->jobs, failure->count));
    return value;
}

static json_t *error_value(const struct err *err)
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

static json_t *release_name(const struct release *release)
{
    return report_value_text(release ? release->name : NULL);
}

/* What a migration is, for a plan; a tenant's list adds what it took. */
static json_t *migration_value(const struct catalog *catalog, const struct job_step *step)
{
    const struct migration *migration = step->migration;
    bool versioned = migration->kind == MIGRATION_VERSIONED;
    json_t *value = report_value_object();

    report_value_set(value, "version",
                     versioned ? version_value(catalog, migration->version) : json_null());
    report_value_set(value, "name", report_value_text(migration->name));
    report_value_set(value, "kind", report_value_text(versioned ? "versioned" : "repeatable"));
    if (step->skipped)
        report_value_set(value, "skipped", json_true());
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

static json_t *migrations_value(const struct job *job, bool with_work)
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

static json_t *seeds_value(const struct job *job)
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

        report_value_set(value, "version", version_value(job->plan->catalog, migration->version));
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

static json_t *tenant_value(const struct job *job)
{
    const struct tenant *tenant = job->tenant;
    const struct catalog *catalog = job->plan->catalog;
    bool started = job->started_wall_ms != 0;
    json_t *value = report_value_object();

    report_value_set(value, "name", report_value_text(tenant->name));
    report_value_set(value, "server", report_value_text(tenant->server->name));
    report_value_set(value, "database", report_value_text(tenant->database));
    report_value_set(value, "schema", report_value_text(tenant->schema));
    report_value_set(value, "wave", json_null());
    report_value_set(value, "outcome", report_value_text(outcome_name(job->outcome)));
    report_value_set(value, "initialVersion",
                     version_value(catalog, job->inspected ? job->initial_version : 0));
    report_value_set(value, "version", version_value(catalog, job->inspected ? job->version : 0));
    report_value_set(value, "release", release_name(report_release_of(job)));
    report_value_set(value, "attempts", report_value_int(job->attempt));
    report_value_set(value, "startedAt", report_value_time(job->started_wall_ms));
    report_value_set(value, "durationMs", int_or_null(job->duration_ms, started));
    report_value_set(value, "backendPid", int_or_null(job->backend_pid, job->backend_pid != 0));
    report_value_set(value, "migrations", migrations_value(job, true));
    report_value_set(value, "seeds", seeds_value(job));
    if (job->plan->action == JOB_VERIFY)
        report_value_set(value, "mismatches", mismatches_value(job));
    if (job->plan->action == JOB_REPAIR || job->plan->action == JOB_REPAIR_PLAN)
        report_value_set(value, "repairs", report_repair_value(job));
    report_value_set(value, "hooks", report_hooks_value(job->hooks, job->hook_count));
    report_value_set(value, "error", error_value(&job->err));
    return value;
}

/* --- the lists ------------------------------------------------------------------------------- */

/* One list being written: `"name":[` element, element ... `]`. */
static int write_element(FILE *out, size_t index, json_t *value)
{
    fputs(index ? ",\n" : "\n", out);
    return report_value_write(value, 0, out);
}

static int write_failures(const struct report *report, FILE *out, void *mem)
{
    size_t count;
    struct report_failure *failures = report_failures(mem, report->result, &count);

    fputs(",\n\"failures\":[", out);
    for (size_t i = 0; i < count; i++) {
        if (write_element(out, i, failure_value(&failures[i])) < 0)
            return -1;
    }
    fputs("]", out);
    return 0;
}

static int write_groups(const struct report *report, FILE *out, void *mem)
{
    size_t count;
    struct report_group *groups = report_plan_groups(mem, report->result, &count);

    fputs(",\n\"groups\":[", out);
    for (size_t i = 0; i < count; i++) {
        json_t *value = report_value_object();

        report_value_set(value, "tenants", names_value(groups[i].jobs, groups[i].count));
        report_value_set(value, "migrations", migrations_value(groups[i].jobs[0], false));
        report_value_set(value, "seeds", seeds_value(groups[i].jobs[0]));
        if (write_element(out, i, value) < 0)
            return -1;
    }
    fputs("]", out);
    return 0;
}

/* The releases that the run is about, with their upgrade guides. */
static int write_releases(const struct report *report, FILE *out, void *mem)
{
    const struct catalog *catalog = report->request->plan.catalog;
    const bool *touched = report_release_touched(mem, report);
    size_t count = 0;

    fputs(",\n\"releases\":[", out);
    for (size_t i = 0; i < catalog->release_count; i++) {
        json_t *value;

        if (!touched[i])
            continue;
        value = report_value_object();
        report_value_set(value, "name", report_value_text(catalog->releases[i].name));
        report_value_set(value, "upgrade", report_value_text(catalog->releases[i].upgrade));
        if (write_element(out, count++, value) < 0)
            return -1;
    }
    fputs("]", out);
    return 0;
}

static int write_versions(const struct report *report, FILE *out, void *mem)
{
    const struct catalog *catalog = report->request->plan.catalog;
    size_t count;
    struct report_group *groups = report_status_versions(mem, report->result, &count);

    fputs(",\n\"versions\":[", out);
    for (size_t i = 0; i < count; i++) {
        json_t *value = report_value_object();

        report_value_set(value, "version", version_value(catalog, groups[i].jobs[0]->version));
        report_value_set(value, "release",
                         release_name(report_release_at(catalog, groups[i].jobs[0]->version)));
        report_value_set(value, "tenants", names_value(groups[i].jobs, groups[i].count));
        if (write_element(out, i, value) < 0)
            return -1;
    }
    fputs("]", out);
    return 0;
}

static int write_tenants(const struct report *report, FILE *out)
{
    fputs(",\n\"tenants\":[", out);
    for (size_t i = 0; i < report->result->job_count; i++) {
        if (write_element(out, i, tenant_value(&report->result->jobs[i])) < 0)
            return -1;
    }
    fputs("]", out);
    return 0;
}

static bool is_plan(const struct report *report)
{
    return strcmp(report->request->operation, "plan") == 0 ||
           report->request->plan.action == JOB_ROLLBACK_PLAN ||
           report->request->plan.action == JOB_BASELINE_PLAN;
}

static int write_report(const struct report *report, FILE *out, void *mem)
{
    const char *operation = report->request->operation;

    fputs("{", out);
    if (report_value_write(head_value(report), JSON_EMBED, out) < 0 ||
        write_failures(report, out, mem) < 0 || write_releases(report, out, mem) < 0)
        return -1;
    if (is_plan(report) && write_groups(report, out, mem) < 0)
        return -1;
    if (strcmp(operation, "status") == 0 && write_versions(report, out, mem) < 0)
        return -1;
    if (write_tenants(report, out) < 0)
        return -1;
    fputs("}\n", out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}

int report_json(const struct report *report, FILE *out)
{
    void *mem = mem_context(NULL);
    int rc = write_report(report, out, mem);

    talloc_free(mem);
    return rc;
}
