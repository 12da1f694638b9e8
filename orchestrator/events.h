/*
 * events.h: --events: what happens in a run, as it happens, as JSON Lines. A run_observer.
 *
 * Every line is an object with `event`, `time` and `run`; docs/events.schema.json has the rest.
 */
#ifndef ORCHESTRATOR_EVENTS_H
#define ORCHESTRATOR_EVENTS_H

#include "orchestrator/report.h"
#include "orchestrator/run.h"

struct events;

/* `path` as in event_stream_open(). Owned by `parent`, and closed with it. */
int events_open(void *parent, const char *path, struct events **ret, struct err *err) MUST_CHECK;

/* Which run it is about, from before it begins. The request lives as long as the events. */
void events_begin(struct events *events, const struct run_request *request);

const struct run_observer *events_observer(const struct events *events);

/* The last line: the run has ended, and the process will with report->exit_code; or it did not
 * begin. Waits a moment for a slow reader. */
void events_finished(struct events *events, const struct report *report);
void events_refused(struct events *events, const struct err *err);

#endif
