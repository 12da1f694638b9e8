/*
 * pg_sql.h: SQL for tests, as superuser, each call over a connection of its own. Whatever the
 * server refuses ends the test with the server's message.
 */
#ifndef TESTS_HARNESS_PG_SQL_H
#define TESTS_HARNESS_PG_SQL_H

#include "common/base.h"
#include "tests/harness/pg_server.h"

#include <libpq-fe.h>

/* A connection for a test's own use; PQfinish it. Dies where it cannot be made. */
PGconn *pg_sql_connect(const struct pg_server *server, const char *database);

/* Runs one or more statements. */
void pg_sql_exec(const struct pg_server *server, const char *database, const char *sql);
void pg_sql_execf(const struct pg_server *server, const char *database, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* First column of the first row, owned by `parent`; NULL for a NULL or no row. */
char *pg_sql_value(const void *parent, const struct pg_server *server, const char *database,
                   const char *sql);

/* The same as a number; dies where it is none. */
int64_t pg_sql_count(const struct pg_server *server, const char *database, const char *sql);

/* All rows as text: columns divided by "|", rows ended by "\n", NULL as "". Owned by `parent`. */
char *pg_sql_rows(const void *parent, const struct pg_server *server, const char *database,
                  const char *sql);

/* "STEM_<pid>_<n>": not used before, also not by another test of this program. */
char *pg_sql_unique(const void *parent, const char *stem);

void pg_sql_create_database(const struct pg_server *server, const char *name);
void pg_sql_drop_database(const struct pg_server *server, const char *name);

/* Waits until `sql` gives true or a number above zero, at most `timeout_ms`. False: it did not. */
bool pg_sql_wait(const struct pg_server *server, const char *database, const char *sql,
                 int64_t timeout_ms);

#endif
