/*
 * run.h: a run as data: what is asked for, and what it came to. Filled by the commands (request)
 * and the coordinator (result); read by progress and reports.
 */
#ifndef ORCHESTRATOR_RUN_H
#define ORCHESTRATOR_RUN_H

#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"
#include "orchestrator/schedule.h"
#include "orchestrator/wave_plan.h"
#include "worker/gate.h"
#include "worker/job.h"

struct run_whole;  /* run_whole.h */
struct shared_run; /* shared_run.h */

/* How waves with `confirm: true` get their yes. */
struct run_consent {
    bool given; /* --yes: nobody is asked */
    int in_fd;  /* else who is asked, if both are a terminal */
    int out_fd;
};

/* What the coordinator is asked to do. Constant during the run. */
struct run_request {
    const char *operation; /* the command's name, for reports: "migrate" */
    const struct fleet *fleet;
    struct run_config config;            /* fleet.run with the command line's values on top */
    struct job_plan plan;                /* plan.cancel_fd is set by the coordinator */
    const struct tenant *const *tenants; /* the selected, active ones in inventory order */
    size_t tenant_count;
    const struct wave_plan *waves;   /* of these tenants */
    const struct gate *const *gates; /* one a group of waves, NULL: that one has none; NULL: none
                                        at all */
    struct run_consent consent;
    int64_t closes_wall_ms; /* window or max_duration: no tenant is started after it; 0 = none */
    const char *closes_why; /* "max_duration", "window" */
    const char *closes_at;  /* for people: "05:00 Europe/Berlin"; NULL: only the above is known */
    const char *opens_at;   /* outside the window, where nothing is started: "Tue 2026-11-24 01:00
                               Europe/Berlin"; else NULL */
    int64_t opens_wall_ms;  /* the same moment; 0 = inside, or never */
    const int64_t *expected_ms; /* by tenant: how long it will take, by the ledger; -1 = not known;
                                   NULL: nothing is known */
    const char *origin;         /* id of the run that this one goes on with, or NULL */
    const char *origin_kind;    /* "resume", "retry" */
    const struct run_whole *whole; /* what percentages of budgets are of; NULL: its own tenants */
    int per_server; /* from the command line: the cap of every server; 0 = each server's own */
    struct shared_run *shared; /* of a run that machines share, shared_run.h; NULL: it is not */
    bool halts; /* false for status, plan, validate: every tenant is asked, budgets do not count */
};

/* Why a run halted. */
struct run_halt {
    bool halted;
    const char *rule;        /* "max_failures", "max_unreachable", "max_locked", "max_held", "gate",
                                "confirm" */
    struct text_size limit;  /* as configured */
    int64_t tolerated;       /* the limit as a number of tenants */
    int64_t failures;        /* that counted when it halted: one more than tolerated */
    int64_t in_work;         /* tenants in work at that moment */
    const struct wave *wave; /* whose budget, gate or confirm it was; NULL: the run's */
};

/* How far a wave is. */
enum run_wave_state {
    RUN_WAVE_WAITING,    /* for those that it depends on */
    RUN_WAVE_CONFIRMING, /* for the person at the terminal */
    RUN_WAVE_OPEN,       /* its tenants are started */
    RUN_WAVE_SOAKING,    /* all have ended; they are looked at for a time */
    RUN_WAVE_GATED,      /* its gate is asked */
    RUN_WAVE_PASSED,
    RUN_WAVE_STOPPED, /* by its gate, its budget, or for want of a confirmation */
};

struct run_wave_no { /* a tenant whose answer to the gate's query was not yes */
    const struct tenant *tenant;
    const char *answer; /* "false", "NULL or no row", or why it could not be asked */
};

struct run_wave {
    enum run_wave_state state;
    size_t totals[OUTCOME_COUNT];
    int64_t started_wall_ms;        /* 0 = never */
    int64_t finished_wall_ms;       /* passed or stopped; 0 = not yet */
    int64_t soak_until_ms;          /* clock_now_ms() scale, while soaking */
    struct hook_run gate;           /* the last look of its gate; of no hook_point */
    int64_t gate_looks;             /* how often it was asked */
    const struct run_wave_no *noes; /* of the last look, of a gate that is SQL */
    size_t no_count;
    const char
        *problem; /* why it was stopped by its gate, or for want of a confirmation; or NULL */
};

/* How a server of the fleet stands, as long as the run goes on. */
struct run_server {
    struct schedule_server schedule; /* as of the last tick */
    const char *waits_for;           /* on hold: "replica lag 14s (10s)"; NULL: it is not */
    bool left_out;                   /* its max_failures is spent, or it cannot be watched: */
    const char *blind;               /* why not; else NULL */
    int64_t failures;                /* that counted in it */
};

struct run_result {
    const char *run_id; /* "20261123T061500Z-4f2a" */
    int64_t started_wall_ms;
    int64_t finished_wall_ms;
    int64_t duration_ms;
    struct job *jobs; /* one a selected tenant, in the request's order */
    size_t job_count;
    size_t totals[OUTCOME_COUNT]; /* OUTCOME_NONE: not ended yet; together the job_count */
    struct run_halt halt;
    struct run_wave *waves; /* one a group of request->waves */
    size_t wave_count;
    struct run_server *servers; /* one a server of the fleet */
    bool closed;                /* window or max_duration: not all tenants were started */
    int signal;                 /* SIGINT or SIGTERM that stopped it, or 0 */
    bool left;                  /* a run that machines share: the others may go on with it */
    size_t machines;            /* alive in a run that machines share; else 0 */
    size_t in_work_all;         /* tenants in work on all of them */
    bool refused;               /* the hook before_run has failed: nothing was started */
    const char *refusal;        /* why, where it was read from a record */
    struct hook_run *hooks;     /* of the run; those of tenants are in their jobs */
    size_t hook_count;
    size_t hook_capacity;
};

/* A run id of this moment: sortable, UTC, with four random hex digits. Owned by `parent`. */
char *run_make_id(void *parent);

/* Releases the jobs. The result itself belongs to the parent given to coordinator_run(). */
void run_result_release(struct run_result *result);

/* "succeeded", "partial", "halted", "interrupted", or "not started". */
const char *run_result_name(const struct run_result *result);

/*
 * The exit code for a run's result: 130/143, 4, 3, then 1 where a hook of the run
 * has failed, or 0. (2 and 6 are the read-only commands' own.)
 */
int run_exit_code(const struct run_request *request, const struct run_result *result);

/*
 * Who is told what happens, as it happens, on the coordinator's thread. Each function may be NULL.
 * A job is readable during the call only.
 */
struct run_observer {
    void *arg;
    void (*started)(void *arg, const struct run_request *request, const struct run_result *so_far);
    void (*job_started)(void *arg, const struct job *job); /* each attempt: see job->attempt */
    void (*job_retry)(void *arg, const struct job *job, int64_t delay_ms); /* job->err says why */
    void (*job_ended)(void *arg, const struct job *job, const struct run_result *so_far);
    void (*hook)(void *arg, const struct job *job, /* NULL: of the run */
                 const struct hook_run *hook);
    void (*wave_changed)(void *arg, const struct run_result *so_far,
                         size_t wave); /* its state; or, while it soaks, its gate was passed */
    void (*server_changed)(void *arg, const struct run_result *so_far, size_t server);
    void (*halted)(void *arg, const struct run_halt *halt);
    void (*signalled)(void *arg, int signal, int count); /* 1 = draining, 2 = cancelling */
    void (*tick)(void *arg, const struct run_result *so_far,
                 size_t in_work); /* about every 100 ms */
    void (*finished)(void *arg, const struct run_result *result);
};

#endif
