/*
 * made_run.c: the steps of a coordinator, one at a time.
 */
#include "tests/unit/orchestrator/made_run.h"

#include "common/mem.h"

void made_run_init(struct made_run *run, size_t waves, const char *where)
{
    size_t tenants = strlen(where);

    made_fleet_init(&run->made, 2, tenants, 8);
    made_fleet_waves(&run->made, waves, where);
    run->made.request.config.max_failures = (struct text_size){.value = 100};
    run->result = (struct run_result){.job_count = tenants, .wave_count = waves};
    run->result.jobs = mem_array(run->made.mem, struct job, tenants);
    run->result.waves = mem_array(run->made.mem, struct run_wave, waves);
    run->result.servers = mem_array(run->made.mem, struct run_server, 2);
    for (size_t i = 0; i < tenants; i++)
        job_init(&run->result.jobs[i], &run->made.request.plan, run->made.selected[i]);
}

void made_run_begin(struct made_run *run)
{
    run->state = run_state_new(run->made.mem, &run->made.request, &run->result);
}

void made_run_release(struct made_run *run)
{
    run_result_release(&run->result);
    made_fleet_release(&run->made);
}

enum run_wave_state made_run_wave(const struct made_run *run, size_t wave)
{
    return run->result.waves[wave].state;
}

enum run_wave_state made_run_move(struct made_run *run, size_t wave)
{
    enum run_wave_state next;

    while ((next = run_state_next_of_wave(run->state, wave)) != made_run_wave(run, wave))
        run_state_change_wave(run->state, wave, next);
    return next;
}

void made_run_job(struct made_run *run, size_t job, enum err_kind kind)
{
    run_state_change_job(run->state, job, JOB_IN_WORK);
    if (kind != ERR_NONE)
        err_set(&run->result.jobs[job].err, kind, "scripted");
    run_state_change_job(run->state, job, JOB_ENDED);
}

void made_run_cancel(struct made_run *run, size_t job)
{
    err_set(&run->result.jobs[job].err, ERR_CANCELLED, "scripted");
    run_state_change_job(run->state, job, JOB_ENDED);
}
