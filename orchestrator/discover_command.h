/*
 * discover_command.h: tenants that are the lines of a program's output. Main thread.
 */
#ifndef ORCHESTRATOR_DISCOVER_COMMAND_H
#define ORCHESTRATOR_DISCOVER_COMMAND_H

#include "orchestrator/discover_entry.h"

/*
 * Runs its program, at most for the entry's timeout. ERR_INTERNAL: it failed. ERR_DATA: a line is
 * wrong.
 */
int discover_command_read(struct discover_entry *entry, struct err *err) MUST_CHECK;

#endif
