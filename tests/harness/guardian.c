/*
 * guardian.c: the process that removes what a dead test left.
 *
 * It leaves the test's session and ignores what a terminal sends, closes every descriptor but its
 * own (so that it keeps neither another guardian's pipe nor the caller's output open), reads paths
 * until end of file, and then cleans.
 */
#include "tests/harness/guardian.h"

#include "common/mem.h"
#include "common/text.h"
#include "tests/harness/harness.h"
#include "tests/harness/tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process that has a guardian, and the pipe to it. A fork without exec gets one of its own. */
static pid_t guarded_pid;
static int guardian_fd = -1;

/* The first line of a small file; empty where there is none. */
static void first_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");

    line[0] = '\0';
    if (!file)
        return;
    if (!fgets(line, size, file))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

/* The process named in a pid file, if it is a database server or a pooler; else 0. */
static pid_t server_in(const char *pid_file)
{
    char line[64];
    char comm[64];
    int64_t pid;

    first_line(pid_file, line, sizeof(line));
    if (!text_to_int64(line, 2, INT32_MAX, &pid))
        return 0;
    snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)pid);
    first_line(comm, line, sizeof(line));
    return strcmp(line, "postgres") == 0 || strcmp(line, "pgbouncer") == 0 ? (pid_t)pid : 0;
}

/* Immediate shutdown, which leaves no shared memory behind; by force after five seconds. */
static void stop_server(const char *pid_file)
{
    enum { PATIENCE_MS = 5000, POLL_MS = 10 };
    pid_t pid = server_in(pid_file);

    if (!pid)
        return;
    kill(pid, SIGQUIT);
    for (int waited = 0; server_in(pid_file) == pid; waited += POLL_MS) {
        if (waited >= PATIENCE_MS)
            kill(pid, SIGKILL);
        if (waited >= 2 * PATIENCE_MS)
            return;
        harness_pause(POLL_MS);
    }
}

static void stop_servers(const char *pattern)
{
    glob_t found;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            stop_server(found.gl_pathv[i]);
        globfree(&found);
    }
}

static void clean(const char *folder)
{
    void *ctx = mem_context(NULL);

    stop_servers(mem_printf(ctx, "%s/*.pid", folder));
    stop_servers(mem_printf(ctx, "%s/*/*.pid", folder));
    stop_servers(mem_printf(ctx, "%s/*/*/*.pid", folder));
    if (access(folder, F_OK) == 0)
        tmpdir_remove(folder);
    talloc_free(ctx);
}

NORETURN static void guardian_main(int fd)
{
    char *folder = NULL;
    char **folders = NULL;
    size_t room = 0;
    size_t count = 0;
    size_t capacity = 0;
    FILE *paths;

    setsid();
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_IGN);
    dup2(fd, STDIN_FILENO);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    if (chdir("/") < 0)
        _exit(1);
    paths = fdopen(STDIN_FILENO, "r");
    while (paths && getline(&folder, &room, paths) > 0) {
        folder[strcspn(folder, "\n")] = '\0';
        mem_grow(NULL, &folders, &capacity, count + 1);
        folders[count++] = mem_strdup(NULL, folder);
    }
    for (size_t i = 0; i < count; i++)
        clean(folders[i]);
    _exit(0);
}

static void start_guardian(void)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        harness_die("pipe: %s", strerror(errno));
    pid = fork();
    if (pid < 0)
        harness_die("fork: %s", strerror(errno));
    if (pid == 0)
        guardian_main(ends[0]);
    close(ends[0]);
    guarded_pid = getpid();
    guardian_fd = ends[1];
}

void guardian_watch(const char *folder)
{
    char *line = mem_printf(NULL, "%s\n", folder);

    if (guarded_pid != getpid())
        start_guardian();
    if (write(guardian_fd, line, strlen(line)) != (ssize_t)strlen(line))
        harness_die("the guardian is gone");
    talloc_free(line);
}
