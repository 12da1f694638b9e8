/*
 * test_selection_waves.c: --wave among the other filters.
 */
#include "orchestrator/selection.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/unit/orchestrator/made_fleet.h"

#include <criterion/criterion.h>

static struct made_fleet made;
static struct wave waves[3];

/* Of ten tenants t0 to t9, t5 suspended: first has two, second a third of all, rest the others. */
static void setup(void)
{
    static const char *const names[] = {"first", "second", "rest"};

    made_fleet_init(&made, 2, 10, 4);
    memset(waves, 0, sizeof(waves));
    for (size_t i = 0; i < 3; i++)
        waves[i] = (struct wave){.name = names[i], .line = 7, .column = 5};
    waves[0].has_size = waves[1].has_size = true;
    waves[0].size.value = 2;
    waves[1].size = (struct text_size){.value = 34, .percent = true};
    made.tenants[5].state = TENANT_SUSPENDED;
    made.fleet.file = "fleet.yaml";
    made.fleet.run.waves = waves;
    made.fleet.run.wave_count = 3;
}

static void teardown(void)
{
    made_fleet_release(&made);
}

TestSuite(selection_waves, .init = setup, .fini = teardown);

#define WORDS(...)                                                                                 \
    {                                                                                              \
        .items = (const char *[]){__VA_ARGS__},                                                    \
        .count = ARRAY_LEN(((const char *[]){__VA_ARGS__}))                                        \
    }

/* "t0:first t1:first", or the error with place and hint. */
static const char *apply(struct selection selection)
{
    struct selected selected;
    struct wave_plan *plan;
    struct err err = ERR_INIT;
    struct strbuf out;

    strbuf_init(&out, made.mem);
    if (selection_apply(made.mem, &selection, &made.fleet, false, &selected, &err) < 0 ||
        selection_deal(made.mem, &selection, &made.fleet, &selected, &plan, &err) < 0) {
        char *text = err_text(made.mem, &err);

        err_clear(&err);
        return text;
    }
    for (size_t i = 0; i < selected.count; i++)
        strbuf_printf(&out, "%s%s:%s", i ? " " : "", selected.tenants[i]->name,
                      plan->groups[plan->group_of[i]].wave->name);
    return out.text;
}

Test(selection_waves, all_are_dealt_out)
{
    cr_expect_str_eq(apply((struct selection){0}),
                     "t0:first t1:first t2:second t3:second t4:second t6:rest t7:rest t8:rest "
                     "t9:rest");
    cr_expect_str_eq(apply((struct selection){.limit = 3}), "t0:first t1:first t2:second");
}

Test(selection_waves, one_wave)
{
    cr_expect_str_eq(apply((struct selection){.wave = "first"}), "t0:first t1:first");
    cr_expect_str_eq(apply((struct selection){.wave = "second"}), "t2:second t3:second t4:second");
    cr_expect_str_eq(apply((struct selection){.wave = "rest", .limit = 2}), "t6:rest t7:rest",
                     "--limit takes from the wave, not before it");
}

Test(selection_waves, other_filters_come_before_it_and_exclude_after_it)
{
    cr_expect_str_eq(apply((struct selection){.wave = "first", .server = "s1"}),
                     "t1:first t3:first");
    cr_expect_str_eq(apply((struct selection){.wave = "second", .excludes = WORDS("t3", "t0")}),
                     "t2:second t4:second");
    cr_expect_str_eq(apply((struct selection){.wave = "first", .excludes = WORDS("t[01]")}),
                     "no tenant is selected: wave \"first\" has none but those excluded\nHINT: "
                     "\"pgtide list\" shows which tenants are in which wave.");
}

Test(selection_waves, last_durations_decide_who_is_in_a_wave)
{
    static const int64_t last[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct selection selection = {.wave = "first", .history = {.last_duration_ms = last}};

    waves[0].order = WAVE_ORDER_LAST_DURATION;
    cr_expect_str_eq(apply(selection), "t8:first t9:first");
}

Test(selection_waves, an_unknown_wave)
{
    cr_expect_str_eq(apply((struct selection){.wave = "secon"}),
                     "there is no wave \"secon\" in \"fleet.yaml\"\nHINT: Did you mean "
                     "\"second\"?");
    cr_expect_str_eq(apply((struct selection){.wave = "x"}),
                     "there is no wave \"x\" in \"fleet.yaml\"\nHINT: The waves are \"first\", "
                     "\"second\", \"rest\".");
    made.fleet.run.wave_count = 0;
    cr_expect_str_eq(apply((struct selection){.wave = "x"}),
                     "there is no wave \"x\" in \"fleet.yaml\"\nHINT: It has no waves: list them "
                     "under run: waves: in that file.");
}

Test(selection_waves, a_wave_without_tenants)
{
    waves[1].size.value = 1;
    cr_expect_str_eq(apply((struct selection){.wave = "second"}),
                     "no tenant is selected: wave \"second\" has none\nHINT: \"pgtide list\" "
                     "shows which tenants are in which wave.");
}

Test(selection_waves, what_is_drawn_anew_each_time_cannot_be_asked_for)
{
    waves[1].order = WAVE_ORDER_RANDOM;
    cr_expect_str_eq(apply((struct selection){.wave = "first"}), "t0:first t1:first");
    cr_expect_str_eq(apply((struct selection){.wave = "rest"}),
                     "fleet.yaml:7:5: wave \"second\" is drawn anew in each run, so there is no "
                     "way to tell who is in wave \"rest\"\nHINT: Give its order a seed in "
                     "\"fleet.yaml\", then every run draws the same tenants.");
    waves[1].order_seed = 11;
    cr_expect(strstr(apply((struct selection){.wave = "rest"}), ":rest") != NULL);
}

Test(selection_waves, tenants_that_fit_no_wave)
{
    made.fleet.run.wave_count = 1;
    cr_expect_str_eq(apply((struct selection){.limit = 3}),
                     "fleet.yaml:7:5: one tenant fits no wave: \"t2\"\nHINT: Add a last wave that "
                     "takes the rest: - {name: rest}");
}
