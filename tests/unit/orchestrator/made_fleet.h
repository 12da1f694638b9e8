/*
 * made_fleet.h: fleets and run requests made in memory, for tests of the run's logic.
 */
#ifndef TESTS_MADE_FLEET_H
#define TESTS_MADE_FLEET_H

#include "orchestrator/run.h"

struct made_fleet {
    void *mem;
    struct fleet fleet;
    struct settings settings; /* of every tenant; retries: 3 attempts, 1 ms apart */
    struct server *servers;
    struct tenant *tenants; /* "t0", "t1", ... */
    const struct tenant **selected;
    struct run_request request; /* migrate, every tenant, max_failures 0, halts */
    struct wave *waves;         /* NULL until made_fleet_waves() */
    struct wave_plan plan;      /* of these waves */
};

/* `tenants` tenants on `servers` servers ("s0", "s1", ...) in turn, each with the cap `per_server`;
 * 8 workers. made_fleet_place() moves a tenant. */
void made_fleet_init(struct made_fleet *made, size_t servers, size_t tenants, int per_server);
void made_fleet_place(struct made_fleet *made, size_t tenant, size_t server);

/* `waves` waves ("w0", "w1", ...) without rules, each depends on the one before; a character of
 * `where` for each tenant says in which it is: "0011". Rules are set in made->waves afterwards. */
void made_fleet_waves(struct made_fleet *made, size_t waves, const char *where);

void made_fleet_release(struct made_fleet *made);

#endif
