/*
 * ledger_fixture.h: a ledger in a folder of its own, for tests.
 */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include "orchestrator/ledger.h"

struct ledger_fixture {
    void *mem;
    const char *dir;
    const char *path; /* of ledger.db in it */
    struct fleet fleet;
    struct ledger_db *db;
};

/* With an open, empty ledger. */
void ledger_fixture_init(struct ledger_fixture *fixture);
void ledger_fixture_free(struct ledger_fixture *fixture);

/* Adds a run with `tenants` tenants "t1", "t2", ... on server "main"; none has begun. */
void ledger_fixture_run(struct ledger_fixture *fixture, const char *id, int64_t started_ms,
                        size_t tenants);

/* Tenant `index` of the run was migrated in `took_ms`, in its first attempt. */
void ledger_fixture_migrated(struct ledger_fixture *fixture, const char *id, size_t index,
                             int64_t started_ms, int64_t took_ms);

/* The run has ended with this result. */
void ledger_fixture_end(struct ledger_fixture *fixture, const char *id, const char *result);

/* A single number by SQL. */
int64_t ledger_fixture_count(struct ledger_fixture *fixture, const char *sql);

#endif
