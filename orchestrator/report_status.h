/*
 * report_status.h: where each tenant stands, then how many tenants stand at which version.
 */
#ifndef ORCHESTRATOR_REPORT_STATUS_H
#define ORCHESTRATOR_REPORT_STATUS_H

#include "orchestrator/report.h"
#include "orchestrator/report_group.h"

/* After a JOB_INSPECT run. Its last line is the totals line. */
int report_status(const struct report *report, FILE *out) MUST_CHECK;

/*
 * The tenants whose history could be read, grouped by the highest applied version, newest first.
 * Owned by `parent`.
 */
struct report_group *report_status_versions(void *parent, const struct run_result *result,
                                            size_t *ret_count);

#endif
