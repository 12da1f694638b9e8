/*
 * message.h: errors, warnings and notes on standard error, in one form:
 *
 *     pgtide: error: no tenant is selected
 *     hint: Did you mean "store-0001"?
 *
 * and for errors in a file "fleet.yaml:12:5: message", which editors can follow. Control characters
 * in what they quote are shown as \xHH. Main thread.
 */
#ifndef ORCHESTRATOR_MESSAGE_H
#define ORCHESTRATOR_MESSAGE_H

#include "common/base.h"
#include "common/err.h"

/* One error; all of a list, and behind several how many. */
void message_error(const struct err *err);
void message_errors(const struct err_list *errors);

void message_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void message_note(const char *format, ...) PRINTF_LIKE(1, 2);

/*
 * Flushes stdout. Where that fails, or `failed` says that a write has (errno is set), says so once:
 * results that were not written are no success, so the exit code `code` becomes 1 if it was 0.
 * A reader that has left has seen what it wanted: not a word then, and 0 becomes 141, as of a
 * program that SIGPIPE ends.
 */
int message_stdout(bool failed, int code);

/* The exit code for a list of errors: the highest of theirs, as 78 is before 66 before 65. */
int message_exit_code(const struct err_list *errors);

#endif
