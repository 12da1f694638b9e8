/*
 * password.h: passwords from outside fleet.yaml: a file, or a program's output. No message ever
 * holds one, nor the program's arguments, which may be secret too.
 */
#ifndef CONFIG_PASSWORD_H
#define CONFIG_PASSWORD_H

#include "common/base.h"
#include "common/err.h"

/*
 * The first line of the file at `path`, owned by `parent`. *ret_shared: others than its owner may
 * read it. ERR_CONFIG where it cannot be read or the line is empty.
 */
int password_read_file(const void *parent, const char *path, char **ret, bool *ret_shared,
                       struct err *err) MUST_CHECK;

/*
 * Runs `argv` (NULL-terminated; no shell; the program is looked for in PATH) with empty standard
 * input, and gives what it wrote to standard output without the last line end, owned by `parent`.
 * Standard error is passed through. After `limit_ms`, or when `cancel_fd` (-1 = none) is readable,
 * it is ended. ERR_INTERNAL where it cannot be
 * run, fails, is late, or gives nothing.
 */
int password_run_command(const void *parent, const char *const *argv, int64_t limit_ms,
                         int cancel_fd, char **ret, struct err *err) MUST_CHECK;

#endif
