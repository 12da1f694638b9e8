/*
 * report_csv.h: a line a tenant, for spreadsheets.
 */
#ifndef ORCHESTRATOR_REPORT_CSV_H
#define ORCHESTRATOR_REPORT_CSV_H

#include "orchestrator/report.h"

/* A head line, then all tenants in the run's order. Names and values as in the JSON report; what is
 * null there is empty here. */
int report_csv(const struct report *report, FILE *out) MUST_CHECK;

#endif
