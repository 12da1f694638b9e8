/*
 * report_group.h: jobs grouped by a text key: causes, plans, versions. Pure.
 */
#ifndef ORCHESTRATOR_REPORT_GROUP_H
#define ORCHESTRATOR_REPORT_GROUP_H

#include "orchestrator/run.h"

struct report_group {
    const char *key;
    const struct job **jobs; /* in the run's order, at least one; lent */
    size_t count;
};

/* The key of a job, owned by `parent`; NULL leaves the job out. */
typedef char *report_group_key_fn(void *parent, const struct job *job);

/*
 * The groups of a run's jobs, the largest first, of equal ones that with the earlier job. Owned by
 * `parent`; *ret_count is their number. n log n.
 */
struct report_group *report_group_jobs(void *parent, const struct run_result *result,
                                       report_group_key_fn *key, size_t *ret_count);

#endif
