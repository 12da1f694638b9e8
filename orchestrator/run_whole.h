/*
 * run_whole.h: how many tenants the percentages of a run's budgets are of. Pure.
 *
 * Of a run by itself: its own tenants. A run that goes on with another has a part of that one's
 * tenants, and keeps its numbers (request->whole), so that "5%" tolerates as many as it did.
 */
#ifndef ORCHESTRATOR_RUN_WHOLE_H
#define ORCHESTRATOR_RUN_WHOLE_H

#include "common/base.h"
#include "orchestrator/run.h"

struct run_whole {
    size_t tenants;
    size_t *of_waves;   /* by group of request->waves; without waves: one */
    size_t *of_servers; /* by position in fleet->servers */
};

/* The request's own tenants. Owned by `parent`. */
struct run_whole *run_whole_count(const void *parent, const struct run_request *request);

/* What the request says, or else its own tenants. Owned by `parent`, or the request's. */
const struct run_whole *run_whole_of(const void *parent, const struct run_request *request);

#endif
