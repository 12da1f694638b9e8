/*
 * coordinator_claims.h: which tenants of a run that machines share (shared_run.h) are this
 * machine's: what it tells of them in a turn, and what it hears. coordinator_shared.c takes the
 * turns. Of coordinator*.c alone; its thread. Nothing here fails.
 *
 *     held     The tenant is claimed by this machine, as the last turn said.
 *     placed   The schedule here knows it: it is to be started, in work, or waits for its retry.
 *     ending   It has come to an end here, and the next turn tells so. Only when that is recorded,
 *              it ends for this machine too: until then it counts as in work.
 *     lost     It was held, and is placed still: what comes back of it does not count.
 *
 * In a run of one machine c->claims is NULL. Of the functions here only those that say so may be
 * called then.
 */
#ifndef ORCHESTRATOR_COORDINATOR_CLAIMS_H
#define ORCHESTRATOR_COORDINATOR_CLAIMS_H

#include "common/base.h"
#include "orchestrator/coordinator_jobs.h"
#include "orchestrator/shared_run.h"

/* Makes c->claims, owned by `mem`: nothing is held. c has its request and result. */
void coordinator_claims_begin(struct coordinator *c, void *mem);

/* --- a turn ------------------------------------------------------------------------------- */

/* Fills in what has ended here, and what this machine could hold. It is owned by `mem`. */
void coordinator_claims_ask(struct coordinator *c, void *mem, struct shared_ask *ask);

/* Tenants that have ended, here or elsewhere: they end for this machine too. The first of the two
 * to be heard. */
void coordinator_claims_hear_ends(struct coordinator *c, const struct shared_news *news);

/* Those that it holds now: new ones go to the schedule while the run is going, others are lost.
 * `mem` is for the time of the call. */
void coordinator_claims_hear(struct coordinator *c, void *mem, const struct shared_news *news);

/* There will be no turn any more: tenants that are ending end by what is known here. */
void coordinator_claims_end_untold(struct coordinator *c);

/* --- tenants ------------------------------------------------------------------------------ */

/* A tenant that the schedule has given up. True: it is not this machine's to end. For every run. */
bool coordinator_claims_drops(struct coordinator *c, size_t job);

/* A tenant that the schedule has handed out. True: it shall not start, and the schedule has it
 * back: it is not held any more. For every run. */
bool coordinator_claims_skips(struct coordinator *c, size_t job);

/* A tenant that the schedule has handed out would not end in time here. True: the next turn leaves
 * it to the others. For every run. */
bool coordinator_claims_gives_back(struct coordinator *c, size_t job);

/* A tenant came back from its attempt and was lost meanwhile. True: it was taken care of. For every
 * run. */
bool coordinator_claims_was_lost(struct coordinator *c, size_t job, enum schedule_contact contact);

/* A tenant has come to an end here; `told`: the next turn shall say so. True: it will, and the
 * tenant ends when that is heard. False: it ends now. */
bool coordinator_claims_end(struct coordinator *c, size_t job, bool told);

/* --- questions ---------------------------------------------------------------------------- */

/* Is it held, and not ending? */
bool coordinator_claims_has(const struct coordinator *c, size_t job);

/* How many are held; ending ones among them. */
size_t coordinator_claims_held(const struct coordinator *c);

/* How many are ending. */
size_t coordinator_claims_untold(const struct coordinator *c);

#endif
