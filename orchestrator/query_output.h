/*
 * query_output.h: the rows of `query`, tenant by tenant, as a table, CSV or JSON Lines.
 *
 * text: columns as wide as the first rows need; a longer value pushes what stands behind it.
 * csv:  RFC 4180 but for its line ends, which are LF; NULL is nothing, an empty text is "".
 * json: {"tenant": "store-0001", "row": {"id": 1}} a line; numbers, booleans, NULL and JSON by the
 *       type of the column, all else as text.
 */
#ifndef ORCHESTRATOR_QUERY_OUTPUT_H
#define ORCHESTRATOR_QUERY_OUTPUT_H

#include "common/base.h"
#include "common/err.h"
#include "worker/query.h"

enum query_format { QUERY_TEXT, QUERY_CSV, QUERY_JSON };

/* "text", "csv", "json". False: there is no such format. */
bool query_output_format(const char *name, enum query_format *ret);

struct query_output;

/* `tenant_columns`: what the longest of the tenants' names takes. `out` is lent. */
struct query_output *query_output_new(void *parent, enum query_format format, size_t tenant_columns,
                                      FILE *out);

/* All rows of one tenant; the first call prints the head before. -1: they could not be read, or
 * (errno) `out` not be written. */
int query_output_print(struct query_output *output, const char *tenant,
                       const struct query_shape *shape, struct query_rows *rows,
                       struct err *err) MUST_CHECK;

#endif
