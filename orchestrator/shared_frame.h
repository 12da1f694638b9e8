/*
 * shared_frame.h: the rows that a shared run begins with: its tenants, waves, servers, budgets.
 */
#ifndef ORCHESTRATOR_SHARED_FRAME_H
#define ORCHESTRATOR_SHARED_FRAME_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"
#include "orchestrator/run.h"
#include "orchestrator/shared_terms.h"

/* Adds the run unless it is there. Within a transaction, which another machine that does the same
 * waits for. */
int shared_frame_add(struct ledger_db *db, const struct run_request *request,
                     const struct shared_terms *terms, bool *ret_added, struct err *err) MUST_CHECK;

/* "open"; the words of pgtide_shared_wave.state. */
const char *shared_frame_wave_name(enum run_wave_state state);
enum run_wave_state shared_frame_wave_state(const char *name);

/* The outcome of that name; OUTCOME_NONE: there is no such one. */
enum outcome shared_frame_outcome(const char *name);

#endif
