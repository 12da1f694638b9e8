/*
 * hook.h: running one hook: a command, or SQL on a tenant's session. What it was and how it ended
 * is kept as a struct hook_run (job.h) for the reports.
 */
#ifndef WORKER_HOOK_H
#define WORKER_HOOK_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/command.h"
#include "common/environment.h"
#include "common/err.h"
#include "config/fleet.h"
#include "worker/job.h"
#include "worker/transaction.h"

/* The hooks of a run, ready to be run. Constant; any thread may read it. */
struct hooks {
    const char *file;                         /* fleet.yaml, for people */
    const char *folder;                       /* where commands run: that of fleet.yaml */
    const char *operation;                    /* "migrate" */
    const struct hook *list;                  /* by enum hook_point */
    const struct migration *sql[HOOK_POINTS]; /* cut into statements; NULL: not SQL */
};

/*
 * Cuts the SQL of the fleet's hooks into statements. ERR_CONFIG for what cannot be cut, or cannot
 * run in a transaction. *ret is owned by `parent` and points into `fleet`.
 */
int hook_prepare(void *parent, const struct fleet *fleet, const char *operation, struct hooks **ret,
                 struct err_list *errors) MUST_CHECK;

/* Whether there is anything to run at this point. `hooks` may be NULL: there are none. */
bool hook_given(const struct hooks *hooks, enum hook_point point);

/*
 * The same for one text of SQL. `what` names it in messages: "hook \"before_tenant\"". NULL: it
 * cannot be cut, see `errors`.
 */
const struct migration *hook_cut_sql(void *parent, const struct fleet *fleet,
                                     const struct hook *hook, const char *what,
                                     struct err_list *errors);

/* When a hook has to end. */
struct hook_limits {
    int64_t deadline; /* besides its own time-out; CLOCK_NEVER = none */
    int cancel_fd;    /* -1 = it is not cancelled with the run */
};

/*
 * Runs the hook's command. `env` is extended by PGTIDE_HOOK. *ret is filled in any case, its text
 * owned by `parent`. ERR_HOOK: it failed (place, last output); ERR_CANCELLED: cancel_fd.
 */
int hook_command(void *parent, const struct hooks *hooks, enum hook_point point,
                 struct environment *env, struct hook_limits limits, struct hook_run *ret,
                 struct err *err) MUST_CHECK;

/* A command like that of a hook. */
struct hook_program {
    const struct hook *hook;
    const char *what;   /* in messages: "hook before_run" */
    const char *file;   /* fleet.yaml, for people */
    const char *folder; /* where it runs */
};

/* The same for any such command, with `env` as it is; ret->point is HOOK_POINTS. */
int hook_run_program(void *parent, const struct hook_program *program,
                     const struct environment *env, struct hook_limits limits, struct hook_run *ret,
                     struct err *err) MUST_CHECK;

/*
 * Runs the hook's SQL in a transaction of its own on tx->session, with the tenant's settings and
 * variables. Kinds as of session_query, but ERR_HOOK for its time-out.
 */
int hook_sql(void *parent, const struct hooks *hooks, enum hook_point point,
             struct transactions *tx, struct hook_limits limits, struct hook_run *ret,
             struct err *err) MUST_CHECK;

/* For a message: the last lines of a command's output, in one line. Owned by `parent`; NULL: it
 * wrote nothing. */
char *hook_last_output(void *parent, const char *output, size_t len);

#endif
