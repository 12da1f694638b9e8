/*
 * report_csv.c: a line a tenant.
 */
#include "orchestrator/report_csv.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/csv_field.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_text.h"

static const char head[] =
    "run,tenant,server,database,schema,wave,outcome,initialVersion,version,attempts,startedAt,"
    "durationMs,migrations,seeds,sqlstate,message,detail,file,line\n";

/* The next field of a line; NULL is an empty one. */
static void add(struct strbuf *line, const char *text)
{
    char *clean;

    if (line->len > 0)
        strbuf_char(line, ',');
    if (!text)
        return;
    clean = report_text_utf8(NULL, text);
    csv_field(line, clean, strlen(clean));
    talloc_free(clean);
}

static void add_number(struct strbuf *line, int64_t number)
{
    strbuf_char(line, ',');
    strbuf_int(line, number);
}

static void add_version(struct strbuf *line, const struct job *job, int64_t version)
{
    char *text = NULL;

    if (job->inspected && version != 0)
        text = report_version(NULL, job->plan->catalog, version);
    add(line, text);
    talloc_free(text);
}

static void add_times(struct strbuf *line, const struct job *job)
{
    char *started;

    if (job->started_wall_ms == 0) {
        strbuf_str(line, ",,");
        return;
    }
    started = clock_iso(NULL, job->started_wall_ms);
    add(line, started);
    add_number(line, job->duration_ms);
    talloc_free(started);
}

static void add_work(struct strbuf *line, const struct job *job)
{
    size_t seeds = job_seed_count(job);

    add_number(line, (int64_t)(job->step_count - seeds));
    add_number(line, (int64_t)seeds);
}

static void add_error(struct strbuf *line, const struct err *err)
{
    add(line, err->sqlstate[0] ? err->sqlstate : NULL);
    add(line, err->message);
    add(line, err->detail);
    add(line, err->file);
    if (err->line > 0)
        add_number(line, err->line);
    else
        add(line, NULL);
}

static void add_tenant(struct strbuf *line, const struct report *report, const struct job *job)
{
    const struct tenant *tenant = job->tenant;

    add(line, report->result->run_id);
    add(line, tenant->name);
    add(line, tenant->server->name);
    add(line, tenant->database);
    add(line, tenant->schema);
    add(line, report_parts_wave_of(report->request, report->result, job));
    add(line, outcome_name(job->outcome));
    add_version(line, job, job->initial_version);
    add_version(line, job, job->version);
    add_number(line, job->attempt);
    add_times(line, job);
    add_work(line, job);
    add_error(line, &job->err);
    strbuf_char(line, '\n');
}

int report_csv(const struct report *report, FILE *out)
{
    struct strbuf line;

    strbuf_init(&line, NULL);
    fputs(head, out);
    for (size_t i = 0; i < report->result->job_count; i++) {
        strbuf_reset(&line);
        add_tenant(&line, report, &report->result->jobs[i]);
        fwrite(line.text, 1, line.len, out);
    }
    strbuf_release(&line);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
