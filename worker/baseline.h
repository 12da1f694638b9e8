/*
 * baseline.h: records migrations as applied without running them, for a database whose objects came
 * about in another way.
 */
#ifndef WORKER_BASELINE_H
#define WORKER_BASELINE_H

#include "common/err.h"
#include "worker/apply.h"
#include "worker/history.h"

/*
 * Records the catalog's migrations up to the plan's to_version, those for other tenants left out: a
 * row each (kind `baseline`), all in one transaction, which makes the history where it is missing.
 * Nothing to do where the history has them all. ERR_CONFLICT where it has some migrations, and not
 * all of these. JOB_BASELINE_PLAN only tells the job's steps.
 */
int baseline_tenant(struct work *work, const struct history *history, struct err *err) MUST_CHECK;

#endif
