/*
 * shared_layout.h: the tables of a ledger that several machines share: the fleet lock, and the runs
 * that they work on together. docs/several-machines.md describes them.
 */
#ifndef ORCHESTRATOR_SHARED_LAYOUT_H
#define ORCHESTRATOR_SHARED_LAYOUT_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"

/* Makes them where they are missing; several machines may come at the same moment. ERR_INTERNAL
 * with what to do where this user may not, or a newer pgtide has been there. */
int shared_layout_prepare(struct ledger_db *db, struct err *err) MUST_CHECK;

/*
 * Takes what those tables say of `run` out of the ledger, shared or not: its name is free again.
 * *ret_going: a machine is at work on it, and nothing was taken out. Within a transaction; a
 * machine that would take a turn or join waits for its end.
 */
int shared_layout_remove(struct ledger_db *db, const char *run, bool *ret_going,
                         struct err *err) MUST_CHECK;

#endif
