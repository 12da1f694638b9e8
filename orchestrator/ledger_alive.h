/*
 * ledger_alive.h: which runs of a ledger are at work, by the fleet lock that each of them holds for
 * as long as it lives: a lock of the kernel's beside a file, a lease in a database. Main thread.
 */
#ifndef ORCHESTRATOR_LEDGER_ALIVE_H
#define ORCHESTRATOR_LEDGER_ALIVE_H

#include "common/base.h"
#include "common/err.h"
#include "common/strmap.h"
#include "orchestrator/ledger_db.h"

/* Their ids. Owned by `parent`. */
int ledger_alive_runs(void *parent, struct ledger_db *db, struct strmap **ret,
                      struct err *err) MUST_CHECK;

#endif
