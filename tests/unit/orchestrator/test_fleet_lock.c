/*
 * test_fleet_lock.c: one run at a time, and who says what about it.
 */
#include "orchestrator/fleet_lock.h"

#include "common/mem.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/pgtide-lock-XXXXXX";
static char *state; /* folder/state */

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    state = mem_printf(NULL, "%s/state", folder);
}

static void remove_folder(void)
{
    char *path = mem_printf(state, "%s/lock", state);

    unlink(path);
    rmdir(state);
    unlink(state);
    rmdir(folder);
    talloc_free(state);
}

TestSuite(fleet_lock, .init = make_folder, .fini = remove_folder);

static int take(const char *run_id)
{
    struct err err = ERR_INIT;
    int fd = -1;

    cr_assert(eq(int, fleet_lock_take(state, run_id, &fd, &err), 0), "%s", err.message);
    return fd;
}

Test(fleet_lock, makes_the_folder_for_its_user_alone)
{
    struct stat info;
    int fd = take("run-1");

    cr_assert(eq(int, stat(state, &info), 0));
    cr_expect(eq(int, (int)(info.st_mode & 07777), 0700));
    cr_expect(eq(int, fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC));
    close(fd);
}

Test(fleet_lock, a_second_run_is_told_who_has_it)
{
    struct err err = ERR_INIT;
    int first = take("20261123T061500Z-4f2a");
    int fd = -1;
    char *expected = mem_printf(NULL, "run 20261123T061500Z-4f2a, pid %ld on ", (long)getpid());

    cr_expect(eq(int, fleet_lock_take(state, "other", &fd, &err), -1));
    cr_expect(eq(int, err.kind, ERR_BUSY));
    cr_expect(eq(int, fd, -1));
    cr_expect_not_null(strstr(err.message, "another run of this fleet is going on: "));
    cr_expect_not_null(strstr(err.message, expected), "%s", err.message);
    cr_expect_not_null(strstr(err.message, ", since 20"), "%s", err.message);
    cr_expect_null(err.hint, "one line");
    err_clear(&err);
    close(first);
    close(take("other"));
    talloc_free(expected);
}

Test(fleet_lock, goes_with_a_process_that_is_killed)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct err err = ERR_INIT;
        int fd;

        if (fleet_lock_take(state, "killed", &fd, &err) < 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    cr_assert_eq(WTERMSIG(status), SIGKILL);
    cr_expect_null(fleet_lock_holder(NULL, state));
    close(take("next")); /* the line the dead one left is no obstacle */
}

Test(fleet_lock, who_has_it_can_be_asked_without_being_in_anybodys_way)
{
    char *holder;
    int fd;

    cr_expect_null(fleet_lock_holder(NULL, state), "no folder yet");
    fd = take("20261123T061500Z-4f2a");
    holder = fleet_lock_holder(NULL, state);
    cr_assert_not_null(holder);
    cr_expect_str_eq(holder, "20261123T061500Z-4f2a");
    talloc_free(holder);
    close(fd);
    cr_expect_null(fleet_lock_holder(NULL, state), "its line is there still");
}

Test(fleet_lock, a_long_line_of_before_is_replaced)
{
    char *path = mem_printf(NULL, "%s/lock", state);
    char line[600] = "";
    int fd;

    close(take("a-run-id-that-is-very-long-indeed-0123456789-0123456789-0123456789"));
    close(take("short"));
    fd = open(path, O_RDONLY);
    cr_assert(ge(int, fd, 0));
    cr_expect(gt(int, (int)read(fd, line, sizeof(line) - 1), 0));
    cr_expect(eq(int, strncmp(line, "run short, pid ", 15), 0), "%s", line);
    cr_expect(eq(ptr, strchr(line, '\n'), line + strlen(line) - 1), "one line");
    close(fd);
    talloc_free(path);
}

static void expect_failure(const char *where, const char *text)
{
    struct err err = ERR_INIT;
    int fd;

    cr_assert(eq(int, fleet_lock_take(where, "run", &fd, &err), -1));
    cr_expect(eq(int, err_exit_code(err.kind), 1));
    cr_expect_not_null(strstr(err.message, text), "%s", err.message);
    cr_expect_not_null(strstr(err.message, where), "%s", err.message);
    cr_expect_not_null(err.hint);
    err_clear(&err);
}

Test(fleet_lock, says_what_is_wrong_with_the_folder)
{
    char *deep = mem_printf(state, "%s/a/b", folder);
    int fd = open(state, O_CREAT | O_WRONLY, 0600);

    close(fd);
    expect_failure(state, "is not a directory");
    expect_failure(deep, "No such file or directory");
}

Test(fleet_lock, says_when_it_may_not_write)
{
    bool root = geteuid() == 0; /* who may write everywhere */

    if (root)
        cr_assert(eq(int, seteuid(65534), 0));
    expect_failure("/proc/state", "could not create the state folder");
    expect_failure("/usr", "could not open the fleet's lock \"/usr/lock\": Permission denied");
    if (root)
        cr_assert(eq(int, seteuid(0), 0));
}
