/*
 * operation.h: what the commands that touch tenants have in common: read the whole input, select,
 * run, report.
 *
 * Everything is read and checked before anything is connected to. One operation a process, on the
 * main thread.
 */
#ifndef ORCHESTRATOR_OPERATION_H
#define ORCHESTRATOR_OPERATION_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/options.h"
#include "orchestrator/report.h"
#include "orchestrator/run.h"

/* What makes one command different from another. */
struct operation_kind {
    const char *name; /* for reports: "migrate" */
    enum job_action action;
    bool halts;       /* budgets count */
    bool seeds;       /* seeds whether or not --seed is given */
    bool ask_require; /* JOB_INSPECT: ask the require queries too */
    int (*report)(const struct report *report, FILE *out); /* the text report */
    /* What to ask before it begins, unless --yes is given; NULL: nothing. Owned by `parent`. */
    char *(*question)(void *parent, const struct run_request *request);
    /* The read-only kind that shows what would be done before the question; NULL: none does. */
    const struct operation_kind *preview;
    /* Fills in more of the request, whose catalog is loaded; NULL: nothing. */
    int (*prepare)(void *parent, const struct options *options, struct run_request *request,
                   struct err_list *errors);
    const struct run_observer *observer; /* of its own; NULL: none */
    /* The command's own exit code, given that of the run; NULL: that of the run. */
    int (*exit_code)(const struct options *options, const struct run_result *result, int run_code);
};

/*
 * From the options to the reports. Gives the exit code; or -1 with `errors`, and no tenant was
 * touched then.
 */
int operation_perform(const struct options *options, const struct operation_kind *kind,
                      struct err_list *errors) MUST_CHECK;

/* An exit_code: 6 when a tenant does not fit (OUTCOME_CONFLICT), unless the run was stopped. */
int operation_mismatch_code(const struct options *options, const struct run_result *result,
                            int run_code);

/* The exit_code of status and plan: 2 when something is pending and --exit-code was given. */
int operation_pending_code(const struct options *options, const struct run_result *result,
                           int run_code);

#endif
