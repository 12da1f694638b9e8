/*
 * test_command.c: programs that end, fail, hang, write too much, and leave children behind.
 */
#include "common/clock.h"
#include "common/command.h"
#include "common/mem.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *kept; /* parent of all that a test gets */

static void make_kept(void)
{
    kept = mem_context(NULL);
}

static void free_kept(void)
{
    talloc_free(kept);
}

TestSuite(command, .init = make_kept, .fini = free_kept);

static struct command_spec shell(const char *script)
{
    static const char *argv[] = {"sh", "-c", NULL, NULL};

    argv[2] = script;
    return (struct command_spec){.argv = argv,
                                 .limit_ms = 10000,
                                 .grace_ms = 5000,
                                 .cancel_fd = -1,
                                 .output_most = 1000,
                                 .keep_errors = true};
}

static struct command_result run(const struct command_spec *spec)
{
    struct command_result result;
    struct err err = ERR_INIT;

    cr_assert_eq(command_run(kept, spec, &result, &err), 0, "%s", err.message);
    return result;
}

static struct command_result run_shell(const char *script)
{
    struct command_spec spec = shell(script);

    return run(&spec);
}

Test(command, both_streams_and_the_status_are_kept)
{
    struct command_result result = run_shell("echo out; echo err >&2; exit 3");

    cr_expect_str_eq(result.output, "out\nerr\n");
    cr_expect_eq(result.output_len, 8);
    cr_expect_not(result.output_cut);
    cr_expect_not(command_succeeded(&result));
    cr_expect_str_eq(command_result_text(kept, &result, 0), "failed with exit status 3");
    result = run_shell("true");
    cr_expect(command_succeeded(&result));
    cr_expect_str_eq(result.output, "");
    result = run_shell("kill -9 $$");
    cr_expect_str_eq(command_result_text(kept, &result, 0), "was ended by signal 9");
}

Test(command, of_long_output_the_end_is_kept)
{
    struct command_result result = run_shell("seq 1 100000; printf end");

    cr_expect(result.output_cut);
    cr_expect_eq(result.output_len, 1000);
    cr_expect_str_eq(result.output + 1000 - strlen("99999\n100000\nend"), "99999\n100000\nend");
}

Test(command, output_that_is_refused_ends_it)
{
    struct command_spec spec = shell("yes");
    struct command_result result;

    spec.refuse_more = true;
    result = run(&spec);
    cr_expect_eq(result.end, COMMAND_WORDY);
    cr_expect_leq(result.output_len, 1000);
    spec = shell("printf %01001d 0");
    spec.refuse_more = true;
    cr_expect_eq(run(&spec).end, COMMAND_WORDY);
    spec = shell("printf %01000d 0");
    spec.refuse_more = true;
    cr_expect_eq(run(&spec).end, COMMAND_EXITED);
}

Test(command, it_is_asked_to_end_when_its_time_is_up)
{
    struct command_spec spec = shell("trap 'echo tidy; exit 0' TERM; echo begun; sleep 60 & wait");
    struct command_result result;

    spec.limit_ms = 300;
    result = run(&spec);
    cr_expect_eq(result.end, COMMAND_LATE);
    cr_expect_not(command_succeeded(&result));
    cr_expect_str_eq(result.output, "begun\ntidy\n");
    cr_expect_str_eq(command_result_text(kept, &result, spec.limit_ms),
                     "was not done after 300ms and was killed");
}

/* Also one that is dead and that nobody has reaped yet. */
static bool is_gone(pid_t pid)
{
    char *path = mem_printf(NULL, "/proc/%d/stat", (int)pid);
    char stat[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, stat, sizeof(stat) - 1);

    if (fd >= 0)
        close(fd);
    talloc_free(path);
    return len <= 0 || strstr(stat, ") Z ");
}

Test(command, it_is_killed_with_its_children_where_it_does_not_listen)
{
    struct command_spec spec =
        shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; sleep 60' & sleep 60");
    struct command_result result;
    int64_t begin_ms = clock_now_ms();
    pid_t child;

    spec.limit_ms = 300;
    spec.grace_ms = 200;
    result = run(&spec);
    cr_expect_eq(result.end, COMMAND_LATE);
    cr_expect_lt(clock_now_ms() - begin_ms, 5000);
    child = (pid_t)strtol(result.output, NULL, 10);
    cr_assert_gt(child, 1, "%s", result.output);
    for (int i = 0; i < 2000 && !is_gone(child); i++)
        poll(NULL, 0, 1);
    cr_expect(is_gone(child));
}

Test(command, it_ends_when_cancelled)
{
    struct command_spec spec = shell("echo begun; exec sleep 60");
    struct command_result result;
    int64_t begin_ms = clock_now_ms();

    spec.cancel_fd = eventfd(1, EFD_CLOEXEC);
    result = run(&spec);
    cr_expect_eq(result.end, COMMAND_CANCELLED);
    cr_expect_lt(clock_now_ms() - begin_ms, 5000);
}

Test(command, a_child_left_behind_is_neither_waited_for_nor_killed)
{
    int64_t begin_ms = clock_now_ms();
    struct command_result result = run_shell("sleep 30 & echo $!");
    pid_t child = (pid_t)strtol(result.output, NULL, 10);

    cr_expect(command_succeeded(&result));
    cr_expect_lt(clock_now_ms() - begin_ms, 5000);
    cr_assert_gt(child, 1);
    cr_expect_eq(kill(child, SIGKILL), 0);
}

/* Kept is so little that the pipe is never empty. It ends when nobody reads any more. */
Test(command, a_child_left_behind_may_write_for_ever, .timeout = 60)
{
    struct command_spec spec = shell("yes & sleep 0.1; exit 3");
    struct command_result result;

    spec.output_most = 1;
    result = run(&spec);
    cr_expect_eq(result.end, COMMAND_EXITED);
    cr_expect_eq(result.number, 3);
    cr_expect_eq(result.output_len, 1);
}

Test(command, nothing_is_inherited_but_the_environment)
{
    struct command_spec spec =
        shell("for i in $(seq 0 99); do test -e /proc/$$/fd/$i && printf '%d ' $i; done; "
              "kill -USR1 $$; echo alive");
    struct command_result result;
    sigset_t all;
    int open_fd = dup(STDOUT_FILENO); /* not close-on-exec */

    cr_assert_gt(open_fd, 2);
    signal(SIGUSR1, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    result = run(&spec);
    cr_expect_str_eq(result.output, "0 1 2 ");
    cr_expect_eq(result.end, COMMAND_SIGNALLED);
    cr_expect_eq(result.number, SIGUSR1);
}

Test(command, environment_folder_and_input)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "A=two\nlines 'and' \"quotes\"", NULL};
    struct command_spec spec = shell("pwd; printf '%s' \"$A\"; cat; env | grep -c HOME");
    struct command_result result;

    spec.env = env;
    spec.folder = "/usr";
    result = run(&spec);
    cr_expect_str_eq(result.output, "/usr\ntwo\nlines 'and' \"quotes\"0\n");
}

Test(command, no_shell_reads_the_arguments)
{
    static const char *const argv[] = {"printf", "%s", "$HOME; `id` *", NULL};
    struct command_spec spec = shell("");

    spec.argv = argv;
    cr_expect_str_eq(run(&spec).output, "$HOME; `id` *");
}

Test(command, a_program_that_is_not_there)
{
    static const char *const argv[] = {"./nowhere", NULL};
    struct command_spec spec = shell("");
    struct command_result result;
    struct err err = ERR_INIT;

    spec.argv = argv;
    spec.folder = "/usr";
    cr_assert_eq(command_run(kept, &spec, &result, &err), -1);
    cr_expect_str_eq(err.message, "cannot run \"./nowhere\": No such file or directory");
    cr_expect_str_eq(err.detail, "it would run in the folder \"/usr\"");
    err_clear(&err);
}

Test(command, its_group_is_its_own_unless_it_shares_ours)
{
    struct command_spec spec = shell("cut -d ' ' -f 5 /proc/$$/stat");
    pid_t group = getpgrp();

    cr_expect_neq(strtol(run(&spec).output, NULL, 10), group);
    spec.shares_group = true;
    cr_expect_eq(strtol(run(&spec).output, NULL, 10), group);
}
