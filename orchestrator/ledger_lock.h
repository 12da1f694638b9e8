/*
 * ledger_lock.h: the fleet lock of a ledger that several machines share: a row a run, with a lease.
 *
 * Two runs exclude each other when they have a tenant in common, by its place (server, database,
 * schema) and whatever it is called: so parts of a fleet (--shard) may be migrated side by side. A
 * machine that dies loses its lease, by the clock of the ledger's server. Main thread.
 */
#ifndef ORCHESTRATOR_LEDGER_LOCK_H
#define ORCHESTRATOR_LEDGER_LOCK_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"
#include "orchestrator/run.h"

enum { LEDGER_LOCK_LEASE_MS = 30 * 1000 };

/* How long a lease lasts: LEDGER_LOCK_LEASE_MS, or what $PGTIDE_LEASE says (a duration from 100ms
 * to an hour; anything else counts as not set). All machines must say the same. */
int64_t ledger_lock_lease_ms(void);

struct ledger_lock;

/*
 * Takes the lock for the tenants of `request` under its run id; one that the run has already is
 * taken again (a shared run: by each machine). ERR_BUSY when another run has one of the tenants:
 * the message names its run, pid and host. Owned by `parent`; freeing it does not give it back.
 */
int ledger_lock_take(void *parent, struct ledger_db *db, const struct run_request *request,
                     struct ledger_lock **ret, struct err *err) MUST_CHECK;

/* Keeps the lease while the run goes on, from the coordinator's tick. Of a run that machines share,
 * their turns keep it instead (shared_run.h). */
const struct run_observer *ledger_lock_observer(struct ledger_lock *lock);

/* Renews the lease; part of other statements' batches. One parameter: the run; one: its ms. */
extern const char ledger_lock_renew_sql[];

/* Gives it back. That this fails does no harm: the lease runs out. NULL is allowed. */
void ledger_lock_release(struct ledger_lock *lock);

#endif
