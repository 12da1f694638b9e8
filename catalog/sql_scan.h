/*
 * sql_scan.h: cuts SQL text into statements, by the rules of psql's lexer (psqlscan.l) with
 * standard_conforming_strings = on: quotes, E'' with its escapes, U&'', dollar quotes, nested
 * comments, parentheses, BEGIN ATOMIC bodies, the data lines of COPY ... FROM stdin.
 *
 * It does not parse: a statement with a typo is a statement. It refuses what cannot be cut
 * safely (unterminated things) and what psql would take for itself (backslash commands).
 * Pure, any thread. The text must outlive the script; nothing is copied.
 */
#ifndef CATALOG_SQL_SCAN_H
#define CATALOG_SQL_SCAN_H

#include "catalog/sql_code.h"
#include "common/base.h"
#include "common/err.h"

enum sql_statement_flags {
    SQL_TRANSACTION = 1 << 0, /* BEGIN START COMMIT END ROLLBACK ABORT, PREPARE TRANSACTION,
                                 COMMIT/ROLLBACK PREPARED; not SAVEPOINT, RELEASE, ROLLBACK TO */
    SQL_COPY_STDIN = 1 << 1,  /* COPY ... FROM STDIN: has data */
    SQL_REPEATABLE =
        1 << 2, /* safe to run again with unknown outcome: [CREATE|DROP] INDEX CONCURRENTLY,
                   VACUUM, ANALYZE, REINDEX, IF [NOT] EXISTS at its place */
    SQL_NO_TRANSACTION =
        1 << 3, /* refuses to run in a transaction block (25001) by its words: CONCURRENTLY,
                   VACUUM, CREATE/DROP DATABASE|TABLESPACE, ALTER SYSTEM, ... */
    SQL_DISCARD_ALL = 1 << 4,  /* gives up all advisory locks of the session, the tenant's too */
    SQL_CONCURRENTLY = 1 << 5, /* waits for other sessions' snapshots, and nobody waits for it:
                                  CREATE, DROP, REINDEX INDEX, DETACH PARTITION CONCURRENTLY */
    SQL_MAY_COMMIT = 1 << 6,   /* may commit by itself where no transaction is open, and so leave a
                                  part of its work behind when it fails: CALL, and a DO whose text
                                  holds what that takes */
    SQL_SESSION = 1 << 7,      /* only changes settings of the session: SET, but not SET LOCAL,
                                  TRANSACTION, CONSTRAINTS; RESET; SELECT set_config('a', 'b', false) */
    SQL_LOCK_TIMEOUT = 1 << 8, /* and it is lock_timeout that it changes */
};

struct sql_statement {
    size_t start; /* byte offset of its first token */
    size_t end;   /* just behind its last token, before the semicolon */
    int line;     /* 1-based line of the first token, in the whole file */
    unsigned flags;
    size_t copy_start; /* SQL_COPY_STDIN: the data lines, without the terminating \. */
    size_t copy_end;
    int copy_line; /* line of the first data line */
};

struct sql_script {
    const char *text;
    size_t len;
    struct sql_statement *statements; /* empty ones are left out */
    size_t count;
    size_t end; /* where the scan ended: `to`, or the comment that ended it */
};

/* A line comment at the top level, between statements or within one. */
struct sql_comment {
    size_t start; /* of the two dashes */
    size_t end;   /* of the line, without its line end */
    int line;
    bool first_column; /* the dashes begin their line */
    bool inside;       /* within a statement that has already begun */
    size_t count;      /* statements of this scan that ended before it */
};

enum sql_comment_verdict {
    SQL_COMMENT_PASS, /* it is just a comment */
    SQL_COMMENT_ENDS, /* the text ends before it, as if `to` were here */
    SQL_COMMENT_FAIL  /* the scan fails; `err` was filled by the callee */
};

/* Called for each such comment, in order. */
typedef enum sql_comment_verdict sql_comment_fn(void *arg, const struct sql_comment *comment,
                                                struct err *err);

/*
 * Scans text[from, to). Line numbers count from 1 at text[0]. `file` is for messages only.
 * `on_comment` may be NULL. The script's arrays are owned by `parent`. The last statement needs no
 * semicolon.
 * Errors (ERR_DATA, with file, line, column): unterminated quote, dollar quote, comment,
 * parenthesis or BEGIN ATOMIC (the line named is where it begins), COPY data that does not begin on
 * the line below its statement or has no \. at its end, a backslash command, a NUL byte, invalid
 * UTF-8.
 */
int sql_scan(void *parent, const char *file, const char *text, size_t from, size_t to,
             sql_comment_fn *on_comment, void *arg, struct sql_script *ret,
             struct err *err) MUST_CHECK;

#endif
