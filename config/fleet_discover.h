/*
 * fleet_discover.h: the discover: section: where more tenants are read from. What they hold is
 * read by orchestrator/discover.h and added by config/fleet_found.h.
 */
#ifndef CONFIG_FLEET_DISCOVER_H
#define CONFIG_FLEET_DISCOVER_H

#include "config/fleet.h"
#include "config/fleet_servers.h"
#include "config/reader.h"

/* Reads the list `node` into fleet.discoveries, whose servers point to those of `s`. */
void fleet_discover_read(struct reader *r, struct fleet_servers *s, const struct yaml_node *node);

/* After fleet_servers_finish(): lets them point to the fleet's. */
void fleet_discover_finish(struct fleet *fleet);

#endif
