/*
 * test_confirm.c: only a clear yes on a terminal is one.
 */
#include "orchestrator/confirm.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

static int person, terminal;
static struct err err;

static void setup(void)
{
    err = ERR_INIT;
    cr_assert_eq(openpty(&person, &terminal, NULL, NULL, NULL), 0);
}

static void teardown(void)
{
    err_clear(&err);
}

TestSuite(confirm, .init = setup, .fini = teardown, .timeout = 20);

static int answer(const char *text)
{
    err_clear(&err);
    cr_assert_eq(write(person, text, strlen(text)), (ssize_t)strlen(text));
    return confirm_ask(terminal, terminal, "Go on?", &err);
}

Test(confirm, yes)
{
    cr_expect_eq(answer("y\n"), 0);
    cr_expect_eq(answer("Yes\n"), 0);
}

Test(confirm, anything_else_is_no)
{
    const char *const noes[] = {"\n", "n\n", "yy\n", "yes, but not now, please\n", "\004"};

    for (size_t i = 0; i < ARRAY_LEN(noes); i++) {
        cr_expect_eq(answer(noes[i]), -1, "%s", noes[i]);
        cr_expect_eq(err_exit_code(err.kind), 1);
        cr_expect_str_eq(err.message, "not confirmed, nothing was changed");
    }
}

Test(confirm, the_question_is_asked)
{
    char shown[256] = "";
    size_t len = 0;

    cr_expect_eq(answer("y\n"), 0);
    while (!strstr(shown, "Go on? [y/N] ")) { /* behind the echo of the answer; or the time-out */
        ssize_t got = read(person, shown + len, sizeof(shown) - 1 - len);

        cr_assert_gt(got, 0);
        len += (size_t)got;
    }
}

Test(confirm, without_a_terminal_it_is_a_usage_error)
{
    int nothing = open("/dev/null", O_RDWR);

    cr_expect_eq(confirm_ask(nothing, terminal, "Go on?", &err), -1);
    cr_expect_eq(err.kind, ERR_USAGE);
    err_clear(&err);
    cr_expect_eq(confirm_ask(terminal, nothing, "Go on?", &err), -1);
    cr_expect_eq(err.kind, ERR_USAGE);
    cr_expect(strstr(err.hint, "--yes"));
}
