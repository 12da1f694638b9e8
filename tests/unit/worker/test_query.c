/*
 * test_query.c: what counts as one query, and rows that go to a file.
 */
#include "common/mem.h"
#include "worker/query.h"

#include <criterion/criterion.h>

/* One row, as the server would send it. NULL ends the list; "\\N" is NULL. */
static PGresult *row_of(const char *const *values)
{
    PGresult *row = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[8] = {0};
    char name[] = "c";
    int count = 0;

    for (; values[count]; count++)
        columns[count].name = name;
    cr_assert(PQsetResultAttrs(row, count, columns));
    for (int i = 0; i < count; i++) {
        bool null = strcmp(values[i], "\\N") == 0;
        char *copy = mem_strdup(NULL, values[i]);

        cr_assert(PQsetvalue(row, 0, i, null ? NULL : copy, null ? -1 : (int)strlen(values[i])));
        talloc_free(copy);
    }
    return row;
}

static void add(struct query_rows *rows, const char *const *values)
{
    struct err err = ERR_INIT;
    PGresult *row = row_of(values);

    cr_assert_eq(query_rows_add(rows, row, &err), 0, "%s", err.message);
    PQclear(row);
}

static void expect_row(struct query_rows *rows, const char *first, const char *second)
{
    struct query_value values[2];
    struct err err = ERR_INIT;

    cr_assert_eq(query_rows_next(rows, values, 2, &err), 1);
    cr_assert_str_eq(values[0].text ? values[0].text : "\\N", first);
    cr_assert_str_eq(values[1].text ? values[1].text : "\\N", second);
    cr_assert_eq(values[1].len, values[1].text ? strlen(second) : 0);
}

Test(query_rows, come_back_as_they_were)
{
    struct query_rows *rows = query_rows_new(NULL);
    struct query_value values[2];
    struct err err = ERR_INIT;

    add(rows, (const char *const[]){"", "\\N", NULL});
    add(rows, (const char *const[]){"a\nb", "\u00e9\"", NULL});
    for (int round = 0; round < 2; round++) {
        query_rows_rewind(rows);
        expect_row(rows, "", "\\N");
        expect_row(rows, "a\nb", "\u00e9\"");
        cr_expect_eq(query_rows_next(rows, values, 2, &err), 0);
    }
    cr_expect_eq(query_rows_count(rows), 2);
    talloc_free(rows);
}

/* Through the file and its pages, with values longer than either. */
Test(query_rows, go_to_a_file)
{
    struct query_rows *rows = query_rows_new(NULL);
    char *large = mem_array(rows, char, 100001);
    struct query_value values[2];
    struct err err = ERR_INIT;

    memset(large, 'x', 100000);
    for (int i = 0; i < 20000; i++) {
        char *number = mem_printf(NULL, "%d", i);

        add(rows, (const char *const[]){number, i == 5000 ? large : "some text", NULL});
        talloc_free(number);
    }
    cr_expect_lt(talloc_total_size(rows), 600000, "memory is flat");
    for (int round = 0; round < 2; round++) {
        query_rows_rewind(rows);
        for (int i = 0; i < 20000; i++) {
            char *number = mem_printf(NULL, "%d", i);

            expect_row(rows, number, i == 5000 ? large : "some text");
            talloc_free(number);
        }
        cr_expect_eq(query_rows_next(rows, values, 2, &err), 0);
    }
    query_rows_clear(rows);
    cr_expect_eq(query_rows_count(rows), 20000);
    talloc_free(rows);
}

Test(query_rows, without_a_folder_for_the_file)
{
    struct query_rows *rows = query_rows_new(NULL);
    const char *const values[] = {"0123456789012345678901234567890123456789", NULL};
    PGresult *row = row_of(values);
    struct err err = ERR_INIT;
    int rc = 0;

    setenv("TMPDIR", "/nonexistent", 1);
    for (int i = 0; rc == 0 && i < 10000; i++)
        rc = query_rows_add(rows, row, &err);
    cr_expect_eq(rc, -1);
    cr_expect_eq(err.kind, ERR_INTERNAL);
    cr_expect(strstr(err.hint, "TMPDIR"));
    err_clear(&err);
    PQclear(row);
    talloc_free(rows);
}

static struct query_text given_text(const char *text)
{
    return (struct query_text){.name = "query", .text = text, .len = strlen(text)};
}

static void expect_given_refused(struct query_text given, const char *message)
{
    void *ctx = mem_context(NULL);
    struct err err = ERR_INIT;
    struct query *query;

    cr_assert_eq(query_new(ctx, &given, &query, &err), -1, "%s", given.text);
    cr_expect_eq(err.kind, ERR_DATA);
    cr_expect_str_eq(err.message, message, "%s: %s", given.text, err.message);
    err_clear(&err);
    talloc_free(ctx);
}

static void expect_refused(const char *text, const char *message)
{
    expect_given_refused(given_text(text), message);
}

Test(query, only_one_and_only_a_query)
{
    expect_refused("", "there is no query in it");
    expect_refused("  ; -- nothing\n;", "there is no query in it");
    expect_refused("SELECT 1; SELECT 2", "there is more than one query");
    expect_refused("SELECT 1; COMMIT", "there is more than one query");
    expect_refused("DELETE FROM a", "this is no query");
    expect_refused("COPY a TO PROGRAM 'x'", "this is no query");
    expect_refused("COMMIT", "this is no query");
    expect_refused("SET a.b = 1", "this is no query");
    expect_refused("SHOWN", "this is no query");
}

/* libpq would send what is before it. */
Test(query, a_nul_byte_does_not_cut_it)
{
    expect_given_refused((struct query_text){.name = "query", .text = "SELECT 1\0, 2", .len = 12},
                         "NUL byte in SQL text");
}

Test(query, what_gives_rows)
{
    static const char *const texts[] = {
        "SELECT 1;", " -- x\n(SELECT ';')", "with a as (select 1) table a", "VALUES (1)", "TABLE a",
        "show\nall", "EXPLAIN SELECT 1",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        void *ctx = mem_context(NULL);
        struct err err = ERR_INIT;
        struct query_text given = given_text(texts[i]);
        struct query *query;

        cr_assert_eq(query_new(ctx, &given, &query, &err), 0, "%s: %s", texts[i], err.message);
        cr_expect_eq(query->sql.sections[SECTION_UP].count, 1);
        talloc_free(ctx);
    }
}
