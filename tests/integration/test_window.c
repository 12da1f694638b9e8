/*
 * test_window.c: runs whose time is over: by their window, or by max_duration.
 */
#include "common/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <time.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(window, .init = setup, .fini = teardown, .timeout = 120);

/* "13:05" of UTC, in so many hours. */
static char *hour_of_day(int hours)
{
    time_t moment = time(NULL) + hours * 3600;
    struct tm parts;

    gmtime_r(&moment, &parts);
    return mem_printf(ctx, "%02d:%02d", parts.tm_hour, parts.tm_min);
}

/* From and to in so many hours. */
static void use_window(struct schema_fleet *fleet, int from, int to)
{
    schema_fleet_inventory(
        fleet, NULL,
        mem_printf(ctx,
                   "run: {workers: 1, window: {from: \"%s\", to: \"%s\", timezone: UTC}}\n"
                   "hooks: {before_run: {command: [touch, ran]}}\n",
                   hour_of_day(from), hour_of_day(to)));
}

static const char *result(const struct fleet_run *run)
{
    return json_string_value(json_object_get(run->report, "result"));
}

Test(window, outside_it_nothing_is_started)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 4);
    char *opens = mem_printf(ctx, "%s UTC", hour_of_day(2));
    const struct fleet_run *run;
    const json_t *closed;

    use_window(fleet, 2, 4);
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_str_eq(result(run), "partial");
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 4);
    cr_assert_eq(schema_fleet_started(run), 0);
    cr_assert_eq(schema_fleet_done(fleet), 0);
    cr_assert(strstr(run->out, "the window is closed; it opens "), "%s", run->out);
    closed = json_object_get(run->report, "closed");
    cr_assert_str_eq(json_string_value(json_object_get(closed, "why")), "window");
    cr_assert(json_is_string(json_object_get(closed, "opensAt")));
    cr_assert(strstr(run->out, opens), "%s: %s", opens, run->out);
    cr_assert(!tmpdir_exists(fleet->fixture->dir, "ran"), "no hook either");
    run = fleet_fixture_run(fleet->fixture, "plan", NULL);
    cr_assert_eq(run->exit_code, 0, "who only looks may always: %s", run->out);
}

Test(window, inside_it_all_are)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 4);
    const struct fleet_run *run;

    use_window(fleet, -2, 2);
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 4);
    cr_assert(tmpdir_exists(fleet->fixture->dir, "ran"));
}

Test(window, a_time_zone_is_refused_with_its_place)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 1);
    const struct fleet_run *run;

    schema_fleet_inventory(
        fleet, NULL, "run: {window: {from: \"01:00\", to: \"05:00\", timezone: Europe/Berlni}}\n");
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 78, "%s%s", run->out, run->err);
    cr_assert(strstr(run->err, "Europe/Berlin"), "%s", run->err);
}

Test(window, after_max_duration_those_in_work_finish_and_no_other_starts)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 5);
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 2, max_duration: 3s}\n");
    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 2);
    harness_pause(3200);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_str_eq(result(run), "partial");
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_assert_eq(fleet_fixture_total(run, "cancelled"), 3);
    cr_assert_eq(schema_fleet_done(fleet), 2);
    cr_assert(strstr(run->out, "max_duration (3s) has passed"), "%s", run->out);
    run = fleet_fixture_run(fleet->fixture, "migrate", "--max-duration", "1h", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 3);
}

/* One takes two seconds, so after it no other is expected to end within three. */
Test(window, who_is_not_expected_to_end_in_time_is_not_started)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 4);
    const struct fleet_run *run;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    fleet_fixture_write(fleet->fixture, "migrations/1_step.sql",
                        "CREATE TABLE done (a int);\nSELECT pg_sleep(2);\n");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--max-duration", "3s", NULL);
    cr_assert_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_assert_eq(fleet_fixture_total(run, "cancelled") + fleet_fixture_total(run, "migrated"), 4);
    cr_assert_leq(fleet_fixture_total(run, "migrated"), 1);
    cr_assert(strstr(run->out, "expect"), "%s", run->out);
}
