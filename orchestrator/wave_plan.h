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

/* The group of a tenant that is in none: it is suspended. */
#define WAVE_PLAN_NONE SIZE_MAX

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
    size_t dealt;           /* tenants in all groups: what a share is a share of */
    bool given;             /* not dealt out here: as an earlier run did, or as --wave says */
    const struct tenant *const *tenants; /* by job; lent */
};

/* What the ledger knows of a tenant. */
struct wave_history {
    const int64_t *last_duration_ms; /* by job, -1 = never timed; NULL: nothing is known */
    int64_t seed;
};

/*
 * Deals out `tenants`, which must live as long as the plan; suspended ones are passed over.
 * ERR_CONFIG when some fit no wave: the message names the first of them; line and column, without
 * a file, are those of the last wave; *ret is the plan of the others, for who only shows it. It is
 * owned by `parent`.
 */
int wave_plan_make(void *parent, const struct run_config *config,
                   const struct tenant *const *tenants, size_t count, struct wave_history history,
                   struct wave_plan **ret, struct err *err) MUST_CHECK;

/*
 * The plan of a run that was dealt out before: `group_of` says for each tenant the position of its
 * wave in config->waves (without waves: 0). Within a wave they are ordered anew. Owned by `parent`.
 */
struct wave_plan *wave_plan_given(void *parent, const struct run_config *config,
                                  const struct tenant *const *tenants, size_t count,
                                  struct wave_history history, const size_t *group_of);

/*
 * A plan of this wave alone, with all of `tenants` in it; it depends on no other. NULL: one group
 * without a name. Owned by `parent`.
 */
struct wave_plan *wave_plan_only(void *parent, const struct wave *wave,
                                 const struct tenant *const *tenants, size_t count,
                                 struct wave_history history);

/* The group of `wave`, WAVE_PLAN_NONE: it is not in this plan. */
size_t wave_plan_find(const struct wave_plan *plan, const struct wave *wave);

/* Is the seed of the plan in use: is a wave ordered at random that names none? */
bool wave_plan_is_random(const struct wave_plan *plan);

/* Why a tenant is in its wave, for people: "ring=canary", "41 of 412 (10%)", "the rest". Owned by
 * `parent`; NULL: there are no waves, or it is in none. */
char *wave_plan_reason(void *parent, const struct wave_plan *plan, size_t job);

#endif
