/*
 * seed_fixture.h: a database of its own and seed_apply() on seed files that a test writes.
 */
#ifndef TESTS_INTEGRATION_SEED_FIXTURE_H
#define TESTS_INTEGRATION_SEED_FIXTURE_H

#include "common/base.h"
#include "tests/harness/pg_server.h"
#include "worker/seed.h"

struct seed_fixture {
    void *ctx;
    struct pg_server *server;
    const char *database;
    const char *dir; /* where the seed files are written */
    const char *user;
    bool wrong_checksum; /* the files are not what the catalog saw */
    struct settings settings;
    struct tenant tenant;
    struct seed_counts counts; /* of the last seed that went well */
    struct err err;            /* of the last one that did not */
};

/* Makes the database and runs `sql` in it. */
void seed_fixture_init(struct seed_fixture *fixture, const char *sql);
void seed_fixture_release(struct seed_fixture *fixture);

/*
 * Writes `text` to a file of this name and applies it as an attempt would, in a session of its own.
 * The format follows the ending, the table of a CSV file is its name without "NN_" and ".csv".
 */
bool seed_fixture_apply(struct seed_fixture *fixture, const char *name, const char *text);

/* The same with a file that is there. */
bool seed_fixture_apply_file(struct seed_fixture *fixture, const char *name);

/* The same with several, in one session, up to the first that fails. */
bool seed_fixture_apply_files(struct seed_fixture *fixture, const char *const *names, size_t count);

/* The seed of a file that is there, as the catalog would have it. Owned by the fixture. */
struct seed_file *seed_fixture_file(struct seed_fixture *fixture, const char *name);

/* Rows of a query as pg_sql_rows() gives them. */
const char *seed_fixture_rows(struct seed_fixture *fixture, const char *sql);

/* "LINE: MESSAGE" of the last error, for comparison. */
const char *seed_fixture_fault(struct seed_fixture *fixture);

#endif
