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
#include "orchestrator/report_parts.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_release.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_status.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"
#include "orchestrator/report_waves.h"

/* --- small values ---------------------------------------------------------------------------- */

static json_t *names_value(const struct job *const *jobs, size_t count)
{
    json_t *names = report_value_array();

    for (size_t i = 0; i < count; i++)
        report_value_append(names, report_value_text(jobs[i]->tenant->name));
    return names;
}

static json_t *release_name(const struct release *release)
{
    return report_value_text(release ? release->name : NULL);
}

/* --- the head: all but the long lists -------------------------------------------------------- */

static json_t *run_value(const struct report *report)
{
    const struct run_result *result = report->result;
    json_t *run = report_value_object();

    report_value_set(run, "id", report_value_text(result->run_id));
    report_value_set(run, "startedAt", report_value_time(result->started_wall_ms));
    report_value_set(run, "finishedAt",
                     report->going ? json_null() : report_value_time(result->finished_wall_ms));
    report_value_set(run, "durationMs", report_value_int(result->duration_ms));
    report_value_set(run, "host", report_value_text(report->host));
    if (report->request->origin)
        report_value_set(
            run, "origin",
            report_parts_origin(report->request->origin, report->request->origin_kind));
    return run;
}

/* What cut the run off, so that tenants were not started; null: nothing did. */
static json_t *closed_value(const struct report *report)
{
    const struct run_request *request = report->request;
    json_t *closed;

    if (!report->result->closed)
        return json_null();
    closed = report_value_object();
    report_value_set(closed, "why", report_value_text(request->closes_why));
    report_value_set(closed, "at", report_value_time(request->closes_wall_ms));
    report_value_set(closed, "opensAt", report_value_time(request->opens_wall_ms));
    return closed;
}

static json_t *head_value(const struct report *report)
{
    const struct run_request *request = report->request;
    json_t *head = report_value_object();

    report_value_set(head, "pgtide", report_value_text(PGTIDE_VERSION));
    report_value_set(head, "operation", report_value_text(request->operation));
    report_value_set(head, "run", run_value(report));
    report_value_set(head, "fleet", report_parts_fleet(request->fleet));
    report_value_set(head, "catalog", report_parts_catalog(request->plan.catalog));
    report_value_set(head, "result", report_value_text(report_result(report)));
    report_value_set(head, "exitCode",
                     report->going ? json_null() : report_value_int(report->exit_code));
    report_value_set(head, "halt", report_parts_halt(&report->result->halt));
    report_value_set(head, "closed", closed_value(report));
    report_value_set(head, "totals", report_parts_totals(report->result->totals));
    report_value_set(head, "waves", report_waves_value(report));
    report_value_set(head, "hooks",
                     report_hooks_value(report->result->hooks, report->result->hook_count));
    return head;
}

/* --- the lists ------------------------------------------------------------------------------- */

static json_t *failure_value(const struct report_failure *failure)
{
    const struct err *err = failure->err;
    json_t *value = report_value_object();

    report_value_set(value, "sqlstate", report_value_text(err->sqlstate[0] ? err->sqlstate : NULL));
    report_value_set(value, "message", report_value_text(failure->message));
    report_value_set(value, "file", report_value_text(err->file));
    report_value_set(value, "line", err->line > 0 ? report_value_int(err->line) : json_null());
    report_value_set(value, "count", report_value_int((int64_t)failure->count));
    report_value_set(value, "tenants", names_value(failure->jobs, failure->count));
    return value;
}

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
        report_value_set(value, "migrations", report_parts_migrations(groups[i].jobs[0], false));
        report_value_set(value, "seeds", report_parts_seeds(groups[i].jobs[0]));
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

        report_value_set(value, "version",
                         report_parts_version(catalog, groups[i].jobs[0]->version));
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
        if (write_element(
                out, i,
                report_parts_tenant(report->request, report->result, &report->result->jobs[i])) < 0)
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
