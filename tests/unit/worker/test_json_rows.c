/*
 * test_json_rows.c: cutting a JSON seed file into rows.
 */
#include "worker/json_rows.h"

#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>

static void *ctx;
static const char *path;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(json_rows, .init = setup, .fini = teardown);

static struct json_rows *open_text(const char *text, size_t len)
{
    struct err err = ERR_INIT;
    const char *dir = tmpdir_new(ctx);
    struct json_rows *rows;

    tmpdir_write_bytes(dir, "seed.json", text, len);
    path = tmpdir_path(ctx, dir, "seed.json");
    cr_assert_eq(json_rows_open(ctx, &(struct seed_file){.path = path, .file = path}, &rows, &err),
                 0);
    return rows;
}

/* All pieces as text, one a line; the last line is the error, if there is one. */
static const char *pieces_of(const char *text, size_t len)
{
    static const char *const names[] = {"array", "row", "end", "value"};
    struct json_rows *rows = open_text(text, len);
    struct json_rows_item item;
    struct err err = ERR_INIT;
    struct strbuf out;
    int result;

    strbuf_init(&out, ctx);
    while ((result = json_rows_next(rows, &item, &err)) == 0 && item.event != JSON_ROWS_END) {
        json_t *value;

        strbuf_printf(&out, "%s %s %d", names[item.event], item.name, item.line);
        if (item.event == JSON_ROWS_ROW || item.event == JSON_ROWS_ARRAY_END)
            strbuf_printf(&out, " %lld", (long long)item.row);
        if (item.event == JSON_ROWS_ROW || item.event == JSON_ROWS_VALUE) {
            strbuf_printf(&out, " %.*s", (int)item.len, item.text);
            if ((result = json_rows_parse(rows, &item, &value, &err)) < 0)
                break;
            json_decref(value);
        }
        strbuf_char(&out, '\n');
    }
    if (result < 0) {
        cr_assert_str_eq(err.file, path);
        strbuf_printf(&out, "error %d: %s", err.line, err.message);
    }
    err_clear(&err);
    return out.text;
}

static void assert_pieces(const char *text, const char *expected)
{
    const char *pieces = pieces_of(text, strlen(text));

    cr_assert_str_eq(pieces, expected, "%s", pieces);
}

/* The error is the last line of the pieces, and contains this. */
static void assert_error(const char *text, const char *expected)
{
    const char *pieces = pieces_of(text, strlen(text));
    const char *error = strstr(pieces, "error ");

    cr_assert_not_null(error, "no error in %s", text);
    cr_assert_eq(strncmp(error + 6, expected, strlen(expected)), 0, "%s: %s", text, error);
}

Test(json_rows, members_and_rows)
{
    assert_pieces("{\"table\": \"t\",\n \"key\": [\"a\", \"b\"],\n"
                  " \"rows\": [ {\"a\": 1},\n {\"b\":\n [{}, \"]}\"]} ], \"mode\":null}\n",
                  "value table 1 \"t\"\nvalue key 2 [\"a\", \"b\"]\narray rows 3\n"
                  "row rows 3 1 {\"a\": 1}\nrow rows 4 2 {\"b\":\n [{}, \"]}\"]}\nend rows 4 2\n"
                  "value mode 5 null\n");
}

Test(json_rows, arrays_one_after_the_other)
{
    assert_pieces("\xEF\xBB\xBF{\"a\":[],\"b\":[{}],\r\n\"c\":[ ]}",
                  "array a 1\nend a 1 0\narray b 1\nrow b 1 1 {}\nend b 1 1\n"
                  "array c 2\nend c 2 0\n");
    assert_pieces("{}", "");
}

Test(json_rows, strings_hide_brackets_and_quotes)
{
    assert_pieces("{\"t\\u00e9\\\"\": [{\"x\": \"\\\\\"}, {\"y\": \"\\\"}{\"}]}",
                  "array té\" 1\nrow té\" 1 1 {\"x\": \"\\\\\"}\n"
                  "row té\" 1 2 {\"y\": \"\\\"}{\"}\nend té\" 1 2\n");
}

Test(json_rows, numbers_of_any_length)
{
    assert_pieces("{\"t\": [{\"n\": 123456789012345678901234567890.12345678901234567890}]}",
                  "array t 1\nrow t 1 1 "
                  "{\"n\": 123456789012345678901234567890.12345678901234567890}\nend t 1 1\n");
    assert_error("{\"t\": [{\"n\": 1e999}]}", "1: \"t\", row 1: real number overflow");
}

Test(json_rows, rows_across_the_pieces_in_which_the_file_is_read)
{
    for (size_t pad = 65500; pad < 65560; pad++) {
        struct strbuf text;
        const char *pieces;

        strbuf_init(&text, ctx);
        strbuf_str(&text, "{\"t\":[");
        for (size_t i = 0; i < pad; i++)
            strbuf_char(&text, i == 7 ? '\n' : ' ');
        strbuf_str(&text, "{\"a\":\"\\\\\\\"é\"},{}]}");
        pieces = pieces_of(text.text, text.len);
        cr_assert_str_eq(pieces, "array t 1\nrow t 2 1 {\"a\":\"\\\\\\\"é\"}\nrow t 2 2 {}\n"
                                 "end t 2 2\n");
        strbuf_release(&text);
    }
}

Test(json_rows, files_that_are_no_object)
{
    assert_error("", "1: the file is empty");
    assert_error("\n\n", "3: the file is empty");
    assert_error("\n[{\"a\": 1}]", "2: '[' stands where an object should");
    assert_error("id,title\n", "1: 'i' stands where an object should");
    assert_error("{} {}", "1: '{' stands where the end of the file should");
    assert_error("{\"a\": []", "1: the file ends where ',' or '}' should stand");
}

Test(json_rows, members_that_are_none)
{
    assert_error("{a: 1}", "1: 'a' stands where a name in double quotes should");
    assert_error("{\"a\": 1,}", "1: '}' stands where a name in double quotes should");
    assert_error("{\"a\" 1}", "1: '1' stands where ':' should");
    assert_error("{\"a\": }", "1: '}' stands where a value should");
    assert_error("{\"a\": 1 \"b\": 2}", "1: '\"' stands where ',' or '}' should");
    assert_error("{\"a\": nul}", "1: invalid token near 'nul'");
    assert_error("{\"a\nb\": 1}", "1: ");
    assert_error("{\"a\": [\"x\"", "1: not closed before the end of the file");
}

Test(json_rows, rows_that_are_none)
{
    assert_error("{\"t\": [\n 1]}", "2: \"t\", row 1: '1' stands where a row '{...}' should");
    assert_error("{\"t\": [{},\n null]}", "2: \"t\", row 2: 'n' stands where a row");
    assert_error("{\"t\": [{},\n]}", "2: \"t\", row 2: ']' stands where a row");
    assert_error("{\"t\": [{}\n{}]}", "2: \"t\", row 1: '{' stands where ',' or ']' should");
    assert_error("{\"t\": [{},\n{\"a\": 1", "2: \"t\", row 2: not closed before the end");
    assert_error("{\"t\": [{},\n{\"a\": \"1", "2: \"t\", row 2: not closed before the end");
    assert_error("{\"t\": [{}", "1: \"t\", row 1: the file ends where ',' or ']' should stand");
}

Test(json_rows, rows_that_are_no_strict_json)
{
    assert_error("{\"t\": [{},\n{\"a\":\n 01}]}", "3: \"t\", row 2: ");
    assert_error("{\"t\": [{\"a\": 1, \"a\": 2}]}", "1: \"t\", row 1: duplicate object key");
    assert_error("{\"t\": [{\"a\": [}]}]}", "1: \"t\", row 1: ");
    assert_error("{\"t\": [{\"a\": \"\xFF\"}]}", "1: \"t\", row 1: unable to decode byte 0xff");
    assert_error("{\"t\": [{\"a\": \"\\u0000\"}]}", "1: \"t\", row 1: ");
    assert_error("{\"t\": [{'a': 1}]}", "1: \"t\", row 1: ");
}

Test(json_rows, depth_and_length_have_limits)
{
    struct strbuf text;

    strbuf_init(&text, ctx);
    strbuf_str(&text, "{\"t\": [{\"a\": ");
    for (int i = 0; i < 200000; i++)
        strbuf_char(&text, '[');
    assert_error(text.text, "1: \"t\", row 1: nested deeper than 100 levels");
    strbuf_reset(&text);
    strbuf_str(&text, "{\"mode\": \"");
    for (int i = 0; i < 70000; i++)
        strbuf_char(&text, 'x');
    strbuf_str(&text, "\"}");
    assert_error(text.text, "1: longer than 65536 bytes");
}

Test(json_rows, a_nul_byte_is_told)
{
    const char *pieces = pieces_of("{\"t\": [\0]}", 10);

    cr_assert_str_eq(pieces, "array t 1\nerror 1: \"t\", row 1: byte 0x00 stands where a row "
                             "'{...}' should");
}

Test(json_rows, a_file_that_cannot_be_read)
{
    struct err err = ERR_INIT;
    struct json_rows_item item;
    struct json_rows *rows;

    cr_assert_lt(json_rows_open(ctx,
                                &(struct seed_file){.path = "/nonexistent/a.json",
                                                    .file = "/nonexistent/a.json"},
                                &rows, &err),
                 0);
    cr_assert_eq(err.kind, ERR_NOINPUT);
    err_clear(&err);
    cr_assert_eq(json_rows_open(ctx, &(struct seed_file){.path = "/", .file = "/"}, &rows, &err),
                 0);
    cr_assert_lt(json_rows_next(rows, &item, &err), 0);
    cr_assert_eq(err.kind, ERR_NOINPUT);
    err_clear(&err);
}

Test(json_rows, verify_reads_the_rest)
{
    const char *text = "\xEF\xBB\xBF{}\n";
    struct err err = ERR_INIT;

    cr_assert_eq(
        json_rows_verify(open_text(text, strlen(text)), sha256_text(ctx, text, strlen(text)), &err),
        0);
    cr_assert_lt(json_rows_verify(open_text(text, strlen(text)), "sha256:00", &err), 0);
    cr_assert_str_eq(err.message, "the file has changed since the run began");
    err_clear(&err);
}
