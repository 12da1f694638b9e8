/*
 * budget.c: four counters with limits.
 */
#include "orchestrator/budget.h"

static struct budget_rule rule(const char *name, bool set, struct text_size limit, size_t tenants)
{
    return (struct budget_rule){
        .name = name,
        .set = set,
        .limit = limit,
        .tolerated = text_size_of(limit, (int64_t)tenants),
    };
}

void budget_init(struct budget *budget, const struct run_config *config, size_t tenants)
{
    struct budget_rule *rules = budget->rules;

    rules[BUDGET_FAILURES] = rule("max_failures", true, config->max_failures, tenants);
    rules[BUDGET_UNREACHABLE] =
        rule("max_unreachable", config->has_max_unreachable, config->max_unreachable, tenants);
    rules[BUDGET_LOCKED] = rule("max_locked", config->has_max_locked, config->max_locked, tenants);
    rules[BUDGET_HELD] = rule("max_held", config->has_max_held, config->max_held, tenants);
}

void budget_init_wave(struct budget *budget, const struct wave *wave, size_t tenants)
{
    *budget = (struct budget){
        .rules = {
            [BUDGET_FAILURES] =
                rule("max_failures", wave->has_max_failures, wave->max_failures, tenants),
            [BUDGET_UNREACHABLE] =
                rule("max_unreachable", wave->has_max_unreachable, wave->max_unreachable, tenants),
        }};
}

void budget_init_server(struct budget *budget, const struct server *server, size_t tenants)
{
    *budget = (struct budget){.rules = {
                                  [BUDGET_FAILURES] = rule("max_failures", server->has_max_failures,
                                                           server->max_failures, tenants),
                              }};
}

/* The rule that an outcome counts in, or -1. */
static int rule_of(const struct budget *budget, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_FAILED:
    case OUTCOME_UNKNOWN:
        return BUDGET_FAILURES;
    case OUTCOME_UNREACHABLE:
        return budget->rules[BUDGET_UNREACHABLE].set ? BUDGET_UNREACHABLE : BUDGET_FAILURES;
    case OUTCOME_LOCKED:
        return budget->rules[BUDGET_LOCKED].set ? BUDGET_LOCKED : BUDGET_FAILURES;
    case OUTCOME_HELD:
        return BUDGET_HELD;
    default:
        return -1;
    }
}

/* As many as that are tolerated of all that counts in a rule of a wave or server. One that is a
 * share may be large: false. */
static bool tolerated_by_run(const struct budget *own, int rule, const struct budget *run,
                             int64_t *ret, const struct budget_rule **ret_first)
{
    bool added[BUDGET_RULES] = {false};

    *ret = 0;
    *ret_first = NULL;
    for (enum outcome outcome = OUTCOME_NONE; outcome < OUTCOME_COUNT; outcome++) {
        int of_run = rule_of(run, outcome);

        if (rule_of(own, outcome) != rule || added[of_run])
            continue;
        added[of_run] = true;
        if (!run->rules[of_run].set ||
            (run->rules[of_run].limit.percent && run->rules[of_run].limit.value > 0))
            return false;
        *ret += run->rules[of_run].limit.value;
        if (!*ret_first)
            *ret_first = &run->rules[of_run];
    }
    return true;
}

bool budget_is_idle(const struct budget *own, int rule, const struct budget *run,
                    const struct budget_rule **ret_first)
{
    struct text_size limit = own->rules[rule].limit;
    int64_t most;

    if (!own->rules[rule].set || !tolerated_by_run(own, rule, run, &most, ret_first))
        return false;
    return limit.value > most && (!limit.percent || most == 0);
}

const struct budget_rule *budget_count(struct budget *budget, enum outcome outcome)
{
    int rule = rule_of(budget, outcome);
    struct budget_rule *counted;

    if (rule < 0)
        return NULL;
    counted = &budget->rules[rule];
    counted->count++;
    return counted->set && counted->count > counted->tolerated ? counted : NULL;
}
