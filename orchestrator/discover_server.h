/*
 * discover_server.h: tenants that are databases, schemas and the rows of a query. Main thread.
 */
#ifndef ORCHESTRATOR_DISCOVER_SERVER_H
#define ORCHESTRATOR_DISCOVER_SERVER_H

#include "orchestrator/discover_entry.h"

/*
 * Asks its server, at most for the entry's timeout. ERR_INTERNAL: it gave no answer. ERR_DATA: a
 * row is wrong.
 */
int discover_server_read(struct discover_entry *entry, struct err *err) MUST_CHECK;

#endif
