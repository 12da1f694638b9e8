/*
 * report_hooks.h: hooks that were run, in reports.
 */
#ifndef ORCHESTRATOR_REPORT_HOOKS_H
#define ORCHESTRATOR_REPORT_HOOKS_H

#include "common/strbuf.h"
#include "orchestrator/report.h"

#include <jansson.h>

/* A list for the JSON report: a tenant's, or the run's. */
json_t *report_hooks_value(const struct hook_run *hooks, size_t count);

/* `hook after_run: "./x" failed with exit status 3; its output: ...`, or `hook x done in 1.2s`. */
void report_hooks_text(struct strbuf *out, const struct hook_run *hook);

#endif
