/*
 * machines.h: what a run does about other machines before it begins and when it has ended, in a
 * fleet whose ledger is a database: it takes the fleet lock there, and with --run NAME it joins the
 * run of that name or begins it. Main thread.
 */
#ifndef ORCHESTRATOR_MACHINES_H
#define ORCHESTRATOR_MACHINES_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"
#include "orchestrator/options.h"
#include "orchestrator/run.h"

struct machines;

/* --run needs a ledger that machines can share, and a simple name. ERR_USAGE. */
int machines_check(const struct fleet *fleet, const char *run_name, struct err *err) MUST_CHECK;

/*
 * Takes the lock for the request's tenants (ERR_BUSY) and, with a `run_name`, joins: then
 * request->shared is set, and request->waves are those that the run was begun with. Owned by
 * `parent`, as is `db`.
 */
int machines_begin(void *parent, struct ledger_db *db, const char *run_name,
                   struct run_request *request, struct machines **ret, struct err *err) MUST_CHECK;

/* Keeps the lock; NULL: there is nothing to keep, or the run's turns do. */
const struct run_observer *machines_observer(struct machines *machines);

/* The run is in the ledger already: another machine has begun it. */
bool machines_joined(const struct machines *machines);

/* It was over when this machine joined: there is nothing to record. */
bool machines_is_over(const struct machines *machines);

/* What the ledger calls this machine; NULL: it is alone. */
const char *machines_member(const struct machines *machines);

/* Others go on with the run that this machine has left: its end is theirs to record. */
bool machines_go_on(const struct machines *machines, const struct run_result *result);

/* Gives the lock back, or leaves the run unless it has been left. NULL is allowed. */
void machines_end(struct machines *machines);

#endif
