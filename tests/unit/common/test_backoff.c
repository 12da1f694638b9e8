/*
 * test_backoff.c: how long to wait.
 */
#include "common/backoff.h"

#include <criterion/criterion.h>

Test(backoff, doubles_up_to_the_cap)
{
    static const int64_t waits[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

    for (size_t i = 0; i < ARRAY_LEN(waits); i++)
        cr_expect_eq(backoff_delay((int)i + 1, 500, 30000, 0), waits[i], "after %zu", i + 1);
}

Test(backoff, jitter_takes_at_most_half)
{
    for (uint64_t random = 0; random <= UINT32_MAX; random += 0x01000000) {
        int64_t delay = backoff_delay(3, 500, 30000, (uint32_t)random);

        cr_assert_leq(delay, 2000);
        cr_assert_geq(delay, 1000);
    }
    cr_expect_leq(backoff_delay(3, 500, 30000, UINT32_MAX), 1001);
}

Test(backoff, a_base_above_the_cap_is_cut)
{
    cr_expect_eq(backoff_delay(1, 5000, 1000, 0), 1000);
}

Test(backoff, many_failures_do_not_overflow)
{
    cr_expect_eq(backoff_delay(INT32_MAX, 500, INT32_MAX, 0), INT32_MAX);
}

Test(backoff, a_base_of_zero_does_not_wait)
{
    cr_expect_eq(backoff_delay(5, 0, 30000, UINT32_MAX), 0);
}
