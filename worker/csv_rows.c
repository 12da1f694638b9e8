/*
 * csv_rows.c: a reader for CSV seed files.
 */
#include "worker/csv_rows.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "worker/seed_input.h"

enum { RECORD_MOST = 64 * 1024 * 1024 }; /* bytes of one record */

struct csv_rows {
    struct seed_input *input;
    const char **names;
    size_t width;
    int header_line;
    int64_t row;
    int line;           /* where the record begins */
    struct strbuf text; /* all fields of the record, each followed by NUL */
    size_t *starts;     /* of the fields in text */
    size_t starts_capacity;
    struct csv_field *fields;
    size_t fields_capacity;
    size_t count;
};

PRINTF_LIKE(4, 5)
static int fail_at(const struct csv_rows *rows, struct err *err, int line, const char *format, ...)
{
    va_list args;
    char *text;

    if (seed_input_status(rows->input, err) < 0)
        return -1;
    va_start(args, format);
    text = mem_vprintf(NULL, format, args);
    va_end(args);
    if (rows->row > 0)
        err_set_at(err, ERR_DATA, seed_input_file(rows->input), line, 0, "row %lld: %s",
                   (long long)rows->row, text);
    else
        err_set_at(err, ERR_DATA, seed_input_file(rows->input), line, 0, "header: %s", text);
    talloc_free(text);
    return -1;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `text` (which ends in NUL), 0 = not one that PostgreSQL takes. */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};

    for (size_t more = 0; more < ARRAY_LEN(forms); more++) {
        uint32_t code = text[0] & (unsigned char)~forms[more].mask;

        if ((text[0] & forms[more].mask) != forms[more].lead)
            continue;
        for (size_t i = 1; i <= more; i++) {
            if ((text[i] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (text[i] & 0x3F);
        }
        if (code < forms[more].least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return 0;
        return more + 1;
    }
    return 0;
}

static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + len;

    while (at < end) {
        size_t step = utf8_length(at);

        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

static bool ends_record(int c)
{
    return c == SEED_INPUT_END || c == '\n' || c == '\r';
}

/* Behind the opening quote, up to and with the closing one. */
static int read_quoted(struct csv_rows *rows, struct err *err)
{
    int begin = seed_input_line(rows->input);

    for (;;) {
        int c = seed_input_get(rows->input);

        if (c == SEED_INPUT_END)
            return fail_at(rows, err, begin, "a quote is opened here and never closed");
        if (c == '"' && seed_input_peek(rows->input) != '"')
            break;
        if (c == '"')
            seed_input_get(rows->input);
        if (rows->text.len >= RECORD_MOST)
            return fail_at(rows, err, begin, "longer than %d bytes", (int)RECORD_MOST);
        strbuf_char(&rows->text, (char)c);
    }
    if (ends_record(seed_input_peek(rows->input)) || seed_input_peek(rows->input) == ',')
        return 0;
    fail_at(rows, err, seed_input_line(rows->input), "text behind the closing quote of field %zu",
            rows->count + 1);
    err_hint(err, "A quote within a quoted field is written twice: \"\".");
    return -1;
}

static int read_plain(struct csv_rows *rows, struct err *err)
{
    int c;

    while (!ends_record(c = seed_input_peek(rows->input)) && c != ',') {
        if (c == '"') {
            fail_at(rows, err, rows->line, "a quote within field %zu, which is not quoted",
                    rows->count + 1);
            err_hint(err, "Put the whole field in quotes and write the quote within twice: \"\".");
            return -1;
        }
        if (rows->text.len >= RECORD_MOST)
            return fail_at(rows, err, rows->line, "longer than %d bytes", (int)RECORD_MOST);
        strbuf_char(&rows->text, (char)seed_input_get(rows->input));
    }
    return 0;
}

/* One field, up to what ends it. */
static int read_field(struct csv_rows *rows, struct err *err)
{
    size_t start = rows->text.len;
    bool quoted = seed_input_peek(rows->input) == '"';
    size_t len;

    if (quoted)
        seed_input_get(rows->input);
    if ((quoted ? read_quoted(rows, err) : read_plain(rows, err)) < 0)
        return -1;
    len = rows->text.len - start;
    if (memchr(rows->text.text + start, '\0', len) || !is_utf8(rows->text.text + start, len))
        return fail_at(rows, err, rows->line, "field %zu is not UTF-8 text", rows->count + 1);
    mem_grow(rows, &rows->starts, &rows->starts_capacity, rows->count + 1);
    mem_grow(rows, &rows->fields, &rows->fields_capacity, rows->count + 1);
    rows->starts[rows->count] = start;
    rows->fields[rows->count] = (struct csv_field){.len = len, .null = !quoted && len == 0};
    rows->count++;
    strbuf_char(&rows->text, '\0');
    return 0;
}

/* Takes a line end. */
static int end_line(struct csv_rows *rows, struct err *err)
{
    int line = seed_input_line(rows->input);
    int c = seed_input_get(rows->input);

    if (c == '\r')
        c = seed_input_get(rows->input);
    if (c != '\n')
        return fail_at(rows, err, line, "a carriage return that does not end a line");
    return 0;
}

/* The next record: rows->count fields, 0 at the end of the file. */
static int read_record(struct csv_rows *rows, struct err *err)
{
    strbuf_reset(&rows->text);
    rows->count = 0;
    while (seed_input_peek(rows->input) == '\n' || seed_input_peek(rows->input) == '\r') {
        if (end_line(rows, err) < 0)
            return -1;
    }
    if (seed_input_peek(rows->input) == SEED_INPUT_END)
        return seed_input_status(rows->input, err);
    rows->line = seed_input_line(rows->input);
    while (read_field(rows, err) == 0) {
        int c = seed_input_peek(rows->input);

        for (size_t i = 0; c != ',' && i < rows->count; i++)
            rows->fields[i].text = rows->text.text + rows->starts[i];
        if (c == SEED_INPUT_END)
            return seed_input_status(rows->input, err);
        if (c != ',')
            return end_line(rows, err);
        seed_input_get(rows->input);
    }
    return -1;
}

/* --- the file --------------------------------------------------------------------------------- */

static int read_header(struct csv_rows *rows, struct err *err)
{
    if (read_record(rows, err) < 0)
        return -1;
    if (rows->count == 0) {
        err_set_at(err, ERR_DATA, seed_input_file(rows->input), 1, 0, "the file has no header");
        err_hint(err, "The first line names the columns: id,title,...");
        return -1;
    }
    rows->width = rows->count;
    rows->header_line = rows->line;
    rows->names = mem_array(rows, const char *, rows->width);
    for (size_t i = 0; i < rows->width; i++) {
        if (rows->fields[i].len == 0)
            return fail_at(rows, err, rows->line, "column %zu has no name", i + 1);
        rows->names[i] = mem_strdup(rows, rows->fields[i].text);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rows->names[i], rows->names[j]) == 0)
                return fail_at(rows, err, rows->line, "column \"%s\" stands there twice",
                               rows->names[i]);
        }
    }
    return 0;
}

int csv_rows_open(void *parent, const struct seed_file *seed, struct csv_rows **ret,
                  struct err *err)
{
    struct csv_rows *rows = mem_new(parent, struct csv_rows);

    strbuf_init(&rows->text, rows);
    if (seed_input_open(rows, seed, &rows->input, err) < 0 || read_header(rows, err) < 0) {
        talloc_free(rows);
        return -1;
    }
    *ret = rows;
    return 0;
}

const char *const *csv_rows_header(const struct csv_rows *rows, size_t *ret_count)
{
    *ret_count = rows->width;
    return rows->names;
}

int csv_rows_header_line(const struct csv_rows *rows)
{
    return rows->header_line;
}

int csv_rows_next(struct csv_rows *rows, struct csv_record *record, struct err *err)
{
    rows->row++;
    if (read_record(rows, err) < 0)
        return -1;
    if (rows->count == 0) {
        *record = (struct csv_record){.row = --rows->row};
        return 0;
    }
    if (rows->count != rows->width)
        return fail_at(rows, err, rows->line, "has %zu fields, the header names %zu columns",
                       rows->count, rows->width);
    *record = (struct csv_record){.fields = rows->fields, .line = rows->line, .row = rows->row};
    return 0;
}

int csv_rows_verify(struct csv_rows *rows, const char *checksum, struct err *err)
{
    return seed_input_verify(rows->input, checksum, err);
}
