/*
 * ledger_db.h: the database that a ledger is kept in, SQLite or PostgreSQL, behind one small
 * interface. SQL must be what both understand; parameters are written $1, $2, ...
 *
 * What both understand: tables of ledger_layout.c (types bigint and text), INSERT ... ON CONFLICT,
 * RETURNING, common table expressions. Not sum() of bigint without CAST(... AS bigint), no
 * booleans, no AUTOINCREMENT.
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
    int64_t number;   /* 0 unless LEDGER_INT */
    const char *text; /* lent; NULL unless LEDGER_TEXT */
};

struct ledger_value ledger_db_null(void);
struct ledger_value ledger_db_int(int64_t number);
struct ledger_value ledger_db_text(const char *text); /* NULL: LEDGER_NULL */
struct ledger_value ledger_db_known(int64_t number);  /* -1: LEDGER_NULL */

/* The other way: -1, or NULL, for LEDGER_NULL. The copy is owned by `parent`. */
int64_t ledger_db_number(struct ledger_value value);
char *ledger_db_copy(void *parent, struct ledger_value value);

/* One row; values are readable during the call. Non-zero ends the query with that as its result,
 * and with `err` as it has left it. */
typedef int ledger_row_fn(void *arg, const struct ledger_value *values, size_t count,
                          struct err *err);

/*
 * The file is made where it is missing, mode 0600, unless `read_only`. Owned by `parent`, and
 * closed with it. ERR_INTERNAL; ERR_NOINPUT: read only, and there is none.
 */
int ledger_db_open_file(void *parent, const char *path, bool read_only, struct ledger_db **ret,
                        struct err *err) MUST_CHECK;

/* A connection string of libpq. ERR_UNREACHABLE, ERR_SQL. */
int ledger_db_open_server(void *parent, const char *conninfo, struct ledger_db **ret,
                          struct err *err) MUST_CHECK;

/* Several machines may share it: it has FOR UPDATE SKIP LOCKED and the like. */
bool ledger_db_is_shared(const struct ledger_db *db);

/* For messages: the file's path, or "ledger database"; never a connection string. */
const char *ledger_db_name(const struct ledger_db *db);

/* Adds the hint how to replace a ledger that cannot be used any more. */
void ledger_db_hint_replace(const struct ledger_db *db, struct err *err);

/*
 * Runs one statement; `row` may be NULL. `sql` must live as long as `db`: statements are kept
 * prepared by their text.
 */
int ledger_db_run(struct ledger_db *db, const char *sql, const struct ledger_value *params,
                  size_t count, ledger_row_fn *row, void *arg, struct err *err) MUST_CHECK;

/* Like the arguments of ledger_db_run(). */
struct ledger_statement {
    const char *sql;
    const struct ledger_value *params;
    size_t param_count;
    ledger_row_fn *row;
    void *arg;
};

/*
 * Runs several statements as one transaction of their own; on a server in one round trip, where a
 * row function that ends it undoes nothing, but no other is called any more.
 */
int ledger_db_batch(struct ledger_db *db, const struct ledger_statement *statements, size_t count,
                    struct err *err) MUST_CHECK;

/* On a server: what its pg_stat_activity says of this connection, "pgtide RUN ledger". */
void ledger_db_name_run(struct ledger_db *db, const char *run_id);

/* Several statements without parameters: changes of the layout. */
int ledger_db_script(struct ledger_db *db, const char *sql, struct err *err) MUST_CHECK;

/* A transaction that writes. ledger_db_rollback() cannot fail: what was not committed is gone. */
int ledger_db_begin(struct ledger_db *db, struct err *err) MUST_CHECK;
int ledger_db_commit(struct ledger_db *db, struct err *err) MUST_CHECK;
void ledger_db_rollback(struct ledger_db *db);

#endif
