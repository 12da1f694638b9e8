/*
 * report_file.h: --report FILE: a report in a file, in the format its ending names.
 */
#ifndef ORCHESTRATOR_REPORT_FILE_H
#define ORCHESTRATOR_REPORT_FILE_H

#include "common/err.h"
#include "orchestrator/report.h"

/*
 * Before the run: is the ending one that can be written (.json .html .md .csv .xml .prom), and is
 * the folder there and writable? ERR_USAGE or ERR_NOINPUT otherwise, so that a run does not end
 * without its report.
 */
int report_file_check(const char *path, struct err *err) MUST_CHECK;

/*
 * Writes the report to a temporary file beside `path` and renames it: whoever reads `path` sees
 * the old report or the whole new one. ERR_INTERNAL with the reason. The path has passed the check.
 */
int report_file_write(const struct report *report, const char *path, struct err *err) MUST_CHECK;

#endif
