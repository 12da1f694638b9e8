/*
 * test_clock.c: deadlines on a clock that the test sets.
 */
#include "common/clock.h"
#include "common/mem.h"

#include <criterion/criterion.h>

static int64_t test_now = 1000;

static int64_t read_test_clock(void)
{
    return test_now;
}

static void use_test_clock(void)
{
    clock_replace(read_test_clock, read_test_clock);
}

TestSuite(clock, .init = use_test_clock);

Test(clock, a_deadline_is_so_far_from_now)
{
    cr_expect_eq(clock_deadline(250), 1250);
}

Test(clock, no_limit_is_never)
{
    cr_expect_eq(clock_deadline(0), CLOCK_NEVER);
    cr_expect_eq(clock_deadline(-1), CLOCK_NEVER);
    cr_expect_eq(clock_deadline(INT64_MAX), CLOCK_NEVER);
}

Test(clock, poll_timeouts)
{
    cr_expect_eq(clock_poll_timeout(CLOCK_NEVER), -1);
    cr_expect_eq(clock_poll_timeout(1250), 250);
    cr_expect_eq(clock_poll_timeout(1000), 0);
    cr_expect_eq(clock_poll_timeout(10), 0);
    cr_expect_eq(clock_poll_timeout(INT64_MAX - 1), 3600000);
}

Test(clock, replaced_clocks_are_read_and_restored)
{
    cr_expect_eq(clock_now_ms(), 1000);
    cr_expect_eq(clock_wall_ms(), 1000);
    clock_replace(NULL, NULL);
    cr_expect_gt(clock_wall_ms(), INT64_C(1600000000000));
}

Test(clock, the_monotonic_clock_does_not_go_back)
{
    int64_t before;

    clock_replace(NULL, NULL);
    before = clock_now_ms();
    cr_expect_geq(clock_now_ms(), before);
}

Test(clock, iso_times_are_utc_with_milliseconds)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1795414500123), "2026-11-23T06:15:00.123Z"},
        {INT64_C(951782399007), "2000-02-28T23:59:59.007Z"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = clock_iso(NULL, cases[i].ms);

        cr_expect_str_eq(text, cases[i].text);
        talloc_free(text);
    }
}
