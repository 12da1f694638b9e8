/*
 * progress.h: what people see on standard error while a run is going on. A run_observer.
 *
 * On a terminal the last rows (progress_block.h), redrawn at each tick with one write, failures
 * printed above them as they happen. Without one a line per tenant that is not `current`, per step
 * of a wave, and per server that is put on hold, full, down or left out, or goes on again. Quiet:
 * failures only. Runs that only read (JOB_INSPECT) print no such lines: their report says it all.
 */
#ifndef ORCHESTRATOR_PROGRESS_H
#define ORCHESTRATOR_PROGRESS_H

#include "orchestrator/run.h"

enum progress_mode {
    PROGRESS_BAR,
    PROGRESS_LINES,
    PROGRESS_QUIET,
};

struct progress_options {
    int fd; /* standard error */
    enum progress_mode mode;
    bool verbose;         /* also retries and tenants that are current */
    bool summary_follows; /* in the same file: failures without their messages, which it tells */
    bool color;           /* report_color_wanted(stderr, ...) */
    bool utf8;            /* report_utf8() */
};

struct progress;

/* PROGRESS_BAR only when `fd` is a terminal that can draw one (not TERM=dumb). */
enum progress_mode progress_choose(int fd, bool quiet, bool no_progress);

/* Do both lead to the same file or pipe? Never of terminals: there people read as it happens. */
bool progress_same_file(int fd, int other);

/* Owned by `parent`. */
struct progress *progress_new(void *parent, const struct progress_options *options);

/* To be given to coordinator_run; lives as long as the progress. */
const struct run_observer *progress_observer(const struct progress *progress);

#endif
