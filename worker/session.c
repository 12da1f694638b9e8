/*
 * session.c: one connection, driven by poll(2).
 *
 * DESIGN
 * The connection is non-blocking; every wait goes through wait_for(), which knows the deadline and
 * the run's cancel descriptor. Answers are read in single-row mode, so a migration that selects a
 * million rows costs no memory.
 *
 * When a wait is interrupted the statement is cancelled on the server by cancel.c and the rest of
 * the answers is read for a short grace time: only then is the session's state known. What came
 * first, the server's own error or the interruption, is what the caller gets. The reader goes on
 * getting what comes: the interruption may have come too late, and then the Query was done.
 */
#include "worker/session.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "worker/cancel.h"
#include "worker/pgerror.h"

#include <poll.h>

enum {
    CONNECT_TIMEOUT_S = 10,
    CANCEL_GRACE_MS = 5000,     /* for the server to answer a cancel request */
    COPY_PIECE = 64 * 1024,     /* most bytes of COPY data handed to libpq at once */
    APPLICATION_NAME_MOST = 63, /* NAMEDATALEN - 1 */
};

struct session {
    PGconn *conn;
    struct session_limits limits;
    int64_t grace;           /* deadline of draining after a cancel; CLOCK_NEVER: not cancelled */
    struct cancel *cancel;   /* the request under way, or NULL */
    bool refused;            /* the reader of the answers did not want to go on */
    char notice_sqlstate[6]; /* last 57P0x that came as a notice: why the connection broke */
    struct session_fault fault;
    void *fault_mem;
};

/* Keeps the reason that a dying server gives in a notice (57P01, 57P02); all else is dropped. */
static void keep_notice(void *arg, const PGresult *notice)
{
    struct session *session = arg;
    const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

    if (sqlstate && strncmp(sqlstate, "57P", 3) == 0)
        snprintf(session->notice_sqlstate, sizeof(session->notice_sqlstate), "%s", sqlstate);
}

/* What ends a wait, if anything does: the run, or the tenant's time. */
static int stopped(const struct session *session, bool cancelled, struct err *err)
{
    if (cancelled)
        return err_set(err, ERR_CANCELLED, "cancelled because the run is being stopped");
    if (clock_poll_timeout(session->limits.deadline) == 0)
        return err_set(err, ERR_DEADLINE, "the tenant's deadline (tenant_deadline) has passed");
    return 0;
}

static int interrupted(const struct session *session, struct err *err)
{
    struct pollfd cancel = {.fd = session->limits.cancel_fd, .events = POLLIN};

    return stopped(session, cancel.fd >= 0 && poll(&cancel, 1, 0) > 0, err);
}

/* Waits until the socket is ready for `events`. While draining, only the grace time counts. */
static int wait_for(struct session *session, short events, int64_t deadline, struct err *err)
{
    bool draining = session->grace != CLOCK_NEVER;
    struct pollfd fds[2] = {
        {.fd = PQsocket(session->conn), .events = events},
        {.fd = draining ? -1 : session->limits.cancel_fd, .events = POLLIN},
    };
    int64_t until = draining ? session->grace : deadline;
    int ready = poll(fds, 2, clock_poll_timeout(until));

    if (!draining && stopped(session, ready > 0 && fds[1].revents, err) < 0)
        return -1;
    if (ready > 0 || clock_poll_timeout(until) != 0)
        return 0; /* ready, or a signal or a spurious wake-up: the caller looks again */
    return err_set(err, ERR_DEADLINE, "no answer from the server in time");
}

/* --- opening ---------------------------------------------------------------------------------- */

static const struct name_value defaults[] = {
    {"client_encoding", "UTF8"},   {"gssencmode", "disable"},    {"keepalives", "1"},
    {"keepalives_idle", "10"},     {"keepalives_interval", "5"}, {"keepalives_count", "3"},
    {"tcp_user_timeout", "20000"},
};

/* Starts connecting with the tenant's parameters on top of the defaults. */
static PGconn *connect_start(void *mem, const struct name_values *connection,
                             const char *application_name)
{
    size_t most = connection->count + ARRAY_LEN(defaults) + 2;
    const char **names = mem_array(mem, const char *, most);
    const char **values = mem_array(mem, const char *, most);
    size_t len = text_cut(application_name, APPLICATION_NAME_MOST);
    char *short_name = mem_strndup(mem, application_name, len);
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        if (name_values_get(connection, defaults[i].name))
            continue;
        names[count] = defaults[i].name;
        values[count++] = defaults[i].value;
    }
    for (size_t i = 0; i < connection->count; i++) {
        names[count] = connection->items[i].name;
        values[count++] = connection->items[i].value;
    }
    if (!name_values_get(connection, "application_name")) {
        names[count] = "application_name";
        values[count++] = short_name;
    }
    return PQconnectStartParams(names, values, 0);
}

/* The moment at which connecting is given up: connect_timeout for each host in the list. */
static int64_t connect_deadline(const struct name_values *connection, int64_t limit)
{
    const char *given = name_values_get(connection, "connect_timeout");
    const char *hosts = name_values_get(connection, "host");
    int64_t seconds = CONNECT_TIMEOUT_S;
    int64_t count = 1;
    int64_t deadline;

    if (given && text_to_int64(given, 0, 86400, &seconds) && seconds == 0)
        return limit;
    for (; hosts && (hosts = strchr(hosts, ',')); hosts++)
        count++;
    deadline = clock_deadline(count * seconds * 1000);
    return deadline < limit ? deadline : limit;
}

static int connect_wait(struct session *session, int64_t deadline, struct err *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return pgerror_connect(session->conn, err);
        if (wait_for(session, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, err) <
            0) {
            if (err->kind == ERR_DEADLINE && clock_poll_timeout(session->limits.deadline) != 0)
                return err_set(err, ERR_UNREACHABLE,
                               "connection to server at \"%s\", port %s timed out",
                               PQhost(session->conn), PQport(session->conn));
            return -1;
        }
        state = PQconnectPoll(session->conn);
    }
    return 0;
}

/* The lexer's rules are those of standard_conforming_strings = on. */
static int check_strings(const struct session *session, struct err *err)
{
    const char *value = PQparameterStatus(session->conn, "standard_conforming_strings");

    if (!value || strcmp(value, "on") == 0)
        return 0;
    err_set(err, ERR_SQL, "the database has \"standard_conforming_strings\" off");
    err_hint(err, "ALTER DATABASE ... SET standard_conforming_strings = on, or ALTER ROLE for the "
                  "role pgtide connects as.");
    return -1;
}

static int close_session(struct session *session)
{
    cancel_finish(session->cancel);
    PQfinish(session->conn);
    return 0;
}

int session_open(void *parent, const struct name_values *connection, const char *application_name,
                 struct session_limits limits, struct session **ret, struct err *err)
{
    struct session *session = mem_new(parent, struct session);
    int64_t deadline = connect_deadline(connection, limits.deadline);

    session->limits = limits;
    session->grace = CLOCK_NEVER;
    session->conn = connect_start(session, connection, application_name);
    if (!session->conn)
        mem_die(0);
    talloc_set_destructor(session, close_session);
    PQsetErrorVerbosity(session->conn,
                        PQERRORS_VERBOSE); /* so that connect errors have SQLSTATEs */
    PQsetNoticeReceiver(session->conn, keep_notice, session);
    if (PQstatus(session->conn) == CONNECTION_BAD)
        pgerror_connect(session->conn, err);
    else if (connect_wait(session, deadline, err) == 0 && check_strings(session, err) == 0 &&
             PQsetnonblocking(session->conn, 1) == 0) {
        *ret = session;
        return 0;
    }
    if (err->kind == ERR_NONE)
        err_set(err, ERR_INTERNAL, "could not make the connection non-blocking");
    session_close(session);
    return -1;
}

void session_close(struct session *session)
{
    talloc_free(session);
}

/* --- a Query and its answers ------------------------------------------------------------------ */

static int lost(struct session *session, struct err *err)
{
    return pgerror_lost(session->conn, session->notice_sqlstate, err);
}

/* Asks the server to stop what runs and gives it a short time to say so. */
static void cancel_running(struct session *session)
{
    if (session->grace != CLOCK_NEVER)
        return;
    session->grace = clock_deadline(CANCEL_GRACE_MS);
    session->cancel = cancel_start(session->conn);
}

/*
 * An interrupted wait does not end the reading: the statement is cancelled and the answers are
 * read on. The first error stays in `err`.
 */
static int wait_or_cancel(struct session *session, short events, struct err *err)
{
    struct err now = ERR_INIT;

    if (wait_for(session, events, session->limits.deadline, &now) == 0)
        return 0;
    if (err->kind == ERR_NONE)
        err_move(err, &now);
    else
        err_clear(&now);
    if (session->grace != CLOCK_NEVER) /* no answer even to the cancel request */
        return lost(session, err);
    cancel_running(session);
    return 0;
}

static int flush(struct session *session, struct err *err)
{
    int left;

    while ((left = PQflush(session->conn)) > 0) {
        if (wait_or_cancel(session, POLLIN | POLLOUT, err) < 0)
            return -1;
        if (!PQconsumeInput(session->conn))
            return lost(session, err);
    }
    return left < 0 ? lost(session, err) : 0;
}

/* The next result: 0 with *ret (NULL = no more), or -1 when the connection gave none. */
static int next_result(struct session *session, PGresult **ret, struct err *err)
{
    while (PQisBusy(session->conn)) {
        if (wait_or_cancel(session, POLLIN, err) < 0)
            return -1;
        if (!PQconsumeInput(session->conn))
            break; /* PQgetResult will say what happened */
    }
    *ret = PQgetResult(session->conn);
    return 0;
}

int session_copy_put(struct session *session, const char *bytes, size_t len, struct err *err)
{
    while (len > 0) {
        size_t piece = len < COPY_PIECE ? len : COPY_PIECE;
        int sent = PQputCopyData(session->conn, bytes, (int)piece);

        if (sent < 0)
            return lost(session, err);
        if (flush(session, err) < 0 || err->kind != ERR_NONE)
            return -1;
        if (sent == 0)
            continue;
        bytes += piece;
        len -= piece;
    }
    return 0;
}

/* Answers the server's wish for COPY data: by the reader, or with "no". */
static void give_copy_data(struct session *session, const struct session_reader *reader,
                           size_t statement, struct err *err)
{
    bool given = false;

    if (err->kind == ERR_NONE && reader && reader->copy)
        given = reader->copy(reader->arg, statement, session, err) == 0;
    else if (err->kind == ERR_NONE)
        err_set(err, ERR_SQL, "the statement wants data from the client");
    if (PQputCopyEnd(session->conn, given ? NULL : "stopped by pgtide") >= 0)
        (void)flush(session, err); /* a broken connection shows in the next result */
}

/* COPY ... TO STDOUT in a migration: nobody wants the rows. */
static int drop_copy_data(struct session *session, struct err *err)
{
    char *row;
    int got;

    while ((got = PQgetCopyData(session->conn, &row, 1)) >= 0) {
        if (got > 0) {
            PQfreemem(row);
            continue;
        }
        if (wait_or_cancel(session, POLLIN, err) < 0)
            return -1;
        if (!PQconsumeInput(session->conn))
            return lost(session, err);
    }
    return 0;
}

/* Copies where it failed out of an error result. */
static void keep_fault(struct session *session, const PGresult *result, size_t statement)
{
    talloc_free(session->fault_mem);
    session->fault_mem = mem_context(session);
    pgerror_fault(session->fault_mem, result, &session->fault);
    session->fault.statement = statement;
}

static bool is_interruption(const struct err *err)
{
    return err->kind == ERR_CANCELLED || err->kind == ERR_DEADLINE;
}

/* The reader's own error counts more than an interruption, which may have come too late. */
static void refuse(struct session *session, struct err *refusal, struct err *err)
{
    cancel_running(session);
    if (err->kind == ERR_NONE || (is_interruption(err) && !session->refused))
        err_move(err, refusal);
    err_clear(refusal);
    session->refused = true;
}

static void give_rows(struct session *session, const struct session_reader *reader,
                      size_t statement, const PGresult *result, struct err *err)
{
    struct err refusal = ERR_INIT;

    if (session->refused || session->fault.server_message || !reader || !reader->row)
        return;
    if (reader->row(reader->arg, statement, result, &refusal) < 0)
        refuse(session, &refusal, err);
}

/* Done is done, also when the statement was to be cancelled and was quicker. */
static void tell_done(struct session *session, const struct session_reader *reader,
                      size_t statement, const char *tag, struct err *err)
{
    struct err refusal = ERR_INIT;

    if (reader && reader->done && reader->done(reader->arg, statement, tag, &refusal) < 0)
        refuse(session, &refusal, err);
}

/* One result that is neither data nor COPY: done, or an error. Returns whether a statement ended.
 */
static bool take_result(struct session *session, PGresult *result,
                        const struct session_reader *reader, size_t statement, struct err *err)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (PQntuples(result) > 0)
            give_rows(session, reader, statement, result, err);
        /* a rule's extra SELECT has no command tag and is no statement of ours */
        if (!PQcmdStatus(result)[0])
            return false;
        if (reader && reader->shape && PQresultStatus(result) == PGRES_TUPLES_OK)
            reader->shape(reader->arg, statement, result);
        tell_done(session, reader, statement, PQcmdStatus(result), err);
        return true;
    case PGRES_EMPTY_QUERY:
        return false;
    default:
        if (!session->fault.server_message)
            keep_fault(session, result, statement);
        if (err->kind == ERR_NONE)
            pgerror_result(session->conn, result, session->notice_sqlstate, err);
        return false;
    }
}

/* The cancel request came too late: the whole Query was done, and that is what is told. */
static bool finished_all_the_same(const struct session *session, const struct err *err)
{
    return is_interruption(err) && !session->refused && !session->fault.server_message &&
           PQstatus(session->conn) == CONNECTION_OK;
}

static int read_answers(struct session *session, const struct session_reader *reader,
                        struct err *err)
{
    size_t statement = 0;
    PGresult *result;

    for (;;) {
        if (next_result(session, &result, err) < 0)
            return -1;
        if (!result)
            break;
        switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
            give_rows(session, reader, statement, result, err);
            break;
        case PGRES_COPY_IN:
            give_copy_data(session, reader, statement, err);
            break;
        case PGRES_COPY_OUT:
            if (drop_copy_data(session, err) < 0) {
                PQclear(result);
                return -1;
            }
            break;
        default:
            if (take_result(session, result, reader, statement, err))
                statement++;
        }
        PQclear(result);
    }
    if (PQstatus(session->conn) == CONNECTION_BAD)
        return lost(session, err);
    if (finished_all_the_same(session, err))
        err_clear(err);
    return err->kind == ERR_NONE ? 0 : -1;
}

int session_query(struct session *session, const char *sql, const struct session_reader *reader,
                  struct err *err)
{
    int result = -1;

    session->fault = (struct session_fault){0};
    session->grace = CLOCK_NEVER;
    session->refused = false;
    if (interrupted(session, err) < 0)
        return -1;
    if (!PQsendQuery(session->conn, sql))
        return lost(session, err);
    if (!(reader && reader->together) && !PQsetSingleRowMode(session->conn))
        return lost(session, err);
    if (flush(session, err) == 0)
        result = read_answers(session, reader, err);
    cancel_finish(session->cancel);
    session->cancel = NULL;
    return result;
}

void session_grant(struct session *session, int64_t ms)
{
    session->limits = (struct session_limits){.deadline = clock_deadline(ms), .cancel_fd = -1};
}

int session_sleep(struct session *session, int64_t ms, struct err *err)
{
    struct pollfd cancel = {.fd = session->limits.cancel_fd, .events = POLLIN};
    int64_t until = clock_now_ms() + ms;

    if (session->limits.deadline < until)
        until = session->limits.deadline;
    while (clock_poll_timeout(until) > 0) {
        if (interrupted(session, err) < 0)
            return -1;
        (void)poll(&cancel, 1, clock_poll_timeout(until));
    }
    return interrupted(session, err);
}

/* --- small questions -------------------------------------------------------------------------- */

const struct session_fault *session_fault(const struct session *session)
{
    return &session->fault;
}

void session_add_literal(struct session *session, struct strbuf *out, const char *value)
{
    size_t plain = strcspn(value, "'\\"); /* in UTF-8 these bytes are never part of another */
    char *quoted;

    if (!value[plain]) { /* nearly every value */
        strbuf_char(out, '\'');
        strbuf_add(out, value, plain);
        strbuf_char(out, '\'');
        return;
    }
    quoted = PQescapeLiteral(session->conn, value, strlen(value));
    /* NULL: invalid UTF-8; the readers of configuration and files let none in */
    strbuf_str(out, quoted ? quoted : "NULL");
    PQfreemem(quoted);
}

char *session_literal(void *parent, struct session *session, const char *value)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    session_add_literal(session, &out, value);
    return out.text;
}

char *session_identifier(void *parent, const char *name)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    strbuf_char(&out, '"');
    for (; *name; name++) {
        if (*name == '"')
            strbuf_char(&out, '"');
        strbuf_char(&out, *name);
    }
    strbuf_char(&out, '"');
    return out.text;
}

struct session_limits session_limits(const struct session *session)
{
    return session->limits;
}

void session_set_limits(struct session *session, struct session_limits limits)
{
    session->limits = limits;
}

bool session_usable(const struct session *session)
{
    PGTransactionStatusType status = PQtransactionStatus(session->conn);

    return status != PQTRANS_ACTIVE && status != PQTRANS_UNKNOWN;
}

int session_backend_pid(const struct session *session)
{
    return PQbackendPID(session->conn);
}

bool session_in_transaction(const struct session *session)
{
    PGTransactionStatusType status = PQtransactionStatus(session->conn);

    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

int session_server_version(const struct session *session)
{
    return PQserverVersion(session->conn);
}

const char *session_parameter(const struct session *session, const char *name)
{
    return PQparameterStatus(session->conn, name);
}
