/*
 * discover_entry.h: one entry of discover: while it is read. Main thread.
 */
#ifndef ORCHESTRATOR_DISCOVER_ENTRY_H
#define ORCHESTRATOR_DISCOVER_ENTRY_H

#include "common/err.h"
#include "config/fleet_found.h"

struct discover_entry {
    const struct fleet *fleet;
    const struct discovery *discovery;
    struct fleet_found *found;
    int cancel_fd; /* readable: give up */
    size_t count;  /* tenants found so far */
};

/* Adds a tenant that was found; it is copied. ERR_DATA, without a place. */
int discover_entry_add(struct discover_entry *entry, const struct found_tenant *tenant,
                       struct err *err) MUST_CHECK;

#endif
