/*
 * rollback_fixture.h: a fleet of three migrations with a way back each, and what became of it.
 *
 * 0001_product makes the table product, 0002_title adds a column, 0003_rows fills it by COPY.
 */
#ifndef TESTS_INTEGRATION_ROLLBACK_FIXTURE_H
#define TESTS_INTEGRATION_ROLLBACK_FIXTURE_H

#include "tests/harness/fleet_fixture.h"

/* The files, into a fixture's migrations/. */
void rollback_fixture_write(const struct fleet_fixture *fleet);

/* A fleet of `tenants` databases with these files, nine failures tolerated; nothing is run. */
struct fleet_fixture *rollback_fixture_new(size_t tenants);

/* The same, migrated. */
struct fleet_fixture *rollback_fixture_migrated(size_t tenants);

/* The n-th tenant's history: "1 applied, 2 reverted", in order of rank. Owned by `fleet`. */
const char *rollback_fixture_states(const struct fleet_fixture *fleet, size_t n);

/* Columns of the n-th tenant's table product; 0: it is not there. */
int64_t rollback_fixture_columns(const struct fleet_fixture *fleet, size_t n);

/* Until a session of the first tenant's database is as this condition on pg_stat_activity says. */
void rollback_fixture_wait(const struct fleet_fixture *fleet, const char *condition);

#endif
