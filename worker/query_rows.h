/*
 * query_rows.h: the rows that one tenant gave, in little memory: the first in a buffer, more in an
 * unlinked temporary file ($TMPDIR, else /tmp). Written by a worker, then read by the coordinator;
 * one thread at a time.
 */
#ifndef WORKER_QUERY_ROWS_H
#define WORKER_QUERY_ROWS_H

#include "common/base.h"
#include "common/err.h"

#include <libpq-fe.h>

struct query_rows;

/* NULL text is SQL's NULL. Text that is there ends in a NUL, which `len` does not count. */
struct query_value {
    const char *text;
    size_t len;
};

/* Freed, with its file, together with `parent` or by talloc_free. */
struct query_rows *query_rows_new(void *parent);

/* Appends the one row of `result`. All rows have the same columns. ERR_INTERNAL: disk full. */
int query_rows_add(struct query_rows *rows, const PGresult *result, struct err *err) MUST_CHECK;

size_t query_rows_count(const struct query_rows *rows);

/* Gives back memory and file; what is counted stays. */
void query_rows_clear(struct query_rows *rows);

/* Reading begins, or begins again, with the first row; nothing is added any more. */
void query_rows_rewind(struct query_rows *rows);

/* The next row, as many `values` as it has columns, good until the next call. 1; 0: there is none;
 * -1: it cannot be read. */
int query_rows_next(struct query_rows *rows, struct query_value *values, size_t count,
                    struct err *err) MUST_CHECK;

#endif
