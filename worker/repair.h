/*
 * repair.h: puts right what is wrong with a tenant's history, and drops the invalid indexes that
 * broken-off concurrent builds have left.
 *
 * No migration is run. Every row that is changed says in its detail what it was: {"repaired":
 * {"at", "by", "run", "what", "was"}}; an earlier repair of the same row stands below it as
 * "before".
 */
#ifndef WORKER_REPAIR_H
#define WORKER_REPAIR_H

#include "common/err.h"
#include "worker/apply.h"
#include "worker/history.h"
#include "worker/repair_set.h"

/*
 * All rows in one transaction, then the indexes one by one; JOB_REPAIR_PLAN only looks. What is (or
 * would be) put right goes to the job's repairs. ERR_CONFLICT: that was done, and something is left
 * that repair cannot know, or cannot cure. Any other error: see the job's repairs for what was
 * done. `history` becomes what it is afterwards.
 */
int repair_tenant(struct work *work, struct history *history, struct err *err) MUST_CHECK;

#endif
