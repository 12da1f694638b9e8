/*
 * query_rows.c: rows one behind the other, each value as its length and its bytes.
 */
#include "worker/query_rows.h"

#include "common/mem.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    BUFFER_MOST = 64 * 1024,     /* then it goes to the file */
    ROW_MOST = 64 * 1024 * 1024, /* bytes of one row: it is held in memory */
    IS_NULL = -1,                /* in place of a length */
};

struct query_rows {
    size_t count;
    struct strbuf tail; /* what is not in the file */
    int fd;             /* -1: there is no file */
    int64_t filed;      /* bytes in the file */
    int64_t at;         /* reading: how far */
    struct strbuf row;  /* reading: the values of one */
    struct strbuf page; /* reading: a piece of the file, */
    int64_t page_at;    /* which begins there */
};

static int close_file(struct query_rows *rows)
{
    if (rows->fd >= 0)
        close(rows->fd);
    return 0;
}

struct query_rows *query_rows_new(void *parent)
{
    struct query_rows *rows = mem_new(parent, struct query_rows);

    rows->fd = -1;
    strbuf_init(&rows->tail, rows);
    strbuf_init(&rows->row, rows);
    strbuf_init(&rows->page, rows);
    talloc_set_destructor(rows, close_file);
    return rows;
}

size_t query_rows_count(const struct query_rows *rows)
{
    return rows->count;
}

void query_rows_clear(struct query_rows *rows)
{
    close_file(rows);
    rows->fd = -1;
    rows->filed = 0;
    query_rows_rewind(rows);
    strbuf_release(&rows->tail);
    strbuf_release(&rows->row);
    strbuf_release(&rows->page);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int fail_file(const char *what, struct err *err)
{
    err_set(err, ERR_INTERNAL, "could not %s a temporary file for the rows: %m", what);
    err_hint(err, "Set TMPDIR to a folder with room for the rows of the tenants in work.");
    return -1;
}

static int make_file(struct query_rows *rows, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    char *name = mem_printf(rows, "%s/pgtide-rows-XXXXXX", folder && *folder ? folder : "/tmp");

    rows->fd = mkostemp(name, O_CLOEXEC);
    if (rows->fd >= 0)
        unlink(name);
    talloc_free(name);
    return rows->fd < 0 ? fail_file("make", err) : 0;
}

static int write_tail(struct query_rows *rows, struct err *err)
{
    size_t done = 0;

    if (rows->fd < 0 && make_file(rows, err) < 0)
        return -1;
    while (done < rows->tail.len) {
        ssize_t put = write(rows->fd, rows->tail.text + done, rows->tail.len - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_file("write", err);
        done += (size_t)put;
    }
    rows->filed += (int64_t)done;
    strbuf_reset(&rows->tail);
    return 0;
}

static int check_size(const PGresult *result, struct err *err)
{
    int64_t size = 0;

    for (int i = 0; i < PQnfields(result); i++)
        size += PQgetlength(result, 0, i);
    if (size <= ROW_MOST)
        return 0;
    err_set(err, ERR_SQL, "a row of %lld bytes is more than a query may give", (long long)size);
    err_hint(err, "Ask for a part of its values: left(x, 1000), length(x), md5(x).");
    return -1;
}

int query_rows_add(struct query_rows *rows, const PGresult *result, struct err *err)
{
    if (check_size(result, err) < 0)
        return -1;
    for (int i = 0; i < PQnfields(result); i++) {
        int len = PQgetisnull(result, 0, i) ? IS_NULL : PQgetlength(result, 0, i);

        strbuf_add(&rows->tail, (const char *)&len, sizeof(len));
        if (len > 0)
            strbuf_add(&rows->tail, PQgetvalue(result, 0, i), (size_t)len);
    }
    rows->count++;
    return rows->tail.len < BUFFER_MOST ? 0 : write_tail(rows, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

void query_rows_rewind(struct query_rows *rows)
{
    rows->at = 0;
    rows->page_at = 0;
    strbuf_reset(&rows->page);
}

/* The piece of the file that begins at rows->at. */
static int read_page(struct query_rows *rows, struct err *err)
{
    char bytes[16 * 1024];
    ssize_t got;

    do
        got = pread(rows->fd, bytes, sizeof(bytes), rows->at);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return fail_file("read", err);
    rows->page_at = rows->at;
    strbuf_reset(&rows->page);
    strbuf_add(&rows->page, bytes, (size_t)got);
    return 0;
}

/* Appends the next `len` bytes to `out`. */
static int take(struct query_rows *rows, struct strbuf *out, size_t len, struct err *err)
{
    while (len > 0) {
        const struct strbuf *from = rows->at < rows->filed ? &rows->page : &rows->tail;
        size_t offset = (size_t)(rows->at - (rows->at < rows->filed ? rows->page_at : rows->filed));
        size_t piece;

        if (offset >= from->len) {
            if (read_page(rows, err) < 0)
                return -1;
            continue;
        }
        piece = from->len - offset < len ? from->len - offset : len;
        strbuf_add(out, from->text + offset, piece);
        rows->at += (int64_t)piece;
        len -= piece;
    }
    return 0;
}

/* Appends one value, and a NUL; it stands at *ret_offset. */
static int take_value(struct query_rows *rows, struct query_value *ret, size_t *ret_offset,
                      struct err *err)
{
    size_t before = rows->row.len;
    int len;

    if (take(rows, &rows->row, sizeof(len), err) < 0)
        return -1;
    memcpy(&len, rows->row.text + before, sizeof(len));
    *ret_offset = rows->row.len;
    *ret = (struct query_value){.text = len == IS_NULL ? NULL : "", .len = (size_t)len};
    if (len > 0 && take(rows, &rows->row, (size_t)len, err) < 0)
        return -1;
    strbuf_char(&rows->row, '\0');
    return 0;
}

int query_rows_next(struct query_rows *rows, struct query_value *values, size_t count,
                    struct err *err)
{
    size_t *offsets;
    int result = 1;

    if (rows->at >= rows->filed + (int64_t)rows->tail.len)
        return 0;
    strbuf_reset(&rows->row);
    offsets = mem_array(rows, size_t, count + 1);
    for (size_t i = 0; result > 0 && i < count; i++) {
        if (take_value(rows, &values[i], &offsets[i], err) < 0)
            result = -1;
    }
    for (size_t i = 0; result > 0 && i < count; i++) { /* it has stopped moving */
        if (values[i].text)
            values[i].text = rows->row.text + offsets[i];
        else
            values[i].len = 0;
    }
    talloc_free(offsets);
    return result;
}
