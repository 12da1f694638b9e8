/*
 * command.c: posix_spawn(3), and a loop that reads the output until the program has ended.
 */
#include "common/command.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* How often a program that has closed its output, or whose children hold it open, is looked at. */
enum { LOOK_FIRST_MS = 1, LOOK_MOST_MS = 20 };

enum { PIECE = 64 * 1024 }; /* bytes of output read at once */

struct command {
    const struct command_spec *spec;
    struct command_result *result;
    pid_t pid;
    int fd;      /* end of the pipe to read */
    bool at_end; /* of its output */
    const void *parent;
    char *room;      /* result->output */
    size_t room_len; /* bytes of it filled */
    size_t room_capacity;
    int64_t look_ms;
};

/* --- starting --------------------------------------------------------------------------------- */

static int prepare_files(posix_spawn_file_actions_t *files, const struct command_spec *spec,
                         int output)
{
    int problem = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!problem)
        problem = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
    if (!problem && spec->keep_errors)
        problem = posix_spawn_file_actions_adddup2(files, output, STDERR_FILENO);
    if (!problem)
        problem = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    if (!problem && spec->folder)
        problem = posix_spawn_file_actions_addchdir_np(files, spec->folder);
    return problem;
}

static void prepare_attributes(posix_spawnattr_t *attributes, const struct command_spec *spec)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigset_t all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    if (!spec->shares_group)
        flags |= POSIX_SPAWN_SETPGROUP; /* a new one: 0 is what posix_spawnattr_init sets */
    posix_spawnattr_setflags(attributes, flags);
}

/* 0, or an errno. */
static int start(struct command *command)
{
    const struct command_spec *spec = command->spec;
    const char *const *env = spec->env ? spec->env : (const char *const *)(uintptr_t)environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int ends[2];
    int problem;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    prepare_attributes(&attributes, spec);
    problem = prepare_files(&files, spec, ends[1]);
    if (!problem)
        problem = posix_spawnp(&command->pid, spec->argv[0], &files, &attributes,
                               (char *const *)(uintptr_t)spec->argv, (char *const *)(uintptr_t)env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    if (problem)
        close(ends[0]);
    command->fd = ends[0];
    return problem;
}

/* --- its output ------------------------------------------------------------------------------- */

/* Keeps the last `most` bytes. */
static void cut(struct command *command, size_t most)
{
    if (command->room_len <= most)
        return;
    memmove(command->room, command->room + command->room_len - most, most);
    command->room_len = most;
    command->result->output_cut = true;
}

/* For how many more bytes of output there is room, besides the NUL. What is to be kept may be there
 * twice before it is cut. */
static size_t make_room(struct command *command)
{
    size_t most = command->spec->output_most * 2;
    size_t len;

    if (command->room_len == most)
        cut(command, command->spec->output_most);
    len = command->room_len + PIECE < most ? command->room_len + PIECE : most;
    mem_grow(command->parent, &command->room, &command->room_capacity, len + 1);
    return len - command->room_len;
}

static bool too_wordy(const struct command *command)
{
    return command->spec->refuse_more && command->room_len > command->spec->output_most;
}

/* Takes up to `most` bytes of what is there. Returns how many. */
static size_t read_output(struct command *command, size_t most)
{
    size_t room = make_room(command);
    ssize_t got = read(command->fd, command->room + command->room_len, room < most ? room : most);

    if (got < 0 && errno == EINTR)
        return 0;
    command->at_end = got <= 0;
    if (command->at_end)
        return 0;
    command->room_len += (size_t)got;
    return (size_t)got;
}

/* Waits a moment for output, and takes it. False: there was none. */
static bool take_output(struct command *command)
{
    struct pollfd fds[] = {
        {.fd = command->at_end ? -1 : command->fd, .events = POLLIN},
        {.fd = command->spec->cancel_fd, .events = POLLIN},
    };

    if (poll(fds, ARRAY_LEN(fds), (int)command->look_ms) <= 0 || !fds[0].revents) {
        command->look_ms =
            command->look_ms * 2 < LOOK_MOST_MS ? command->look_ms * 2 : LOOK_MOST_MS;
        return false;
    }
    command->look_ms = LOOK_FIRST_MS;
    return read_output(command, PIECE) > 0;
}

/* --- its end ---------------------------------------------------------------------------------- */

/* Whether it has ended; it stays a zombie, so that its number and group are still its own. Where we
 * were made to ignore SIGCHLD there is none. */
static bool has_ended(const struct command *command)
{
    siginfo_t info = {.si_pid = 0};

    if (waitid(P_PID, (id_t)command->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return errno == ECHILD;
    return info.si_pid == command->pid;
}

static void send_signal(const struct command *command, int number)
{
    kill(command->spec->shares_group ? command->pid : -command->pid, number);
}

static void stop(struct command *command, enum command_end why)
{
    int64_t deadline = clock_now_ms() + command->spec->grace_ms;

    command->result->end = why;
    if (command->spec->grace_ms > 0) {
        send_signal(command, SIGTERM);
        while (!has_ended(command) && clock_now_ms() < deadline) {
            if (!take_output(command) && command->spec->cancel_fd >= 0)
                poll(NULL, 0, LOOK_FIRST_MS); /* that one stays readable */
        }
    }
    send_signal(command, SIGKILL);
}

static bool is_cancelled(const struct command *command)
{
    struct pollfd cancel = {.fd = command->spec->cancel_fd, .events = POLLIN};

    return command->spec->cancel_fd >= 0 && poll(&cancel, 1, 0) > 0;
}

/* Reads until it has ended or must. False: it was stopped, and result->end says why. */
static bool watch(struct command *command, int64_t deadline)
{
    while (!has_ended(command)) {
        if (too_wordy(command)) {
            stop(command, COMMAND_WORDY);
            return false;
        }
        if (is_cancelled(command)) {
            stop(command, COMMAND_CANCELLED);
            return false;
        }
        if (clock_now_ms() >= deadline) {
            stop(command, COMMAND_LATE);
            return false;
        }
        take_output(command);
    }
    return true;
}

static void take_status(struct command *command, bool by_itself)
{
    int status = 0;

    while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!by_itself)
        return;
    command->result->end = WIFSIGNALED(status) ? COMMAND_SIGNALLED : COMMAND_EXITED;
    command->result->number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Only what is in the pipe by now: a child left behind may write for ever. */
static void take_rest(struct command *command)
{
    int there = 0;
    size_t left;

    left = ioctl(command->fd, FIONREAD, &there) < 0 ? 0 : (size_t)there;
    while (left > 0 && !command->at_end && !too_wordy(command))
        left -= read_output(command, left);
    if (command->result->end == COMMAND_EXITED && too_wordy(command))
        command->result->end = COMMAND_WORDY;
    cut(command, command->spec->output_most);
    command->room[command->room_len] = '\0';
    command->result->output = command->room;
    command->result->output_len = command->room_len;
}

int command_run(const void *parent, const struct command_spec *spec, struct command_result *ret,
                struct err *err)
{
    struct command command = {
        .parent = parent, .spec = spec, .result = ret, .look_ms = LOOK_FIRST_MS};
    int64_t begin_ms = clock_now_ms();
    int64_t deadline = clock_deadline(spec->limit_ms);
    int problem = start(&command);

    if (problem) {
        err_set(err, ERR_INTERNAL, "cannot run \"%s\": %s", spec->argv[0], strerror(problem));
        if (spec->folder && strcmp(spec->folder, ".") != 0)
            err_detail(err, "it would run in the folder \"%s\"", spec->folder);
        return -1;
    }
    *ret = (struct command_result){.end = COMMAND_EXITED};
    (void)make_room(&command);
    take_status(&command, watch(&command, deadline));
    take_rest(&command);
    close(command.fd);
    ret->duration_ms = clock_now_ms() - begin_ms;
    return 0;
}

bool command_succeeded(const struct command_result *result)
{
    return result->end == COMMAND_EXITED && result->number == 0;
}

char *command_result_text(const void *parent, const struct command_result *result, int64_t limit_ms)
{
    char *limit;
    char *text;

    switch (result->end) {
    case COMMAND_EXITED:
        return mem_printf(parent, "failed with exit status %d", result->number);
    case COMMAND_SIGNALLED:
        return mem_printf(parent, "was ended by signal %d", result->number);
    case COMMAND_CANCELLED:
        return mem_strdup(parent, "was killed because the run is being stopped");
    case COMMAND_WORDY:
        return mem_strdup(parent, "wrote too much and was killed");
    default:
        limit = text_from_duration(NULL, limit_ms);
        text = mem_printf(parent, "was not done after %s and was killed", limit);
        talloc_free(limit);
        return text;
    }
}
