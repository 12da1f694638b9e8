/*
 * discover_file.c: the rows of a CSV file.
 */
#include "orchestrator/discover_file.h"

#include "common/mem.h"
#include "orchestrator/discover_row.h"
#include "worker/csv_rows.h"

#include <errno.h>
#include <unistd.h>

static int check_header(const struct csv_rows *rows, const char *file, struct err *err)
{
    size_t count;
    const char *const *names = csv_rows_header(rows, &count);

    for (size_t i = 0; i < count; i++) {
        if (discover_row_check_key(names[i], err) < 0) {
            err_place(err, file, csv_rows_header_line(rows), 0);
            return -1;
        }
    }
    return 0;
}

static int read_record(struct discover_entry *entry, const struct csv_rows *rows,
                       const struct csv_record *record, struct discover_row *row, struct err *err)
{
    size_t count;
    const char *const *names = csv_rows_header(rows, &count);

    discover_row_begin(row);
    for (size_t i = 0; i < count; i++) {
        const struct csv_field *field = &record->fields[i];

        if (discover_row_set(row, names[i], field->null ? NULL : field->text, err) < 0)
            return -1;
    }
    return discover_entry_add(entry, discover_row_tenant(row), err);
}

static int read_records(struct discover_entry *entry, struct csv_rows *rows, struct err *err)
{
    struct discover_row *row = discover_row_new(rows);
    struct csv_record record;

    for (;;) {
        if (csv_rows_next(rows, &record, err) < 0)
            return -1;
        if (!record.fields)
            return 0;
        if (read_record(entry, rows, &record, row, err) < 0) {
            err_place(err, entry->discovery->file, record.line, 0);
            return -1;
        }
    }
}

int discover_file_read(struct discover_entry *entry, struct err *err)
{
    const char *path = entry->discovery->file;
    const struct seed_file file = {.path = path, .file = path};
    void *mem = mem_context(NULL);
    struct csv_rows *rows;
    int rc = -1;

    if (access(path, R_OK) < 0)
        err_set(err, ERR_NOINPUT, "%s", strerror(errno));
    else if (csv_rows_open(mem, &file, &rows, err) == 0 && check_header(rows, path, err) == 0)
        rc = read_records(entry, rows, err);
    talloc_free(mem);
    return rc;
}
