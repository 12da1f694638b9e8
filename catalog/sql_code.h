/*
 * sql_code.h: the checksum of SQL text that only changes when its meaning may have changed.
 * Pure, any thread.
 */
#ifndef CATALOG_SQL_CODE_H
#define CATALOG_SQL_CODE_H

#include "common/base.h"

/*
 * "sha256:..." over the tokens of the statements in text[from, to) and their COPY data, without
 * comments and white space between tokens (but a token border is kept), so that cosmetic changes
 * of a file give the same sum. Text that sql_scan refuses is summed up byte by byte. Owned by
 * `parent`.
 */
char *sql_code_checksum(void *parent, const char *text, size_t from, size_t to);

struct sql_statement;

/* The same over statements that were already found by sql_scan. */
char *sql_code_checksum_of(void *parent, const char *text, const struct sql_statement *statements,
                           size_t count);

#endif
