/*
 * fleet_connection.h: connection: sections and connection strings, as sets of libpq parameters that
 * are laid over each other: the fleet's, the server's, the tenant's.
 *
 * The list of parameters is that of the libpq in use. Values may be secret: no message quotes one,
 * and libpq's own messages about connection strings are not passed on, as they may.
 */
#ifndef CONFIG_FLEET_CONNECTION_H
#define CONFIG_FLEET_CONNECTION_H

#include "config/fields.h"
#include "config/fleet.h"
#include "config/reader.h"

enum { FLEET_PARAMS_MOST = 96 };

/* A value for each parameter, NULL = not given. Copied by assignment. */
struct fleet_params {
    const char *values[FLEET_PARAMS_MOST];
    enum pooler_mode pooler;
};

/* Whose connection: section it is; some keys are not for all. */
enum fleet_level { LEVEL_FLEET, LEVEL_SERVER, LEVEL_TENANT };

struct fleet_connections;

/* The most used of its keys, for hints. */
extern const struct field_table fleet_connection_table;

/* Asks libpq for its parameters. Owned by r->scratch. */
struct fleet_connections *fleet_connection_start(struct reader *r);

/* Lays the section `node` (a map, or NULL) over `params`. */
void fleet_connection_read(struct fleet_connections *c, const struct yaml_node *node,
                           enum fleet_level level, struct fleet_params *params);

/*
 * Lays a connection string, in either of libpq's forms, over `params`. A place in it
 * takes host, hostaddr and service of `params` away, as they would lead elsewhere. False: reported.
 */
bool fleet_connection_read_dsn(struct fleet_connections *c, const char *key,
                               const struct yaml_node *node, const char *dsn,
                               struct fleet_params *params);

/* One parameter, by its libpq name; NULL where it is not given or empty. */
const char *fleet_connection_get(const struct fleet_connections *c,
                                 const struct fleet_params *params, const char *keyword);
void fleet_connection_set(const struct fleet_connections *c, struct fleet_params *params,
                          const char *keyword, const char *value);

/* Checks a port, or a list of them as libpq takes it for a list of hosts. Reports. */
bool fleet_connection_check_port(struct reader *r, const struct yaml_node *node, const char *text);

/* All that are given and not empty, in the arena. */
struct name_values fleet_connection_list(const struct fleet_connections *c,
                                         const struct fleet_params *params);

#endif
