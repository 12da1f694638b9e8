/*
 * budget.h: how many tenants may end badly before something stops. Pure: counts, decides nothing
 * else.
 *
 * max_failures counts `failed`, `unreachable`, `locked` and `unknown`. Where max_unreachable or
 * max_locked is set in the same place, those outcomes count there instead; `held` counts in
 * max_held only, and not at all without it. Limits are fixed at the start, percent rounded down. A
 * limit is how many are tolerated: one more exceeds it.
 *
 * The run, each wave and each server have a budget, and a tenant counts in all three of its own. A
 * run's limits are of all selected tenants, a wave's and a server's of its own tenants.
 */
#ifndef ORCHESTRATOR_BUDGET_H
#define ORCHESTRATOR_BUDGET_H

#include "common/base.h"
#include "common/text.h"
#include "config/fleet.h"
#include "worker/job.h"

struct budget_rule {
    const char *name;       /* "max_failures" */
    bool set;               /* else it counts, and is never exceeded */
    struct text_size limit; /* as configured */
    int64_t tolerated;      /* the same as a number of tenants */
    int64_t count;          /* that ended so */
};

enum { BUDGET_FAILURES, BUDGET_UNREACHABLE, BUDGET_LOCKED, BUDGET_HELD, BUDGET_RULES };

struct budget {
    struct budget_rule rules[BUDGET_RULES];
};

/* `tenants`: how many are selected; of them in the wave; of them on the server. */
void budget_init(struct budget *budget, const struct run_config *config, size_t tenants);
void budget_init_wave(struct budget *budget, const struct wave *wave, size_t tenants);
void budget_init_server(struct budget *budget, const struct server *server, size_t tenants);

/*
 * Can this rule of a wave or a server never be the one that is exceeded first, however many tenants
 * there are, because all that counts in it counts in smaller rules of the run, which halts then?
 * *ret_first: the first of those.
 */
bool budget_is_idle(const struct budget *own, int rule, const struct budget *run,
                    const struct budget_rule **ret_first);

/* Counts one tenant that ended. The rule that is exceeded by now, or NULL: go on. */
const struct budget_rule *budget_count(struct budget *budget, enum outcome outcome);

#endif
