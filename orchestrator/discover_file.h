/*
 * discover_file.h: tenants that are the rows of a CSV file. Main thread.
 */
#ifndef ORCHESTRATOR_DISCOVER_FILE_H
#define ORCHESTRATOR_DISCOVER_FILE_H

#include "orchestrator/discover_entry.h"

/*
 * Reads its file. ERR_NOINPUT: it cannot be read. ERR_DATA with file and line: it is wrong.
 */
int discover_file_read(struct discover_entry *entry, struct err *err) MUST_CHECK;

#endif
