/*
 * report_remedy.h: what to do about a failure: the words of "next:" that depend on its cause. Pure.
 */
#ifndef ORCHESTRATOR_REPORT_REMEDY_H
#define ORCHESTRATOR_REPORT_REMEDY_H

#include "common/err.h"
#include "orchestrator/report.h"

/* "create the database, or ...": without a capital and a full stop. NULL: nothing better is known
 * than to fix the cause. */
const char *report_remedy(const struct err *err);

/*
 * The operation as it was typed, with the options without which it would do something else:
 * "migrate --to 0038 --seed". Owned by `parent`.
 */
char *report_remedy_operation(void *parent, const struct run_request *request);

/* How pgtide is called for this fleet: "pgtide " or "pgtide -f FILE ". Owned by `parent`. */
char *report_remedy_program(void *parent, const struct run_request *request);

#endif
