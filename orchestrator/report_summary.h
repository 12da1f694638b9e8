/*
 * report_summary.h: what a run came to, for people: failures grouped by cause with the state of the
 * tenants and what to type next, the halt, the totals line.
 */
#ifndef ORCHESTRATOR_REPORT_SUMMARY_H
#define ORCHESTRATOR_REPORT_SUMMARY_H

#include "orchestrator/report.h"

/* After `migrate` and `seed`. Its last line is the totals line. */
int report_summary(const struct report *report, FILE *out) MUST_CHECK;

#endif
