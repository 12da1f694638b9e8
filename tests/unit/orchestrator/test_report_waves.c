/*
 * test_report_waves.c: waves in the summary, in a plan and in JSON.
 */
#include "orchestrator/report_waves.h"

#include "common/mem.h"
#include "orchestrator/report_json.h"
#include "orchestrator/report_text.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>

static struct report_fixture fixture;
static struct wave waves[3];
static struct run_wave states[3];

/* canary: two of six tenants, stopped by its gate; early: ring=a|b; rest. */
static void setup(void)
{
    static const char *const rings[] = {"a", "b*"};
    static const struct wave_match of_ring = {.label = "ring", .globs = rings, .count = 2};
    static const char *const check[] = {"./check-shops", NULL};
    static const size_t before[] = {0, 1};

    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "migrate", 6);
    waves[0] = (struct wave){.name = "canary", .has_size = true, .size = {40, true}, .workers = 2};
    waves[0].soak_ms = 300000;
    waves[0].gate.command = check;
    waves[1] = (struct wave){.name = "early",
                             .matches = &of_ring,
                             .match_count = 1,
                             .order = WAVE_ORDER_LAST_DURATION,
                             .depends_on = before,
                             .depends_on_count = 1};
    waves[1].gate.sql = "SELECT true";
    waves[2] = (struct wave){.name = "rest",
                             .order = WAVE_ORDER_RANDOM,
                             .confirm = true,
                             .depends_on = before,
                             .depends_on_count = 2};
    report_fixture_waves(&fixture, waves, ARRAY_LEN(waves));
    memset(states, 0, sizeof(states));
    states[0].state = RUN_WAVE_STOPPED;
    states[0].totals[OUTCOME_MIGRATED] = 1;
    states[0].totals[OUTCOME_FAILED] = 1;
    states[0].started_wall_ms = 1000;
    states[2].totals[OUTCOME_CANCELLED] = 4;
    fixture.result.waves = states;
    fixture.result.wave_count = 3;
    report_fixture_count(&fixture);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_waves, .init = setup, .fini = teardown);

static const char *text_of(void (*print)(struct strbuf *out, const struct report *report))
{
    struct strbuf out;

    strbuf_init(&out, fixture.mem);
    fixture.report.request = &fixture.request;
    fixture.report.result = &fixture.result;
    print(&out, &fixture.report);
    return out.text;
}

Test(report_waves, how_far_each_came)
{
    states[0].problem = "gate of wave \"canary\": \"./check-shops\" failed\nwith a line";
    cr_expect_str_eq(text_of(report_waves_text),
                     "wave canary: stopped, 2 tenants: 1 migrated, 1 failed\n"
                     "    gate of wave \"canary\": \"./check-shops\" failed with a line\n"
                     "wave early: not begun, 0 tenants\n"
                     "wave rest: not begun, 4 tenants\n"
                     "waves were drawn with the seed 77\n");
}

Test(report_waves, a_run_gone_on_with_shows_its_own_waves_alone)
{
    fixture.request.origin = "20261122T000000Z-0000";
    cr_expect_str_eq(text_of(report_waves_text),
                     "wave canary: stopped, 2 tenants: 1 migrated, 1 failed\n"
                     "wave rest: not begun, 4 tenants\n"
                     "waves were drawn with the seed 77\n");
}

Test(report_waves, a_plan)
{
    cr_expect_str_eq(
        text_of(report_waves_plan),
        "wave    tenants  who        order            begins                                  ends "
        "with\n"
        "canary        2  40%        inventory        at once                                 soak "
        "5m, gate ./check-shops\n"
        "early         0  ring=a|b*  longest first    after canary                            gate "
        "by query\n"
        "rest          4  the rest   random, seed 77  after canary and early, when confirmed  -\n"
        "a run draws anew: give the order a seed to have the same again\n\n");
}

Test(report_waves, nothing_without_waves)
{
    struct wave_group group = {.wave = NULL, .count = 6};
    struct wave_plan none = {.groups = &group, .group_count = 1};

    fixture.request.waves = &none;
    cr_expect_str_eq(text_of(report_waves_text), "");
    cr_expect_str_eq(text_of(report_waves_plan), "");
    fixture.request.waves = NULL;
    cr_expect_str_eq(text_of(report_waves_text), "");
}

Test(report_waves, json)
{
    const struct run_wave_no no = {.tenant = fixture.request.tenants[1], .answer = "false"};
    json_t *list;
    json_t *first;
    json_t *gate;

    states[0].gate = (struct hook_run){
        .point = HOOK_POINTS, .exit_code = -1, .duration_ms = 12, .problem = "not true"};
    states[0].gate_looks = 3;
    states[0].noes = &no;
    states[0].no_count = 1;
    states[0].problem = "not true";
    fixture.report.request = &fixture.request;
    fixture.report.result = &fixture.result;
    list = report_waves_value(&fixture.report);
    cr_assert_eq(json_array_size(list), 3);
    first = json_array_get(list, 0);
    cr_expect_str_eq(json_string_value(json_object_get(first, "state")), "stopped");
    cr_expect_eq(json_integer_value(json_object_get(first, "tenants")), 2);
    cr_expect_str_eq(json_string_value(json_object_get(first, "startedAt")),
                     "1970-01-01T00:00:01.000Z");
    cr_expect(json_is_null(json_object_get(first, "finishedAt")));
    cr_expect_str_eq(json_string_value(json_object_get(first, "error")), "not true");
    gate = json_object_get(first, "gate");
    cr_expect_eq(json_integer_value(json_object_get(gate, "looks")), 3);
    cr_expect(json_is_null(json_object_get(gate, "exitCode")));
    cr_expect_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(gate, "tenants"), 0), "name")),
                     "store-0002");
    cr_expect(json_is_null(json_object_get(json_array_get(list, 2), "gate")));
    cr_expect(json_is_null(json_object_get(first, "seed")));
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 2), "seed")), 77);
    json_decref(list);
}

Test(report_waves, halts_name_their_wave)
{
    struct run_halt halt = {.halted = true,
                            .rule = "max_unreachable",
                            .tolerated = 1,
                            .failures = 2,
                            .in_work = 1,
                            .wave = &waves[1]};
    struct strbuf out;

    strbuf_init(&out, fixture.mem);
    report_text_halt(&out, &halt);
    cr_expect_str_eq(out.text, "halted: 2 unreachable, 1 tolerated (max_unreachable of wave "
                               "\"early\"); 1 was in work");
    strbuf_reset(&out);
    halt.rule = "gate";
    report_text_halt(&out, &halt);
    cr_expect_str_eq(out.text, "halted: the gate of wave \"early\" was not passed; 1 was in work");
    strbuf_reset(&out);
    halt.rule = "confirm";
    halt.in_work = 0;
    report_text_halt(&out, &halt);
    cr_expect_str_eq(out.text,
                     "halted: the start of wave \"early\" was not confirmed; 0 were in work");
}
