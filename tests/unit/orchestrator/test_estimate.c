/*
 * test_estimate.c: how long tenants will take.
 */
#include "common/mem.h"
#include "orchestrator/estimate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(estimate, .init = setup, .fini = teardown);

Test(estimate, the_ledger_knows_best)
{
    static const int64_t expected[] = {5000, -1, 0};
    struct estimate *estimate = estimate_new(ctx, expected, 3);

    cr_expect(eq(i64, estimate_of(estimate, 0), 5000));
    cr_expect(eq(i64, estimate_of(estimate, 1), -1));
    cr_expect(eq(i64, estimate_of(estimate, 2), 0));
    estimate_ended(estimate, 2, 700);
    cr_expect(eq(i64, estimate_of(estimate, 0), 5000));
    cr_expect(eq(i64, estimate_of(estimate, 1), 700));
}

Test(estimate, else_it_is_the_median_of_this_run)
{
    static const int64_t took[] = {100, 900, 300, 50, 5000, 300};
    static const int64_t median[] = {100, 100, 300, 100, 300, 300};
    struct estimate *estimate = estimate_new(ctx, NULL, 8);

    for (size_t i = 0; i < ARRAY_LEN(took); i++) {
        estimate_ended(estimate, i, took[i]);
        cr_expect(eq(i64, estimate_of(estimate, 7), median[i]), "%zu", i);
    }
    estimate_ended(estimate, 6, -1);
    cr_expect(eq(i64, estimate_of(estimate, 7), 300));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

Test(estimate, whatever_the_order)
{
    enum { COUNT = 999 };
    struct estimate *estimate = estimate_new(ctx, NULL, COUNT + 1);
    int64_t sorted[COUNT];
    uint32_t random = 7;

    for (size_t i = 0; i < COUNT; i++) {
        random = random * 1664525u + 1013904223u;
        sorted[i] = (int64_t)(random >> 20);
        estimate_ended(estimate, i, sorted[i]);
        qsort(sorted, i + 1, sizeof(sorted[0]), compare);
        cr_assert(eq(i64, estimate_of(estimate, COUNT), sorted[i / 2]), "%zu", i);
    }
}

Test(estimate, fits_when_it_is_expected_to_end_in_time)
{
    static const int64_t expected[] = {5000, -1};
    struct estimate *estimate = estimate_new(ctx, expected, 2);

    cr_expect(estimate_fits(estimate, 0, 5000));
    cr_expect_not(estimate_fits(estimate, 0, 4999));
    cr_expect(estimate_fits(estimate, 1, 1));
    cr_expect_not(estimate_fits(estimate, 1, 0));
    cr_expect_not(estimate_fits(estimate, 1, -10));
}

Test(estimate, what_is_left_is_shared_among_the_workers)
{
    static const int64_t expected[] = {4000, 6000, -1, -1};
    struct estimate *estimate = estimate_new(ctx, expected, 4);

    cr_expect(eq(i64, estimate_left_ms(estimate, 2), -1));
    estimate_ended(estimate, 2, 1000);
    cr_expect(eq(i64, estimate_left_ms(estimate, 1), 11000));
    cr_expect(eq(i64, estimate_left_ms(estimate, 2), 5500));
    estimate_ended(estimate, 3, -1);
    estimate_ended(estimate, 0, 4500);
    cr_expect(eq(i64, estimate_left_ms(estimate, 0), 6000));
    estimate_ended(estimate, 1, 6000);
    cr_expect(eq(i64, estimate_left_ms(estimate, 2), 0));
}
