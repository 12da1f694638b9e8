/*
 * discover_entry.c: counts what is found.
 */
#include "orchestrator/discover_entry.h"

int discover_entry_add(struct discover_entry *entry, const struct found_tenant *tenant,
                       struct err *err)
{
    entry->count++;
    return fleet_found_add(entry->found, entry->discovery, tenant, err);
}
