/*
 * fleet_facts.h: what tests ask about a run and its tenants again and again.
 */
#ifndef TESTS_INTEGRATION_FLEET_FACTS_H
#define TESTS_INTEGRATION_FLEET_FACTS_H

#include "tests/harness/fleet_fixture.h"

/* A text of the tenant's error in the report ("message", "hint", "sqlstate"); "" = none. */
const char *fleet_facts_error(const struct fleet_run *run, const char *tenant, const char *field);

/* How many attempts the report counts, and how many migrations it lists. */
int64_t fleet_facts_attempts(const struct fleet_run *run, const char *tenant);
size_t fleet_facts_steps(const struct fleet_run *run, const char *tenant);

/*
 * The n-th tenant's history in order of rank, "first applied 2/2, second started 0/3 running 1";
 * of this schema, NULL = public. Owned by `fleet`.
 */
char *fleet_facts_history(struct fleet_fixture *fleet, size_t n, const char *schema);

/* Dies unless the program ended with `code`; the message is all it wrote. */
void fleet_facts_expect(const struct fleet_run *run, int code);

#endif
