/*
 * ledger_result.h: a tenant's object of the report as a ledger keeps it: without what has a column,
 * follows from others, or is empty.
 *
 * It is written for every tenant, and most of it is the list of its migrations. So that list is
 * written as text, not as a tree that is then dumped.
 */
#ifndef ORCHESTRATOR_LEDGER_RESULT_H
#define ORCHESTRATOR_LEDGER_RESULT_H

#include "worker/job.h"

/* JSON, owned by `parent`; NULL: there is nothing to say. Of an action that writes. */
char *ledger_result_write(void *parent, const struct job *job);

#endif
