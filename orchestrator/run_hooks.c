/*
 * run_hooks.c: what the programs around a run are told, and what their failure means.
 */
#include "orchestrator/run_hooks.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/shared_run.h"
#include "worker/hook.h"

static struct hook_run *add_run(struct run_result *result)
{
    mem_grow(result, &result->hooks, &result->hook_capacity, result->hook_count + 1);
    return &result->hooks[result->hook_count++];
}

static void set_request(struct environment *env, const struct run_request *request)
{
    environment_set(env, "PGTIDE_RUN", request->plan.run_id);
    environment_set(env, "PGTIDE_OPERATION", request->operation);
    environment_set_number(env, "PGTIDE_TENANTS", (int64_t)request->tenant_count);
}

static void set_result(struct environment *env, const struct run_result *result, int exit_code)
{
    environment_set(env, "PGTIDE_RESULT", run_result_name(result));
    environment_set_number(env, "PGTIDE_EXIT_CODE", exit_code);
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        char number[32];

        snprintf(number, sizeof(number), "%zu", result->totals[outcome]);
        environment_set_named(env, "PGTIDE_TOTAL_", outcome_name(outcome), number);
    }
    if (!result->halt.halted)
        return;
    environment_set(env, "PGTIDE_HALT_RULE", result->halt.rule);
    environment_set_number(env, "PGTIDE_HALT_LIMIT", result->halt.tolerated);
    environment_set_number(env, "PGTIDE_HALT_FAILURES", result->halt.failures);
}

static int run_one(const struct run_request *request, struct run_result *result,
                   enum hook_point point, int signal_fd, const int *exit_code, struct err *err)
{
    struct hook_limits limits = {.deadline = CLOCK_NEVER, .cancel_fd = signal_fd};
    struct environment env;
    int rc;

    environment_init(&env, NULL);
    set_request(&env, request);
    if (exit_code)
        set_result(&env, result, *exit_code);
    rc = hook_command(result, request->plan.hooks, point, &env, limits, add_run(result), err);
    talloc_free(env.mem);
    return rc;
}

/* Outside the window, and when others have done it all. */
static bool does_nothing(const struct run_request *request)
{
    return request->opens_at || (request->shared && shared_run_is_over(request->shared));
}

int64_t run_hooks_before_most_ms(const struct run_request *request)
{
    enum { HOUR_MS = 60 * 60 * 1000 };
    const struct hooks *hooks = request->plan.hooks;

    if (!hook_given(hooks, HOOK_BEFORE_RUN))
        return 0;
    return hooks->list[HOOK_BEFORE_RUN].timeout_ms > 0 ? hooks->list[HOOK_BEFORE_RUN].timeout_ms
                                                       : HOUR_MS;
}

int run_hooks_before(const struct run_request *request, struct run_result *result, int signal_fd,
                     struct err *err)
{
    if (does_nothing(request) || !hook_given(request->plan.hooks, HOOK_BEFORE_RUN) ||
        run_one(request, result, HOOK_BEFORE_RUN, signal_fd, NULL, err) == 0)
        return 0;
    if (err->kind == ERR_CANCELLED) {
        err_clear(err);
        return 0; /* the signal waits to be read, and stops the run */
    }
    err->kind = ERR_INTERNAL;
    err_hint(err, "No tenant was touched.");
    return -1;
}

void run_hooks_after(const struct run_request *request, struct run_result *result, int signal_fd,
                     int exit_code)
{
    static const enum hook_point points[] = {HOOK_ON_HALT, HOOK_AFTER_RUN};

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct err err = ERR_INIT;

        if (does_nothing(request) || !hook_given(request->plan.hooks, points[i]) ||
            (points[i] == HOOK_ON_HALT && !result->halt.halted))
            continue;
        if (run_one(request, result, points[i], signal_fd, &exit_code, &err) < 0)
            err_clear(&err); /* it is in result->hooks */
    }
}
