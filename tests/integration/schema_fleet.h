/*
 * schema_fleet.h: a fleet of schemas in one database whose one migration does as the test says.
 *
 *     struct schema_fleet *fleet = schema_fleet_new(ctx, 12);
 *     schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
 *     schema_fleet_fail(fleet, "t03 t07", "23505");
 *     run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
 *
 * Tenants are "t01", "t02", ...; the run makes their schemas. The migration 1_step makes a table
 * "done", then waits at the gate where it is closed for this tenant, then fails where it shall.
 * A test that closes the gate knows, without a clock, that tenants are in work, and which.
 */
#ifndef TESTS_INTEGRATION_SCHEMA_FLEET_H
#define TESTS_INTEGRATION_SCHEMA_FLEET_H

#include "common/base.h"
#include "tests/harness/fleet_fixture.h"

#include <libpq-fe.h>

struct schema_fleet {
    struct fleet_fixture *fixture;
    size_t tenants;
    PGconn *gate; /* holds it closed, or NULL */
};

/* On the shared server, with its database, migration and default inventory. */
struct schema_fleet *schema_fleet_new(void *parent, size_t tenants);

/*
 * Writes fleet.yaml. `settings` are more entries of settings: ("lock_wait: 0s"), by default
 * there is `create: schema` and a quick retry. `extra` is more of the top level. Both may be NULL.
 */
void schema_fleet_inventory(const struct schema_fleet *fleet, const char *settings,
                            const char *extra);

/* The tenants named, "t03 t07" or "all", fail with this SQLSTATE; mend: nobody fails any more. */
void schema_fleet_fail(const struct schema_fleet *fleet, const char *tenants, const char *sqlstate);
void schema_fleet_mend(const struct schema_fleet *fleet);

/* The tenants named wait in their migration until the gate is opened. */
void schema_fleet_close_gate(struct schema_fleet *fleet, const char *tenants);
void schema_fleet_open_gate(struct schema_fleet *fleet);

/* Returns once exactly `count` tenants wait at the gate; fails the test when they do not come. */
void schema_fleet_wait_at_gate(const struct schema_fleet *fleet, int count);

/* How many tenants the run tried, by its report. */
size_t schema_fleet_started(const struct fleet_run *run);

/* How many tenants have the table "done" and a history that says so; they must agree. */
int64_t schema_fleet_done(const struct schema_fleet *fleet);

/* In the fleet's database. */
void schema_fleet_exec(const struct schema_fleet *fleet, const char *sql);
int64_t schema_fleet_count(const struct schema_fleet *fleet, const char *sql);

#endif
