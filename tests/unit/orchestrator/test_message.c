/*
 * test_message.c: the form of errors on standard error, and the exit code of several.
 */
#include "orchestrator/message.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

static void add(struct err_list *errors, enum err_kind kind, const char *file, int line,
                const char *message)
{
    struct err err = ERR_INIT;

    err_set_at(&err, kind, file, line, 0, "%s", message);
    err_list_take(errors, &err);
}

Test(message, one_error, .init = cr_redirect_stderr)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_NOINPUT, "no tenant \"a\x1b[31m\"");
    err_detail(&err, "first\nsecond\r");
    err_hint(&err, "Type something.");
    message_error(&err);
    err_clear(&err);
    cr_expect_stderr_eq_str("pgtide: error: no tenant \"a\\x1B[31m\"\n"
                            "detail: first\nsecond\\x0D\n"
                            "hint: Type something.\n");
}

Test(message, several_errors_are_counted, .init = cr_redirect_stderr)
{
    struct err_list errors = ERR_LIST_INIT;

    add(&errors, ERR_CONFIG, "fleet.yaml", 12, "unknown key \"x\"");
    add(&errors, ERR_CONFIG, NULL, 0, "something else");
    message_errors(&errors);
    err_list_clear(&errors);
    cr_expect_stderr_eq_str("fleet.yaml:12: unknown key \"x\"\n"
                            "pgtide: error: something else\n"
                            "pgtide: error: 2 errors\n");
}

Test(message, highest_exit_code)
{
    struct err_list errors = ERR_LIST_INIT;

    cr_expect_eq(message_exit_code(&errors), 0);
    add(&errors, ERR_DATA, NULL, 0, "a");
    cr_expect_eq(message_exit_code(&errors), 65);
    add(&errors, ERR_NOINPUT, NULL, 0, "b");
    cr_expect_eq(message_exit_code(&errors), 66);
    add(&errors, ERR_CONFIG, NULL, 0, "c");
    add(&errors, ERR_INTERNAL, NULL, 0, "d");
    cr_expect_eq(message_exit_code(&errors), 78);
    err_list_clear(&errors);
}
