/*
 * shared_result.h: what reports say of a tenant, as one JSON text, from the machine that has done
 * it to the others.
 */
#ifndef ORCHESTRATOR_SHARED_RESULT_H
#define ORCHESTRATOR_SHARED_RESULT_H

#include "orchestrator/ledger_batch.h"
#include "orchestrator/run.h"

/* Of a tenant that is about to end with `outcome`; `job` is one of the result's, and is left as it
 * was. Owned by `parent`. */
char *shared_result_write(void *parent, const struct run_result *result, struct job *job,
                          enum outcome outcome);

/* Fills a job that was not started here, except for its outcome. What cannot be read is left out.
 */
void shared_result_read(const char *text, struct job *job);

/* Completes the record of a run: what a machine has told the others, and could not record itself
 * before it died. */
void shared_result_settle(struct ledger_batch *batch, const char *run);

#endif
