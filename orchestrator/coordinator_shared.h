/*
 * coordinator_shared.h: the coordinator's part in a run that machines share (shared_run.h): which
 * tenants are this machine's, what it tells the others, what it hears. Of coordinator*.c alone; its
 * thread. In a run of one machine (c->shared is NULL) none of this does anything.
 *
 *     held     The tenant is claimed by this machine, as the last turn said.
 *     placed   The schedule here knows it: it is to be started, in work, or waits for its retry.
 *     ending   It has come to an end here, and the next turn tells so. Only when that is recorded,
 *              it ends for this machine too: until then it counts as in work.
 *     lost     It was held, and is placed still: what comes back of it does not count.
 *
 * This machine leaves the run, and the others go on, when it is stopped by a signal, its time is
 * over, or the ledger could not be reached for as long as its lease lasts.
 */
#ifndef ORCHESTRATOR_COORDINATOR_SHARED_H
#define ORCHESTRATOR_COORDINATOR_SHARED_H

#include "common/base.h"
#include "orchestrator/coordinator_jobs.h"

/* Makes c->shared, owned by `mem`, if request->shared is there. */
void coordinator_shared_begin(struct coordinator *c, void *mem);

/* Takes a turn if one is due. */
void coordinator_shared_turn(struct coordinator *c);

/* When the next turn is due; CLOCK_NEVER. */
int64_t coordinator_shared_due_ms(const struct coordinator *c);

/* Does this machine take the steps of waves? */
bool coordinator_shared_leads(const struct coordinator *c);

/* May a tenant be started here: is the lease known to last? */
bool coordinator_shared_may_start(const struct coordinator *c);

/* A tenant that the schedule has handed out shall not start: it is not held any more. True: it was
 * given back. */
bool coordinator_shared_skips(struct coordinator *c, size_t job);

/* The same of a tenant that the schedule has given up. */
bool coordinator_shared_drops(struct coordinator *c, size_t job);

/* A tenant that the schedule has handed out would not end in time here. True: the next turn leaves
 * it to the others. */
bool coordinator_shared_gives_back(struct coordinator *c, size_t job);

/* A tenant came back from its attempt and was lost meanwhile. True: it was taken care of. */
bool coordinator_shared_was_lost(struct coordinator *c, size_t job, enum schedule_contact contact);

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
