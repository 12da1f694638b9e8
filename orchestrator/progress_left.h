/*
 * progress_left.h: how long a run will still take, by how long its tenants took before. Pure.
 */
#ifndef ORCHESTRATOR_PROGRESS_LEFT_H
#define ORCHESTRATOR_PROGRESS_LEFT_H

#include "orchestrator/estimate.h"
#include "orchestrator/run.h"

/*
 * Milliseconds until all tenants have ended, soaking included: no wave is faster than its slowest
 * server, its longest tenant, or its work divided by its workers. -1: nobody knows.
 * `now_ms` and `wall_ms` are the two clocks' (common/clock.h).
 */
int64_t progress_left_ms(const struct run_request *request, const struct run_result *so_far,
                         const struct estimate *estimate, int64_t now_ms, int64_t wall_ms);

#endif
