/*
 * fleet_places.h: what tells tenants from each other: their names, their places, their histories.
 */
#ifndef CONFIG_FLEET_PLACES_H
#define CONFIG_FLEET_PLACES_H

#include "config/fleet.h"

struct fleet_places;

struct fleet_places *fleet_places_new(const void *parent);

/*
 * Each adds the tenant, which is lent, and returns NULL; or returns the one that was there before
 * with the same name; the same server, database and schema; the same history table.
 */
struct tenant *fleet_places_add_name(struct fleet_places *places, struct tenant *tenant);
struct tenant *fleet_places_add(struct fleet_places *places, struct tenant *tenant);
struct tenant *fleet_places_add_history(struct fleet_places *places, struct tenant *tenant);

/* Where history and lock of a tenant belong. `schema`: its own, or NULL. */
const char *fleet_places_history_schema(const char *schema, const struct settings *settings);

#endif
