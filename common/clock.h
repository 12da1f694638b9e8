/*
 * clock.h: time. Intervals are measured on the monotonic clock, in milliseconds; the wall clock
 * is for people and reports. Tests replace both with clock_replace(). Any thread.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/base.h"

/* A deadline that never comes. */
#define CLOCK_NEVER INT64_MAX

/* Milliseconds of the monotonic clock / since 1970 UTC. */
int64_t clock_now_ms(void);
int64_t clock_wall_ms(void);

/* The moment `ms` from now; 0 or less = CLOCK_NEVER, as a limit of 0 means none. */
int64_t clock_deadline(int64_t ms);

/* What is left until `deadline`, for poll(2): -1 = never, 0 = passed, at most one hour. */
int clock_poll_timeout(int64_t deadline);

/* "2026-11-23T06:15:00.123Z" (24 characters) owned by `parent`. */
char *clock_iso(const void *parent, int64_t wall_ms);

/* For tests: both clocks come from these functions; NULL restores the system's. */
void clock_replace(int64_t (*now_ms)(void), int64_t (*wall_ms)(void));

#endif
