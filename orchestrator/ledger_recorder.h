/*
 * ledger_recorder.h: writes a run into the ledger as it happens.
 *
 * The run and its frozen list are committed before anything is started. What happens then is
 * gathered and committed about every half second, off the disk's clock: a kill or a power failure
 * may lose the last moment, so that a tenant that is done still counts as in work or as not begun.
 * Nothing is written before it is true.
 *
 * A ledger that fails in mid-run stops nobody: it is said once, and at the end all that is known
 * is written again; where that fails too, the record stays incomplete, and that is said.
 *
 * The coordinator's thread.
 */
#ifndef ORCHESTRATOR_LEDGER_RECORDER_H
#define ORCHESTRATOR_LEDGER_RECORDER_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger.h"
#include "orchestrator/options.h"
#include "orchestrator/run.h"

struct ledger_recorder;

struct ledger_recorder_setup {
    struct ledger_db *db;
    const struct options *options;
    const struct run_request *request;
    size_t suspended;  /* tenants left out for that */
    const char *name;  /* of a run that several machines share; or NULL */
    const char *owner; /* of the tenants that are worked on here; or NULL */
    bool joined;       /* the run is in the ledger already: another machine has begun it */
};

/* Commits the run and its list, unless it was joined. Owned by `parent`; `setup` is lent. */
int ledger_recorder_begin(void *parent, const struct ledger_recorder_setup *setup,
                          struct ledger_recorder **ret, struct err *err) MUST_CHECK;

const struct run_observer *ledger_recorder_observer(struct ledger_recorder *recorder);

/* Writes down how it has ended. */
void ledger_recorder_end(struct ledger_recorder *recorder, const struct run_result *result,
                         int exit_code);

/* Writes down that nothing was started, and why. */
void ledger_recorder_refuse(struct ledger_recorder *recorder, const struct err *why);

#endif
