/*
 * signals.h: SIGINT, SIGTERM and SIGHUP as something to poll(2), graded: the first drains the run,
 * the second cancels the running statements, the third leaves at once.
 *
 * A terminal that goes away often sends SIGHUP more than once, so it never counts as a second one;
 * and where it is ignored already (nohup) it stays ignored.
 *
 * The only place that reads signals. Main thread.
 */
#ifndef ORCHESTRATOR_SIGNALS_H
#define ORCHESTRATOR_SIGNALS_H

#include "common/base.h"
#include "common/err.h"

struct signals;

/* From now on these signals are kept for signals_read. Call it before any thread is started. */
int signals_open(void *parent, struct signals **ret, struct err *err) MUST_CHECK;

/* Everything as it was before; a signal that nobody read is forgotten. NULL is allowed. */
void signals_close(struct signals *signals);

/*
 * For work before a run: closes, and lets a signal that came end the process as ever, with a note
 * that no tenant was touched. Returns when none came.
 */
void signals_obey(struct signals *signals);

int signals_fd(const struct signals *signals);        /* readable: a signal waits to be read */
int signals_cancel_fd(const struct signals *signals); /* readable from the second signal on */

/*
 * The next signal that came and counts, or 0; never blocks. The second makes the cancel
 * descriptor readable. The third does not return: the process ends with 128 + its number. That is
 * harmless: the servers roll back what was not committed.
 */
int signals_read(struct signals *signals);

/* "SIGTERM". Constant. */
const char *signals_name(int signal);

int signals_count(const struct signals *signals); /* how many were read */

#endif
