/*
 * fleet_found.h: adds the tenants that discover: has found to a fleet that is loaded.
 *
 * They come behind the listed ones, in the order of discover:, each entry's by name (bytes), so
 * that the fleet's order does not depend on that in which a server answers. Main thread, before
 * any other has the fleet.
 */
#ifndef CONFIG_FLEET_FOUND_H
#define CONFIG_FLEET_FOUND_H

#include "common/err.h"
#include "config/fleet.h"

/* One tenant as it was found; NULL or "" where that says nothing. */
struct found_tenant {
    const char *name;     /* else its schema's, or its database's */
    const char *server;   /* of servers:; else that of the entry */
    const char *database; /* else, for one with a schema, that of the entry */
    const char *schema;
    const char *state;         /* "active" or "suspended" */
    struct name_values labels; /* win over those of the entry and of the server */
    struct name_values vars;
};

struct fleet_found;

/* `fleet` must have its password (fleet_fetch_password). Owned by `parent`. */
struct fleet_found *fleet_found_start(void *parent, struct fleet *fleet);

/* Adds a tenant that `discovery` has found; it is copied. ERR_DATA where it cannot be one. */
int fleet_found_add(struct fleet_found *found, const struct discovery *discovery,
                    const struct found_tenant *tenant, struct err *err) MUST_CHECK;

/*
 * Puts them into the fleet and makes its fingerprint anew. A place that is listed, or found by an
 * earlier entry, is passed over. ERR_DATA where two have one name or would share one history table,
 * or one entry gives two names to one place.
 */
int fleet_found_finish(struct fleet_found *found, struct err_list *errors) MUST_CHECK;

#endif
