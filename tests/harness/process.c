/*
 * process.c: fork and exec with captured output.
 *
 * Output goes to memory files, not pipes: a program in the background never blocks on a test that
 * does not read yet, and what it wrote so far can be looked at any time. Each program leads a
 * process group of its own, so that a time-out also ends what it has started.
 */
#include "tests/harness/process.h"

#include "common/clock.h"
#include "common/mem.h"
#include "tests/harness/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEFAULT_TIMEOUT_MS = 60 * 1000,
    MAX_OUTPUT = 16 * 1024 * 1024,
    POLL_MS = 2,
};

struct process {
    char *tag;
    pid_t pid;
    int out_fd;
    int err_fd;
    int64_t started;
    int64_t deadline;
    bool ended;
    struct process_result result;
};

/* What the child needs, all made before the fork. */
struct launch {
    const struct process_spec *spec;
    char **env;
    int in_fd;
    int out_fd;
    int err_fd;
    bool switch_user;
    uid_t uid;
    gid_t gid;
    pid_t parent;
};

static int memory_file(const char *content)
{
    int fd = memfd_create("pgtide-test", MFD_CLOEXEC);
    size_t len = content ? strlen(content) : 0;

    if (fd < 0)
        harness_die("memfd_create: %s", strerror(errno));
    while (len > 0) {
        ssize_t n = write(fd, content, len);

        if (n < 0)
            harness_die("cannot write a memory file: %s", strerror(errno));
        content += n;
        len -= (size_t)n;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int append_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        harness_die("cannot open \"%s\": %s", path, strerror(errno));
    return fd;
}

static bool same_name(const char *entry, const char *change)
{
    size_t len = strcspn(change, "=");

    return strncmp(entry, change, len) == 0 && entry[len] == '=';
}

static bool is_changed(const char *entry, const char *const *changes)
{
    for (; changes && *changes; changes++)
        if (same_name(entry, *changes))
            return true;
    return false;
}

static char **merged_env(const void *parent, const char *const *changes)
{
    char **env = NULL;
    size_t capacity = 0;
    size_t count = 0;

    for (char **entry = environ; *entry; entry++) {
        if (is_changed(*entry, changes))
            continue;
        mem_grow(parent, &env, &capacity, count + 1);
        env[count++] = mem_strdup(parent, *entry);
    }
    for (; changes && *changes; changes++) {
        if (!strchr(*changes, '='))
            continue;
        mem_grow(parent, &env, &capacity, count + 1);
        env[count++] = mem_strdup(parent, *changes);
    }
    mem_grow(parent, &env, &capacity, count + 1);
    env[count] = NULL;
    return env;
}

static void find_user(struct launch *launch, const char *name)
{
    const struct passwd *user = getpwnam(name);

    if (!user)
        harness_die("there is no user \"%s\"", name);
    launch->switch_user = true;
    launch->uid = user->pw_uid;
    launch->gid = user->pw_gid;
}

static void child_fail(const char *what)
{
    dprintf(STDERR_FILENO, "harness: cannot start the program: %s: %s\n", what, strerror(errno));
    _exit(127);
}

static void child_become_user(const struct launch *launch)
{
    if (!launch->switch_user)
        return;
    if (setgroups(0, NULL) < 0 || setgid(launch->gid) < 0 || setuid(launch->uid) < 0)
        child_fail("setuid");
}

/* Between fork and exec: system calls only. */
NORETURN static void child_main(const struct launch *launch)
{
    const struct process_spec *spec = launch->spec;
    sigset_t none;

    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL); /* ignored where the tests run in the background */
    dup2(launch->in_fd, STDIN_FILENO);
    dup2(launch->out_fd, STDOUT_FILENO);
    dup2(launch->err_fd, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    child_become_user(launch);
    prctl(PR_SET_PDEATHSIG, spec->death_signal ? spec->death_signal : SIGKILL);
    if (getppid() != launch->parent)
        _exit(127);
    if (spec->cwd && chdir(spec->cwd) < 0)
        child_fail(spec->cwd);
    execvpe(spec->argv[0], (char *const *)(uintptr_t)spec->argv, launch->env);
    child_fail(spec->argv[0]);
    _exit(127);
}

static int destroy(struct process *process)
{
    if (!process->ended) {
        kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close(process->out_fd);
    close(process->err_fd);
    return 0;
}

struct process *process_start(void *parent, const struct process_spec *spec)
{
    struct process *process = mem_new(parent, struct process);
    struct launch launch = {.spec = spec, .parent = getpid()};

    launch.in_fd = memory_file(spec->input);
    launch.out_fd = spec->output_file ? append_file(spec->output_file) : memory_file(NULL);
    launch.err_fd = spec->output_file ? append_file(spec->output_file) : memory_file(NULL);
    launch.env = merged_env(process, spec->env);
    if (spec->user)
        find_user(&launch, spec->user);
    process->tag = spec->tag ? mem_strdup(process, spec->tag) : NULL;
    process->out_fd = launch.out_fd;
    process->err_fd = launch.err_fd;
    process->started = clock_now_ms();
    process->deadline = clock_deadline(spec->timeout_ms ? spec->timeout_ms : DEFAULT_TIMEOUT_MS);
    process->pid = fork();
    if (process->pid < 0)
        harness_die("fork: %s", strerror(errno));
    if (process->pid == 0)
        child_main(&launch);
    setpgid(process->pid, process->pid);
    close(launch.in_fd);
    talloc_set_destructor(process, destroy);
    return process;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

const char *process_tag(const struct process *process)
{
    return process->tag;
}

/* The whole of a memory file, up to the limit; the file's offset belongs to the writer. */
static char *read_all(const void *parent, int fd, size_t *ret_len)
{
    struct stat info;
    size_t size = 0;
    size_t len = 0;
    char *text;

    if (fstat(fd, &info) == 0)
        size = info.st_size < MAX_OUTPUT ? (size_t)info.st_size : MAX_OUTPUT;
    text = mem_array(parent, char, size + 1);
    while (len < size) {
        ssize_t n = pread(fd, text + len, size - len, (off_t)len);

        if (n <= 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return text;
}

static void read_output(struct process *process)
{
    struct process_result *result = &process->result;

    talloc_free(result->out);
    talloc_free(result->err);
    result->out = read_all(process, process->out_fd, &result->out_len);
    result->err = read_all(process, process->err_fd, &result->err_len);
}

const char *process_output(struct process *process)
{
    read_output(process);
    return process->result.out;
}

const char *process_errors(struct process *process)
{
    read_output(process);
    return process->result.err;
}

static int64_t time_ms(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void note_end(struct process *process, int status, const struct rusage *usage)
{
    struct process_result *result = &process->result;

    process->ended = true;
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->elapsed_ms = clock_now_ms() - process->started;
    result->cpu_ms = time_ms(usage->ru_utime) + time_ms(usage->ru_stime);
    result->peak_kb = usage->ru_maxrss;
    read_output(process);
}

/* Takes the status of an ended program. One that somebody else has waited for counts as ended. */
static bool look(struct process *process)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t pid;

    if (process->ended)
        return true;
    pid = wait4(process->pid, &status, WNOHANG, &usage);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;
    note_end(process, status, &usage);
    return true;
}

bool process_running(struct process *process)
{
    return !look(process);
}

bool process_signal(struct process *process, int signal)
{
    return !look(process) && kill(process->pid, signal) == 0;
}

bool process_wait_text(struct process *process, const char *text, int64_t timeout_ms)
{
    int64_t deadline = clock_deadline(timeout_ms);

    for (;;) {
        bool ended = look(process);

        if (strstr(process_output(process), text) || strstr(process->result.err, text))
            return true;
        if (ended || clock_now_ms() >= deadline)
            return false;
        harness_pause(POLL_MS);
    }
}

const struct process_result *process_wait(struct process *process)
{
    while (!look(process)) {
        if (!process->result.timed_out && clock_now_ms() >= process->deadline) {
            process->result.timed_out = true;
            kill(-process->pid, SIGKILL);
        }
        harness_pause(POLL_MS);
    }
    return &process->result;
}

const struct process_result *process_run(void *parent, const struct process_spec *spec)
{
    return process_wait(process_start(parent, spec));
}

const struct process_result *process_must_run(void *parent, const struct process_spec *spec)
{
    const struct process_result *result = process_run(parent, spec);

    if (result->exit_code != 0)
        harness_die("%s failed (exit %d, signal %d%s): %s%s", spec->argv[0], result->exit_code,
                    result->signal, result->timed_out ? ", timed out" : "", result->out,
                    result->err);
    return result;
}
