/*
 * session.h: one connection to one database: open, run a Query, cancel, close. Every wait has a
 * deadline and can be woken by the run's cancellation.
 *
 * A session belongs to the thread that opened it. It never retries and never logs; what the
 * server or the network said is in the err (kind and SQLSTATE) and, for the place, in
 * session_fault().
 */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "common/base.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "config/fleet.h"

#include <libpq-fe.h>

struct session;

/*
 * What all waits of a session obey. `cancel_fd` is readable (for poll) once running statements
 * shall be cancelled, -1 = never; when it is or when `deadline` (clock_now_ms() scale) has passed,
 * the running statement is cancelled on the server, and the call fails with ERR_CANCELLED or
 * ERR_DEADLINE.
 */
struct session_limits {
    int64_t deadline;
    int cancel_fd;
};

/*
 * Connects. `connection` as in struct tenant; adds the defaults of a fleet (time-outs,
 * keepalives, gssencmode, application_name) where it does not set them. ERR_UNREACHABLE: refused,
 * timed out, 57P03, or the connection limit of the database or role (53300). ERR_FULL: the whole
 * server has no connection left (53300). ERR_SQL with the SQLSTATE: wrong password, missing
 * database (3D000), ...
 */
int session_open(void *parent, const struct name_values *connection, const char *application_name,
                 struct session_limits limits, struct session **ret, struct err *err) MUST_CHECK;

/* Closes the connection and frees the session. NULL is allowed. */
void session_close(struct session *session);

/* What a Query's answers are given to; each function may be NULL. Non-zero (with `err` filled)
 * makes session_query fail after the Query was cancelled or drained. */
struct session_reader {
    void *arg;
    /* A statement's rows come in one result, in memory: for few of them. Else one by one, as in
     * libpq's single-row mode, which has no limit but copies each. */
    bool together;
    /* One row of statement `statement` (0-based, in the order of the Query), or all of them. */
    int (*row)(void *arg, size_t statement, const PGresult *result, struct err *err);
    /* The statement was done; `tag` is its command tag ("COMMIT", "INSERT 0 1"). */
    int (*done)(void *arg, size_t statement, const char *tag, struct err *err);
    /* The statement gave rows: their columns, in a result without rows, once the last has come. */
    void (*shape)(void *arg, size_t statement, const PGresult *result);
    /* The server waits for the data of COPY ... FROM STDIN: send it with session_copy_put. */
    int (*copy)(void *arg, size_t statement, struct session *session, struct err *err);
};

/*
 * Sends `sql`, one or many statements, as one Query (simple protocol: one round trip, plus one for
 * each COPY) and reads all answers. When the server reports an error the rest of the Query is not
 * run (protocol, "Multiple Statements in a Simple Query"); kind by SQLSTATE: ERR_TRANSIENT for
 * those that another try may mend, ERR_LOST when the connection broke, else ERR_SQL.
 */
int session_query(struct session *session, const char *sql, const struct session_reader *reader,
                  struct err *err) MUST_CHECK;

/* Within reader->copy: sends data of any size. */
int session_copy_put(struct session *session, const char *bytes, size_t len,
                     struct err *err) MUST_CHECK;

/* From now on neither the deadline nor the run's cancellation counts, but that `ms` have passed:
 * to write down what was interrupted. */
void session_grant(struct session *session, int64_t ms);

/* Sleeps `ms`; ends early, with -1, at the deadline or when the run is cancelled. */
int session_sleep(struct session *session, int64_t ms, struct err *err) MUST_CHECK;

/* Where the last session_query failed. Numbers count in the Query text that was sent. */
struct session_fault {
    size_t statement;           /* 0-based statement that failed */
    size_t position;            /* 1-based, in characters; 0 = the server gave none */
    size_t internal_position;   /* the same within internal_query; 0 = none */
    const char *internal_query; /* text of the SQL a function ran, or NULL */
    const char *context;        /* PostgreSQL's CONTEXT, or NULL */
    const char *constraint;     /* name, or NULL */
    const char *server_message; /* PostgreSQL's MESSAGE alone, or NULL */
};

/* Valid until the next session_query. */
const struct session_fault *session_fault(const struct session *session);

/* A value for SQL text: quoted by libpq for this connection. Owned by `parent`. */
char *session_literal(void *parent, struct session *session, const char *value);

/* The same, behind what `out` has. */
void session_add_literal(struct session *session, struct strbuf *out, const char *value);

/* An identifier, always quoted. Needs no connection. Owned by `parent`. */
char *session_identifier(void *parent, const char *name);

/* What is in force; other limits for what comes. */
struct session_limits session_limits(const struct session *session);
void session_set_limits(struct session *session, struct session_limits limits);

/* The connection stands and waits for a Query. */
bool session_usable(const struct session *session);

int session_backend_pid(const struct session *session); /* as the startup packet's answer said */
bool session_in_transaction(const struct session *session); /* a block is open, failed or not */
int session_server_version(const struct session *session);  /* 150018 */

/* A parameter the server reported ("in_hot_standby", PostgreSQL 14 and later), or NULL. */
const char *session_parameter(const struct session *session, const char *name);

#endif
