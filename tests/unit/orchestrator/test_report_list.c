/*
 * test_report_list.c: the tenants as the inventory resolves them.
 */
#include "orchestrator/report_list.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>

static const struct name_value labels[] = {{"ring", "canary"}, {"note", "two words\xFF"}};
static struct report_fixture fixture;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "list", 3);
    fixture.fleet.tenants[0].labels = (struct name_values){labels, 2};
    fixture.fleet.tenants[1].state = TENANT_SUSPENDED;
    fixture.fleet.tenants[1].schema = "shop";
    fixture.fleet.tenants[2].name = "日本の店";
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_list, .init = setup, .fini = teardown);

static int print_text(const struct report *report, FILE *out)
{
    return report_list(report->request->tenants, report->request->tenant_count,
                       report->request->waves, out);
}

static int print_json(const struct report *report, FILE *out)
{
    return report_list_json(report->request->tenants, report->request->tenant_count,
                            report->request->waves, out);
}

Test(report_list, table)
{
    cr_expect_str_eq(report_fixture_text(&fixture, print_text),
                     "tenant      server  database    schema  state      labels\n"
                     "store-0001  eu1     store_0001  -       active     ring=canary note=two "
                     "words\\xFF\n"
                     "store-0002  us1     store_0002  shop    suspended  -\n"
                     "日本の店    eu1     store_0003  -       active     -\n");
}

Test(report_list, json)
{
    json_t *root = json_loads(report_fixture_text(&fixture, print_json), 0, NULL);
    json_t *first = json_array_get(root, 0);

    cr_assert_eq(json_array_size(root), 3);
    cr_expect_str_eq(json_string_value(json_object_get(first, "name")), "store-0001");
    cr_expect(json_is_null(json_object_get(first, "schema")));
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(first, "labels"), "note")),
                     "two words\uFFFD");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(root, 1), "state")),
                     "suspended");
    json_decref(root);
}

Test(report_list, waves)
{
    struct wave waves[] = {{.name = "canary", .has_size = true, .size = {.value = 1}},
                           {.name = "rest", .order = WAVE_ORDER_RANDOM}};
    struct run_config config = {.waves = waves, .wave_count = 2};
    struct wave_plan *plan;
    struct err err = ERR_INIT;
    json_t *root;

    cr_assert_eq(wave_plan_make(fixture.mem, &config, fixture.request.tenants, 3,
                                (struct wave_history){.seed = 5}, &plan, &err),
                 0);
    fixture.request.waves = plan;
    cr_expect_str_eq(
        report_fixture_text(&fixture, print_text),
        "tenant      server  database    schema  state      labels                          wave   "
        " why\n"
        "store-0001  eu1     store_0001  -       active     ring=canary note=two words\\xFF  "
        "canary  1 of 2\n"
        "store-0002  us1     store_0002  shop    suspended  -                               -      "
        " -\n"
        "日本の店    eu1     store_0003  -       active     -                               rest   "
        " the rest\n"
        "drawn at random with the seed 5, anew in each run\n");
    root = json_loads(report_fixture_text(&fixture, print_json), 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(root, 2), "wave")), "rest");
    cr_expect(json_is_null(json_object_get(json_array_get(root, 1), "waveReason")));
    json_decref(root);
}
