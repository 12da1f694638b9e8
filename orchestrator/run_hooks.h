/*
 * run_hooks.h: the hooks of a run: before_run, on_halt, after_run. On the coordinator's thread,
 * which waits for them; what they did is added to result->hooks.
 *
 * `signal_fd` is readable once a signal has come: then a hook is ended. Nothing is done where
 * request->plan.hooks has none.
 */
#ifndef ORCHESTRATOR_RUN_HOOKS_H
#define ORCHESTRATOR_RUN_HOOKS_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/run.h"

/* The longest that before_run may take, or an hour where it may take any time; 0: there is none. */
int64_t run_hooks_before_most_ms(const struct run_request *request);

/* ERR_INTERNAL when it failed: nothing may be started then. One that a signal has ended has not. */
int run_hooks_before(const struct run_request *request, struct run_result *result, int signal_fd,
                     struct err *err) MUST_CHECK;

/* on_halt where the run was halted, then after_run. `exit_code` is that of the run so far. */
void run_hooks_after(const struct run_request *request, struct run_result *result, int signal_fd,
                     int exit_code);

#endif
