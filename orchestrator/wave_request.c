/*
 * wave_request.c: waves by what a command does.
 */
#include "orchestrator/wave_request.h"

#include "common/clock.h"
#include "common/mem.h"

#include <sys/random.h>

int64_t wave_request_seed(void)
{
    uint32_t seed;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
        seed = (uint32_t)clock_wall_ms();
    return (int64_t)(seed % 1000000) + 1; /* short enough to be copied by hand */
}

int wave_request_gates(void *parent, struct run_request *request, struct err_list *errors)
{
    const struct wave_plan *waves = request->waves;
    const struct gate **gates;
    size_t before = errors->count;

    if (!job_runs_files(request->plan.action))
        return 0;
    gates = mem_array(parent, const struct gate *, waves->group_count);
    for (size_t i = 0; i < waves->group_count; i++) {
        struct gate *gate;

        if (gate_prepare(parent, request->fleet, waves->groups[i].wave, &gate, errors) == 0)
            gates[i] = gate;
    }
    request->gates = gates;
    return errors->count > before ? -1 : 0;
}

/* One group without a name. */
static const struct wave_plan *no_waves(void *parent, const struct selected *selected)
{
    return wave_plan_only(parent, NULL, selected->tenants, selected->count,
                          (struct wave_history){0});
}

bool wave_request_knows_waves(enum job_action action)
{
    return action != JOB_BASELINE && action != JOB_BASELINE_PLAN && action != JOB_REPAIR &&
           action != JOB_REPAIR_PLAN;
}

int wave_request_deal(void *parent, const struct selection *selection,
                      const struct selected *selected, struct run_request *request,
                      struct err_list *errors)
{
    enum job_action action = request->plan.action;
    bool needed = job_runs_files(action) || strcmp(request->operation, "plan") == 0;
    struct err err = ERR_INIT;
    struct wave_plan *plan;

    if (!wave_request_knows_waves(action)) {
        request->waves = no_waves(parent, selected);
        return 0;
    }
    if (selection_deal(parent, selection, request->fleet, selected, &plan, &err) == 0) {
        request->waves = plan;
        return wave_request_gates(parent, request, errors);
    }
    if (needed)
        return err_list_take(errors, &err);
    err_clear(&err);
    request->waves = no_waves(parent, selected);
    return 0;
}
