/*
 * verify.h: asks the verify queries of what a tenant has applied once more, read only.
 */
#ifndef WORKER_VERIFY_H
#define WORKER_VERIFY_H

#include "common/err.h"
#include "worker/history.h"
#include "worker/job.h"
#include "worker/transaction.h"

/*
 * Asks the queries of every migration, as its file is now, that `history` has as applied, or as
 * done with its after-commit verify still to come: all in one Query, each migration in a read-only
 * transaction with its settings. A query that the server refuses is not true, and costs a round
 * trip more. Each that is not true goes to job->mismatches, each migration asked to job->steps;
 * if there are any mismatches, -1 with ERR_CONFLICT at the first of them. Any other error: they
 * could not be asked.
 */
int verify_applied(struct job *job, struct transactions *tx, const struct history *history,
                   struct err *err) MUST_CHECK;

#endif
