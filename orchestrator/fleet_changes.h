/*
 * fleet_changes.h: what is different between two looks at a fleet and its catalog, in words: since
 * a plan was made, or since a run began. Pure.
 */
#ifndef ORCHESTRATOR_FLEET_CHANGES_H
#define ORCHESTRATOR_FLEET_CHANGES_H

#include "common/base.h"
#include "config/fleet.h"

/* One look. Either list may be empty where it is not known; then it is not compared. */
struct fleet_look {
    struct name_values tenants; /* name, and place as fleet_changes_place() gives it */
    struct name_values files;   /* of the catalog: name, and checksum */
};

/*
 * A line for each kind of difference, such as `2 tenants have appeared: "a", "b"`, with five names
 * at most, made printable; none when both are equal. *ret is owned by `parent`. Names
 * in a list are unique; their
 * order does not matter.
 */
size_t fleet_changes_find(void *parent, const struct fleet_look *then, const struct fleet_look *now,
                          char ***ret);

/* "eu1/shops" or "eu1/shops.store_0002" (server, database, schema or NULL). Owned by `parent`. */
char *fleet_changes_place(const void *parent, const char *server, const char *database,
                          const char *schema);

/* The look at these tenants, without files. Owned by `parent`. */
struct name_values fleet_changes_tenants(void *parent, const struct tenant *const *tenants,
                                         size_t count);

#endif
