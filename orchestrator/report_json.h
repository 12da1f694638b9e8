/*
 * report_json.h: the JSON report (docs/report.schema.json) of any operation.
 */
#ifndef ORCHESTRATOR_REPORT_JSON_H
#define ORCHESTRATOR_REPORT_JSON_H

#include "orchestrator/report.h"

/*
 * Writes the whole report as one JSON object with a line end. Tenants are written one by one, so
 * memory does not grow with the fleet. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
 */
int report_json(const struct report *report, FILE *out) MUST_CHECK;

#endif
