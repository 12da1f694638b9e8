/*
 * closing.h: the moment after which no tenant is started any more: the end of the window, or
 * max_duration, whichever comes first.
 */
#ifndef ORCHESTRATOR_CLOSING_H
#define ORCHESTRATOR_CLOSING_H

#include "common/base.h"
#include "orchestrator/run.h"

/*
 * Fills in closes_wall_ms, closes_why, closes_at, opens_at and opens_wall_ms of a request that has
 * its config and plan, as of a run that starts now. Nothing for actions that only read. On the main
 * thread, before
 * any other is started (window.h). The texts are owned by `parent`.
 */
void closing_set(const void *parent, struct run_request *request);

/*
 * What stopped a run that was closed: "the window closed at 05:00 Europe/Berlin", "the window is
 * closed; it opens Tue 2026-11-24 01:00 Europe/Berlin", "max_duration (4h) has passed". Owned by
 * `parent`.
 */
char *closing_text(const void *parent, const struct run_request *request);

#endif
