/*
 * test_wave_plan.c: who is in which wave, in which order, and why.
 */
#include "orchestrator/wave_plan.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/made_fleet.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct made_fleet made;
static struct wave waves[4];
static struct run_config config;
static struct wave_plan *plan;
static struct err err;

static void setup(void)
{
    made_fleet_init(&made, 2, 20, 4);
    memset(waves, 0, sizeof(waves));
    waves[0].name = "canary";
    waves[1].name = "early";
    waves[2].name = "rest";
    config = (struct run_config){.waves = waves, .wave_count = 3};
    plan = NULL;
    err = ERR_INIT;
}

static void teardown(void)
{
    err_clear(&err);
    made_fleet_release(&made);
}

TestSuite(wave_plan, .init = setup, .fini = teardown);

/* Tenant `index` gets the label name=value. */
static void label(size_t index, const char *name, const char *value)
{
    struct name_values *labels = &made.tenants[index].labels;
    struct name_value *items = mem_array(made.mem, struct name_value, labels->count + 1);

    for (size_t i = 0; i < labels->count; i++)
        items[i] = labels->items[i];
    items[labels->count] = (struct name_value){name, value};
    *labels = (struct name_values){items, labels->count + 1};
}

static const char *const canary[] = {"canary"};
static const struct wave_match of_canary = {.label = "ring", .globs = canary, .count = 1};

/* canary: ring=canary (t3, t7); early: `size`; rest. */
static void three_waves(int64_t size, bool percent)
{
    label(3, "ring", "canary");
    label(7, "ring", "canary");
    waves[0].matches = &of_canary;
    waves[0].match_count = 1;
    waves[1].has_size = true;
    waves[1].size = (struct text_size){size, percent};
}

static int make_with(struct wave_history history)
{
    return wave_plan_make(made.mem, &config, made.selected, made.request.tenant_count, history,
                          &plan, &err);
}

static int make(void)
{
    return make_with((struct wave_history){.seed = 1});
}

/* The names of a group's tenants, in order. */
static const char *names(size_t group)
{
    char *text = mem_strdup(made.mem, "");

    for (size_t i = 0; i < plan->groups[group].count; i++)
        text = mem_printf(made.mem, "%s%s%s", text, i ? " " : "",
                          made.selected[plan->groups[group].jobs[i]]->name);
    return text;
}

Test(wave_plan, the_first_wave_that_fits_owns_a_tenant)
{
    three_waves(3, false);
    cr_assert_eq(make(), 0);
    cr_expect(eq(sz, plan->group_count, 3));
    cr_expect_str_eq(names(0), "t3 t7");
    cr_expect_str_eq(names(1), "t0 t1 t2");
    cr_expect(eq(sz, plan->groups[2].count, 15));
    for (size_t job = 0; job < 20; job++) {
        const struct wave_group *group = &plan->groups[plan->group_of[job]];
        size_t found = 0;

        for (size_t i = 0; i < group->count; i++)
            found += group->jobs[i] == job;
        cr_assert(eq(sz, found, 1), "t%zu", job);
    }
}

Test(wave_plan, a_share_is_of_all_rounded_down)
{
    three_waves(19, true); /* 3.8 of 20, whatever the canaries have taken */
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(1), "t0 t1 t2");
    cr_expect_str_eq(wave_plan_reason(made.mem, plan, 0), "3 of 20 (19%)");
    cr_expect_str_eq(wave_plan_reason(made.mem, plan, 3), "ring=canary");
    cr_expect_str_eq(wave_plan_reason(made.mem, plan, 19), "the rest");
}

Test(wave_plan, several_labels_must_all_hold_with_any_of_their_patterns)
{
    static const char *const rings[] = {"canary", "beta-*"};
    static const char *const regions[] = {"e?"};
    static const struct wave_match both[] = {{"ring", rings, 2}, {"region", regions, 1}};

    waves[0].matches = both;
    waves[0].match_count = 2;
    waves[0].has_size = true;
    waves[0].size.value = 2;
    label(1, "ring", "beta-2");
    label(1, "region", "eu");
    label(2, "ring", "canary"); /* in no region */
    label(4, "ring", "canary");
    label(4, "region", "eu");
    label(5, "ring", "canary");
    label(5, "region", "us");
    label(6, "ring", "canary"); /* no room is left for it */
    label(6, "region", "ee");
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), "t1 t4");
    cr_expect_str_eq(wave_plan_reason(made.mem, plan, 1), "ring=beta-2 region=eu, 2 of 20");
}

Test(wave_plan, suspended_tenants_are_in_no_wave_and_count_nowhere)
{
    three_waves(50, true);
    made.tenants[0].state = TENANT_SUSPENDED;
    made.tenants[7].state = TENANT_SUSPENDED;
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), "t3");
    cr_expect(eq(sz, plan->groups[1].count, 9));
    cr_expect(eq(sz, plan->dealt, 18));
    cr_expect(eq(sz, plan->group_of[0], WAVE_PLAN_NONE));
    cr_expect_null(wave_plan_reason(made.mem, plan, 0));
}

Test(wave_plan, without_waves_there_is_one_group)
{
    config.wave_count = 0;
    cr_assert_eq(make(), 0);
    cr_expect(eq(sz, plan->group_count, 1));
    cr_expect(eq(sz, plan->groups[0].count, 20));
    cr_expect_null(plan->groups[0].wave);
    cr_expect_null(wave_plan_reason(made.mem, plan, 5));
}

Test(wave_plan, no_tenants)
{
    made.request.tenant_count = 0;
    three_waves(10, true);
    cr_assert_eq(make(), 0);
    cr_expect(eq(sz, plan->groups[2].count, 0));
}

/* --- those that fit no wave --------------------------------------------------------------- */

Test(wave_plan, tenants_that_fit_no_wave_are_named)
{
    three_waves(13, false);
    config.wave_count = 2;
    waves[1].line = 12;
    waves[1].column = 7;
    cr_assert_eq(make(), -1);
    cr_expect_eq(err.kind, ERR_CONFIG);
    cr_expect_str_eq(err.message, "some tenants fit no wave: \"t15\", \"t16\", \"t17\" and 2 more");
    cr_expect_str_eq(err.hint, "Add a last wave that takes the rest: - {name: rest}");
    cr_expect(eq(int, err.line, 12));
    cr_expect(eq(int, err.column, 7));
}

Test(wave_plan, one_that_fits_no_wave)
{
    three_waves(17, false);
    config.wave_count = 2;
    cr_assert_eq(make(), -1);
    cr_expect_str_eq(err.message, "one tenant fits no wave: \"t19\"");
    cr_expect(eq(sz, plan->group_of[19], WAVE_PLAN_NONE));
    cr_expect(eq(sz, plan->group_of[18], 1), "the plan of the others is there");
}

/* --- orders ------------------------------------------------------------------------------- */

/* One wave with the first five in this order; those with size take from its front. */
static void order(enum wave_order by)
{
    made.request.tenant_count = 5;
    config.wave_count = 1;
    waves[0].order = by;
}

Test(wave_plan, by_name)
{
    order(WAVE_ORDER_NAME);
    made.tenants[0].name = "m";
    made.tenants[3].name = "b";
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), "b m t1 t2 t4");
}

Test(wave_plan, by_label_those_without_it_last)
{
    order(WAVE_ORDER_LABEL);
    waves[0].order_label = "size";
    label(4, "size", "1-small");
    label(1, "size", "2-large");
    label(2, "size", "1-small");
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), "t2 t4 t1 t0 t3");
}

Test(wave_plan, longest_first_and_before_them_those_never_timed)
{
    static const int64_t last[] = {10, -1, 500, 20, 500};

    order(WAVE_ORDER_LAST_DURATION);
    cr_assert_eq(make_with((struct wave_history){.last_duration_ms = last}), 0);
    cr_expect_str_eq(names(0), "t1 t2 t4 t3 t0");
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), "t0 t1 t2 t3 t4", "nothing is known");
}

Test(wave_plan, size_takes_from_the_front_of_the_order)
{
    static const int64_t last[] = {10, 1, 500, 20, 3};

    order(WAVE_ORDER_LAST_DURATION);
    config.wave_count = 2;
    waves[0].has_size = true;
    waves[0].size.value = 2;
    cr_assert_eq(make_with((struct wave_history){.last_duration_ms = last}), 0);
    cr_expect_str_eq(names(0), "t2 t3");
    cr_expect_str_eq(names(1), "t0 t1 t4");
}

Test(wave_plan, random_is_the_same_for_a_seed_and_another_for_another)
{
    const char *first;
    int same = 0;

    config.wave_count = 1;
    waves[0].order = WAVE_ORDER_RANDOM;
    cr_assert_eq(make_with((struct wave_history){.seed = 7}), 0);
    first = names(0);
    cr_expect(wave_plan_is_random(plan));
    cr_expect(eq(i64, plan->seed, 7));
    cr_assert_eq(make_with((struct wave_history){.seed = 7}), 0);
    cr_expect_str_eq(names(0), first);
    for (int64_t seed = 8; seed < 18; seed++) {
        cr_assert_eq(make_with((struct wave_history){.seed = seed}), 0);
        same += strcmp(names(0), first) == 0;
    }
    cr_expect(eq(int, same, 0));
    waves[0].order_seed = 7; /* of the file: whatever the run draws */
    cr_assert_eq(make(), 0);
    cr_expect_str_eq(names(0), first);
    cr_expect_not(wave_plan_is_random(plan));
}

/* Each of the twenty comes first about as often. */
Test(wave_plan, random_favours_nobody)
{
    int first[20] = {0};

    config.wave_count = 1;
    waves[0].order = WAVE_ORDER_RANDOM;
    for (int64_t seed = 1; seed <= 2000; seed++) {
        cr_assert_eq(make_with((struct wave_history){.seed = seed}), 0);
        first[plan->groups[0].jobs[0]]++;
        talloc_free(plan);
    }
    for (size_t i = 0; i < 20; i++)
        cr_expect(first[i] > 50 && first[i] < 160, "t%zu: %d", i, first[i]);
}

/* --- plans that were made before ----------------------------------------------------------- */

Test(wave_plan, given)
{
    static const size_t group_of[] = {2, 0, 2, 1, 0};

    three_waves(1, false);
    waves[2].order = WAVE_ORDER_NAME;
    made.tenants[2].name = "a";
    plan = wave_plan_given(made.mem, &config, made.selected, 5, (struct wave_history){0}, group_of);
    cr_expect_str_eq(names(0), "t1 t4");
    cr_expect_str_eq(names(1), "t3");
    cr_expect_str_eq(names(2), "a t0");
    cr_expect_str_eq(wave_plan_reason(made.mem, plan, 3), "size 1");
}

Test(wave_plan, one_wave_alone_depends_on_no_other)
{
    static const size_t first = 0;

    three_waves(2, false);
    waves[1].depends_on = &first;
    waves[1].depends_on_count = 1;
    plan = wave_plan_only(made.mem, &waves[1], made.selected, 5, (struct wave_history){0});
    cr_expect(eq(sz, plan->group_count, 1));
    cr_expect_str_eq(names(0), "t0 t1 t2 t3 t4");
    cr_expect_str_eq(plan->groups[0].wave->name, "early");
    cr_expect(eq(sz, plan->groups[0].wave->depends_on_count, 0));
}

Test(wave_plan, a_hundred_thousand_tenants)
{
    struct made_fleet large;

    made_fleet_init(&large, 50, 100000, 4);
    three_waves(10, true);
    waves[1].order = WAVE_ORDER_RANDOM;
    waves[2].order = WAVE_ORDER_NAME;
    cr_assert_eq(wave_plan_make(large.mem, &config, large.selected, 100000,
                                (struct wave_history){.seed = 3}, &plan, &err),
                 0);
    cr_expect(eq(sz, plan->groups[0].count, 0));
    cr_expect(eq(sz, plan->groups[1].count, 10000));
    cr_expect(eq(sz, plan->groups[2].count, 90000));
    made_fleet_release(&large);
}
