/*
 * test_csv_rows.c: reading CSV seed files.
 */
#include "worker/csv_rows.h"

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

TestSuite(csv_rows, .init = setup, .fini = teardown);

static void write_text(const char *text, size_t len)
{
    const char *dir = tmpdir_new(ctx);

    tmpdir_write_bytes(dir, "seed.csv", text, len);
    path = tmpdir_path(ctx, dir, "seed.csv");
}

/* "LINE/ROW [field] NULL [field]" a record, then the error, if there is one. */
static const char *records_of(const char *text, size_t len)
{
    struct csv_rows *rows;
    struct csv_record record;
    struct err err = ERR_INIT;
    struct strbuf out;
    size_t width;
    int result;

    write_text(text, len);
    strbuf_init(&out, ctx);
    result = csv_rows_open(ctx, &(struct seed_file){.path = path, .file = path}, &rows, &err);
    if (result == 0) {
        const char *const *names = csv_rows_header(rows, &width);

        strbuf_printf(&out, "%d:", csv_rows_header_line(rows));
        for (size_t i = 0; i < width; i++)
            strbuf_printf(&out, " [%s]", names[i]);
        strbuf_char(&out, '\n');
    }
    while (result == 0 && (result = csv_rows_next(rows, &record, &err)) == 0 && record.fields) {
        strbuf_printf(&out, "%d/%lld", record.line, (long long)record.row);
        for (size_t i = 0; i < width; i++)
            strbuf_printf(&out, record.fields[i].null ? " NULL%s" : " [%s]", record.fields[i].text);
        strbuf_char(&out, '\n');
    }
    if (result < 0) {
        cr_assert_str_eq(err.file, path);
        cr_assert_eq(err.kind, ERR_DATA);
        strbuf_printf(&out, "error %d: %s", err.line, err.message);
    }
    err_clear(&err);
    return out.text;
}

static void assert_records(const char *text, const char *expected)
{
    const char *records = records_of(text, strlen(text));

    cr_assert_str_eq(records, expected, "%s", records);
}

Test(csv_rows, fields)
{
    assert_records("a,b,c\n1,,\"\"\n\"x,y\",\"\"\"q\"\"\", blank \n",
                   "1: [a] [b] [c]\n2/1 [1] NULL []\n3/2 [x,y] [\"q\"] [ blank ]\n");
    assert_records("a\n\\.\nNULL\n\\N\n", "1: [a]\n2/1 [\\.]\n3/2 [NULL]\n4/3 [\\N]\n");
}

Test(csv_rows, lines)
{
    assert_records("\xEF\xBB\xBF\r\n\"a\nb\",c\r\n\r\n1,2\r\n\n\"x\r\n\r\ny\",3\n\n4,5",
                   "2: [a\nb] [c]\n5/1 [1] [2]\n7/2 [x\r\n\r\ny] [3]\n11/3 [4] [5]\n");
    assert_records("a,b\n1,", "1: [a] [b]\n2/1 [1] NULL\n");
    assert_records("a", "1: [a]\n");
}

Test(csv_rows, headers_that_are_none)
{
    assert_records("", "error 1: the file has no header");
    assert_records("\n\r\n", "error 1: the file has no header");
    assert_records("a,,b\n", "error 1: header: column 2 has no name");
    assert_records("\na,b,a\n", "error 2: header: column \"a\" stands there twice");
    assert_records("\"a\n", "error 1: header: a quote is opened here and never closed");
}

Test(csv_rows, records_that_do_not_fit)
{
    assert_records("a,b\n1,2\n3\n", "1: [a] [b]\n2/1 [1] [2]\n"
                                    "error 3: row 2: has 1 fields, the header names 2 columns");
    assert_records("a,b\n1,2,\n",
                   "1: [a] [b]\nerror 2: row 1: has 3 fields, the header names 2 columns");
}

Test(csv_rows, quotes_that_do_not_fit)
{
    assert_records("a\nok\n\"x\n\ny",
                   "1: [a]\n2/1 [ok]\nerror 3: row 2: a quote is opened here and never closed");
    assert_records("a,b\n1,\"x\"y\n",
                   "1: [a] [b]\nerror 2: row 1: text behind the closing quote of field 2");
    assert_records("a,b\n1,5\" nail\n",
                   "1: [a] [b]\nerror 2: row 1: a quote within field 2, which is not quoted");
    assert_records("a\nx\ry\n",
                   "1: [a]\nerror 2: row 1: a carriage return that does not end a line");
}

Test(csv_rows, text_is_utf8)
{
    static const char *const bad[] = {
        "\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xE0\x80\xAF", "\xF4\x90\x80\x80", "\x80"};

    assert_records("a\né€😀\n", "1: [a]\n2/1 [é€😀]\n");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *text = mem_printf(ctx, "a,b\nx,%s\n", bad[i]);

        assert_records(text, "1: [a] [b]\nerror 2: row 1: field 2 is not UTF-8 text");
    }
    cr_assert_str_eq(records_of("a\n1\0\n", 5),
                     "1: [a]\nerror 2: row 1: field 1 is not UTF-8 text");
}

Test(csv_rows, verify)
{
    const char *text = "\xEF\xBB\xBF"
                       "a\n1\n";
    struct err err = ERR_INIT;
    struct csv_rows *rows;

    write_text(text, strlen(text));
    cr_assert_eq(csv_rows_open(ctx, &(struct seed_file){.path = path, .file = path}, &rows, &err),
                 0);
    cr_assert_eq(csv_rows_verify(rows, sha256_text(ctx, text, strlen(text)), &err), 0);
    cr_assert_eq(csv_rows_open(ctx, &(struct seed_file){.path = path, .file = path}, &rows, &err),
                 0);
    cr_assert_lt(csv_rows_verify(rows, sha256_text(ctx, "a\n", 2), &err), 0);
    cr_assert_eq(err.kind, ERR_DATA);
    err_clear(&err);
}
