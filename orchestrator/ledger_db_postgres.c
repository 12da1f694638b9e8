/*
 * ledger_db_postgres.c: a ledger in a PostgreSQL database, for several machines.
 *
 * DESIGN
 * Statements go out in libpq's pipeline mode, all of a batch with one Sync behind them: the server
 * makes one transaction of them (protocol, "Pipelining"), each with a snapshot of its own, in one
 * round trip. It ends that transaction by itself, so a process that is stopped in the middle holds
 * no lock. Each statement is prepared once a connection.
 *
 * A connection that broke is made again by the next call, at most once in RECONNECT_PAUSE_MS, so
 * that a ledger that is away costs its caller little. A transaction that it broke is never gone on
 * with: all calls fail until the caller has rolled it back.
 *
 * The connection string is a secret, and libpq's messages about one quote it, so they are not
 * passed on. Tables are found by the search_path of the connection.
 */
#include "orchestrator/ledger_driver.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/pgerror.h"

#include <libpq-fe.h>
#include <poll.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    ANSWER_TIMEOUT_MS = 15 * 1000, /* longer than the server's own, below */
    RECONNECT_PAUSE_MS = 1000,
    INT8_OID = 20, /* pg_type.oid of bigint and of what else is read as a number */
    INT4_OID = 23,
    INT2_OID = 21,
};

#define SESSION_SQL                                                                                \
    "SET statement_timeout = '10s'; SET lock_timeout = '10s'; "                                    \
    "SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = 'warning'; "       \
    "SET default_transaction_isolation = 'read committed'; "                                       \
    "SET default_transaction_read_only = off; SET TimeZone = 'UTC'; SET jit = off"

struct server_ledger {
    struct ledger_db base;
    PGconn *conn; /* NULL: not connected */
    const char *conninfo;
    char *application_name;
    bool in_block;             /* a transaction is open, or was when the connection broke */
    int64_t next_reach_ms;     /* not to be connected to before; 0 = at once */
    struct prepared *prepared; /* of this connection */
    size_t prepared_count;
    size_t prepared_capacity;
    unsigned prepared_ever;
};

struct prepared {
    const char *sql;
    unsigned number; /* statement "s<number>" on the server */
};

static struct server_ledger *server_of(struct ledger_db *db)
{
    return (struct server_ledger *)(void *)db;
}

/* --- connecting --------------------------------------------------------------------------- */

static void drop_notice(void *arg UNUSED, const PGresult *notice UNUSED)
{
}

/* Waits for the socket. False: the deadline came first. */
static bool wait_for(const struct server_ledger *server, short events, int64_t deadline)
{
    struct pollfd fd = {.fd = PQsocket(server->conn), .events = events};

    while (clock_poll_timeout(deadline) != 0) {
        if (poll(&fd, 1, clock_poll_timeout(deadline)) > 0)
            return true;
    }
    return false;
}

static const struct name_value defaults[] = {
    {"client_encoding", "UTF8"},   {"gssencmode", "disable"},    {"keepalives", "1"},
    {"keepalives_idle", "5"},      {"keepalives_interval", "2"}, {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
};

/* The string's parameters on top of the defaults; NULL: it is no connection string. */
static PGconn *connect_start(struct server_ledger *server)
{
    PQconninfoOption *options = PQconninfoParse(server->conninfo, NULL);
    const char *names[ARRAY_LEN(defaults) + 96] = {0};
    const char *values[ARRAY_LEN(names)] = {0};
    size_t count = 0;
    PGconn *conn;

    if (!options)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        names[count] = defaults[i].name;
        values[count++] = defaults[i].value;
    }
    names[count] = "application_name";
    values[count++] = server->application_name;
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (option->val && count < ARRAY_LEN(names) - 1) { /* the last one of a name counts */
            names[count] = option->keyword;
            values[count++] = option->val;
        }
    }
    conn = PQconnectStartParams(names, values, 0);
    PQconninfoFree(options);
    if (!conn)
        mem_die(0);
    return conn;
}

static int connect_wait(struct server_ledger *server, struct err *err)
{
    int64_t deadline = clock_deadline(CONNECT_TIMEOUT_MS);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    if (PQstatus(server->conn) == CONNECTION_BAD)
        return pgerror_connect(server->conn, err);
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return pgerror_connect(server->conn, err);
        if (!wait_for(server, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
            return err_set(err, ERR_UNREACHABLE,
                           "connection to server at \"%s\", port %s timed out",
                           PQhost(server->conn), PQport(server->conn));
        state = PQconnectPoll(server->conn);
    }
    return 0;
}

static void disconnect(struct server_ledger *server)
{
    PQfinish(server->conn);
    server->conn = NULL;
    server->prepared_count = 0;
}

static int set_up(struct server_ledger *server, struct err *err)
{
    PGresult *result;
    int rc = 0;

    if (connect_wait(server, err) < 0)
        return -1;
    result = PQexec(server->conn, SESSION_SQL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        rc = pgerror_result(server->conn, result, "", err);
    PQclear(result);
    if (rc == 0 && PQsetnonblocking(server->conn, 1) != 0)
        rc = err_set(err, ERR_INTERNAL, "could not make the connection non-blocking");
    return rc;
}

static int reach(struct server_ledger *server, struct err *err)
{
    server->conn = connect_start(server);
    if (!server->conn) {
        err_set(err, ERR_CONFIG, "\"ledger\" is not a connection string of PostgreSQL");
        err_hint(err, "Write it as in ledger: postgresql://user@host/database");
        return -1;
    }
    PQsetErrorVerbosity(server->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(server->conn, drop_notice, NULL);
    if (set_up(server, err) == 0) {
        PQsetErrorVerbosity(server->conn, PQERRORS_DEFAULT);
        server->next_reach_ms = 0;
        return 0;
    }
    if (PQconnectionNeedsPassword(server->conn))
        err_hint(err, "Give it in the ledger's connection string, PGPASSWORD or .pgpass.");
    err_prefix(err, "%s: ", server->base.name);
    disconnect(server);
    server->next_reach_ms = clock_now_ms() + RECONNECT_PAUSE_MS;
    return -1;
}

/* The connection stands, or is made anew unless that would break a transaction in two. */
static int ready(struct server_ledger *server, struct err *err)
{
    if (server->conn && PQstatus(server->conn) == CONNECTION_OK)
        return 0;
    if (server->conn)
        disconnect(server);
    if (server->in_block)
        return err_set(err, ERR_LOST, "%s: the connection was lost", server->base.name);
    if (clock_now_ms() < server->next_reach_ms)
        return err_set(err, ERR_UNREACHABLE, "%s: the server cannot be reached", server->base.name);
    return reach(server, err);
}

/* --- questions and answers ---------------------------------------------------------------- */

/* What one call has come to; the first error stays. */
struct exchange {
    struct server_ledger *server;
    int64_t deadline;
    int result; /* not 0: it has failed, or a row function has ended it */
    struct err *err;
};

static void fail_lost(struct exchange *exchange)
{
    struct server_ledger *server = exchange->server;

    if (exchange->result == 0) {
        exchange->result = -1;
        pgerror_lost(server->conn, "", exchange->err);
        err_prefix(exchange->err, "%s: ", server->base.name);
    }
    disconnect(server);
}

/* A server that does not answer in time is as good as gone. */
static void fail_silent(struct exchange *exchange)
{
    struct server_ledger *server = exchange->server;

    if (exchange->result == 0)
        exchange->result =
            err_set(exchange->err, ERR_LOST, "%s: no answer in time", server->base.name);
    disconnect(server);
}

/* What the server will say again until somebody does something about it. */
static void add_hint(struct err *err)
{
    static const struct {
        const char *sqlstate;
        const char *hint;
    } hints[] = {
        {"25006", "The ledger is written to: name the primary in \"ledger\", or all servers of it "
                  "with target_session_attrs=read-write."},
        {"42501", "The ledger's user needs the rights of the one that has made its tables: as an "
                  "administrator of that database, GRANT <that one> TO <the ledger's user>."},
    };

    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        if (strcmp(err->sqlstate, hints[i].sqlstate) == 0)
            err_hint(err, "%s", hints[i].hint);
    }
}

static void fail_result(struct exchange *exchange, const PGresult *result)
{
    struct server_ledger *server = exchange->server;

    if (exchange->result != 0)
        return;
    exchange->result = pgerror_result(server->conn, result, "", exchange->err);
    err_prefix(exchange->err, "%s: ", server->base.name);
    add_hint(exchange->err);
}

static bool flush(struct exchange *exchange)
{
    struct server_ledger *server = exchange->server;
    int left;

    while ((left = PQflush(server->conn)) > 0) {
        if (!wait_for(server, POLLIN | POLLOUT, exchange->deadline)) {
            fail_silent(exchange);
            return false;
        }
        if (!PQconsumeInput(server->conn))
            break;
    }
    if (left == 0)
        return true;
    fail_lost(exchange);
    return false;
}

/* False: the connection is gone, and the exchange has failed. *ret NULL: an answer has ended. */
static bool next_result(struct exchange *exchange, PGresult **ret)
{
    struct server_ledger *server = exchange->server;

    while (PQisBusy(server->conn)) {
        if (!wait_for(server, POLLIN, exchange->deadline)) {
            fail_silent(exchange);
            return false;
        }
        if (!PQconsumeInput(server->conn)) {
            fail_lost(exchange);
            return false;
        }
    }
    *ret = PQgetResult(server->conn);
    return true;
}

static void keep_block(struct server_ledger *server)
{
    PGTransactionStatusType status = PQtransactionStatus(server->conn);

    server->in_block = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* --- batches ------------------------------------------------------------------------------ */

static struct ledger_value value_of(const PGresult *result, int row, int column)
{
    Oid type = PQftype(result, column);
    struct ledger_value value = {.type = LEDGER_TEXT, .text = PQgetvalue(result, row, column)};

    if (PQgetisnull(result, row, column))
        return ledger_db_null();
    if (type == INT8_OID || type == INT4_OID || type == INT2_OID) {
        int64_t number = 0;

        (void)text_to_int64(value.text, INT64_MIN, INT64_MAX, &number);
        return ledger_db_int(number);
    }
    return value;
}

static void give_rows(struct exchange *exchange, const PGresult *result,
                      const struct ledger_statement *statement)
{
    size_t columns = (size_t)PQnfields(result);
    struct ledger_value *values;

    if (!statement->row)
        return;
    values = mem_array(NULL, struct ledger_value, columns);
    for (int row = 0; row < PQntuples(result) && exchange->result == 0; row++) {
        for (size_t i = 0; i < columns; i++)
            values[i] = value_of(result, row, (int)i);
        exchange->result = statement->row(statement->arg, values, columns, exchange->err);
    }
    talloc_free(values);
}

static const struct prepared *find_prepared(const struct server_ledger *server, const char *sql)
{
    for (size_t i = 0; i < server->prepared_count; i++) {
        if (strcmp(server->prepared[i].sql, sql) == 0)
            return &server->prepared[i];
    }
    return NULL;
}

static bool send_prepare(struct server_ledger *server, const struct ledger_statement *statement,
                         const char *name)
{
    Oid *types = mem_array(NULL, Oid, statement->param_count);
    bool sent;

    for (size_t i = 0; i < statement->param_count; i++)
        types[i] = statement->params[i].type == LEDGER_INT ? INT8_OID : 0;
    sent = PQsendPrepare(server->conn, name, statement->sql, (int)statement->param_count, types);
    talloc_free(types);
    return sent;
}

static const char **texts_of(void *mem, const struct ledger_statement *statement)
{
    const char **texts = mem_array(mem, const char *, statement->param_count);

    for (size_t i = 0; i < statement->param_count; i++) {
        const struct ledger_value *param = &statement->params[i];
        bool number = param->type == LEDGER_INT;

        texts[i] = number ? mem_printf(mem, "%lld", (long long)param->number) : param->text;
    }
    return texts;
}

/* *ret_prepares: a preparation goes before it, and its answer will come first. */
static bool send_statement(struct server_ledger *server, const struct ledger_statement *statement,
                           bool *ret_prepares)
{
    const struct prepared *known = find_prepared(server, statement->sql);
    unsigned number = known ? known->number : ++server->prepared_ever;
    void *mem = mem_context(NULL);
    const char *name = mem_printf(mem, "s%u", number);
    bool sent = true;

    *ret_prepares = !known;
    if (!known) {
        sent = send_prepare(server, statement, name);
        mem_grow(server, &server->prepared, &server->prepared_capacity, server->prepared_count + 1);
        server->prepared[server->prepared_count++] =
            (struct prepared){.sql = statement->sql, .number = number};
    }
    sent = sent && PQsendQueryPrepared(server->conn, name, (int)statement->param_count,
                                       texts_of(mem, statement), NULL, NULL, 0);
    talloc_free(mem);
    return sent;
}

/* One answer, to its end. `statement` NULL: of a preparation. False: the connection is gone. */
static bool read_answer(struct exchange *exchange, const struct ledger_statement *statement)
{
    PGresult *result;

    for (;;) {
        if (!next_result(exchange, &result))
            return false;
        if (!result)
            return true;
        switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_PIPELINE_ABORTED:
            break;
        case PGRES_TUPLES_OK:
            if (statement)
                give_rows(exchange, result, statement);
            break;
        default:
            fail_result(exchange, result);
        }
        PQclear(result);
    }
}

/* The answer to the Sync, which has nothing behind it. */
static bool read_sync(struct exchange *exchange)
{
    PGresult *result;

    if (!next_result(exchange, &result))
        return false;
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        fail_lost(exchange);
    PQclear(result);
    return exchange->server->conn != NULL;
}

static void run_batch(struct exchange *exchange, const struct ledger_statement *statements,
                      size_t count, bool *prepares)
{
    struct server_ledger *server = exchange->server;
    bool sent = PQenterPipelineMode(server->conn);

    for (size_t i = 0; i < count && sent; i++)
        sent = send_statement(server, &statements[i], &prepares[i]);
    if (!sent || !PQpipelineSync(server->conn)) {
        fail_lost(exchange);
        return;
    }
    if (!flush(exchange))
        return;
    for (size_t i = 0; i < count; i++) {
        if ((prepares[i] && !read_answer(exchange, NULL)) || !read_answer(exchange, &statements[i]))
            return;
    }
    if (!read_sync(exchange))
        return;
    (void)PQexitPipelineMode(server->conn);
    keep_block(server);
}

static int server_batch(struct ledger_db *db, const struct ledger_statement *statements,
                        size_t count, struct err *err)
{
    struct server_ledger *server = server_of(db);
    struct exchange exchange = {.server = server, .err = err};
    size_t prepared_before;
    bool *prepares;

    if (ready(server, err) < 0)
        return -1;
    exchange.deadline = clock_deadline(ANSWER_TIMEOUT_MS);
    prepared_before = server->prepared_count;
    prepares = mem_array(NULL, bool, count);
    run_batch(&exchange, statements, count, prepares);
    if (exchange.result < 0 && server->conn) /* which of the new ones are there is not known */
        server->prepared_count = prepared_before;
    talloc_free(prepares);
    return exchange.result;
}

static int server_run(struct ledger_db *db, const char *sql, const struct ledger_value *params,
                      size_t count, ledger_row_fn *row, void *arg, struct err *err)
{
    struct ledger_statement statement = {
        .sql = sql, .params = params, .param_count = count, .row = row, .arg = arg};

    return server_batch(db, &statement, 1, err);
}

/* --- scripts ------------------------------------------------------------------------------ */

static int server_script(struct ledger_db *db, const char *sql, struct err *err)
{
    struct server_ledger *server = server_of(db);
    struct exchange exchange = {.server = server, .err = err};
    bool broken = !server->conn || PQstatus(server->conn) != CONNECTION_OK;
    PGresult *result;

    if (broken && server->in_block && strcmp(sql, "ROLLBACK") == 0) {
        server->in_block = false; /* it went with its connection */
        return 0;
    }
    if (ready(server, err) < 0)
        return -1;
    exchange.deadline = clock_deadline(ANSWER_TIMEOUT_MS);
    if (!PQsendQuery(server->conn, sql)) {
        fail_lost(&exchange);
        return -1;
    }
    if (!flush(&exchange))
        return -1;
    while (next_result(&exchange, &result) && result) {
        ExecStatusType status = PQresultStatus(result);

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            fail_result(&exchange, result);
        PQclear(result);
    }
    if (server->conn)
        keep_block(server);
    return exchange.result;
}

/* A courtesy: that it fails does not matter. */
static void server_name_run(struct ledger_db *db, const char *run_id)
{
    struct server_ledger *server = server_of(db);
    struct err err = ERR_INIT;
    struct ledger_value name;

    talloc_free(server->application_name);
    server->application_name = mem_printf(server, "pgtide %s ledger", run_id);
    name = ledger_db_text(server->application_name);
    if (server_run(db, "SELECT set_config('application_name', $1, false)", &name, 1, NULL, NULL,
                   &err) < 0)
        err_clear(&err);
}

/* --- birth and end ------------------------------------------------------------------------ */

static const struct ledger_driver server_driver = {
    .shared = true,
    .begin = "BEGIN",
    .run = server_run,
    .batch = server_batch,
    .script = server_script,
    .name_run = server_name_run,
};

static int close_server(struct server_ledger *server)
{
    PQfinish(server->conn);
    return 0;
}

int ledger_db_open_server(void *parent, const char *conninfo, struct ledger_db **ret,
                          struct err *err)
{
    struct server_ledger *server = mem_new(parent, struct server_ledger);

    server->base.driver = &server_driver;
    server->base.name = "ledger database";
    server->conninfo = mem_strdup(server, conninfo);
    server->application_name = mem_strdup(server, "pgtide ledger");
    talloc_set_destructor(server, close_server);
    if (reach(server, err) < 0) {
        talloc_free(server);
        return -1;
    }
    *ret = &server->base;
    return 0;
}
