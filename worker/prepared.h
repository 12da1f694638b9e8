/*
 * prepared.h: the checks and the history row of a transaction as prepared statements.
 *
 * They are the same in every transaction of an attempt but for a few values, and on a long set the
 * server spends more on parsing and planning them than on running them. So from an attempt's
 * second transaction on they are prepared once, in the same Query, and executed from then on. What
 * they check is what guard.h says, word for word.
 *
 * Only on a session that ends with the attempt: through a pooler they would be left behind on
 * somebody else's (struct transactions, may_prepare). A file that may drop prepared statements gets
 * plain ones at its end, and new ones are prepared after it. Where a file drops them and does not
 * show it (a function that it calls does), its transaction fails, and the attempt looks again and
 * goes on without (attempt.c).
 */
#ifndef WORKER_PREPARED_H
#define WORKER_PREPARED_H

#include "worker/transaction.h"

/* Can the next transaction begin with prepared_begin? */
bool prepared_usable(const struct transactions *tx);

/* Appends, behind BEGIN, what guard_begin and guard_history do, with the file's own lock_timeout
 * between them, and what prepares it where that is missing. */
void prepared_begin(struct transactions *tx, struct script *script, const struct directives *own);

/* Is this a transaction that began with prepared_begin? */
bool prepared_stands(const struct transactions *tx);

/* Begins the statement that adds the row, up to its values, as transaction_row_statement() has
 * them; a parenthesis ends them. */
void prepared_begin_row(struct transactions *tx, struct script *script);

/* They may be gone: new ones are prepared when they are needed. */
void prepared_forget(struct transactions *tx);

/* Was it the name of such a statement that the server did not know? */
bool prepared_lost(const struct err *err);

#endif
