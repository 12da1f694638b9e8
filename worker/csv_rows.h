/*
 * csv_rows.h: reads a CSV seed file record by record (RFC 4180, as psql's \copy ... CSV HEADER
 * reads it): commas, double quotes, doubled within; line ends LF or CRLF. An empty field without
 * quotes is NULL, one with quotes ("") is the empty text. Blank lines are skipped.
 *
 * Holds one record at a time. Checks quotes, number of fields and UTF-8. Line and row numbers count
 * from 1; the header is not a row.
 */
#ifndef WORKER_CSV_ROWS_H
#define WORKER_CSV_ROWS_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"

struct csv_rows;

struct csv_field {
    const char *text; /* NUL-terminated */
    size_t len;
    bool null;
};

/* Valid until the next csv_rows_next. */
struct csv_record {
    const struct csv_field *fields; /* as many as the header has; NULL: no more records */
    int line;                       /* where it begins */
    int64_t row;
};

/* Opens the seed and reads its header. ERR_DATA: there is none, a name is empty or stands twice. */
int csv_rows_open(void *parent, const struct seed_file *seed, struct csv_rows **ret,
                  struct err *err) MUST_CHECK;

/* The names of the header. */
const char *const *csv_rows_header(const struct csv_rows *rows, size_t *ret_count);
int csv_rows_header_line(const struct csv_rows *rows);

/* The next record. After a failure (ERR_DATA with file and line) there is no going on. */
int csv_rows_next(struct csv_rows *rows, struct csv_record *record, struct err *err) MUST_CHECK;

/* Once it has been read: the file is still the one with this checksum; see seed_input.h. */
int csv_rows_verify(struct csv_rows *rows, const char *checksum, struct err *err) MUST_CHECK;

#endif
