/*
 * test_closing.c: the nearer of window and max_duration, in time and in words.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/closing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { HOUR_MS = 60 * 60 * 1000, EVERY_DAY = 127 };

/* 2026-11-23T02:00:00Z: three o'clock in Berlin, on a Monday. */
#define NOW_MS INT64_C(1795399200000)

static void *ctx;
static struct run_request request;

static int64_t now_ms(void)
{
    return 0;
}

static int64_t wall_ms(void)
{
    return NOW_MS;
}

static void setup(void)
{
    ctx = mem_context(NULL);
    request = (struct run_request){.plan.action = JOB_MIGRATE};
    clock_replace(now_ms, wall_ms);
}

static void teardown(void)
{
    clock_replace(NULL, NULL);
    talloc_free(ctx);
}

TestSuite(closing, .init = setup, .fini = teardown);

static void use_window(int from_hour, int to_hour)
{
    request.config.window = (struct run_window){.from_minute = from_hour * 60,
                                                .to_minute = to_hour * 60,
                                                .timezone = "Europe/Berlin",
                                                .days = EVERY_DAY};
}

Test(closing, nothing_closes_a_run_without_limits)
{
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, 0));
    cr_expect_null(request.closes_why);
    cr_expect_null(request.opens_at);
}

Test(closing, nor_one_that_only_reads)
{
    use_window(1, 5);
    request.config.max_duration_ms = HOUR_MS;
    request.plan.action = JOB_INSPECT;
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, 0));
}

Test(closing, by_max_duration)
{
    request.config.max_duration_ms = 4 * HOUR_MS;
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, NOW_MS + 4 * HOUR_MS));
    cr_expect_str_eq(request.closes_why, "max_duration");
    cr_expect_str_eq(closing_text(ctx, &request), "max_duration (4h) has passed");
}

Test(closing, by_the_window)
{
    use_window(1, 5);
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, NOW_MS + 2 * HOUR_MS));
    cr_expect_str_eq(request.closes_why, "window");
    cr_expect_str_eq(closing_text(ctx, &request), "the window closed at 05:00 Europe/Berlin");
}

Test(closing, by_the_nearer_of_the_two)
{
    use_window(1, 5);
    request.config.max_duration_ms = 3 * HOUR_MS;
    closing_set(ctx, &request);
    cr_expect_str_eq(request.closes_why, "window");
    request.config.max_duration_ms = HOUR_MS;
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, NOW_MS + HOUR_MS));
    cr_expect_str_eq(request.closes_why, "max_duration");
    cr_expect_str_eq(closing_text(ctx, &request), "max_duration (1h) has passed");
}

Test(closing, outside_the_window_it_is_over_before_it_begins)
{
    use_window(22, 3);
    request.config.max_duration_ms = HOUR_MS;
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, NOW_MS));
    cr_expect_str_eq(request.closes_why, "window");
    cr_expect_str_eq(closing_text(ctx, &request),
                     "the window is closed; it opens Mon 2026-11-23 22:00 Europe/Berlin");
    cr_expect(eq(i64, request.opens_wall_ms, NOW_MS + 19 * HOUR_MS));
}

Test(closing, a_window_that_is_always_open_closes_nothing)
{
    use_window(4, 4);
    closing_set(ctx, &request);
    cr_expect(eq(i64, request.closes_wall_ms, 0));
    cr_expect_null(request.closes_why);
}
