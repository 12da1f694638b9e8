/*
 * report_table.c: a table in columns as wide as their widest cell.
 */
#include "orchestrator/report_table.h"

#include "common/mem.h"
#include "common/text.h"

struct report_table {
    const struct report_table_column *columns;
    size_t count;
    size_t widths[REPORT_TABLE_COLUMNS];
    const char **cells; /* row by row */
    size_t cell_count;
    size_t capacity;
};

static void widen(struct report_table *table, size_t column, const char *cell)
{
    size_t width = text_columns(cell);

    if (width > table->widths[column])
        table->widths[column] = width;
}

struct report_table *report_table_new(void *parent, const struct report_table_column *columns,
                                      size_t count)
{
    struct report_table *table = mem_new(parent, struct report_table);

    table->columns = columns;
    table->count = count;
    for (size_t i = 0; i < count; i++)
        widen(table, i, columns[i].title);
    return table;
}

void report_table_add(struct report_table *table, const char *const *cells)
{
    mem_grow(table, &table->cells, &table->capacity, table->cell_count + table->count);
    for (size_t i = 0; i < table->count; i++) {
        table->cells[table->cell_count++] = cells[i];
        widen(table, i, cells[i]);
    }
}

static void print_cell(const struct report_table *table, struct strbuf *out, size_t column,
                       const char *cell)
{
    int padding = (int)(table->widths[column] - text_columns(cell));
    bool right = table->columns[column].right;

    if (right)
        strbuf_printf(out, "%*s", padding, "");
    strbuf_str(out, cell);
    if (!right)
        strbuf_printf(out, "%*s", padding, "");
}

static void end_line(struct strbuf *out)
{
    while (out->len > 0 && out->text[out->len - 1] == ' ')
        out->len--;
    strbuf_char(out, '\n');
}

void report_table_print(const struct report_table *table, struct strbuf *out)
{
    if (table->count == 0 || table->cell_count == 0)
        return;
    for (size_t i = 0; i < table->count; i++) {
        if (i)
            strbuf_str(out, "  ");
        print_cell(table, out, i, table->columns[i].title);
    }
    end_line(out);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->count;

        if (column)
            strbuf_str(out, "  ");
        print_cell(table, out, column, table->cells[i]);
        if (column + 1 == table->count)
            end_line(out);
    }
}
