/*
 * report_junit.h: a run as test results in JUnit's XML, which build servers show.
 */
#ifndef ORCHESTRATOR_REPORT_JUNIT_H
#define ORCHESTRATOR_REPORT_JUNIT_H

#include "orchestrator/report.h"

/*
 * A suite a wave, or one for a run without waves; a case a tenant, its class the server. A tenant
 * that is failed, held or in conflict is a failure; one that could not be asked (unreachable,
 * locked, unknown) an error; a cancelled one is skipped.
 */
int report_junit(const struct report *report, FILE *out) MUST_CHECK;

#endif
