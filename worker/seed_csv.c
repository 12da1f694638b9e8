/*
 * seed_csv.c: loads CSV seeds.
 */
#include "worker/seed_csv.h"

#include "common/mem.h"
#include "worker/csv_rows.h"
#include "worker/seed_load.h"

struct feed {
    struct seed_load *load;
    struct csv_rows *rows;
    size_t width;
    size_t group;
};

static int feed_rows(void *arg, struct session *session UNUSED, struct err *err)
{
    const struct feed *feed = arg;
    struct csv_record record;

    for (;;) {
        if (csv_rows_next(feed->rows, &record, err) < 0)
            return -1;
        if (!record.fields)
            return 0;
        seed_load_begin_row(feed->load, record.line, record.row, feed->group);
        for (size_t i = 0; i < feed->width; i++)
            seed_load_value(feed->load, record.fields[i].text, record.fields[i].len,
                            record.fields[i].null);
        if (seed_load_end_row(feed->load, err) < 0)
            return -1;
    }
}

/* The header's columns are those of every row. */
static int read_columns(struct feed *feed, struct err *err)
{
    struct seed_load *load = feed->load;
    const char *const *names = csv_rows_header(feed->rows, &feed->width);
    size_t *columns = mem_array(load->mem, size_t, feed->width);

    for (size_t i = 0; i < feed->width; i++) {
        columns[i] = seed_table_column(load->table, names[i], i);
        if (columns[i] == SEED_NO_COLUMN)
            return seed_load_unknown(load, names[i], load->line, 0, err);
    }
    return seed_load_group(load, columns, feed->width, load->line, 0, &feed->group, err);
}

static int load_rows(struct seed_load *load, void *mem, struct csv_rows *rows, struct err *err)
{
    struct feed feed = {.load = load, .rows = rows};

    if (seed_load_init(load, mem, NULL, 0, err) < 0 || read_columns(&feed, err) < 0 ||
        seed_load_stage(load, feed_rows, &feed, err) < 0)
        return -1;
    return seed_load_store(load, err);
}

static int load_file(void *mem, struct transactions *tx, const struct seed_file *file,
                     struct seed_counts *counts, struct err *err)
{
    struct seed_load load = {.session = tx->session,
                             .token = tx->token,
                             .file = file->file,
                             .shape = SEED_FIELDS,
                             .mode = SEED_AUTO};
    struct csv_rows *rows;
    struct seed_table *table;

    if (csv_rows_open(mem, file, &rows, err) < 0)
        return -1;
    load.line = csv_rows_header_line(rows);
    if (seed_table_find(mem, tx->session, file->table, &table, err) < 0) {
        err_place(err, file->file, 0, 0);
        return -1;
    }
    load.table = table;
    if (load_rows(&load, mem, rows, err) < 0)
        return -1;
    counts->rows += load.rows;
    counts->statements++;
    return csv_rows_verify(rows, file->checksum, err);
}

int seed_csv_load(struct transactions *tx, const struct seed_file *file, struct seed_counts *counts,
                  struct err *err)
{
    void *mem = mem_context(tx->mem);
    int result = load_file(mem, tx, file, counts, err);

    talloc_free(mem);
    return result;
}

int seed_csv_check(const struct seed_file *file, struct err *err)
{
    void *mem = mem_context(NULL);
    struct csv_record record = {0};
    struct csv_rows *rows;
    int result = csv_rows_open(mem, file, &rows, err);

    if (result == 0) {
        do
            result = csv_rows_next(rows, &record, err);
        while (result == 0 && record.fields);
    }
    talloc_free(mem);
    return result;
}
