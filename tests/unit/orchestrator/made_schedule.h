/*
 * made_schedule.h: a schedule of a made fleet, and short ways to ask it, for its tests.
 */
#ifndef TESTS_MADE_SCHEDULE_H
#define TESTS_MADE_SCHEDULE_H

#include "orchestrator/schedule.h"
#include "tests/unit/orchestrator/made_fleet.h"

#define NONE SIZE_MAX

/* Of the fleet and its waves; wave 0 is open. `per_server` 0: each server's own. */
struct schedule *made_schedule(const struct made_fleet *made, int workers, int per_server);

/* The next job to start, or to give up; NONE. */
size_t made_next(struct schedule *schedule, int64_t now_ms);
size_t made_given_up(struct schedule *schedule);

#endif
