/*
 * server_care.h: may tenants be started on a server, by what has been seen of it: max_replica_lag
 * and max_connections_used. Pure.
 *
 *     a replica ...                        counts as behind
 *     that has replayed everything         not at all
 *     that says by how much it is behind   by that, and for as long as we have seen it stand still
 *     that does not say                    for as long as we have seen it stand still; when it has
 *                                          from the first look on, nobody knows how long: too long
 *     that has vanished                    too long, until it is back or has been away for
 *                                          max_replica_lag: it counts no more then
 */
#ifndef ORCHESTRATOR_SERVER_CARE_H
#define ORCHESTRATOR_SERVER_CARE_H

#include "common/base.h"
#include "config/fleet.h"
#include "worker/server_look.h"

struct server_care;

/* Does fleet.yaml set a limit? */
bool server_care_wanted(const struct server *server);

/* What is remembered of one server from look to look. Owned by `parent`. */
struct server_care *server_care_new(const void *parent, const struct server *server);

const struct server *server_care_server(const struct server_care *care);

/*
 * What the server must be waited for: "replica lag 14.0s (max_replica_lag 10s)". NULL: tenants may
 * be started. The text lives until the next call.
 */
const char *server_care_judge(struct server_care *care, const struct server_facts *facts,
                              int64_t now_ms);

/* The same of one on which not even a look found a connection. */
const char *server_care_judge_full(struct server_care *care);

#endif
