/*
 * json_rows.c: a cutter for JSON seed files.
 *
 * DESIGN
 * json_rows_next() is called again and again; between calls the place in the file is `state`.
 * Only one value, a row or a small member, is in memory at a time. Depth is limited because the
 * parser behind json_rows_parse() is recursive and runs on a worker's small stack.
 */
#include "worker/json_rows.h"

#include "common/mem.h"
#include "worker/seed_input.h"

enum {
    DEEPEST = 100,
    ROW_MOST = 64 * 1024 * 1024, /* bytes of one row */
    VALUE_MOST = 64 * 1024,      /* bytes of a name or of another member's value */
};

enum state {
    AT_START,
    AT_FIRST_MEMBER, /* behind the file's { */
    AT_NEXT_MEMBER,
    AT_FIRST_ROW, /* behind an array's [ */
    AT_NEXT_ROW,
    AT_END,
};

struct json_rows {
    struct seed_input *input;
    enum state state;
    char *name; /* of the member we are in */
    int64_t row;
    char *text; /* of the value cut last */
    size_t len;
    size_t capacity;
    int line; /* where it begins */
};

int json_rows_open(void *parent, const struct seed_file *seed, struct json_rows **ret,
                   struct err *err)
{
    struct json_rows *rows = mem_new(parent, struct json_rows);

    if (seed_input_open(rows, seed, &rows->input, err) < 0) {
        talloc_free(rows);
        return -1;
    }
    *ret = rows;
    return 0;
}

int json_rows_verify(struct json_rows *rows, const char *checksum, struct err *err)
{
    return seed_input_verify(rows->input, checksum, err);
}

/* --- errors ----------------------------------------------------------------------------------- */

PRINTF_LIKE(4, 5)
static int fail_at(const struct json_rows *rows, struct err *err, int line, const char *format, ...)
{
    va_list args;
    char *text;

    if (seed_input_status(rows->input, err) < 0)
        return -1;
    va_start(args, format);
    text = mem_vprintf(NULL, format, args);
    va_end(args);
    if (rows->state == AT_FIRST_ROW || rows->state == AT_NEXT_ROW)
        err_set_at(err, ERR_DATA, seed_input_file(rows->input), line, 0, "\"%s\", row %lld: %s",
                   rows->name, (long long)rows->row, text);
    else
        err_set_at(err, ERR_DATA, seed_input_file(rows->input), line, 0, "%s", text);
    talloc_free(text);
    return -1;
}

/* `c` stands where something else should. */
static int unexpected(const struct json_rows *rows, struct err *err, int line, int c,
                      const char *wanted)
{
    if (c == SEED_INPUT_END)
        return fail_at(rows, err, line, "the file ends where %s should stand", wanted);
    if (c > ' ' && c < 127)
        return fail_at(rows, err, line, "'%c' stands where %s should", c, wanted);
    return fail_at(rows, err, line, "byte 0x%02X stands where %s should", (unsigned)c, wanted);
}

/* --- cutting ---------------------------------------------------------------------------------- */

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next byte that is not blank, not taken. */
static int next_token(struct json_rows *rows)
{
    while (is_blank(seed_input_peek(rows->input)))
        seed_input_get(rows->input);
    return seed_input_peek(rows->input);
}

static void keep(struct json_rows *rows, int c)
{
    if (rows->len == rows->capacity)
        mem_grow(rows, &rows->text, &rows->capacity, rows->len + 1);
    rows->text[rows->len++] = (char)c;
}

/* Behind the opening quote, up to and with the closing one. False: there is none. */
static bool cut_string(struct json_rows *rows, size_t most)
{
    for (;;) {
        int c = seed_input_get(rows->input);

        if (c == SEED_INPUT_END || rows->len >= most)
            return false;
        keep(rows, c);
        if (c == '"')
            return true;
        if (c == '\\' && (c = seed_input_get(rows->input)) != SEED_INPUT_END)
            keep(rows, c);
    }
}

/* A number, true, false, null, or what somebody took for one. */
static void cut_word(struct json_rows *rows, size_t most)
{
    for (;;) {
        int c = seed_input_peek(rows->input);

        if (c <= ' ' || strchr(",:]}[{\"", c) || rows->len >= most)
            return;
        keep(rows, seed_input_get(rows->input));
    }
}

/* Why a value could not be cut to its end. */
static int cut_off(const struct json_rows *rows, size_t most, struct err *err)
{
    if (rows->len >= most)
        return fail_at(rows, err, rows->line, "longer than %zu bytes", most);
    return fail_at(rows, err, rows->line, "not closed before the end of the file");
}

/* Up to the end of the value of which `depth` brackets are open. */
static int cut_rest(struct json_rows *rows, int depth, size_t most, struct err *err)
{
    do {
        int c = seed_input_get(rows->input);

        if (c == SEED_INPUT_END || rows->len >= most)
            return cut_off(rows, most, err);
        keep(rows, c);
        if (c == '"' && !cut_string(rows, most))
            return cut_off(rows, most, err);
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth > DEEPEST)
            return fail_at(rows, err, rows->line, "nested deeper than %d levels", DEEPEST);
    } while (depth > 0);
    return 0;
}

/* The value that begins with the next byte goes to rows->text; what is in it is not looked at. */
static int cut_value(struct json_rows *rows, size_t most, struct err *err)
{
    int c = seed_input_peek(rows->input);

    rows->len = 0;
    rows->line = seed_input_line(rows->input);
    if (c == '{' || c == '[' || c == '"')
        return cut_rest(rows, 0, most, err);
    cut_word(rows, most);
    return rows->len < most ? 0 : cut_off(rows, most, err);
}

static struct json_rows_item cut_item(const struct json_rows *rows, enum json_rows_event event)
{
    return (struct json_rows_item){.event = event,
                                   .name = rows->name,
                                   .text = rows->text,
                                   .len = rows->len,
                                   .line = rows->line,
                                   .row = rows->row};
}

int json_rows_parse(const struct json_rows *rows, const struct json_rows_item *item, json_t **ret,
                    struct err *err)
{
    json_error_t why;
    json_t *value =
        json_loadb(item->text, item->len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, &why);

    if (!value) {
        fail_at(rows, err, item->line + (why.line > 0 ? why.line - 1 : 0), "%s", why.text);
        if (json_error_code(&why) == json_error_numeric_overflow)
            err_hint(err, "Write so large a number in quotes; the server reads it the same.");
        return -1;
    }
    *ret = value;
    return 0;
}

/* --- the file's own object -------------------------------------------------------------------- */

static int begin_file(struct json_rows *rows, struct err *err)
{
    int c = next_token(rows);
    int line = seed_input_line(rows->input);

    if (c == '{') {
        seed_input_get(rows->input);
        rows->state = AT_FIRST_MEMBER;
        return 0;
    }
    if (c == SEED_INPUT_END)
        fail_at(rows, err, line, "the file is empty");
    else
        unexpected(rows, err, line, c, "an object");
    if (err->kind == ERR_DATA)
        err_hint(err, "A seed file is {\"table\": \"NAME\", \"rows\": [{...}, ...]} or "
                      "{\"NAME\": [{...}, ...], ...}.");
    return -1;
}

/* The name of the next member, up to and with its colon. */
static int read_name(struct json_rows *rows, struct err *err)
{
    int c = next_token(rows);
    struct json_rows_item item;
    json_t *name;

    if (c != '"')
        return unexpected(rows, err, seed_input_line(rows->input), c, "a name in double quotes");
    if (cut_value(rows, VALUE_MOST, err) < 0)
        return -1;
    item = cut_item(rows, JSON_ROWS_VALUE);
    if (json_rows_parse(rows, &item, &name, err) < 0)
        return -1;
    talloc_free(rows->name);
    rows->name = mem_strdup(rows, json_string_value(name));
    json_decref(name);
    if ((c = next_token(rows)) != ':')
        return unexpected(rows, err, seed_input_line(rows->input), c, "':'");
    seed_input_get(rows->input);
    return 0;
}

/* At a '[': rows, or a list of strings, which is a value like any other. */
static int begin_array(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    int c;

    rows->len = 0;
    rows->line = seed_input_line(rows->input);
    keep(rows, seed_input_get(rows->input));
    c = next_token(rows);
    if (c == '"') {
        if (cut_rest(rows, 1, VALUE_MOST, err) < 0)
            return -1;
        *item = cut_item(rows, JSON_ROWS_VALUE);
        return 0;
    }
    rows->state = AT_FIRST_ROW;
    rows->row = 0;
    *item = cut_item(rows, JSON_ROWS_ARRAY);
    return 0;
}

/* Behind a comma or the opening brace: the next member. */
static int begin_member(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    int c;

    if (read_name(rows, err) < 0)
        return -1;
    rows->state = AT_NEXT_MEMBER;
    c = next_token(rows);
    if (c == '[')
        return begin_array(rows, item, err);
    if (cut_value(rows, VALUE_MOST, err) < 0)
        return -1;
    if (rows->len == 0)
        return unexpected(rows, err, rows->line, c, "a value");
    *item = cut_item(rows, JSON_ROWS_VALUE);
    return 0;
}

static int end_file(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    int c;

    seed_input_get(rows->input);
    c = next_token(rows);
    if (c != SEED_INPUT_END)
        return unexpected(rows, err, seed_input_line(rows->input), c, "the end of the file");
    rows->state = AT_END;
    *item = (struct json_rows_item){.event = JSON_ROWS_END, .line = seed_input_line(rows->input)};
    return seed_input_status(rows->input, err);
}

static int next_member(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    int c = next_token(rows);

    if (c == '}')
        return end_file(rows, item, err);
    if (rows->state == AT_NEXT_MEMBER) {
        if (c != ',')
            return unexpected(rows, err, seed_input_line(rows->input), c, "',' or '}'");
        seed_input_get(rows->input);
    }
    return begin_member(rows, item, err);
}

static int next_row(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    int c = next_token(rows);

    if (c == ']') {
        seed_input_get(rows->input);
        rows->state = AT_NEXT_MEMBER;
        *item = cut_item(rows, JSON_ROWS_ARRAY_END);
        return 0;
    }
    if (rows->state == AT_NEXT_ROW) {
        if (c != ',')
            return unexpected(rows, err, seed_input_line(rows->input), c, "',' or ']'");
        seed_input_get(rows->input);
        c = next_token(rows);
    }
    rows->state = AT_NEXT_ROW;
    rows->row++;
    if (c != '{')
        return unexpected(rows, err, seed_input_line(rows->input), c, "a row '{...}'");
    if (cut_value(rows, ROW_MOST, err) < 0)
        return -1;
    *item = cut_item(rows, JSON_ROWS_ROW);
    return 0;
}

int json_rows_next(struct json_rows *rows, struct json_rows_item *item, struct err *err)
{
    switch (rows->state) {
    case AT_START:
        if (begin_file(rows, err) < 0)
            return -1;
        return next_member(rows, item, err);
    case AT_FIRST_MEMBER:
    case AT_NEXT_MEMBER:
        return next_member(rows, item, err);
    case AT_FIRST_ROW:
    case AT_NEXT_ROW:
        return next_row(rows, item, err);
    case AT_END:
        break;
    }
    *item = (struct json_rows_item){.event = JSON_ROWS_END};
    return 0;
}
