/*
 * discover_query.h: what may be asked of a server to find tenants. Pure.
 */
#ifndef ORCHESTRATOR_DISCOVER_QUERY_H
#define ORCHESTRATOR_DISCOVER_QUERY_H

#include "common/err.h"
#include "config/fleet.h"

/*
 * The text of every query: in discover: must be one query, so that nothing in it ends the
 * read-only transaction around it. ERR_CONFIG with the entry's place for each that is not.
 */
int discover_query_check(const struct fleet *fleet, struct err_list *errors) MUST_CHECK;

#endif
