/*
 * report_plan.h: what would run where, grouped by identical plan; with `verbose` also the SQL of
 * each pending migration.
 */
#ifndef ORCHESTRATOR_REPORT_PLAN_H
#define ORCHESTRATOR_REPORT_PLAN_H

#include "orchestrator/report.h"
#include "orchestrator/report_group.h"

/* After a JOB_INSPECT run. Its last line is the totals line. */
int report_plan(const struct report *report, FILE *out) MUST_CHECK;

/*
 * Tenants that have the same work before them, in the same order: all with something pending, held
 * ones too. The plan is jobs[0]->steps. The largest group first; owned by `parent`.
 */
struct report_group *report_plan_groups(void *parent, const struct run_result *result,
                                        size_t *ret_count);

#endif
