/*
 * report_failures.h: the tenants of a run that are not where they should be, grouped by cause.
 * Shared by the text reports and the JSON report.
 */
#ifndef ORCHESTRATOR_REPORT_FAILURES_H
#define ORCHESTRATOR_REPORT_FAILURES_H

#include "common/strbuf.h"
#include "orchestrator/report.h"

/*
 * One cause: the same outcome, SQLSTATE, message, file and line. Where the messages differ only in
 * the tenant's own names they are one cause, and `message` says "<database>" in that place.
 */
struct report_failure {
    enum outcome outcome;
    const struct err *err; /* of the first tenant */
    const char *message;
    const struct job **jobs; /* in the run's order */
    size_t count;
};

/*
 * All causes: failed first, then unknown, conflict, held, locked, unreachable; in each the most
 * frequent first. Tenants that were cancelled have no cause of their own and are left out. Owned by
 * `parent`; the jobs are lent.
 */
struct report_failure *report_failures(void *parent, const struct run_result *result,
                                       size_t *ret_count);

/*
 * The same for people: the group, then detail, statement, hint, the state these tenants are in, and
 * what to type next; a blank line behind the last. The ten first causes, all with `verbose`.
 * Nothing when there is none.
 */
void report_failures_text(struct strbuf *out, const struct report *report);

#endif
