/*
 * ledger_options.h: the options of a run that are needed to go on with it, as JSON: what is run,
 * how far, how many at a time. Not which tenants (they are listed), nor how to report.
 */
#ifndef ORCHESTRATOR_LEDGER_OPTIONS_H
#define ORCHESTRATOR_LEDGER_OPTIONS_H

#include "common/base.h"
#include "orchestrator/options.h"
#include "orchestrator/run.h"
#include "orchestrator/run_whole.h"

/* Owned by `parent`. */
char *ledger_options_write(void *parent, const struct options *options,
                           const struct run_request *request);

/* Puts them into `options` where nothing else was given; their text is owned by `parent`. */
void ledger_options_apply(void *parent, const char *text, struct options *options);

/*
 * What percentages of budgets were of in that run, for `request`, which goes on with it and has its
 * waves; its own tenants where it has more of them, or where that run says nothing. Owned by
 * `parent`.
 */
const struct run_whole *ledger_options_whole(void *parent, const char *text,
                                             const struct run_request *request);

/* What the reports of that run need of its plan. */
void ledger_options_plan(void *parent, const char *text, struct job_plan *plan);

#endif
