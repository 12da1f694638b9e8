/*
 * coordinator.h: carries out one run: hand out, collect, change state, decide, tell the observers.
 */
#ifndef ORCHESTRATOR_COORDINATOR_H
#define ORCHESTRATOR_COORDINATOR_H

#include "orchestrator/run.h"
#include "worker/pool.h"

/*
 * Runs `request` to its end, on the calling (main) thread; starts and joins its workers.
 * `observers` is an array of `observer_count`. -1 only when it could not run at all (no thread
 * could be started, ...): no tenant was touched then. ret is owned by `parent`; its jobs are
 * released with run_result_release(), before the request goes.
 */
int coordinator_run(void *parent, const struct run_request *request,
                    const struct run_observer *const *observers, size_t observer_count,
                    struct run_result **ret, struct err *err) MUST_CHECK;

/* The same with another way to process a `struct job *` than attempt_run(): for tests. */
int coordinator_run_with(void *parent, const struct run_request *request,
                         const struct run_observer *const *observers, size_t observer_count,
                         pool_process_fn *process, struct run_result **ret,
                         struct err *err) MUST_CHECK;

#endif
