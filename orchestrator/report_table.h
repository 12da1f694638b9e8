/*
 * report_table.h: a table in columns as wide as their widest cell. Two blanks between columns, no
 * blanks at the end of a line.
 */
#ifndef ORCHESTRATOR_REPORT_TABLE_H
#define ORCHESTRATOR_REPORT_TABLE_H

#include "common/strbuf.h"

enum { REPORT_TABLE_COLUMNS = 8 }; /* at most */

struct report_table_column {
    const char *title;
    bool right; /* numbers: aligned at the right */
};

struct report_table;

/* Owned by `parent`; `columns` is lent and must outlive it. */
struct report_table *report_table_new(void *parent, const struct report_table_column *columns,
                                      size_t count);

/* Adds a row of as many cells as there are columns. The cells are lent; they are printable. */
void report_table_add(struct report_table *table, const char *const *cells);

/* Appends the table: a line of titles, then the rows. Nothing when there are no rows. */
void report_table_print(const struct report_table *table, struct strbuf *out);

#endif
