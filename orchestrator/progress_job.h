/*
 * progress_job.h: how a tenant ended, in one line.
 */
#ifndef ORCHESTRATOR_PROGRESS_JOB_H
#define ORCHESTRATOR_PROGRESS_JOB_H

#include "common/strbuf.h"
#include "worker/job.h"

struct progress_job_style {
    bool color;
    bool brief; /* SQLSTATE and place of an error, not its message: the summary follows in the same
                   file */
};

/* Is this tenant not where it should be? Those that were never started are no line of their own. */
bool progress_job_is_problem(const struct job *job);

/* "migrated 0038 -> 0041 in 1.2s (3 migrations)", "failed: 23505 duplicate key ... at ...". */
void progress_job_text(struct strbuf *out, const struct job *job,
                       const struct progress_job_style *style);

#endif
