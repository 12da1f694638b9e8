/*
 * report_verify.h: which verify queries are not true, and where.
 */
#ifndef ORCHESTRATOR_REPORT_VERIFY_H
#define ORCHESTRATOR_REPORT_VERIFY_H

#include "orchestrator/report.h"

/* After a JOB_VERIFY run. Its last line is the totals line. */
int report_verify(const struct report *report, FILE *out);

#endif
