/*
 * fleet_tenants.h: the tenants: section.
 */
#ifndef CONFIG_FLEET_TENANTS_H
#define CONFIG_FLEET_TENANTS_H

#include "config/fleet.h"
#include "config/fleet_servers.h"
#include "config/reader.h"

/*
 * Reads the list `node` into fleet.tenants, whose servers point to those of `s`. Two tenants of one
 * name, or of one database and schema, are reported.
 */
void fleet_tenants_read(struct reader *r, struct fleet_connections *c, struct fleet_servers *s,
                        const struct yaml_node *node);

/* After fleet_servers_finish(): lets them point to the fleet's. */
void fleet_tenants_finish(struct fleet *fleet);

#endif
