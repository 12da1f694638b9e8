/*
 * report_repair.c: repairs for people and programs.
 */
#include "orchestrator/report_repair.h"

#include "common/mem.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_group.h"
#include "orchestrator/report_summary.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"

/* "0014_handles" */
static char *row_name(void *parent, const struct job *job, const struct job_repair *repair)
{
    if (repair->version == 0)
        return mem_strdup(parent, repair->name);
    return mem_printf(parent, "%s_%s", report_version(parent, job->plan->catalog, repair->version),
                      repair->name);
}

/* What becomes of it: true before and after. */
static char *words(void *parent, const struct job_repair *repair)
{
    switch (repair->kind) {
    case JOB_REPAIR_CHECKSUM:
        return mem_printf(
            parent, "the file was changed%s: its checksum is recorded, nothing is run",
            repair->cosmetic ? " (only comments or white space)" : ", its statements too");
    case JOB_REPAIR_NAME:
        return mem_printf(parent, "the file was renamed, it was \"%s\": its name is recorded",
                          repair->was);
    case JOB_REPAIR_DONE:
        return mem_printf(parent, "%s counts as done", repair->was);
    case JOB_REPAIR_NOT_DONE:
        return mem_printf(parent, "%s counts as not done", repair->was);
    case JOB_REPAIR_UNSKIP:
        return mem_strdup(parent, "it was skipped: it is pending again");
    case JOB_REPAIR_FORGET:
        return mem_printf(parent, "its file is gone for good: it does not count as %s any more",
                          repair->was);
    case JOB_REPAIR_INDEX:
        break;
    }
    return mem_strdup(parent, "an invalid index that nobody is building: it is dropped");
}

/* All lines of a job: what they look like is what makes a group. */
static char *lines_of(void *parent, const struct job *job)
{
    void *mem = mem_context(NULL);
    struct strbuf out;

    strbuf_init(&out, parent);
    for (size_t i = 0; i < job->repair_count; i++) {
        const struct job_repair *repair = &job->repairs[i];
        char *name = report_text_line(mem, row_name(mem, job, repair), 0);

        strbuf_printf(&out, "    %s: %s\n", name, report_text_line(mem, words(mem, repair), 0));
    }
    talloc_free(mem);
    return job->repair_count > 0 ? out.text : NULL;
}

static void print_groups(struct strbuf *out, const struct report *report)
{
    void *mem = mem_context(NULL);
    size_t count;
    struct report_group *groups = report_group_jobs(mem, report->result, lines_of, &count);

    for (size_t i = 0; i < count; i++) {
        strbuf_printf(out, "%s%s%s: ", report_text_ink(report->color, INK_BOLD),
                      report_text_count(mem, groups[i].count, "tenant"),
                      report_text_ink(report->color, INK_OFF));
        report_text_names(out, groups[i].jobs, groups[i].count, report->verbose);
        strbuf_printf(out, "\n%s", groups[i].key);
    }
    if (count > 0)
        strbuf_char(out, '\n');
    else if (report_text_problems(report->result->totals) == 0)
        strbuf_str(out, "nothing to repair: a migration that fails in its transaction leaves "
                        "nothing behind\n");
    talloc_free(mem);
}

int report_repair(const struct report *report, FILE *out)
{
    size_t problems = report_text_problems(report->result->totals);
    struct strbuf text;
    int rc;

    if (report->quiet && problems == 0)
        return 0;
    strbuf_init(&text, NULL);
    if (!report->quiet)
        print_groups(&text, report);
    rc = report_text_write(&text, out);
    strbuf_release(&text);
    return rc < 0 ? -1 : report_summary(report, out);
}

json_t *report_repair_value(const struct job *job)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < job->repair_count; i++) {
        const struct job_repair *repair = &job->repairs[i];
        json_t *value = report_value_object();
        char *version = report_version(NULL, job->plan->catalog, repair->version);

        report_value_set(value, "what", report_value_text(job_repair_name(repair->kind)));
        report_value_set(value, "version", report_value_text(repair->version ? version : NULL));
        report_value_set(value, "name", report_value_text(repair->name));
        report_value_set(value, "was", report_value_text(repair->was));
        if (repair->kind == JOB_REPAIR_CHECKSUM)
            report_value_set(value, "cosmetic", json_boolean(repair->cosmetic));
        report_value_append(list, value);
        talloc_free(version);
    }
    return list;
}
