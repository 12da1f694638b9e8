/*
 * report_runs.h: the list of recorded runs, for people and for programs.
 */
#ifndef ORCHESTRATOR_REPORT_RUNS_H
#define ORCHESTRATOR_REPORT_RUNS_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger.h"

/* `runs` as ledger_list() gives them. -1: the ledger could not be read, or `out` not written. */
int report_runs(struct ledger_db *db, const struct ledger_run *runs, size_t count, FILE *out,
                struct err *err) MUST_CHECK;
int report_runs_json(struct ledger_db *db, const struct ledger_run *runs, size_t count, FILE *out,
                     struct err *err) MUST_CHECK;

#endif
