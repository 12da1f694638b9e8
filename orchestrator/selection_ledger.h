/*
 * selection_ledger.h: what choosing tenants takes from the ledger. Main thread.
 */
#ifndef ORCHESTRATOR_SELECTION_LEDGER_H
#define ORCHESTRATOR_SELECTION_LEDGER_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/options.h"

/*
 * The selection that `options` ask for, with those of --failed-of and with how long each tenant
 * took the last time. A fleet that has no ledger yet, or one that cannot be read, is a reason for
 * nothing but --failed-of to fail: ERR_NOINPUT, or as ledger_open() says. `connects`: a ledger on a
 * server may be asked too. Nothing is made or changed. Owned by `parent`.
 */
int selection_ledger_fill(void *parent, const struct options *options, const struct fleet *fleet,
                          bool connects, struct selection *ret, struct err *err) MUST_CHECK;

#endif
