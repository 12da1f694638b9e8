/*
 * ledger_db.h: the database that a ledger is kept in, SQLite or PostgreSQL, behind one small
 * interface. SQL must be what both understand; parameters are written $1, $2, ...
 *
 * The coordinator's thread only. Calls block: SQLite for as long as a disk takes, PostgreSQL up to
 * its time-out.
 */
#ifndef ORCHESTRATOR_LEDGER_DB_H
#define ORCHESTRATOR_LEDGER_DB_H

#include "common/base.h"
#include "common/err.h"

struct ledger_db;

enum ledger_type { LEDGER_NULL, LEDGER_INT, LEDGER_TEXT };

struct ledger_value {
    enum ledger_type type;
    int64_t number;
    const char *text; /* lent */
};

struct ledger_value ledger_db_null(void);
struct ledger_value ledger_db_int(int64_t number);
struct ledger_value ledger_db_text(const char *text); /* NULL: LEDGER_NULL */

/* One row; values are readable during the call. Non-zero ends the query with that as its result. */
typedef int ledger_row_fn(void *arg, const struct ledger_value *values, size_t count,
                          struct err *err);

/* The file is made where it is missing, mode 0600, unless `read_only`. Owned by `parent`, and
 * closed with it. ERR_INTERNAL; ERR_NOINPUT: read only, and there is none. */
int ledger_db_open_file(void *parent, const char *path, bool read_only, struct ledger_db **ret,
                        struct err *err) MUST_CHECK;

/* A connection string of libpq. ERR_UNREACHABLE, ERR_SQL. */
int ledger_db_open_server(void *parent, const char *conninfo, struct ledger_db **ret,
                          struct err *err) MUST_CHECK;

/* Several machines may share it: LEDGER_DB has FOR UPDATE SKIP LOCKED and the like. */
bool ledger_db_is_shared(const struct ledger_db *db);

/* Runs one statement; `row` may be NULL. */
int ledger_db_run(struct ledger_db *db, const char *sql, const struct ledger_value *params,
                  size_t count, ledger_row_fn *row, void *arg, struct err *err) MUST_CHECK;

/* Several statements without parameters: layout changes, BEGIN, COMMIT. */
int ledger_db_script(struct ledger_db *db, const char *sql, struct err *err) MUST_CHECK;

#endif
