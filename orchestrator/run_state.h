/*
 * run_state.h: where a run, its waves and its tenants stand. Pure: no I/O, no clock, no threads.
 *
 * One function changes a job's state and outcome, one a wave's, one the run's phase; a step that is
 * not in the tables below is a bug and aborts. Totals, budgets and halt follow from the changes.
 *
 *     job     from                     to
 *     ready   (start)                  in work, ended
 *     in work ready, waiting           waiting, ended, ready (lost to another machine)
 *     waiting in work (to be retried)  in work, ended, ready (likewise)
 *     ended   any of the above         nothing
 *
 *     wave       from                            to
 *     waiting    (start)                         confirming, open, passed
 *     confirming waiting                         open, stopped
 *     open       waiting, confirming             soaking, gated, passed, stopped
 *     soaking    open                            gated, passed, stopped
 *     gated      open, soaking                   passed, stopped
 *     passed     waiting, open, soaking, gated   nothing
 *     stopped    confirming, open, soaking,      nothing
 *                gated
 *
 *     run       from             to
 *     going     (start)          draining, over
 *     draining  going            over         nothing is started any more
 *     over      going, draining  nothing      every job has ended, and no wave is under way
 *
 * A job starts only in an open wave. A wave leaves `open` when all its tenants have ended. What it
 * does next, as far as that needs no clock, no person and no gate, is run_state_next_of_wave():
 *
 *     while ((next = run_state_next_of_wave(state, wave)) != result->waves[wave].state)
 *         run_state_change_wave(state, wave, next);
 *
 * A wave waits for those that it depends on; not for one that is not in this run (--wave).
 *
 * A wave without anything to do, because it has no tenants or all of them have been cancelled
 * (their servers are left out), passes when its turn comes: it opens nothing, asks nobody, and does
 * not soak. A wave whose run drains does not soak, and is not gated: it is stopped; it passes only
 * where all its tenants have ended otherwise than cancelled, nothing was to follow, and the run is
 * not halted. A wave that has not begun by then stays `waiting`.
 *
 * A run that does not halt (it only looks) opens all its waves at once, without confirmation, soak
 * and gate.
 *
 * A budget counts a tenant when it ends, once. So a tenant on a server that is down counts when it
 * is given up, after the second look (schedule.h), while the tenant that found the server down has
 * used up its attempts and counts at once: with max_failures: 0 that one halts the run. When one
 * tenant exceeds the budgets of run and wave, the run's is the one that halts.
 *
 * A server whose budget is exceeded is left out: none of its tenants is retried, and its others are
 * given up by the schedule; the run goes on.
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
    struct run_result *result;    /* outcomes, totals, halt, waves, servers: written here */
    const struct wave_plan *plan; /* NULL: one wave without rules */
    const struct wave *rules;     /* all waves of the file */
    struct run_wave *waves;       /* result->waves, or the state's own */
    size_t wave_count;
    struct run_server *servers; /* result->servers, or the state's own */
    enum run_phase phase;
    size_t in_work;
    bool halts;           /* an exceeded budget halts the run, or has a server left out */
    struct budget budget; /* the run's */
    struct budget *wave_budgets;
    struct budget *server_budgets;
    struct job_mark *marks; /* one a job */
};

/*
 * `result` has its jobs, and zeroed waves (one a group of request->waves) and servers (one a server
 * of the fleet); where one of these two is NULL, the state keeps its own. It lives as long as the
 * state. Owned by `parent`.
 */
struct run_state *run_state_new(const void *parent, const struct run_request *request,
                                struct run_result *result);

/*
 * Changes one job's state. To JOB_ENDED: its outcome follows from what it has (job->err, ...), and
 * is counted. When that exceeds a budget of a run that halts: the server is marked `left_out` (the
 * caller tells the schedule), or, if the run is going, result->halt is filled and the run drains.
 */
void run_state_change_job(struct run_state *state, size_t job, enum job_state to);

/* The same to JOB_ENDED for a job that is not in work here and has ended on another machine. */
void run_state_end_elsewhere(struct run_state *state, size_t job, enum outcome outcome);

/* What a job that is in work, or was not started, came to as far as is known by now. */
enum outcome run_state_outcome(const struct run_state *state, size_t job);

/* A job that is in work or waits is another machine's now, and is as if it had never been started
 * here. The caller makes its struct job anew. */
void run_state_lose(struct run_state *state, size_t job);

/* A wave is as was decided on another machine. A wave with tenants left to end keeps to `open`, and
 * what comes before that, until they have. False: so it stays as it is for now. */
bool run_state_follow_wave(struct run_state *state, size_t wave, enum run_wave_state to);

/* Changes a wave's state; nothing else follows from it but what may be started. */
void run_state_change_wave(struct run_state *state, size_t wave, enum run_wave_state to);

/* What a wave's state is to become now; as it is: it waits, for tenants or for the caller, who ends
 * `confirming`, `soaking` and `gated`. */
enum run_wave_state run_state_next_of_wave(const struct run_state *state, size_t wave);

void run_state_change_run(struct run_state *state, enum run_phase to);

/* Stops a wave that is confirming, soaking or gated, and, if the run is going, halts it with `rule`
 * ("gate", "confirm"): result->halt is filled and the run drains. */
void run_state_halt(struct run_state *state, size_t wave, const char *rule);

/* Halts a run that is going as was decided on another machine. */
void run_state_halt_elsewhere(struct run_state *state, const struct run_halt *halt);

/* Its time is over (window, max_duration): result->closed, and a run that is going drains. Nothing
 * happens while nothing is left to start, so it may be called at any time from then on. */
void run_state_close(struct run_state *state);

enum job_state run_state_of_job(const struct run_state *state, size_t job);

/* May a job that came back be tried again: would it help, has it attempts left, is the run going,
 * and its server not left out? */
bool run_state_may_retry(const struct run_state *state, size_t job);

/* How many jobs have not ended. */
size_t run_state_left(const struct run_state *state);
size_t run_state_left_in_wave(const struct run_state *state, size_t wave);

/* Is there nothing to do and to wait for any more? The caller then changes the run to RUN_OVER. */
bool run_state_is_done(const struct run_state *state);

#endif
