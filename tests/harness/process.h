/*
 * process.h: runs programs for tests, in the foreground or in the background.
 *
 *     const struct process_result *run = process_run(ctx, &(struct process_spec){
 *         .argv = (const char *const[]){"psql", "-c", "SELECT 1", NULL}});
 *     cr_assert_eq(run->exit_code, 0, "%s", run->err);
 *
 * A program started here never outlives the test: it is killed when its `struct process` is freed
 * and, by the kernel, when the test's process ends. Use from the main thread.
 */
#ifndef TESTS_HARNESS_PROCESS_H
#define TESTS_HARNESS_PROCESS_H

#include "common/base.h"

#include <sys/types.h>

struct process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
    const char *const *env;  /* NULL, or NULL-terminated changes: "NAME=value", "NAME" = unset */
    const char *cwd;         /* NULL = ours */
    const char *input;       /* standard input; NULL = empty */
    const char *user;        /* run as this user (we are root then); NULL = as we are */
    const char *output_file; /* both streams are appended here instead of being captured */
    int64_t timeout_ms;      /* from the start; killed after it; 0 = one minute */
    const char *tag;         /* anything; process_tag() gives it back */
    int death_signal;        /* what it gets when our process ends; 0 = SIGKILL */
};

struct process_result {
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* that signal, or 0 */
    bool timed_out;
    char *out; /* standard output, the first 16 MiB; never NULL */
    char *err; /* standard error, likewise */
    size_t out_len;
    size_t err_len;
    int64_t elapsed_ms;
    int64_t cpu_ms;  /* user and system time */
    int64_t peak_kb; /* resident memory; not below that of the test program itself */
};

struct process;

/* Starts it; the handle is owned by `parent`. Dies where the program cannot be executed. */
struct process *process_start(void *parent, const struct process_spec *spec);

pid_t process_pid(const struct process *process);
const char *process_tag(const struct process *process); /* NULL: none */
bool process_running(struct process *process);

/* To the program alone, not to its children. False: it had ended already. */
bool process_signal(struct process *process, int signal);

/* What it wrote so far. Owned by `process`. */
const char *process_output(struct process *process);
const char *process_errors(struct process *process);

/* Until one of its two streams contains `text`. False: ended, or `timeout_ms` passed, without. */
bool process_wait_text(struct process *process, const char *text, int64_t timeout_ms);

/* Until it ends or its time is up. The result is owned by `process`; may be called again. */
const struct process_result *process_wait(struct process *process);

/* Both in one. */
const struct process_result *process_run(void *parent, const struct process_spec *spec);

/* process_run() of a harness's helper that must succeed: dies with its output otherwise. */
const struct process_result *process_must_run(void *parent, const struct process_spec *spec);

#endif
