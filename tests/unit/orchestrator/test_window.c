/*
 * test_window.c: windows in real time zones, on ordinary days and on those of a change.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/window.h"

#include <criterion/criterion.h>
#include <time.h>

enum { EVERY_DAY = 127, SUNDAY = 1, MONDAY = 2, TUESDAY = 4, FRIDAY = 32, SATURDAY = 64 };

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(window, .init = setup, .fini = teardown);

/* "2026-11-23 06:15" of UTC. */
static int64_t utc(const char *text)
{
    struct tm parts = {0};

    cr_assert(strptime(text, "%Y-%m-%d %H:%M", &parts), "%s", text);
    return (int64_t)timegm(&parts) * 1000;
}

static struct run_window window_of(const char *zone, const char *hours, unsigned days)
{
    struct run_window window = {.timezone = zone, .days = days};
    int hour[2];
    int minute[2];

    cr_assert_eq(sscanf(hours, "%d:%d-%d:%d", &hour[0], &minute[0], &hour[1], &minute[1]), 4);
    window.from_minute = hour[0] * 60 + minute[0];
    window.to_minute = hour[1] * 60 + minute[1];
    return window;
}

/* "open until 2026-11-23T04:00Z", "open for ever", "opens 2026-11-24T00:00Z", "never opens". */
static const char *look(const struct run_window *window, const char *now)
{
    struct window_look look;

    window_look_at(ctx, window, utc(now), &look);
    if (look.open && look.closes_wall_ms == 0)
        return "open for ever";
    if (look.open)
        return mem_printf(ctx, "open until %.16sZ", clock_iso(ctx, look.closes_wall_ms));
    if (look.opens_wall_ms == 0)
        return "never opens";
    return mem_printf(ctx, "opens %.16sZ", clock_iso(ctx, look.opens_wall_ms));
}

struct moment {
    const char *now; /* UTC */
    const char *answer;
};

static void expect(struct run_window window, const struct moment *moments)
{
    for (; moments->now; moments++)
        cr_expect_str_eq(look(&window, moments->now), moments->answer, "%s: %s, not %s",
                         moments->now, look(&window, moments->now), moments->answer);
}

#define EXPECT(window, ...) expect((window), (const struct moment[]){__VA_ARGS__, {NULL, NULL}})

/* --- ordinary days ---------------------------------------------------------------------------- */

Test(window, opens_and_closes_to_the_minute)
{
    /* Berlin in November: UTC+1. 2026-11-23 is a Monday. */
    EXPECT(window_of("Europe/Berlin", "01:00-05:00", EVERY_DAY),
           {"2026-11-22 23:59", "opens 2026-11-23T00:00Z"},
           {"2026-11-23 00:00", "open until 2026-11-23T04:00Z"},
           {"2026-11-23 03:59", "open until 2026-11-23T04:00Z"},
           {"2026-11-23 04:00", "opens 2026-11-24T00:00Z"});
}

Test(window, over_midnight)
{
    EXPECT(window_of("Europe/Berlin", "22:00-02:30", EVERY_DAY),
           {"2026-11-23 20:59", "opens 2026-11-23T21:00Z"},
           {"2026-11-23 21:00", "open until 2026-11-24T01:30Z"},
           {"2026-11-24 00:30", "open until 2026-11-24T01:30Z"},
           {"2026-11-24 01:30", "opens 2026-11-24T21:00Z"});
}

Test(window, days_are_those_on_which_it_opens)
{
    EXPECT(window_of("Europe/Berlin", "22:00-02:00", FRIDAY),
           {"2026-11-23 12:00", "opens 2026-11-27T21:00Z"},
           {"2026-11-27 22:00", "open until 2026-11-28T01:00Z"}, /* local Friday */
           {"2026-11-28 00:30", "open until 2026-11-28T01:00Z"}, /* local Saturday, opened Friday */
           {"2026-11-28 21:30", "opens 2026-12-04T21:00Z"});
}

Test(window, the_day_is_that_of_the_zone)
{
    /* Monday 01:00 in Auckland (UTC+13) is Sunday noon in UTC. */
    EXPECT(window_of("Pacific/Auckland", "01:00-02:00", MONDAY),
           {"2026-11-22 12:30", "open until 2026-11-22T13:00Z"},
           {"2026-11-23 12:30", "opens 2026-11-29T12:00Z"});
    /* And Sunday 23:00 in Los Angeles (UTC-8) is Monday morning. */
    EXPECT(window_of("America/Los_Angeles", "23:00-23:30", SUNDAY),
           {"2026-11-23 07:10", "open until 2026-11-23T07:30Z"},
           {"2026-11-22 07:10", "opens 2026-11-23T07:00Z"});
}

Test(window, from_is_to_is_the_whole_day)
{
    EXPECT(window_of("Europe/Berlin", "00:00-00:00", MONDAY),
           {"2026-11-22 22:59", "opens 2026-11-22T23:00Z"},
           {"2026-11-23 12:00", "open until 2026-11-23T23:00Z"},
           {"2026-11-23 23:00", "opens 2026-11-29T23:00Z"});
    EXPECT(window_of("Europe/Berlin", "06:00-06:00", SATURDAY | SUNDAY),
           {"2026-11-28 12:00", "open until 2026-11-30T05:00Z"});
    EXPECT(window_of("Europe/Berlin", "06:00-06:00", EVERY_DAY),
           {"2026-11-28 12:00", "open for ever"});
}

Test(window, without_a_zone_it_is_the_machines)
{
    setenv("TZ", "Asia/Kolkata", 1); /* UTC+5:30 */
    EXPECT(window_of(NULL, "01:00-05:00", EVERY_DAY),
           {"2026-11-22 19:29", "opens 2026-11-22T19:30Z"},
           {"2026-11-22 19:30", "open until 2026-11-22T23:30Z"});
    cr_expect_str_eq(getenv("TZ"), "Asia/Kolkata");
}

/* --- clocks go forward ------------------------------------------------------------------------ */

Test(window, a_time_that_is_skipped_is_the_moment_of_the_change)
{
    /* Berlin, 2026-03-29: 02:00 +1 becomes 03:00 +2 at 01:00 UTC. */
    EXPECT(window_of("Europe/Berlin", "02:30-05:00", EVERY_DAY),
           {"2026-03-29 00:59", "opens 2026-03-29T01:00Z"},
           {"2026-03-29 01:00", "open until 2026-03-29T03:00Z"},
           {"2026-03-29 03:00", "opens 2026-03-30T00:30Z"});
    EXPECT(window_of("Europe/Berlin", "01:00-02:30", EVERY_DAY),
           {"2026-03-29 00:30", "open until 2026-03-29T01:00Z"},
           {"2026-03-29 01:00", "opens 2026-03-29T23:00Z"});
    /* New York, 2026-03-08: 02:00 -5 becomes 03:00 -4 at 07:00 UTC. */
    EXPECT(window_of("America/New_York", "02:15-03:30", EVERY_DAY),
           {"2026-03-08 06:59", "opens 2026-03-08T07:00Z"},
           {"2026-03-08 07:00", "open until 2026-03-08T07:30Z"});
}

Test(window, one_within_what_is_skipped_does_not_open_that_day)
{
    EXPECT(window_of("Europe/Berlin", "02:10-02:50", EVERY_DAY),
           {"2026-03-28 01:20", "open until 2026-03-28T01:50Z"},
           {"2026-03-29 00:30", "opens 2026-03-30T00:10Z"},
           {"2026-03-29 01:00", "opens 2026-03-30T00:10Z"});
    EXPECT(window_of("Europe/Berlin", "02:10-02:50", SUNDAY),
           {"2026-03-28 12:00", "opens 2026-04-05T00:10Z"});
}

Test(window, hours_across_the_change_are_one_less)
{
    EXPECT(window_of("Europe/Berlin", "01:00-05:00", EVERY_DAY),
           {"2026-03-29 00:00", "open until 2026-03-29T03:00Z"});
    EXPECT(window_of("Europe/Berlin", "23:00-04:00", SATURDAY),
           {"2026-03-28 22:00", "open until 2026-03-29T02:00Z"});
}

/* --- clocks go back --------------------------------------------------------------------------- */

Test(window, a_time_that_comes_twice_counts_the_first_time)
{
    /* Berlin, 2026-10-25: 03:00 +2 becomes 02:00 +1 at 01:00 UTC. */
    EXPECT(window_of("Europe/Berlin", "02:30-05:00", EVERY_DAY),
           {"2026-10-25 00:29", "opens 2026-10-25T00:30Z"},
           {"2026-10-25 00:30", "open until 2026-10-25T04:00Z"},
           {"2026-10-25 01:10", "open until 2026-10-25T04:00Z"});
    EXPECT(window_of("Europe/Berlin", "01:00-02:30", EVERY_DAY),
           {"2026-10-25 00:29", "open until 2026-10-25T00:30Z"},
           {"2026-10-25 00:30", "opens 2026-10-26T00:00Z"},
           {"2026-10-25 01:15", "opens 2026-10-26T00:00Z"});
    /* New York, 2026-11-01: 02:00 -4 becomes 01:00 -5 at 06:00 UTC. */
    EXPECT(window_of("America/New_York", "01:30-01:45", SUNDAY),
           {"2026-11-01 05:30", "open until 2026-11-01T05:45Z"},
           {"2026-11-01 06:30", "opens 2026-11-08T06:30Z"});
}

Test(window, half_an_hour_is_a_change_too)
{
    /* Lord Howe, 2026-04-05: 02:00 +11 becomes 01:30 +10:30 at 15:00 UTC of the day before. */
    EXPECT(window_of("Australia/Lord_Howe", "01:45-03:00", EVERY_DAY),
           {"2026-04-04 14:45", "open until 2026-04-04T16:30Z"},
           {"2026-04-04 14:44", "opens 2026-04-04T14:45Z"});
    EXPECT(window_of("Australia/Lord_Howe", "00:00-01:45", EVERY_DAY),
           {"2026-04-04 14:00", "open until 2026-04-04T14:45Z"},
           {"2026-04-04 15:20", "opens 2026-04-05T13:30Z"});
    /* 2026-10-04: 02:00 +10:30 becomes 02:30 +11 at 15:30 UTC of the day before. */
    EXPECT(window_of("Australia/Lord_Howe", "02:15-04:00", EVERY_DAY),
           {"2026-10-03 15:29", "opens 2026-10-03T15:30Z"},
           {"2026-10-03 15:30", "open until 2026-10-03T17:00Z"});
    EXPECT(window_of("Australia/Lord_Howe", "02:05-02:25", EVERY_DAY),
           {"2026-10-03 15:00", "opens 2026-10-04T15:05Z"});
}

Test(window, a_whole_day_may_be_skipped)
{
    /* Samoa went from 2011-12-29 24:00 -10 to 2011-12-31 00:00 +14 at 2011-12-30 10:00 UTC. */
    EXPECT(window_of("Pacific/Apia", "01:00-05:00", EVERY_DAY),
           {"2011-12-29 11:30", "open until 2011-12-29T15:00Z"},
           {"2011-12-29 15:00", "opens 2011-12-30T11:00Z"});
}

/* Hour by hour over two years: the moment it closes is one at which it is not open, and the moment
 * it opens is one at which it is. */
Test(window, what_it_says_of_later_is_what_it_says_then)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Africa/Casablanca", "America/Havana"};
    static const char *const hours[] = {"01:30-02:30", "02:00-03:00", "23:00-01:00", "00:00-04:30"};
    int64_t step = 61 * 60 * 1000;

    for (size_t i = 0; i < ARRAY_LEN(zones) * ARRAY_LEN(hours); i++) {
        struct run_window window =
            window_of(zones[i % ARRAY_LEN(zones)], hours[i / ARRAY_LEN(zones)], EVERY_DAY);
        int64_t now_ms = utc("2026-01-01 00:00");

        while (now_ms < utc("2026-12-31 00:00")) {
            struct window_look now;
            struct window_look then;

            window_look_at(ctx, &window, now_ms, &now);
            window_look_at(ctx, &window, now.open ? now.closes_wall_ms : now.opens_wall_ms, &then);
            cr_assert_neq(now.open, then.open, "%s %s %s", zones[i % ARRAY_LEN(zones)],
                          hours[i / ARRAY_LEN(zones)], clock_iso(ctx, now_ms));
            now_ms += step * 3;
            talloc_free_children(ctx);
        }
    }
}

/* --- words ------------------------------------------------------------------------------------ */

Test(window, says_it_in_the_zones_time)
{
    struct run_window window = window_of("Europe/Berlin", "01:00-05:00", EVERY_DAY);
    struct window_look look;

    window_look_at(ctx, &window, utc("2026-11-23 02:00"), &look);
    cr_expect_str_eq(look.closes, "05:00 Europe/Berlin");
    window_look_at(ctx, &window, utc("2026-11-23 06:00"), &look);
    cr_expect_str_eq(look.opens, "Tue 2026-11-24 01:00 Europe/Berlin");
    window = window_of("Europe/Berlin", "00:00-00:00", MONDAY | TUESDAY);
    window_look_at(ctx, &window, utc("2026-11-23 06:00"), &look);
    cr_expect_str_eq(look.closes, "Wed 2026-11-25 00:00 Europe/Berlin");
    setenv("TZ", "Asia/Kolkata", 1);
    window = window_of(NULL, "01:00-05:00", EVERY_DAY);
    window_look_at(ctx, &window, utc("2026-11-22 20:00"), &look);
    cr_expect_str_eq(look.closes, "05:00 IST");
}

Test(window, leaves_the_time_zone_as_it_was)
{
    struct run_window window = window_of("Australia/Lord_Howe", "01:00-05:00", EVERY_DAY);
    struct window_look look;
    time_t zero = 0;
    struct tm parts;

    unsetenv("TZ");
    window_look_at(ctx, &window, utc("2026-11-23 02:00"), &look);
    cr_expect_null(getenv("TZ"));
    setenv("TZ", "Asia/Kolkata", 1);
    window_look_at(ctx, &window, utc("2026-11-23 02:00"), &look);
    cr_expect_str_eq(getenv("TZ"), "Asia/Kolkata");
    localtime_r(&zero, &parts);
    cr_expect_eq(parts.tm_gmtoff, 19800);
}
