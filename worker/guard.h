/*
 * guard.h: the checks of transaction.h, as SQL that raises an error, and the words for those
 * errors.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include "worker/transaction.h"

/* An expression that fails unless the lock's transaction-scoped twin is ours. */
const char *guard_lock(struct transactions *tx);

/* An expression that is `value`, and fails unless the transaction is still the one that was begun.
 */
const char *guard_token(struct transactions *tx, const char *value);

/* Each appends one statement: there is still no history; the newest row is the known one, `entry`
 * is not there, the schema is the tenant's. */
void guard_no_history(struct transactions *tx, struct script *script);
void guard_history(struct transactions *tx, struct script *script,
                   const struct history_entry *entry);

/* An SQL condition on a history row that holds for the one that records `entry` in this run. */
const char *guard_condition(struct transactions *tx, const struct history_entry *entry);

#endif
