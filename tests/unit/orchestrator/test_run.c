/*
 * test_run.c: run ids, and the rank of exit codes.
 */
#include "orchestrator/run.h"

#include "common/clock.h"
#include "common/mem.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>

static int64_t a_morning_in_november(void)
{
    return INT64_C(1795414500123); /* 2026-11-23T06:15:00.123Z */
}

Test(run, ids_are_the_moment_and_four_hex_digits)
{
    void *mem = mem_context(NULL);
    bool differ = false;
    const char *first;

    clock_replace(NULL, a_morning_in_november);
    first = run_make_id(mem);
    cr_expect(eq(sz, strlen(first), strlen("20261123T061500Z-4f2a")));
    cr_expect(eq(int, strncmp(first, "20261123T061500Z-", 17), 0), "%s", first);
    cr_expect(eq(sz, strspn(first + 17, "0123456789abcdef"), 4), "%s", first);
    for (int i = 0; i < 8; i++)
        differ = differ || strcmp(first, run_make_id(mem)) != 0;
    cr_expect(differ, "two runs of one second have different ids");
    talloc_free(mem);
}

Test(run, exit_code_by_outcome)
{
    static const int codes[OUTCOME_COUNT] = {
        [OUTCOME_CONFLICT] = 3,    [OUTCOME_FAILED] = 3, [OUTCOME_HELD] = 3,
        [OUTCOME_UNREACHABLE] = 3, [OUTCOME_LOCKED] = 3, [OUTCOME_UNKNOWN] = 3,
        [OUTCOME_CANCELLED] = 3,
    };
    struct run_request request = {.halts = true};

    for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++) {
        struct run_result result = {.totals = {[OUTCOME_MIGRATED] = 5}};

        result.totals[i] = 1;
        cr_expect(eq(int, run_exit_code(&request, &result), codes[i]), "%s",
                  outcome_name((enum outcome)i));
    }
}

Test(run, exit_code_rank)
{
    struct run_request request = {.halts = true};
    struct run_result result = {.totals = {[OUTCOME_FAILED] = 1}};

    cr_expect(eq(int, run_exit_code(&request, &result), 3));
    result.halt.halted = true;
    cr_expect(eq(int, run_exit_code(&request, &result), 4));
    result.signal = SIGINT;
    cr_expect(eq(int, run_exit_code(&request, &result), 130));
    result.signal = SIGTERM;
    cr_expect(eq(int, run_exit_code(&request, &result), 143));
}
