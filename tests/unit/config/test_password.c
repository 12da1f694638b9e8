/*
 * test_password.c: passwords from files and programs.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "config/password.h"
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

static const char *run_shell(const char *script, int64_t limit_ms)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct err err = ERR_INIT;
    char *password;

    if (password_run_command(NULL, argv, limit_ms, -1, &password, &err) == 0)
        return password;
    cr_expect_eq(err.kind, ERR_INTERNAL);
    cr_expect_null(strstr(err.message, "Tr0ub4"));
    return err.message;
}

Test(password, the_commands_output_without_its_last_line_end)
{
    static const struct {
        const char *script;
        const char *result;
    } cases[] = {
        {"echo Tr0", "Tr0"},
        {"printf Tr0", "Tr0"},
        {"printf 'Tr0\\r\\n'", "Tr0"},
        {"printf 'Tr0\\n\\n'", "Tr0\n"},
        {"printf ' a b '", " a b "},
        {"printf Tr; sleep 0.1; printf 0", "Tr0"},
        {"exec 2>/dev/null; cat; printf x", "x"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(run_shell(cases[i].script, 10000), cases[i].result, "%s: %s",
                         cases[i].script, run_shell(cases[i].script, 10000));
}

Test(password, a_command_that_fails)
{
    static const struct {
        const char *script;
        const char *result;
    } cases[] = {
        {"exit 3", "password command \"sh\" failed with exit status 3"},
        {"echo Tr0ub4; exit 1", "password command \"sh\" failed with exit status 1"},
        {"kill -9 $$", "password command \"sh\" was ended by signal 9"},
        {"true", "password command \"sh\" wrote no password"},
        {"echo", "password command \"sh\" wrote no password"},
        {"printf 'Tr0ub4\\0x'", "password command \"sh\" wrote a NUL character"},
        {"yes Tr0ub4", "password command \"sh\" wrote more than a password"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(run_shell(cases[i].script, 10000), cases[i].result, "%s", cases[i].script);
}

Test(password, a_command_that_is_not_there)
{
    static const char *const argv[] = {"/nonexistent/vault", "Tr0ub4", NULL};
    struct err err = ERR_INIT;
    char *password;

    cr_assert_eq(password_run_command(NULL, argv, 1000, -1, &password, &err), -1);
    cr_expect_str_eq(
        err.message,
        "password command: cannot run \"/nonexistent/vault\": No such file or directory");
    err_clear(&err);
}

Test(password, a_command_that_hangs_is_killed)
{
    int64_t before = clock_now_ms();

    cr_expect_str_eq(run_shell("exec sleep 20", 1000),
                     "password command \"sh\" was not done after 1s and was killed");
    cr_expect_lt(clock_now_ms() - before, 5000);
}

Test(password, a_command_that_is_cancelled_is_ended)
{
    static const char *const argv[] = {"sleep", "20", NULL};
    int64_t before = clock_now_ms();
    struct err err = ERR_INIT;
    char *password;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    close(ends[1]); /* readable: its end */
    cr_assert_eq(password_run_command(NULL, argv, 10000, ends[0], &password, &err), -1);
    cr_expect_lt(clock_now_ms() - before, 5000);
    cr_expect_eq(err.kind, ERR_INTERNAL);
    err_clear(&err);
    close(ends[0]);
}

/* An agent that the program starts and leaves behind keeps the pipe open. */
Test(password, a_child_left_behind_is_not_waited_for)
{
    int64_t before = clock_now_ms();

    cr_expect_str_eq(run_shell("sleep 12 & echo Tr0", 20000), "Tr0");
    cr_expect_lt(clock_now_ms() - before, 10000);
}

Test(password, no_shell_reads_the_arguments)
{
    static const char *const argv[] = {"printf", "%s", "$HOME; `id` *", NULL};
    struct err err = ERR_INIT;
    char *password;

    cr_assert_eq(password_run_command(NULL, argv, 10000, -1, &password, &err), 0);
    cr_expect_str_eq(password, "$HOME; `id` *");
    talloc_free(password);
}

Test(password, signals_that_are_blocked_here_are_not_there)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    cr_expect_str_eq(run_shell("kill -TERM $$; echo x", 10000),
                     "password command \"sh\" was ended by signal 15");
}

Test(password, ignored_child_signals_do_not_matter)
{
    signal(SIGCHLD, SIG_IGN);
    cr_expect_str_eq(run_shell("echo Tr0", 10000), "Tr0");
}

Test(password, the_first_line_of_a_file)
{
    static const struct {
        const char *text;
        const char *password;
    } cases[] = {
        {"Tr0", "Tr0"},
        {"Tr0\n", "Tr0"},
        {"Tr0\r\nx", "Tr0"},
        {" a b \n", " a b "},
    };
    const char *folder = fixture_folder();

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path = fixture_file(folder, "pw", 0600, cases[i].text);
        struct err err = ERR_INIT;
        bool shared = true;
        char *password;

        cr_assert_eq(password_read_file(NULL, path, &password, &shared, &err), 0);
        cr_expect_str_eq(password, cases[i].password);
        cr_expect_not(shared);
        talloc_free(password);
    }
}

Test(password, a_file_that_others_can_read)
{
    const char *path = fixture_file(fixture_folder(), "pw", 0640, "x");
    struct err err = ERR_INIT;
    bool shared = false;
    char *password;

    cr_assert_eq(password_read_file(NULL, path, &password, &shared, &err), 0);
    cr_expect(shared);
    talloc_free(password);
}

Test(password, files_without_a_password)
{
    const char *folder = fixture_folder();
    const char *const paths[] = {fixture_file(folder, "empty", 0600, ""),
                                 fixture_file(folder, "line", 0600, "\nTr0ub4\n"), "/tmp",
                                 "/nonexistent/pw"};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct err err = ERR_INIT;
        bool shared;
        char *password;

        cr_expect_eq(password_read_file(NULL, paths[i], &password, &shared, &err), -1, "%s",
                     paths[i]);
        cr_expect_eq(err.kind, ERR_CONFIG);
        cr_expect_not_null(strstr(err.message, paths[i]));
        err_clear(&err);
    }
}
