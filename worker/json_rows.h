/*
 * json_rows.h: cuts a JSON seed file into its rows without holding more than one of them.
 *
 * A file is one object. Each of its members is either an array of rows (objects), which is given
 * out row by row, or any other value, which is given out whole. What the members mean is the
 * caller's (seed_json.c). Line and row numbers count from 1.
 *
 * The cutter looks at depth and strings only; json_rows_parse() says whether a row is strict JSON.
 */
#ifndef WORKER_JSON_ROWS_H
#define WORKER_JSON_ROWS_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"

#include <jansson.h>

enum json_rows_event {
    JSON_ROWS_ARRAY,     /* an array of rows begins: name, line */
    JSON_ROWS_ROW,       /* one row: name, text, len, line, row */
    JSON_ROWS_ARRAY_END, /* no more rows: name, line; row = how many there were */
    JSON_ROWS_VALUE,     /* another member: name, text, len, line */
    JSON_ROWS_END,       /* end of the file */
};

/* Valid until the next json_rows_next. */
struct json_rows_item {
    enum json_rows_event event;
    const char *name; /* of the member */
    const char *text; /* the JSON text as it stands in the file; not terminated */
    size_t len;
    int line; /* where it begins */
    int64_t row;
};

struct json_rows;

/* Opens the seed; closed when it or its parent is freed. */
int json_rows_open(void *parent, const struct seed_file *seed, struct json_rows **ret,
                   struct err *err) MUST_CHECK;

/* The next piece. After a failure (ERR_DATA with file and line) there is no going on. */
int json_rows_next(struct json_rows *rows, struct json_rows_item *item, struct err *err) MUST_CHECK;

/*
 * Parses the text of a ROW or VALUE: strict JSON, no key twice. json_decref(*ret) is the caller's.
 * Numbers lose digits in *ret; what is loaded is the text.
 */
int json_rows_parse(const struct json_rows *rows, const struct json_rows_item *item, json_t **ret,
                    struct err *err) MUST_CHECK;

/* Once it has been read: the file is still the one with this checksum; see seed_input.h. */
int json_rows_verify(struct json_rows *rows, const char *checksum, struct err *err) MUST_CHECK;

#endif
