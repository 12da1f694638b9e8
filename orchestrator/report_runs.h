/*
 * report_runs.h: the list of recorded runs, for people and for programs.
 */
#ifndef ORCHESTRATOR_REPORT_RUNS_H
#define ORCHESTRATOR_REPORT_RUNS_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger.h"

/* What is asked of them: `runs` as ledger_list() gives them. */
struct report_runs {
    struct ledger_db *db;
    const struct ledger_run *runs;
    size_t count;
};

/* -1: the ledger could not be read. *ret_failed: `out` could not be written, errno says why. */
int report_runs_text(const struct report_runs *list, FILE *out, bool *ret_failed,
                     struct err *err) MUST_CHECK;
int report_runs_json(const struct report_runs *list, FILE *out, bool *ret_failed,
                     struct err *err) MUST_CHECK;

#endif
