/*
 * coordinator_shared.h: the coordinator's part in a run that machines share (shared_run.h): when a
 * turn is due, waves and halts as all machines know them, and when this machine leaves. Which
 * tenants are its own is coordinator_claims.h's. Of coordinator*.c alone; its thread. Nothing here
 * fails: a ledger that cannot be reached is told to people. In a run of one machine (c->shared is
 * NULL) none of this does anything.
 *
 * This machine leaves the run, and the others go on, when it is stopped by a signal, its time is
 * over, or the ledger could not be reached for as long as its lease lasts.
 */
#ifndef ORCHESTRATOR_COORDINATOR_SHARED_H
#define ORCHESTRATOR_COORDINATOR_SHARED_H

#include "common/base.h"
#include "orchestrator/coordinator_jobs.h"

/* Makes c->shared and c->claims, owned by `mem`, if request->shared is there. */
void coordinator_shared_begin(struct coordinator *c, void *mem);

/* Takes a turn if one is due. */
void coordinator_shared_turn(struct coordinator *c);

/* When the next turn is due; CLOCK_NEVER. */
int64_t coordinator_shared_due_ms(const struct coordinator *c);

/* Does this machine take the steps of waves? */
bool coordinator_shared_leads(const struct coordinator *c);

/* May a tenant be started here: is the lease known to last? */
bool coordinator_shared_may_start(const struct coordinator *c);

/* A tenant that is about to end here. True: not yet, it is told first. */
bool coordinator_shared_tells(struct coordinator *c, size_t job);

/* The run drains: is a tenant that has not been started, or waits for its retry, to end here? */
bool coordinator_shared_keeps(const struct coordinator *c, size_t job);

/* Is it left to other machines, which go on when this one stops? */
bool coordinator_shared_remains(const struct coordinator *c, size_t job);

/* Why this machine has stopped by itself, for people; NULL: it has not. */
const char *coordinator_shared_problem(const struct coordinator *c);

/* Has all been told that is to be told? */
bool coordinator_shared_is_settled(const struct coordinator *c);

/* The last thing to do. */
void coordinator_shared_leave(struct coordinator *c);

#endif
