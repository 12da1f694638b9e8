/*
 * sql_words.h: what kind of statement it is, by its leading words. Pure, any thread.
 *
 * It reads just enough of a statement to tell what pgtide must treat in a special way (enum
 * sql_statement_flags of sql_scan.h); of anything else, right or wrong, it says nothing.
 */
#ifndef CATALOG_SQL_WORDS_H
#define CATALOG_SQL_WORDS_H

#include "common/base.h"

/* The sql_statement_flags of the statement text[start, end). */
unsigned sql_words_flags(const char *text, size_t start, size_t end);

/* Whether the statement is a query: begins with SELECT, WITH, VALUES, TABLE or a parenthesis. */
bool sql_words_is_query(const char *text, size_t start, size_t end);

/* Whether its command tag counts the rows that it has changed: INSERT, UPDATE, DELETE or MERGE,
 * also behind WITH. */
bool sql_words_counts_changes(const char *text, size_t start, size_t end);

#endif
