/*
 * shared_fixture.h: machines that share a run, played by one test: each has its own request and its
 * own connection to the ledger, and takes a turn when the test says so.
 */
#ifndef TESTS_INTEGRATION_SHARED_FIXTURE_H
#define TESTS_INTEGRATION_SHARED_FIXTURE_H

#include "common/base.h"
#include "orchestrator/shared_run.h"
#include "tests/harness/pg_server.h"

enum { SHARED_FIXTURE_SERVERS = 2 };

/* A request, as one machine has it, and its place in the run. */
struct shared_machine {
    void *mem;
    struct fleet *fleet;
    const struct tenant **tenants;
    struct catalog catalog;
    struct run_request request;
    struct wave_plan *waves;
    struct ledger_db *db;
    struct shared_run *run;
    size_t by_server[SHARED_FIXTURE_SERVERS];
    bool down[SHARED_FIXTURE_SERVERS];
    struct shared_ask ask;
    const struct shared_news *news;
};

struct shared_world {
    void *mem;
    struct pg_server *server;
    const char *database;
};

/* A new database for the ledger on the shared server; the end drops it, and frees the machines. */
struct shared_world shared_fixture_world(void);
void shared_fixture_end(const struct shared_world *world);

/* Of a fleet of `count` tenants "t0", "t1", ... on servers "a" and "b" in turn, which have places
 * for 3 and 4; `run` is what stands under run:. Connected to the ledger. */
void shared_fixture_machine(const struct shared_world *world, struct shared_machine *machine,
                            int count, const char *run);

/* Both end the test where they fail. After a turn nothing is left to be told. */
void shared_fixture_join(struct shared_machine *machine, int64_t lease_ms);
void shared_fixture_turn(struct shared_machine *machine);

#endif
