/*
 * fuzz_seed_rows.c: whatever the bytes are, the readers of JSON and CSV seeds stay within them. The
 * JSON cutter is compared with a parser that reads the whole: what both take has the same rows, and
 * what the cutter and its row parser take is JSON.
 */
#include "common/err.h"
#include "common/mem.h"
#include "worker/csv_rows.h"
#include "worker/json_rows.h"

#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition) check((condition), #condition, __LINE__)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
        abort();
    }
}

static void check_error(struct err *err, int lines)
{
    CHECK(err->kind == ERR_DATA && err->message && err->message[0]);
    CHECK(err->line >= 1 && err->line <= lines);
    err_clear(err);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* The row number `row` of the array that `whole` has under this name. */
static bool is_row(const json_t *whole, const char *name, int64_t row, const json_t *value)
{
    return json_equal(json_array_get(json_object_get(whole, name), (size_t)row - 1), value);
}

/* Cuts the file to its end, comparing with `whole` unless that is NULL. False: refused. */
static bool cut(void *mem, const char *path, const json_t *whole, int lines)
{
    struct json_rows *rows;
    struct json_rows_item item = {0};
    struct err err = ERR_INIT;
    json_t *value;

    CHECK(json_rows_open(mem, &(struct seed_file){.path = path, .file = path}, &rows, &err) == 0);
    while (item.event != JSON_ROWS_END) {
        if (json_rows_next(rows, &item, &err) < 0)
            break;
        CHECK(item.event == JSON_ROWS_END || (item.line >= 1 && item.line <= lines));
        if (whole && item.event == JSON_ROWS_ARRAY_END)
            CHECK(json_array_size(json_object_get(whole, item.name)) == (size_t)item.row);
        if (item.event != JSON_ROWS_ROW && item.event != JSON_ROWS_VALUE)
            continue;
        if (json_rows_parse(rows, &item, &value, &err) < 0)
            break;
        if (whole && item.event == JSON_ROWS_ROW)
            CHECK(is_row(whole, item.name, item.row, value));
        json_decref(value);
    }
    if (err.kind == ERR_NONE)
        return true;
    check_error(&err, lines);
    return false;
}

/* Whether the cutter must take what the parser took: the members are rows or plain values. */
static bool is_seed(const json_t *whole)
{
    const char *name;
    json_t *member;
    json_t *row;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)whole, name, member)
    {
        bool strings = json_is_string(json_array_get(member, 0));

        json_array_foreach(member, i, row)
        {
            if (!strings && !json_is_object(row))
                return false;
        }
    }
    return json_is_object(whole);
}

/* More brackets than the cutter goes deep. */
static bool is_deep(const char *text, size_t len)
{
    size_t open = 0;

    for (size_t i = 0; i < len; i++)
        open += text[i] == '[' || text[i] == '{';
    return open > 100;
}

static void fuzz_json(void *mem, const char *path, const char *text, size_t len, int lines)
{
    size_t mark = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t flags = JSON_DECODE_INT_AS_REAL;
    json_t *strict = json_loadb(text + mark, len - mark, flags | JSON_REJECT_DUPLICATES, NULL);
    bool taken = cut(mem, path, strict, lines);

    if (strict && is_seed(strict) && !is_deep(text, len))
        CHECK(taken);
    if (taken && !strict) { /* the name of a member may come twice: the caller looks at that */
        strict = json_loadb(text + mark, len - mark, flags, NULL);
        CHECK(strict != NULL);
    }
    json_decref(strict);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static void fuzz_csv(void *mem, const char *path, size_t len, int lines)
{
    struct csv_record record = {0};
    struct err err = ERR_INIT;
    struct csv_rows *rows;
    size_t width;
    size_t seen = 0;
    int result = csv_rows_open(mem, &(struct seed_file){.path = path, .file = path}, &rows, &err);

    if (result == 0)
        (void)csv_rows_header(rows, &width);
    while (result == 0 && (result = csv_rows_next(rows, &record, &err)) == 0 && record.fields) {
        CHECK(record.line >= 1 && record.line <= lines);
        for (size_t i = 0; i < width; i++) {
            CHECK(strlen(record.fields[i].text) == record.fields[i].len);
            CHECK(!record.fields[i].null || record.fields[i].len == 0);
            seen += record.fields[i].len;
        }
    }
    CHECK(seen <= len);
    if (result < 0)
        check_error(&err, lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *mem = mem_context(NULL);
    int fd = memfd_create("seed", MFD_CLOEXEC);
    const char *path = mem_printf(mem, "/proc/self/fd/%d", fd);
    int lines = 1;

    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    fuzz_json(mem, path, (const char *)bytes, len, lines);
    fuzz_csv(mem, path, len, lines);
    close(fd);
    talloc_free(mem);
    return 0;
}
