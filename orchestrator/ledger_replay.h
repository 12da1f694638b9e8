/*
 * ledger_replay.h: a recorded run as the structures that all reports are made from. Its fleet and
 * its catalog are made up: they hold what reports say, and nothing could be run with them.
 */
#ifndef ORCHESTRATOR_LEDGER_REPLAY_H
#define ORCHESTRATOR_LEDGER_REPLAY_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger.h"
#include "orchestrator/report.h"

struct ledger_replay;

/*
 * Reads the run. Tenants that had not ended when it broke off are shown as cancelled where they
 * had not been started, and as unknown where they were in work. Owned by `parent`.
 */
int ledger_replay_load(void *parent, struct ledger_db *db, const struct ledger_run *run,
                       struct ledger_replay **ret, struct err *err) MUST_CHECK;

/* Fills all but how it is to be shown: colour, verbose, quiet. Lent. */
void ledger_replay_report(const struct ledger_replay *replay, struct report *ret);

#endif
