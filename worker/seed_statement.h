/*
 * seed_statement.h: the text of the SQL statements of a seed load. Pure but for quoting.
 */
#ifndef WORKER_SEED_STATEMENT_H
#define WORKER_SEED_STATEMENT_H

#include "common/base.h"
#include "common/strbuf.h"
#include "worker/seed_load.h"

/* CREATE TEMPORARY TABLE of the stage: row number, line, group, values. */
void seed_statement_stage(struct strbuf *sql, const struct seed_load *load);

/*
 * INSERT of the rows of `group`. `row` is where one row of the stage comes from: NULL = all of the
 * group's, else the name of a PL/pgSQL record that holds one.
 */
void seed_statement_insert(struct strbuf *sql, const struct seed_load *load,
                           const struct seed_group *group, const char *row);

/* SELECT (row, row, line, key) of the first two rows whose key is the same; none = no row. */
void seed_statement_twins(struct strbuf *sql, const struct seed_load *load);

/* SELECT that moves the sequence of `column` past the values loaded into it, never back. */
void seed_statement_sequence(struct strbuf *sql, const struct seed_load *load, size_t column);

/*
 * DO that inserts the rows of `group` one by one until one is refused as `refusal` says, and keeps
 * its row number, line and, where a value alone is to blame, its column in settings:
 * pgtide.seed_row, pgtide.seed_line, pgtide.seed_column.
 */
void seed_statement_find(struct strbuf *sql, const struct seed_load *load,
                         const struct seed_group *group, const struct err *refusal);

#endif
