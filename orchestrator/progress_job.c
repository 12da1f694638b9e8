/*
 * progress_job.c: how a tenant ended, in one line.
 */
#include "orchestrator/progress_job.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_text.h"

enum { BRIEF_COLUMNS = 60 }; /* of a message without SQLSTATE */

bool progress_job_is_problem(const struct job *job)
{
    switch (job->outcome) {
    case OUTCOME_NONE:
    case OUTCOME_MIGRATED:
    case OUTCOME_CURRENT:
    case OUTCOME_PENDING:
        return false;
    case OUTCOME_CANCELLED:
        return job->started_wall_ms != 0; /* the others are one number in the summary */
    default:
        return true;
    }
}

/* "23505 at 0039_handles.sql:4": what is enough to find it in the summary. */
static void add_brief_cause(struct strbuf *out, const struct job *job)
{
    struct err brief = job->err;
    char *words = report_text_line(NULL, brief.message ? brief.message : "", BRIEF_COLUMNS);

    brief.sqlstate[0] = '\0';
    report_text_cause(out, job->plan->catalog, &brief,
                      job->err.sqlstate[0] ? job->err.sqlstate : words);
    talloc_free(words);
}

static void add_problem(struct strbuf *out, const struct job *job,
                        const struct progress_job_style *style)
{
    bool waits = job->outcome == OUTCOME_HELD || job->outcome == OUTCOME_LOCKED;

    strbuf_printf(out, "%s%s%s", report_text_ink(style->color, waits ? INK_WARN : INK_BAD),
                  outcome_name(job->outcome), report_text_ink(style->color, INK_OFF));
    if (job->err.kind != ERR_NONE) {
        strbuf_str(out, ": ");
        if (style->brief)
            add_brief_cause(out, job);
        else
            report_text_cause(out, job->plan->catalog, &job->err, NULL);
    }
    if (job->attempt > 1)
        strbuf_printf(out, " (after %d attempts)", job->attempt);
}

/* "migrated 0038 -> 0041 in 1.2s (3 migrations, 2 seeds)", "rolled back 0041 -> 0038 in ..." */
static void add_success(struct strbuf *out, const struct job *job)
{
    void *mem = mem_context(NULL);
    const struct catalog *catalog = job->plan->catalog;
    size_t seeds = job_seed_count(job);

    strbuf_str(out, report_text_outcome(job->plan->action, job->outcome));
    if (job->plan->action == JOB_REPAIR) {
        strbuf_printf(out, " in %s (%s)", text_elapsed(mem, job->duration_ms),
                      report_text_count(mem, job->repair_count, "repair"));
        talloc_free(mem);
        return;
    }
    if (job->version != job->initial_version && job->initial_version > 0)
        strbuf_printf(out, " %s ->", report_version(mem, catalog, job->initial_version));
    else
        strbuf_str(out, job->outcome == OUTCOME_CURRENT ? " at" : " to");
    strbuf_printf(out, " %s in %s",
                  job->version ? report_version(mem, catalog, job->version) : "no version",
                  text_elapsed(mem, job->duration_ms));
    if (job->step_count > seeds)
        strbuf_printf(out, " (%s", report_text_count(mem, job->step_count - seeds, "migration"));
    if (seeds > 0)
        strbuf_printf(out, "%s%s", job->step_count > seeds ? ", " : " (",
                      report_text_count(mem, seeds, "seed"));
    if (job->step_count > 0)
        strbuf_char(out, ')');
    talloc_free(mem);
}

void progress_job_text(struct strbuf *out, const struct job *job,
                       const struct progress_job_style *style)
{
    if (progress_job_is_problem(job))
        add_problem(out, job, style);
    else
        add_success(out, job);
}
