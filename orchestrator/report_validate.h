/*
 * report_validate.h: what `validate --connect` found: the conflicts between histories and catalog,
 * and the tenants that could not be asked.
 */
#ifndef ORCHESTRATOR_REPORT_VALIDATE_H
#define ORCHESTRATOR_REPORT_VALIDATE_H

#include "orchestrator/report.h"

/* After a JOB_INSPECT run. Its last line is the totals line. */
int report_validate(const struct report *report, FILE *out) MUST_CHECK;

#endif
