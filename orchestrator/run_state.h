/*
 * run_state.h: where a run and its tenants stand. Pure: no I/O, no clock, no threads.
 *
 * One function changes a job's state and outcome, one the run's phase; a step that is not in the
 * tables below is a bug and aborts. Totals, budget and halt follow from the changes.
 *
 *     job     from                     to
 *     ready   (start)                  in work, ended
 *     in work ready, waiting           waiting, ended
 *     waiting in work (to be retried)  in work, ended
 *     ended   any of the above         nothing
 *
 *     run       from             to
 *     going     (start)          draining, over
 *     draining  going            over         nothing is started any more
 *     over      going, draining  nothing      every job has ended
 *
 * A budget counts a tenant when it ends, once. So a tenant on a server that is down counts when it
 * is given up, after the second look (schedule.h), while the tenant that found the server down has
 * used up its attempts and counts at once: with max_failures: 0 that one halts the run.
 */
#ifndef ORCHESTRATOR_RUN_STATE_H
#define ORCHESTRATOR_RUN_STATE_H

#include "common/base.h"
#include "orchestrator/budget.h"
#include "orchestrator/run.h"

enum job_state {
    JOB_READY,   /* not started, or not yet */
    JOB_IN_WORK, /* a worker has it */
    JOB_WAITING, /* its last attempt failed, job->err says why; to be tried again */
    JOB_ENDED,   /* job->outcome is set */
};

enum run_phase { RUN_GOING, RUN_DRAINING, RUN_OVER };

struct run_state {
    struct run_result *result; /* jobs' outcomes, totals and halt are written here */
    enum run_phase phase;
    size_t in_work;
    bool halts; /* an exceeded budget halts the run */
    struct budget budget;
    struct job_mark *marks; /* one a job */
};

/* `result` has its jobs, initialised, and lives as long as the state. Owned by `parent`. */
struct run_state *run_state_new(const void *parent, const struct run_request *request,
                                struct run_result *result);

/*
 * Changes one job's state. To JOB_ENDED: its outcome follows from what it has (job->err, ...), is
 * counted, and when that exceeds a budget of a run that halts and is going, result->halt is filled
 * and the run drains.
 */
void run_state_change_job(struct run_state *state, size_t job, enum job_state to);

void run_state_change_run(struct run_state *state, enum run_phase to);

enum job_state run_state_of_job(const struct run_state *state, size_t job);

/* May a job that came back be tried again: would it help, has it attempts left, is the run going?
 */
bool run_state_may_retry(const struct run_state *state, size_t job);

/* How many jobs have not ended. */
size_t run_state_left(const struct run_state *state);

#endif
