/*
 * wave_request.h: the waves of a request: who is in which, and their gates. Nothing is connected
 * to. Main thread.
 *
 * Commands that change tenants go wave by wave. Those that only look have waves so that people see
 * them; they ask all tenants at once, and a tenant that fits no wave keeps none but a plan from
 * being made. Those that change histories alone (baseline, repair) have none.
 */
#ifndef ORCHESTRATOR_WAVE_REQUEST_H
#define ORCHESTRATOR_WAVE_REQUEST_H

#include "common/err.h"
#include "orchestrator/run.h"
#include "orchestrator/selection.h"

/* A seed for waves that are ordered at random. */
int64_t wave_request_seed(void);

/* False: baseline and repair, and their dry runs. */
bool wave_request_knows_waves(enum job_action action);

/*
 * Fills in request->waves, whose tenants are `selected`, and its gates. ERR_CONFIG, see
 * selection_deal() and gate_prepare(). Owned by `parent`.
 */
int wave_request_deal(void *parent, const struct selection *selection,
                      const struct selected *selected, struct run_request *request,
                      struct err_list *errors) MUST_CHECK;

/* The gates alone, of a request that has its waves. */
int wave_request_gates(void *parent, struct run_request *request,
                       struct err_list *errors) MUST_CHECK;

#endif
