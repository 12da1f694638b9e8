/*
 * test_budget.c: what counts where, and the exact tenant that is one too many.
 */
#include "orchestrator/budget.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct text_size count_of(int64_t value)
{
    return (struct text_size){.value = value};
}

static struct text_size percent(int64_t value)
{
    return (struct text_size){.value = value, .percent = true};
}

/* How many of `outcome` are counted before a rule is exceeded; -1: not within 1000. */
static int tolerated(struct budget *budget, enum outcome outcome, const char **ret_rule)
{
    for (int i = 0; i < 1000; i++) {
        const struct budget_rule *rule = budget_count(budget, outcome);

        if (rule) {
            *ret_rule = rule->name;
            return i;
        }
    }
    return -1;
}

Test(budget, zero_tolerates_none)
{
    struct run_config config = {.max_failures = count_of(0)};
    struct budget budget;
    const char *rule = "";

    budget_init(&budget, &config, 100);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), 0));
    cr_expect_str_eq(rule, "max_failures");
}

Test(budget, percent_is_of_all_and_rounded_down)
{
    struct run_config config = {.max_failures = percent(10)};
    struct budget budget;
    const char *rule = "";

    budget_init(&budget, &config, 29);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), 2));
    budget_init(&budget, &config, 9);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), 0));
    config.max_failures = percent(100);
    budget_init(&budget, &config, 29);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), 29));
}

Test(budget, four_outcomes_count_as_failures)
{
    struct run_config config = {.max_failures = count_of(3)};
    struct budget budget;

    budget_init(&budget, &config, 100);
    cr_expect_null(budget_count(&budget, OUTCOME_FAILED));
    cr_expect_null(budget_count(&budget, OUTCOME_UNREACHABLE));
    cr_expect_null(budget_count(&budget, OUTCOME_LOCKED));
    cr_expect_not_null(budget_count(&budget, OUTCOME_UNKNOWN));
    cr_expect(eq(i64, budget.rules[BUDGET_FAILURES].count, 4));
}

Test(budget, success_and_held_and_cancelled_do_not_count)
{
    static const enum outcome harmless[] = {OUTCOME_MIGRATED, OUTCOME_CURRENT, OUTCOME_PENDING,
                                            OUTCOME_CONFLICT, OUTCOME_HELD,    OUTCOME_CANCELLED};
    struct run_config config = {.max_failures = count_of(0)};
    struct budget budget;

    budget_init(&budget, &config, 100);
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        cr_expect_null(budget_count(&budget, harmless[i]), "%s", outcome_name(harmless[i]));
}

Test(budget, outcomes_with_a_rule_of_their_own_count_only_there)
{
    struct run_config config = {
        .max_failures = count_of(0),
        .has_max_unreachable = true,
        .max_unreachable = percent(10),
        .has_max_locked = true,
        .max_locked = count_of(1),
        .has_max_held = true,
        .max_held = count_of(5),
    };
    struct budget budget;
    const char *rule = "";

    budget_init(&budget, &config, 50);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_UNREACHABLE, &rule), 5));
    cr_expect_str_eq(rule, "max_unreachable");
    cr_expect(eq(int, tolerated(&budget, OUTCOME_LOCKED, &rule), 1));
    cr_expect_str_eq(rule, "max_locked");
    cr_expect(eq(int, tolerated(&budget, OUTCOME_HELD, &rule), 5));
    cr_expect_str_eq(rule, "max_held");
    cr_expect(eq(i64, budget.rules[BUDGET_FAILURES].count, 0));
    cr_expect(eq(int, tolerated(&budget, OUTCOME_UNKNOWN, &rule), 0));
    cr_expect_str_eq(rule, "max_failures");
}

Test(budget, a_waves_limits_hold_only_where_they_are_set)
{
    struct wave none = {.name = "rest"};
    struct wave set = {
        .name = "canary",
        .has_max_failures = true,
        .max_failures = percent(50),
        .has_max_unreachable = true,
        .max_unreachable = count_of(3),
    };
    struct budget budget;
    const char *rule = "";

    budget_init_wave(&budget, &none, 10);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), -1));
    cr_expect(eq(int, tolerated(&budget, OUTCOME_UNREACHABLE, &rule), -1));
    budget_init_wave(&budget, &set, 9);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_UNREACHABLE, &rule), 3));
    cr_expect_str_eq(rule, "max_unreachable");
    cr_expect(eq(int, tolerated(&budget, OUTCOME_LOCKED, &rule), 4));
    cr_expect_str_eq(rule, "max_failures");
    cr_expect_null(budget_count(&budget, OUTCOME_HELD));
}

Test(budget, a_servers_limit_counts_all_four_outcomes)
{
    struct server none = {.name = "eu1"};
    struct server set = {.name = "us1", .has_max_failures = true, .max_failures = percent(10)};
    struct budget budget;
    const char *rule = "";

    budget_init_server(&budget, &none, 10);
    cr_expect(eq(int, tolerated(&budget, OUTCOME_FAILED, &rule), -1));
    cr_expect(eq(i64, budget.rules[BUDGET_FAILURES].count, 1000), "it counts all the same");
    budget_init_server(&budget, &set, 39);
    cr_expect_null(budget_count(&budget, OUTCOME_FAILED));
    cr_expect_null(budget_count(&budget, OUTCOME_UNREACHABLE));
    cr_expect_null(budget_count(&budget, OUTCOME_LOCKED));
    cr_expect_not_null(budget_count(&budget, OUTCOME_UNKNOWN));
}

Test(budget, one_that_can_never_matter_beside_those_of_the_run)
{
    static const struct {
        struct run_config run;
        struct wave wave;
        bool idle;
    } cases[] = {
        {{.max_failures = {0, false}}, {.max_failures = {1, true}}, true},
        {{.max_failures = {0, true}}, {.max_failures = {1, false}}, true},
        {{.max_failures = {3, false}}, {.max_failures = {4, false}}, true},
        /* as small is no smaller; of a share nobody knows */
        {{.max_failures = {0, false}}, {.max_failures = {0, false}}, false},
        {{.max_failures = {3, false}}, {.max_failures = {3, false}}, false},
        {{.max_failures = {3, false}}, {.max_failures = {5, true}}, false},
        {{.max_failures = {1, true}}, {.max_failures = {5, false}}, false},
        {{.max_failures = {1, true}}, {.max_failures = {5, true}}, false},
        /* those unreachable count with the failures of the wave, and elsewhere in the run */
        {{.has_max_unreachable = true, .max_unreachable = {10, true}},
         {.max_failures = {1, false}},
         false},
        {{.has_max_unreachable = true, .max_unreachable = {2, false}},
         {.max_failures = {2, false}},
         false},
        {{.has_max_unreachable = true, .max_unreachable = {2, false}},
         {.max_failures = {3, false}},
         true},
        {{.has_max_unreachable = true, .max_unreachable = {2, false}},
         {.max_failures = {1, false}, .has_max_unreachable = true, .max_unreachable = {9, true}},
         true},
        /* held tenants are no failures */
        {{.has_max_held = true, .max_held = {9, false}}, {.max_failures = {1, false}}, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wave wave = cases[i].wave;
        const struct budget_rule *first = NULL;
        struct budget run, own;

        wave.has_max_failures = true;
        budget_init(&run, &cases[i].run, 0);
        budget_init_wave(&own, &wave, 0);
        cr_expect_eq(budget_is_idle(&own, BUDGET_FAILURES, &run, &first), cases[i].idle, "%zu", i);
        if (cases[i].idle)
            cr_expect_str_eq(first->name, "max_failures");
        cr_expect_not(budget_is_idle(&own, BUDGET_LOCKED, &run, &first), "not set");
    }
}
