/*
 * wave_plan.h: who is in which wave of a run, in which order, and why. Pure.
 *
 * Tenants are known by their position in the list given ("job"). The first wave of fleet.yaml that
 * fits owns a tenant: its labels match, and its size has room left; a wave takes its tenants in its
 * own order. A run of a fleet without waves has one group without a name.
 */
#ifndef ORCHESTRATOR_WAVE_PLAN_H
#define ORCHESTRATOR_WAVE_PLAN_H

#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"

struct wave_group {
    const struct wave *wave; /* NULL: the one group of a fleet without waves */
    const size_t *jobs;      /* in the order to start them in */
    size_t count;
};

struct wave_plan {
    struct wave_group *groups; /* as in fleet.run.waves, empty ones too; at least one */
    size_t group_count;
    const size_t *group_of; /* by job */
    int64_t seed;           /* of WAVE_ORDER_RANDOM where a wave names none; shown to people */
};

/* What the ledger knows of a tenant. */
struct wave_history {
    const int64_t *last_duration_ms; /* by job, -1 = never timed; NULL: nothing is known */
    int64_t seed;
};

/*
 * Deals out `tenants`. ERR_CONFIG when some fit no wave: the message names the first of them and
 * the place of the last wave. *ret is owned by `parent`.
 */
int wave_plan_make(void *parent, const struct run_config *config,
                   const struct tenant *const *tenants, size_t count, struct wave_history history,
                   struct wave_plan **ret, struct err *err) MUST_CHECK;

/* Why a tenant is in its wave, for people: "ring=canary", "41 of 412 (10%)", "the rest". Owned by
 * `parent`; NULL: there are no waves. */
char *wave_plan_reason(void *parent, const struct wave_plan *plan, size_t job);

#endif
