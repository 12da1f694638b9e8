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

/* The rule that an outcome counts in, or NULL. */
static struct budget_rule *rule_of(struct budget *budget, enum outcome outcome)
{
    struct budget_rule *failures = &budget->rules[BUDGET_FAILURES];
    struct budget_rule *unreachable = &budget->rules[BUDGET_UNREACHABLE];
    struct budget_rule *locked = &budget->rules[BUDGET_LOCKED];
    struct budget_rule *held = &budget->rules[BUDGET_HELD];

    switch (outcome) {
    case OUTCOME_FAILED:
    case OUTCOME_UNKNOWN:
        return failures;
    case OUTCOME_UNREACHABLE:
        return unreachable->set ? unreachable : failures;
    case OUTCOME_LOCKED:
        return locked->set ? locked : failures;
    case OUTCOME_HELD:
        return held;
    default:
        return NULL;
    }
}

const struct budget_rule *budget_count(struct budget *budget, enum outcome outcome)
{
    struct budget_rule *counted = rule_of(budget, outcome);

    if (!counted)
        return NULL;
    counted->count++;
    return counted->set && counted->count > counted->tolerated ? counted : NULL;
}
