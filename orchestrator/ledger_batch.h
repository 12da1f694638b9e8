/*
 * ledger_batch.h: statements that are gathered, and then run as one transaction. Main thread.
 */
#ifndef ORCHESTRATOR_LEDGER_BATCH_H
#define ORCHESTRATOR_LEDGER_BATCH_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"

struct ledger_batch;

struct ledger_batch *ledger_batch_new(void *parent);

/* Parameters are copied; `sql` must live as long as the database. */
void ledger_batch_add(struct ledger_batch *batch, const char *sql,
                      const struct ledger_value *params, size_t count);

size_t ledger_batch_count(const struct ledger_batch *batch);

/* Runs and forgets them, whether that fails or not; without statements nothing is done. */
int ledger_batch_run(struct ledger_batch *batch, struct ledger_db *db, struct err *err) MUST_CHECK;

#endif
