/*
 * run.c: a run's id, its end, its exit code.
 */
#include "orchestrator/run.h"

#include "common/clock.h"
#include "common/mem.h"

#include <sys/random.h>
#include <time.h>

char *run_make_id(void *parent)
{
    int64_t wall_ms = clock_wall_ms();
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char moment[32];
    uint16_t random;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        random = (uint16_t)(wall_ms % 1000 * 64); /* a machine that has just booted */
    gmtime_r(&seconds, &parts);
    strftime(moment, sizeof(moment), "%Y%m%dT%H%M%SZ", &parts);
    return mem_printf(parent, "%s-%04x", moment, random);
}

void run_result_release(struct run_result *result)
{
    for (size_t i = 0; i < result->job_count; i++)
        job_release(&result->jobs[i]);
    result->job_count = 0;
}

/* Some tenants are not where they should be. */
static bool has_problems(const struct run_result *result)
{
    for (enum outcome outcome = OUTCOME_NONE; outcome < OUTCOME_COUNT; outcome++) {
        if (outcome_is_problem(outcome) && result->totals[outcome] > 0)
            return true;
    }
    return false;
}

const char *run_result_name(const struct run_result *result)
{
    if (result->refused)
        return "not started";
    if (result->signal)
        return "interrupted";
    if (result->halt.halted)
        return "halted";
    return has_problems(result) ? "partial" : "succeeded";
}

int run_exit_code(const struct run_request *request, const struct run_result *result)
{
    if (result->signal)
        return 128 + result->signal;
    if (result->halt.halted && request->halts)
        return 4;
    if (has_problems(result))
        return 3;
    for (size_t i = 0; i < result->hook_count; i++) {
        if (result->hooks[i].problem)
            return err_exit_code(ERR_INTERNAL);
    }
    return 0;
}
