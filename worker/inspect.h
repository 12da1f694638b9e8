/*
 * inspect.h: what `migrate` would do to a tenant, and whether its data is ready for it. Read only.
 */
#ifndef WORKER_INSPECT_H
#define WORKER_INSPECT_H

#include "common/err.h"
#include "worker/job.h"
#include "worker/pending.h"
#include "worker/transaction.h"

/*
 * Puts what is pending into job->steps and, where the plan says so, asks the `require` queries of
 * the pending migrations. `tx` NULL: there is no session to ask in. ERR_HELD: one is not true.
 */
int inspect_pending(struct job *job, struct transactions *tx, const struct pending *pending,
                    struct err *err) MUST_CHECK;

#endif
