/*
 * revert_set.h: what a rollback has to revert in one tenant: the applied rows above a version, or
 * the newest so many, newest first. Pure.
 */
#ifndef WORKER_REVERT_SET_H
#define WORKER_REVERT_SET_H

#include "common/base.h"
#include "common/err.h"
#include "worker/history.h"
#include "worker/job.h"

/* One row to be reverted, with the file that has its way back. */
struct revert_item {
    const struct migration *migration;
    struct history_row *row; /* applied, skipped, or half reverted (`reverting`) */
};

struct revert_set {
    struct history *history;
    struct revert_item *items; /* in the reverse of the order of application */
    size_t count;
};

/*
 * plan->steps > 0: the newest so many, rows that this run has reverted already counted in; else all
 * above plan->to_version. A row that was skipped counts as a step: tenants of one version stay at
 * one version. ERR_CONFLICT when one of them has no way back: no down section, its file missing or
 * changed, a baseline, started and not finished. *ret is owned by `parent`.
 */
int revert_set_compute(void *parent, const struct job_plan *plan, struct history *history,
                       struct revert_set *ret, struct err *err) MUST_CHECK;

#endif
