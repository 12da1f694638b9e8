/*
 * fleet_fixture.h: a small fleet of real databases, and pgtide run on it.
 *
 *     struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 3);
 *     fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a ();");
 *     fleet_fixture_inventory(fleet, "run: {workers: 2}\n");
 *     const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);
 *     cr_assert_eq(run->exit_code, 0, "%s", run->err);
 *     cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
 *
 * The program is $PGTIDE, or else "pgtide" in the build folder that the tests stand in. It runs
 * with the fixture's folder as its working directory.
 */
#ifndef TESTS_HARNESS_FLEET_FIXTURE_H
#define TESTS_HARNESS_FLEET_FIXTURE_H

#include "common/base.h"
#include "tests/harness/pg_server.h"
#include "tests/harness/process.h"

#include <jansson.h>

struct fleet_fixture {
    const char *dir; /* holds fleet.yaml, migrations/, seeds/ */
    const struct pg_server *server;
    const char *host; /* where tenants are reached: the server's, or a proxy's */
    int port;
    size_t count;           /* of databases */
    const char **databases; /* their names; tenant "store-1" is databases[0], and so on */
    int reports;            /* written so far */
};

struct fleet_run {
    int exit_code; /* -1 when a signal ended it */
    const char *out;
    const char *err;
    const json_t *report; /* of --report, or else what it wrote to stdout; NULL: no JSON */
    const struct process_result *process;
};

/*
 * A folder with empty migrations/ and `count` new databases on `server`, which are dropped when the
 * fixture is freed. `server` must live longer.
 */
struct fleet_fixture *fleet_fixture_new(void *parent, const struct pg_server *server, size_t count);

/* Sends all connections of inventories written from now on through this port of 127.0.0.1. */
void fleet_fixture_through(struct fleet_fixture *fleet, int port);

/* Writes a file below the fixture's folder; fleet_fixture_remove takes one away. */
void fleet_fixture_write(const struct fleet_fixture *fleet, const char *name, const char *text);
void fleet_fixture_remove(const struct fleet_fixture *fleet, const char *name);

/*
 * Writes fleet.yaml: migrations: migrations, the connection as "postgres", one server "main", a
 * tenant "store-<n>" for each database; quick retries (base 10ms) unless `extra` has its own
 * settings:. `extra` is more of the top level: "settings: ...\nrun: ...\n", or NULL.
 */
void fleet_fixture_inventory(const struct fleet_fixture *fleet, const char *extra);

/* The same with more for each tenant, inserted into its {}: "labels: {ring: canary}". */
void fleet_fixture_tenants(const struct fleet_fixture *fleet, const char *extra,
                           const char *each_tenant);

/* Whole fleet.yaml of one's own; use host, port and databases of the fixture. */
void fleet_fixture_yaml(const struct fleet_fixture *fleet, const char *format, ...)
    PRINTF_LIKE(2, 3);

/*
 * Runs `pgtide -f fleet.yaml COMMAND ...` to its end, at most two minutes. The list ends in NULL.
 * migrate, seed, rollback, verify, status, plan get a --report of their own, which is read. Owned
 * by `fleet`.
 */
const struct fleet_run *fleet_fixture_run(struct fleet_fixture *fleet, const char *command, ...)
    __attribute__((sentinel));

/* The same in two steps, to send signals in between. */
struct process *fleet_fixture_start(struct fleet_fixture *fleet, const char *command, ...)
    __attribute__((sentinel));
const struct fleet_run *fleet_fixture_wait(struct fleet_fixture *fleet, struct process *process);

/* From the report; they die where it has no such thing, with pgtide's output. */
const char *fleet_fixture_outcome(const struct fleet_run *run, const char *tenant);
const json_t *fleet_fixture_tenant(const struct fleet_run *run, const char *tenant);
int64_t fleet_fixture_total(const struct fleet_run *run, const char *outcome);

/* SQL in the n-th (1, 2, ...) tenant's database: pg_sql_exec, pg_sql_value, pg_sql_count. */
void fleet_fixture_exec(const struct fleet_fixture *fleet, size_t n, const char *sql);
char *fleet_fixture_value(const struct fleet_fixture *fleet, size_t n, const char *sql);
int64_t fleet_fixture_count(const struct fleet_fixture *fleet, size_t n, const char *sql);

/* Number of rows in the n-th tenant's pgtide_history in state applied; 0 without the table. */
int64_t fleet_fixture_applied(const struct fleet_fixture *fleet, size_t n);

/* Path of the pgtide program; owned by `parent`. */
char *fleet_fixture_program(const void *parent);

#endif
