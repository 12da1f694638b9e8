/*
 * command.h: runs a program of the user's: no shell, empty standard input, a limit of time, its
 * output kept. Any thread.
 *
 * The program gets none of our file descriptors but 0 to 2, no blocked or ignored signals, and a
 * process group of its own unless `shares_group`. Nothing is left of it when its time is up: the
 * whole group gets SIGTERM and after `grace_ms` SIGKILL. A program that ends in time may leave
 * children behind; they are not waited for, even where they hold its output open.
 */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

#include "common/base.h"
#include "common/err.h"

struct command_spec {
    const char *const *argv; /* ends in NULL; without a slash, argv[0] is looked for in PATH */
    const char *const *env;  /* "NAME=value", ends in NULL: all of it; NULL = ours */
    const char *folder;      /* where it runs, also for a relative argv[0]; NULL = ours */
    int64_t limit_ms;        /* 0 = none */
    int64_t grace_ms;        /* from SIGTERM to SIGKILL; 0 = SIGKILL at once */
    int cancel_fd;           /* readable = end it as if its time were up; -1 = none */
    size_t output_most;      /* bytes of output that are kept, at least 1 */
    bool refuse_more;        /* more output than that: kill it; else the last bytes are kept */
    bool keep_errors;        /* standard error is kept with the output, else passed through */
    bool shares_group;       /* may use our terminal; when killed, its children are not */
};

enum command_end {
    COMMAND_EXITED,    /* number: exit status */
    COMMAND_SIGNALLED, /* number: the signal; it was not ours */
    COMMAND_LATE,      /* its time was up */
    COMMAND_CANCELLED, /* cancel_fd */
    COMMAND_WORDY,     /* refuse_more */
};

struct command_result {
    enum command_end end;
    int number;
    int64_t duration_ms;
    char *output; /* ends in a NUL that is not counted; owned by the parent given */
    size_t output_len;
    bool output_cut; /* there was more before it */
};

/* The usual time from SIGTERM to SIGKILL. */
#define COMMAND_GRACE_MS 5000

/*
 * Runs it to its end. ERR_INTERNAL only where it could not be started; whatever it did afterwards
 * is in *ret.
 */
int command_run(const void *parent, const struct command_spec *spec, struct command_result *ret,
                struct err *err) MUST_CHECK;

/* It exited with status 0. */
bool command_succeeded(const struct command_result *result);

/*
 * What became of it, to be put behind its name: "failed with exit status 3", "was not done after
 * 30s and was killed". `limit_ms` as in its spec. Owned by `parent`.
 */
char *command_result_text(const void *parent, const struct command_result *result,
                          int64_t limit_ms);

#endif
