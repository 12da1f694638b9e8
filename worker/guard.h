/*
 * guard.h: the checks of transaction.h, as SQL that raises an error, and the words for those
 * errors.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include "worker/transaction.h"

enum guard_code {
    GUARD_LOCKED,   /* somebody else has the lock */
    GUARD_MOVED,    /* the history is not the one that was read */
    GUARD_NONEMPTY, /* no history, but objects */
    GUARD_LAYOUT,   /* the history is not of our layout */
    GUARD_SCHEMA,   /* current_schema() is not the tenant's */
    GUARD_TOKEN,    /* the transaction is not the one that was begun */
    GUARD_REQUIRE,  /* a query is not true */
    GUARD_VERIFY,
    GUARD_CODES
};

/* The expression that raises the error; `tail` is a text expression that is not constant. */
char *guard_raise(struct transactions *tx, enum guard_code code, const char *tail);

/* The same without a tail. It ends the token, so nothing but the error can come of it. */
char *guard_raise_plain(struct transactions *tx, enum guard_code code);

/* What stands behind the mark in an error that guard_raise() made; NULL: it is not that error. */
const char *guard_raised(const struct transactions *tx, const struct err *err,
                         enum guard_code code);

/*
 * Appends one statement: fails unless the lock's transaction-scoped twin is ours, notes the time
 * and sets, for this transaction, what the tenant's settings say. It reads no table, so
 * lock_timeout holds before anything waits for one. guard_lock: only the lock and the time.
 */
void guard_begin(struct transactions *tx, struct script *script);
void guard_lock(struct transactions *tx, struct script *script);
char *guard_begin_statement(struct transactions *tx); /* its text */

/*
 * Appends one statement: there is still no history, and (nonempty: refuse) nothing else in the
 * schema; or: the history's newest row is the known one, its layout is ours. And the schema is the
 * tenant's. That a version and name is not there twice is the unique index's to refuse:
 * transaction_explain knows it.
 */
void guard_no_history(struct transactions *tx, struct script *script);
void guard_history(struct transactions *tx, struct script *script);

/* The text of what guard_history appends once this attempt has written a row; `known` is the
 * expression for that row, else tx->known_row. */
char *guard_newest_statement(struct transactions *tx, const char *known);

/* The same as guard_history for a way back: also, the row is still in the state it was read in. */
void guard_revert(struct transactions *tx, struct script *script,
                  const struct history_revert *revert);

/* The same before a batch: the migration's row is still `started`, with so many batches done. */
void guard_batch(struct transactions *tx, struct script *script,
                 const struct history_batch *before);

/* An expression that is `value`, and fails unless the transaction is still the one that was begun.
 */
const char *guard_token(struct transactions *tx, const char *value);

/* An SQL condition: the tenant's schema holds an object that belongs to no extension. */
const char *guard_objects(struct transactions *tx);

/* What a history row that records `entry` in this run is known by: see guard_history. */
const char *guard_row(struct transactions *tx, const struct history_entry *entry);

#endif
