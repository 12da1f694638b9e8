/*
 * test_err.c: errors as values, their text, the list of errors.
 */
#include "common/err.h"
#include "common/mem.h"

#include <criterion/criterion.h>

Test(err, set_fills_kind_and_message)
{
    struct err err = ERR_INIT;

    cr_expect_eq(err_set(&err, ERR_CONFIG, "no server \"%s\"", "eu1"), -1);
    cr_expect_eq(err.kind, ERR_CONFIG);
    cr_expect_str_eq(err.message, "no server \"eu1\"");
    err_clear(&err);
}

Test(err, clear_makes_it_empty)
{
    struct err err = ERR_INIT;

    err_set_at(&err, ERR_DATA, "a.sql", 3, 4, "bad");
    err_hint(&err, "Mend it.");
    err_clear(&err);
    cr_expect_eq(err.kind, ERR_NONE);
    cr_expect_null(err.message);
    cr_expect_null(err.hint);
    cr_expect_null(err.mem);
    cr_expect_eq(err.line, 0);
}

Test(err, setting_again_may_quote_the_old_message_and_drops_the_rest)
{
    struct err err = ERR_INIT;

    err_set_at(&err, ERR_SQL, "a.sql", 3, 0, "bad");
    err_hint(&err, "Mend it.");
    err_set(&err, ERR_LOST, "after \"%s\"", err.message);
    cr_expect_str_eq(err.message, "after \"bad\"");
    cr_expect_null(err.hint);
    cr_expect_null(err.file);
    cr_expect_eq(err.line, 0);
    err_clear(&err);
}

Test(err, detail_and_hint_replace_what_was_there)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_SQL, "bad");
    err_hint(&err, "First.");
    err_hint(&err, "%s Second.", err.hint);
    err_detail(&err, "%d rows", 2);
    cr_expect_str_eq(err.hint, "First. Second.");
    cr_expect_str_eq(err.detail, "2 rows");
    err_clear(&err);
}

Test(err, text_has_the_parts_that_are_known)
{
    static const struct {
        const char *file;
        int line;
        int column;
        const char *text;
    } cases[] = {
        {NULL, 0, 0, "bad"},
        {NULL, 3, 4, "bad"},
        {"f.yaml", 0, 0, "f.yaml: bad"},
        {"f.yaml", 3, 0, "f.yaml:3: bad"},
        {"f.yaml", 3, 14, "f.yaml:3:14: bad"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        char *text;

        err_set_at(&err, ERR_CONFIG, cases[i].file, cases[i].line, cases[i].column, "bad");
        text = err_text(NULL, &err);
        cr_expect_str_eq(text, cases[i].text);
        talloc_free(text);
        err_clear(&err);
    }
}

Test(err, text_ends_with_detail_and_hint)
{
    struct err err = ERR_INIT;
    char *text;

    err_set(&err, ERR_SQL, "bad");
    err_detail(&err, "Worse.");
    err_hint(&err, "Mend it.");
    text = err_text(NULL, &err);
    cr_expect_str_eq(text, "bad\nDETAIL: Worse.\nHINT: Mend it.");
    talloc_free(text);
    err_clear(&err);
}

Test(err, move_hands_over_and_leaves_nothing)
{
    struct err from = ERR_INIT;
    struct err to = ERR_INIT;

    err_set(&to, ERR_USAGE, "old");
    err_set(&from, ERR_HELD, "new");
    err_move(&to, &from);
    cr_expect_eq(to.kind, ERR_HELD);
    cr_expect_str_eq(to.message, "new");
    cr_expect_null(from.mem);
    cr_expect_eq(from.kind, ERR_NONE);
    err_clear(&to);
}

Test(err, moving_onto_itself_changes_nothing)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_USAGE, "same");
    err_move(&err, &err);
    cr_expect_str_eq(err.message, "same");
    err_clear(&err);
}

Test(err, sqlstate_is_kept_and_emptied)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_SQL, "bad");
    err_sqlstate(&err, "23505");
    cr_expect_str_eq(err.sqlstate, "23505");
    err_sqlstate(&err, NULL);
    cr_expect_str_eq(err.sqlstate, "");
    err_clear(&err);
}

Test(err, long_statements_are_cut_between_characters)
{
    struct err err = ERR_INIT;
    char sql[301];

    memset(sql, 'x', 199);
    for (size_t i = 199; i < 299; i += 2)
        memcpy(sql + i, "\303\266", 2);
    err_set(&err, ERR_SQL, "bad");
    err_statement(&err, sql, 299);
    cr_expect_eq(strlen(err.statement), 199);
    err_statement(&err, "SELECT 1; more", 8);
    cr_expect_str_eq(err.statement, "SELECT 1");
    err_clear(&err);
}

Test(err, exit_codes_of_all_kinds)
{
    static const struct {
        enum err_kind kind;
        int code;
        bool retryable;
        const char *name;
    } cases[] = {
        {ERR_NONE, 0, false, "none"},
        {ERR_INTERNAL, 1, false, "internal"},
        {ERR_USAGE, 64, false, "usage"},
        {ERR_DATA, 65, false, "data"},
        {ERR_NOINPUT, 66, false, "noinput"},
        {ERR_CONFIG, 78, false, "config"},
        {ERR_BUSY, 5, false, "busy"},
        {ERR_UNREACHABLE, 3, true, "unreachable"},
        {ERR_FULL, 3, true, "full"},
        {ERR_TRANSIENT, 3, true, "transient"},
        {ERR_LOST, 3, true, "lost"},
        {ERR_LOCKED, 3, false, "locked"},
        {ERR_HELD, 3, false, "held"},
        {ERR_CONFLICT, 3, false, "conflict"},
        {ERR_SQL, 3, false, "sql"},
        {ERR_DEADLINE, 3, false, "deadline"},
        {ERR_CANCELLED, 3, false, "cancelled"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cr_expect_eq(err_exit_code(cases[i].kind), cases[i].code, "%s", cases[i].name);
        cr_expect_eq(err_retryable(cases[i].kind), cases[i].retryable, "%s", cases[i].name);
        cr_expect_str_eq(err_kind_name(cases[i].kind), cases[i].name);
    }
}

Test(err, a_list_grows_and_keeps_its_order)
{
    struct err_list list = ERR_LIST_INIT;

    for (int i = 0; i < 100; i++)
        err_set_at(err_list_add(&list), ERR_CONFIG, "f", i + 1, 1, "error %d", i);
    cr_assert_eq(list.count, 100);
    cr_expect_str_eq(list.items[0].message, "error 0");
    cr_expect_str_eq(list.items[99].message, "error 99");
    err_list_clear(&list);
    cr_expect_eq(list.count, 0);
    cr_expect_null(list.items);
}

Test(err, a_prefix_goes_before_the_message_alone)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_SQL, "division by zero");
    err_sqlstate(&err, "22012");
    err_prefix(&err, "hook %s: ", "before_tenant");
    cr_expect_str_eq(err.message, "hook before_tenant: division by zero");
    cr_expect_str_eq(err.sqlstate, "22012");
    cr_expect_eq(err.kind, ERR_SQL);
    err_clear(&err);
}
