/*
 * query_output.c: three ways to write a row.
 */
#include "orchestrator/query_output.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/csv_field.h"
#include "orchestrator/report_text.h"

#include <ctype.h>

enum {
    LOOKED_AT = 100,   /* rows of the first tenant that decide how wide columns are, */
    WIDEST = 60,       /* but for values wider than this */
    FLUSH = 64 * 1024, /* bytes that are written at once */
    GAP = 2,           /* blanks between columns */
};

/* Types of pg_type that JSON has too. Their numbers never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802,
};

struct query_output {
    enum query_format format;
    FILE *out;
    struct strbuf text; /* not written yet */
    size_t tenant_columns;
    size_t *widths; /* of the table's columns; NULL: the head is not printed yet */
    struct query_value *values;
    bool begun;
};

bool query_output_format(const char *name, enum query_format *ret)
{
    static const char *const names[] = {
        [QUERY_TEXT] = "text", [QUERY_CSV] = "csv", [QUERY_JSON] = "json"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        *ret = (enum query_format)i;
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

struct query_output *query_output_new(void *parent, enum query_format format, size_t tenant_columns,
                                      FILE *out)
{
    struct query_output *output = mem_new(parent, struct query_output);

    output->format = format;
    output->out = out;
    output->tenant_columns = tenant_columns > strlen("tenant") ? tenant_columns : strlen("tenant");
    strbuf_init(&output->text, output);
    return output;
}

static int write_out(struct query_output *output, struct err *err)
{
    size_t len = output->text.len;
    bool written = fwrite(output->text.text, 1, len, output->out) == len;

    strbuf_reset(&output->text);
    if (written && fflush(output->out) == 0)
        return 0;
    return err_set(err, ERR_INTERNAL, "could not write the rows: %m");
}

static bool is_number(Oid type)
{
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8 || type == OID_OID ||
           type == OID_FLOAT4 || type == OID_FLOAT8 || type == OID_NUMERIC;
}

/* --- text ------------------------------------------------------------------------------------- */

/* A cell of `width`; the last of its line has no blanks behind it. */
static void add_cell(struct strbuf *out, const char *text, size_t width, bool right, bool last)
{
    size_t own = text_columns(text);
    int padding = own < width ? (int)(width - own) : 0;

    if (right)
        strbuf_printf(out, "%*s", padding, "");
    strbuf_str(out, text);
    if (!right && !last)
        strbuf_printf(out, "%*s", padding, "");
    if (!last)
        strbuf_printf(out, "%*s", GAP, "");
}

static const char *cell_of(void *mem, const struct query_value *value)
{
    return value->text ? report_text_line(mem, value->text, 0) : "NULL";
}

static void widen(size_t *width, const char *text)
{
    size_t own = text_columns(text);

    if (own > *width && (own <= WIDEST || *width == 0))
        *width = own <= WIDEST ? own : WIDEST;
}

static int measure(struct query_output *output, const struct query_shape *shape,
                   struct query_rows *rows, struct err *err)
{
    void *mem = mem_context(NULL);
    int more = 1;

    for (size_t i = 0; i < shape->count; i++)
        widen(&output->widths[i], report_text_line(mem, shape->columns[i].name, 0));
    query_rows_rewind(rows);
    for (int n = 0; n < LOOKED_AT; n++) {
        more = query_rows_next(rows, output->values, shape->count, err);
        if (more <= 0)
            break;
        for (size_t i = 0; i < shape->count; i++)
            widen(&output->widths[i], cell_of(mem, &output->values[i]));
    }
    talloc_free(mem);
    return more < 0 ? -1 : 0;
}

static void text_head(struct query_output *output, const struct query_shape *shape)
{
    void *mem = mem_context(NULL);

    add_cell(&output->text, "tenant", output->tenant_columns, false, shape->count == 0);
    for (size_t i = 0; i < shape->count; i++)
        add_cell(&output->text, report_text_line(mem, shape->columns[i].name, 0), output->widths[i],
                 is_number(shape->columns[i].type), i + 1 == shape->count);
    strbuf_char(&output->text, '\n');
    talloc_free(mem);
}

static void text_row(struct query_output *output, const char *tenant,
                     const struct query_shape *shape)
{
    void *mem = mem_context(NULL);

    add_cell(&output->text, report_text_line(mem, tenant, 0), output->tenant_columns, false,
             shape->count == 0);
    for (size_t i = 0; i < shape->count; i++)
        add_cell(&output->text, cell_of(mem, &output->values[i]), output->widths[i],
                 is_number(shape->columns[i].type), i + 1 == shape->count);
    strbuf_char(&output->text, '\n');
    talloc_free(mem);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static void csv_head(struct query_output *output, const struct query_shape *shape)
{
    strbuf_str(&output->text, "tenant");
    for (size_t i = 0; i < shape->count; i++) {
        strbuf_char(&output->text, ',');
        csv_field(&output->text, shape->columns[i].name, strlen(shape->columns[i].name));
    }
    strbuf_char(&output->text, '\n');
}

static void csv_row(struct query_output *output, const char *tenant,
                    const struct query_shape *shape)
{
    csv_field(&output->text, tenant, strlen(tenant));
    for (size_t i = 0; i < shape->count; i++) {
        strbuf_char(&output->text, ',');
        if (output->values[i].text)
            csv_field(&output->text, output->values[i].text, output->values[i].len);
    }
    strbuf_char(&output->text, '\n');
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(struct strbuf *out, const char *text, size_t len)
{
    strbuf_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\')
            strbuf_printf(out, "\\%c", c);
        else if (c < ' ')
            strbuf_printf(out, "\\u%04x", c);
        else
            strbuf_char(out, text[i]);
    }
    strbuf_char(out, '"');
}

/* White space between its parts may hold line ends, which would end the line. */
static void embed_json(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        strbuf_char(out, text[i] == '\n' || text[i] == '\r' ? ' ' : text[i]);
}

/* Infinity and NaN are no numbers of JSON's. */
static bool is_json_number(const struct query_value *value)
{
    return isdigit((unsigned char)value->text[value->len - 1]) != 0;
}

static void json_value(struct strbuf *out, const struct query_value *value, Oid type)
{
    if (!value->text)
        strbuf_str(out, "null");
    else if (type == OID_BOOL)
        strbuf_str(out, value->text[0] == 't' ? "true" : "false");
    else if (type == OID_JSON || type == OID_JSONB)
        embed_json(out, value->text, value->len);
    else if (is_number(type) && is_json_number(value))
        strbuf_add(out, value->text, value->len);
    else
        json_text(out, value->text, value->len);
}

static void json_row(struct query_output *output, const char *tenant,
                     const struct query_shape *shape)
{
    struct strbuf *out = &output->text;

    strbuf_str(out, "{\"tenant\": ");
    json_text(out, tenant, strlen(tenant));
    strbuf_str(out, ", \"row\": {");
    for (size_t i = 0; i < shape->count; i++) {
        if (i > 0)
            strbuf_str(out, ", ");
        json_text(out, shape->columns[i].name, strlen(shape->columns[i].name));
        strbuf_str(out, ": ");
        json_value(out, &output->values[i], shape->columns[i].type);
    }
    strbuf_str(out, "}}\n");
}

/* --- the whole -------------------------------------------------------------------------------- */

static int begin(struct query_output *output, const struct query_shape *shape,
                 struct query_rows *rows, struct err *err)
{
    output->values = mem_array(output, struct query_value, shape->count + 1);
    output->widths = mem_array(output, size_t, shape->count + 1);
    output->begun = true;
    if (output->format == QUERY_CSV)
        csv_head(output, shape);
    if (output->format != QUERY_TEXT)
        return 0;
    if (measure(output, shape, rows, err) < 0)
        return -1;
    text_head(output, shape);
    return 0;
}

int query_output_print(struct query_output *output, const char *tenant,
                       const struct query_shape *shape, struct query_rows *rows, struct err *err)
{
    static void (*const print[])(struct query_output *, const char *,
                                 const struct query_shape *) = {
        [QUERY_TEXT] = text_row, [QUERY_CSV] = csv_row, [QUERY_JSON] = json_row};
    int more;

    if (!output->begun && begin(output, shape, rows, err) < 0)
        return -1;
    query_rows_rewind(rows);
    while ((more = query_rows_next(rows, output->values, shape->count, err)) > 0) {
        print[output->format](output, tenant, shape);
        if (output->text.len > FLUSH && write_out(output, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : write_out(output, err);
}
