/*
 * harness.h: what every part of the test harness shares.
 *
 * The harness does not return errors: what it cannot do is a broken test environment, and the
 * test that asked for it fails there and then, with a message that says what was tried.
 */
#ifndef TESTS_HARNESS_HARNESS_H
#define TESTS_HARNESS_HARNESS_H

#include "common/base.h"

/* Ends the test: "harness: MESSAGE" to stderr, abort(). */
NORETURN void harness_die(const char *format, ...) PRINTF_LIKE(1, 2);

/* Waits `ms` milliseconds. For polling loops only: tests wait for events, not for time. */
void harness_pause(int ms);

#endif
