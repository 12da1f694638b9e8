/*
 * report_prometheus.c: a run as metrics.
 */
#include "orchestrator/report_prometheus.h"

#include "common/mem.h"
#include "orchestrator/report_status.h"
#include "orchestrator/report_text.h"

struct metrics {
    void *mem;
    struct strbuf out;
    const struct report *report;
    char *labels; /* those that all metrics have */
};

/* `name="value"`, escaped. */
static void add_label(struct strbuf *out, const char *name, const char *value)
{
    char *clean = report_text_utf8(NULL, value);

    strbuf_printf(out, "%s%s=\"", out->len ? "," : "", name);
    for (const char *c = clean; *c; c++) {
        if (*c == '\n')
            strbuf_str(out, "\\n");
        else if (*c == '"' || *c == '\\')
            strbuf_printf(out, "\\%c", *c);
        else
            strbuf_char(out, *c);
    }
    strbuf_char(out, '"');
    talloc_free(clean);
}

static char *label(struct metrics *metrics, const char *name, const char *value)
{
    struct strbuf out;

    strbuf_init(&out, metrics->mem);
    add_label(&out, name, value);
    return out.text;
}

static void add_help(struct metrics *metrics, const char *name, const char *help)
{
    strbuf_printf(&metrics->out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* One sample; `more` are labels of its own, or NULL. */
static void add_sample(struct metrics *metrics, const char *name, const char *more, double value)
{
    strbuf_printf(&metrics->out, "%s{%s%s%s} %.15g\n", name, metrics->labels, more ? "," : "",
                  more ? more : "", value);
}

static void add_metric(struct metrics *metrics, const char *name, const char *help, double value)
{
    add_help(metrics, name, help);
    add_sample(metrics, name, NULL, value);
}

static void add_info(struct metrics *metrics)
{
    const struct run_result *result = metrics->report->result;
    struct strbuf labels;

    strbuf_init(&labels, metrics->mem);
    add_label(&labels, "run", result->run_id);
    add_label(&labels, "result", report_result(metrics->report));
    add_label(&labels, "version", PGTIDE_VERSION);
    add_help(metrics, "pgtide_run_info", "The last run; always 1.");
    add_sample(metrics, "pgtide_run_info", labels.text, 1);
}

static void add_outcomes(struct metrics *metrics)
{
    static const char name[] = "pgtide_run_tenants";

    add_help(metrics, name, "Tenants of the last run by outcome.");
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        add_sample(metrics, name, label(metrics, "outcome", outcome_name(outcome)),
                   (double)metrics->report->result->totals[outcome]);
}

static void add_work(struct metrics *metrics)
{
    const struct run_result *result = metrics->report->result;
    size_t steps = 0;
    size_t seeds = 0;

    for (size_t i = 0; i < result->job_count; i++) {
        steps += result->jobs[i].step_count;
        seeds += job_seed_count(&result->jobs[i]);
    }
    add_metric(metrics, "pgtide_run_migrations",
               "Migrations done, or pending where the run only looked, over all tenants.",
               (double)(steps - seeds));
    add_metric(metrics, "pgtide_run_seeds", "Seed files, likewise.", (double)seeds);
}

/* status: how many tenants stand where. */
static void add_versions(struct metrics *metrics)
{
    static const char name[] = "pgtide_version_tenants";
    const struct run_request *request = metrics->report->request;
    size_t count;
    struct report_group *groups;

    if (strcmp(request->operation, "status") != 0)
        return;
    groups = report_status_versions(metrics->mem, metrics->report->result, &count);
    add_help(metrics, name, "Tenants by their highest applied version; - is none.");
    for (size_t i = 0; i < count; i++) {
        char *version = job_version_text(metrics->mem, groups[i].jobs[0]->version);

        if (groups[i].jobs[0]->version != 0)
            version =
                report_version(metrics->mem, request->plan.catalog, groups[i].jobs[0]->version);
        add_sample(metrics, name, label(metrics, "version", version), (double)groups[i].count);
    }
}

/* What a run that is still at work does not have yet. */
static void add_end(struct metrics *metrics)
{
    const struct report *report = metrics->report;

    if (report->going)
        return;
    add_metric(metrics, "pgtide_run_exit_code", "Exit code of the last run.", report->exit_code);
    add_metric(metrics, "pgtide_run_end_timestamp_seconds", "When the last run ended.",
               (double)report->result->finished_wall_ms / 1000);
}

static void add_all(struct metrics *metrics)
{
    const struct run_result *result = metrics->report->result;

    add_info(metrics);
    add_metric(metrics, "pgtide_run_halted", "1: a budget, a gate or a confirmation halted it.",
               result->halt.halted);
    add_metric(metrics, "pgtide_run_start_timestamp_seconds", "When the last run began.",
               (double)result->started_wall_ms / 1000);
    add_end(metrics);
    add_metric(metrics, "pgtide_run_duration_seconds", "How long the last run took.",
               (double)result->duration_ms / 1000);
    add_outcomes(metrics);
    add_work(metrics);
    add_versions(metrics);
}

int report_prometheus(const struct report *report, FILE *out)
{
    struct metrics metrics = {.mem = mem_context(NULL), .report = report};
    struct strbuf labels;
    int rc;

    strbuf_init(&labels, metrics.mem);
    add_label(&labels, "fleet", report->request->fleet->file);
    add_label(&labels, "operation", report->request->operation);
    metrics.labels = labels.text;
    strbuf_init(&metrics.out, metrics.mem);
    add_all(&metrics);
    rc = report_text_write(&metrics.out, out);
    talloc_free(metrics.mem);
    return rc;
}
