/*
 * report_list.h: the selected tenants as the inventory resolves them, suspended ones too. Nothing
 * is connected to, so there is no run behind it.
 */
#ifndef ORCHESTRATOR_REPORT_LIST_H
#define ORCHESTRATOR_REPORT_LIST_H

#include "common/base.h"
#include "config/fleet.h"
#include "orchestrator/wave_plan.h"

/*
 * A table: name, server, database, schema, state, labels, and in which wave and why. `waves` is of
 * these tenants; NULL: there are none. 0, or -1 with errno set.
 */
int report_list(const struct tenant *const *tenants, size_t count, const struct wave_plan *waves,
                FILE *out) MUST_CHECK;

/* The same as a JSON array of objects. */
int report_list_json(const struct tenant *const *tenants, size_t count,
                     const struct wave_plan *waves, FILE *out) MUST_CHECK;

#endif
