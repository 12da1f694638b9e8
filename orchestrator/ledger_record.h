/*
 * ledger_record.h: what a ledger says of a tenant, a wave and a run's end, made from what the
 * coordinator knows of them; and read again. The two ways stand side by side.
 */
#ifndef ORCHESTRATOR_LEDGER_RECORD_H
#define ORCHESTRATOR_LEDGER_RECORD_H

#include "common/base.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_tenants.h"
#include "orchestrator/run.h"

/* A tenant as it stands now. Text is owned by `parent`, or the job's. */
struct ledger_tenant ledger_record_tenant(void *parent, const struct run_result *result,
                                          const struct job *job, enum ledger_state state);

struct ledger_wave ledger_record_wave(void *parent, const struct run_request *request,
                                      const struct run_result *result, size_t wave);

/* The run's `detail`. */
char *ledger_record_end(void *parent, const struct run_request *request,
                        const struct run_result *result);

/* --- and back; text is owned by job->mem, or by `parent` ------------------------------------- */

/* `job` is one that job_init() has made, with the plan and tenant of the replayed run. */
void ledger_record_to_job(const struct ledger_tenant *tenant, struct job *job);

/* Of a run that has ended. */
void ledger_record_to_totals(const struct ledger_run *run, size_t totals[OUTCOME_COUNT]);

void ledger_record_to_wave(void *parent, const struct ledger_wave *wave, struct run_wave *ret);

/* Also what `request` says of closing. `servers`, of its fleet, are result->servers. */
void ledger_record_to_result(void *parent, const struct ledger_run *run,
                             struct run_request *request, struct run_server *servers,
                             struct run_result *result);

#endif
