/*
 * fleet_servers.h: the servers: section, and the servers that connection strings of tenants name.
 */
#ifndef CONFIG_FLEET_SERVERS_H
#define CONFIG_FLEET_SERVERS_H

#include "config/fleet.h"
#include "config/fleet_connection.h"
#include "config/reader.h"

struct fleet_server {
    struct server shown; /* copied into fleet.servers at the end */
    const struct settings *settings;
    struct fleet_params params;  /* the fleet's and the server's, with host and port; of one made
                                    for a dsn the fleet's alone, which that dsn is laid over */
    struct fleet_params reached; /* with host and port in any case, without dbname */
};

struct fleet_servers;

/* `settings` and `params` are the fleet's; both are lent. Owned by r->scratch. */
struct fleet_servers *fleet_servers_start(struct reader *r, struct fleet_connections *c,
                                          const struct settings *settings,
                                          const struct fleet_params *params);

/* The fleet's parameters, as given at the start. */
const struct fleet_params *fleet_servers_params(const struct fleet_servers *s);

/* Reads the section: a map of servers. */
void fleet_servers_read(struct fleet_servers *s, const struct yaml_node *node);

/* The listed server with this name; where there is none, reports it at `node`. */
const struct fleet_server *fleet_servers_find(struct fleet_servers *s, const struct yaml_node *node,
                                              const char *name);

/*
 * The server that `params` (with a connection string worked in) lead to: a listed one of the same
 * host and port, or one made for it.
 */
const struct fleet_server *fleet_servers_reach(struct fleet_servers *s,
                                               const struct fleet_params *params);

/* Fills fleet.servers; a server's place there is its index. */
void fleet_servers_finish(struct fleet_servers *s);

#endif
