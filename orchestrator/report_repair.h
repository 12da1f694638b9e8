/*
 * report_repair.h: what a repair has put right, or would, and what is left.
 */
#ifndef ORCHESTRATOR_REPORT_REPAIR_H
#define ORCHESTRATOR_REPORT_REPAIR_H

#include "orchestrator/report.h"

#include <jansson.h>

/* After a JOB_REPAIR or JOB_REPAIR_PLAN run: tenants with the same repairs make one group. Its last
 * line is the totals line. */
int report_repair(const struct report *report, FILE *out) MUST_CHECK;

/* The repairs of a tenant, for the JSON report. */
json_t *report_repair_value(const struct job *job);

#endif
