/*
 * coordinator_jobs.h: the coordinator's tenants: handing them out, taking them back, ending them,
 * each in one place. Of coordinator.c alone; its thread.
 */
#ifndef ORCHESTRATOR_COORDINATOR_JOBS_H
#define ORCHESTRATOR_COORDINATOR_JOBS_H

#include "common/base.h"
#include "orchestrator/contact.h"
#include "orchestrator/estimate.h"
#include "orchestrator/rollout.h"
#include "orchestrator/run.h"
#include "orchestrator/run_state.h"
#include "orchestrator/schedule.h"
#include "orchestrator/server_watch.h"
#include "orchestrator/signals.h"
#include "worker/pool.h"

/* An item of the queue: a job, or a look of a gate. */
struct task {
    pool_process_fn *process;
    void *item;
};

struct coordinator {
    const struct run_request *request;
    const struct run_observer *const *observers;
    size_t observer_count;
    struct run_result *result;
    struct job_plan *plan;
    struct run_state *state;
    struct schedule *schedule;
    struct rollout *rollout;
    struct estimate *estimate;
    struct contacts *contacts;
    struct server_watch *watch; /* NULL: no server is watched */
    struct signals *signals;
    struct queue *queue;
    struct pool *pool;                 /* NULL: no tenants */
    struct task *tasks;                /* by job */
    int64_t *started_ms;               /* by job: first hand-out */
    char **refusals;                   /* by server: what its last refused attempt said, or NULL */
    char **waits_for;                  /* by server: as in the result, and as long as that */
    int64_t next_tick_ms;              /* CLOCK_NEVER: nobody wants it */
    struct coordinator_shared *shared; /* NULL: the run is this machine's alone */
    struct coordinator_claims *claims; /* likewise */
    size_t failure_hooks; /* jobs that have ended and are with the workers for on_failure */
    bool rest_ended;      /* the run drains, and what was not started has been ended */
    bool halt_told;
};

/* Calls a function of every observer that has it: TELL(c, job_started, job). */
#define TELL(c, event, ...)                                                                        \
    for (size_t i_ = 0; i_ < (c)->observer_count; i_++) {                                          \
        const struct run_observer *observer_ = (c)->observers[i_];                                 \
                                                                                                   \
        if (observer_->event)                                                                      \
            observer_->event(observer_->arg, __VA_ARGS__);                                         \
    }

/* Hands out all that may start now, as long as the run goes. */
void coordinator_jobs_hand_out(struct coordinator *c);

/* The one place where a tenant ends that was this machine's. In a run that machines share: once
 * that is recorded. */
void coordinator_jobs_finish(struct coordinator *c, size_t job);

/* One has ended elsewhere: the observers are told. */
void coordinator_jobs_ended_elsewhere(struct coordinator *c, size_t job);

/* Why one that was not started ends: halted, stopped, closed, left out. */
void coordinator_jobs_explain_cancel(struct coordinator *c, size_t job);

/* A server whose budget is spent: nothing is started there any more. */
void coordinator_jobs_leave_out(struct coordinator *c, size_t server);

/* A job that was handed out came back. */
void coordinator_jobs_collect(struct coordinator *c, const struct job *job);

/* Ends what the schedule has given up, and, once the run drains, all that is not in work. */
void coordinator_jobs_end_rest(struct coordinator *c);

/* Tells the observers that the run was halted, once. */
void coordinator_jobs_tell_halt(struct coordinator *c);

/* How the servers stand; the observers are told what is new. */
void coordinator_jobs_look_at_servers(struct coordinator *c);

/* Holds servers that must be waited for, and lets them go on. */
void coordinator_jobs_watch_servers(struct coordinator *c);

/* When no tenant is started any more, on the clock of clock_now_ms(); CLOCK_NEVER. */
int64_t coordinator_jobs_closes_ms(const struct coordinator *c);

/* How long it is until then; CLOCK_NEVER. */
int64_t coordinator_jobs_time_left(const struct coordinator *c);

/* Is a tenant expected to end within that time? One that has been in work already always is. */
bool coordinator_jobs_fits(const struct coordinator *c, size_t job, int64_t left_ms);

#endif
