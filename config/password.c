/*
 * password.c: a password from a file or a program.
 */
#include "config/password.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Longer ones are not passwords but a mistake (libpq's own limit is 1024 in a password file). */
enum { LONGEST = 8192 };

/* How often a program that keeps its output open is looked at. */
enum { LOOK_MS = 20 };

/* --- a file ----------------------------------------------------------------------------------- */

/* Reads up to `size` bytes until the end; -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;

    while (len < size && got != 0) {
        got = read(fd, bytes + len, size - len);
        if (got < 0 && errno != EINTR)
            return -1;
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

int password_read_file(const void *parent, const char *path, char **ret, bool *ret_shared,
                       struct err *err)
{
    char bytes[LONGEST];
    struct stat status = {0};
    ssize_t len = -1;
    size_t line;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &status) == 0)
        len = read_all(fd, bytes, sizeof(bytes));
    if (len < 0)
        err_set(err, ERR_CONFIG, "cannot read password file \"%s\": %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return -1;
    for (line = 0; line < (size_t)len && bytes[line] != '\n' && bytes[line] != '\0'; line++)
        ;
    if (line > 0 && line < (size_t)len && bytes[line] == '\n' && bytes[line - 1] == '\r')
        line--;
    if (line == sizeof(bytes))
        return err_set(err, ERR_CONFIG, "the first line of password file \"%s\" is too long", path);
    if (line < (size_t)len && bytes[line] == '\0')
        return err_set(err, ERR_CONFIG, "password file \"%s\" has a NUL character", path);
    if (line == 0)
        return err_set(err, ERR_CONFIG, "the first line of password file \"%s\" is empty", path);
    *ret_shared = (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
    *ret = mem_strndup(parent, bytes, line);
    explicit_bzero(bytes, sizeof(bytes));
    return 0;
}

/* --- a program -------------------------------------------------------------------------------- */

/* Starts it with its standard output on a pipe; *ret_fd is the end to read. */
static int start(const char *const *argv, pid_t *ret_pid, int *ret_fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t usual;
    int ends[2];
    int problem;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    problem = posix_spawnp(ret_pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv,
                           environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    if (problem)
        close(ends[0]);
    *ret_fd = ends[0];
    return problem;
}

struct output {
    char bytes[LONGEST];
    size_t len;
    bool ended;
};

/* Waits a moment for output and takes it. */
static void take_output(int fd, struct output *out)
{
    struct pollfd poll_fd = {.fd = out->ended ? -1 : fd, .events = POLLIN};
    ssize_t got;

    if (poll(&poll_fd, 1, LOOK_MS) <= 0)
        return;
    got = read(fd, out->bytes + out->len, sizeof(out->bytes) - out->len);
    if (got > 0)
        out->len += (size_t)got;
    else if (got == 0 || errno != EINTR)
        out->ended = true;
}

/* Where the parent made us ignore SIGCHLD, the kernel keeps no status: then the output counts. */
static bool has_ended(pid_t pid, int *status)
{
    pid_t got = waitpid(pid, status, WNOHANG);

    if (got < 0 && errno == ECHILD)
        *status = 0;
    return got == pid || (got < 0 && errno == ECHILD);
}

/*
 * Reads until the program has ended, not until the pipe has: a child that it leaves behind may
 * hold the pipe open for good. Returns its wait status, or -1: killed, as it was late or wrote too
 * much.
 */
static int watch(pid_t pid, int fd, int64_t deadline, struct output *out)
{
    int status = -1;
    bool gone = false;

    while (!gone && out->len < sizeof(out->bytes) && clock_now_ms() < deadline) {
        gone = has_ended(pid, &status);
        take_output(fd, out);
    }
    if (!gone) {
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        return -1;
    }
    while (!out->ended && out->len < sizeof(out->bytes)) { /* what is still in the pipe */
        size_t before = out->len;

        take_output(fd, out);
        if (out->len == before)
            break;
    }
    return status;
}

/* Turns what the program did into an error, if it is one. */
static int judge(const char *name, int status, int64_t limit_ms, const struct output *out,
                 struct err *err)
{
    if (out->len == sizeof(out->bytes))
        return err_set(err, ERR_INTERNAL, "password command \"%s\" wrote more than a password",
                       name);
    if (status == -1)
        return err_set(err, ERR_INTERNAL, "password command \"%s\" was not done after %lld s", name,
                       (long long)(limit_ms / 1000));
    if (WIFSIGNALED(status))
        return err_set(err, ERR_INTERNAL, "password command \"%s\" was ended by signal %d", name,
                       WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(err, ERR_INTERNAL, "password command \"%s\" failed with exit status %d",
                       name, WEXITSTATUS(status));
    if (memchr(out->bytes, '\0', out->len))
        return err_set(err, ERR_INTERNAL, "password command \"%s\" wrote a NUL character", name);
    return 0;
}

int password_run_command(const void *parent, const char *const *argv, int64_t limit_ms, char **ret,
                         struct err *err)
{
    struct output out = {.len = 0};
    int status;
    int problem;
    pid_t pid;
    int fd = -1;
    int result = -1;

    problem = start(argv, &pid, &fd);
    if (problem)
        return err_set(err, ERR_INTERNAL, "cannot run password command \"%s\": %s", argv[0],
                       strerror(problem));
    status = watch(pid, fd, clock_deadline(limit_ms), &out);
    close(fd);
    if (judge(argv[0], status, limit_ms, &out, err) < 0)
        goto done;
    if (out.len > 0 && out.bytes[out.len - 1] == '\n')
        out.len--;
    if (out.len > 0 && out.bytes[out.len - 1] == '\r')
        out.len--;
    if (out.len == 0) {
        err_set(err, ERR_INTERNAL, "password command \"%s\" wrote no password", argv[0]);
        goto done;
    }
    *ret = mem_strndup(parent, out.bytes, out.len);
    result = 0;
done:
    explicit_bzero(&out, sizeof(out));
    return result;
}
