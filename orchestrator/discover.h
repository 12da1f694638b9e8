/*
 * discover.h: reads more tenants from where discover: says: the databases and schemas of servers,
 * queries, CSV files, programs. Main thread, before any tenant is touched.
 *
 * All or nothing: where one entry cannot be read the command ends, as a fleet that is smaller
 * today than it is looks like a success.
 */
#ifndef ORCHESTRATOR_DISCOVER_H
#define ORCHESTRATOR_DISCOVER_H

#include "common/err.h"
#include "config/fleet.h"

/*
 * Adds what all entries find to `fleet`; nothing to do without any. Runs connection.
 * password_command first. An entry that finds nothing is a warning on stderr. ERR_INTERNAL: a
 * server or program did not give an answer. ERR_DATA: what it gave is wrong. ERR_NOINPUT: no file.
 */
int discover_tenants(struct fleet *fleet, struct err_list *errors) MUST_CHECK;

/* The same of the files alone, which needs no server. */
int discover_files(struct fleet *fleet, struct err_list *errors) MUST_CHECK;

#endif
