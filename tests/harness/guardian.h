/*
 * guardian.h: cleans up after a test that could not.
 *
 * A test may fail half-way, crash, or be killed. The first call forks a small process, the
 * guardian, that holds the read end of a pipe whose only writer is this process. When the pipe
 * closes, for whatever reason, it stops the servers whose pid files lie in the watched folders, and
 * removes the folders.
 */
#ifndef TESTS_HARNESS_GUARDIAN_H
#define TESTS_HARNESS_GUARDIAN_H

#include "common/base.h"

/* `folder` will not outlive this process. Absolute path without line ends. Main thread. */
void guardian_watch(const char *folder);

#endif
