/*
 * report_waves.h: waves in reports: how far each came, what its gate said, and in a plan who is in
 * it. Nothing for a run without waves.
 */
#ifndef ORCHESTRATOR_REPORT_WAVES_H
#define ORCHESTRATOR_REPORT_WAVES_H

#include "common/strbuf.h"
#include "orchestrator/report.h"

#include <jansson.h>

/* "passed", "stopped", ... Constant. */
const char *report_waves_state(enum run_wave_state state);

/* A line a wave, and why one was stopped. */
void report_waves_text(struct strbuf *out, const struct report *report);

/* The table of a plan: who is in it, in which order, when it begins and how it ends. */
void report_waves_plan(struct strbuf *out, const struct report *report);

/* The list "waves" of the JSON report. */
json_t *report_waves_value(const struct report *report);

#endif
