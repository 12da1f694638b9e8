/*
 * made_schedule.c: what schedule.h offers, in one line.
 */
#include "tests/unit/orchestrator/made_schedule.h"

struct schedule *made_schedule(const struct made_fleet *made, int workers, int per_server)
{
    struct schedule_setup setup = {
        .tenants = made->selected,
        .tenant_count = made->request.tenant_count,
        .server_count = made->fleet.server_count,
        .waves = made->request.waves,
        .workers = workers,
        .per_server = per_server,
        .ramp_up = made->request.config.ramp_up,
    };
    struct schedule *schedule = schedule_new(made->mem, &setup);

    schedule_open_wave(schedule, 0);
    return schedule;
}

size_t made_next(struct schedule *schedule, int64_t now_ms)
{
    size_t job;

    return schedule_next(schedule, now_ms, &job) ? job : NONE;
}

size_t made_given_up(struct schedule *schedule)
{
    size_t job;

    return schedule_given_up(schedule, &job, &(enum schedule_given_up){0}) ? job : NONE;
}
