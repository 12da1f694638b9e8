/*
 * pgerror.c: libpq's and the server's errors as struct err.
 */
#include "worker/pgerror.h"

#include "common/mem.h"
#include "common/text.h"

#include <ctype.h>

enum { TEXT_MOST = 8 * 1024 }; /* bytes of each text in an error */

/* SQLSTATEs after which the server has undone the transaction and another try may do. */
static const char *const transient[] = {
    "40001", /* serialization_failure */
    "40P01", /* deadlock_detected */
    "55P03", /* lock_not_available: lock_timeout */
    "53200", /* out_of_memory: also "out of shared memory", the lock table is full */
    "53300", /* too_many_connections */
};

/* SQLSTATEs of a server that is there but cannot take a connection now. */
static const char *const busy[] = {
    "53300", /* too_many_connections */
    "57P01", /* admin_shutdown */
    "57P02", /* crash_shutdown */
    "57P03", /* cannot_connect_now */
};

static bool is_one_of(const char *sqlstate, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sqlstate, list[i]) == 0)
            return true;
    }
    return false;
}

/* Text without the line ends that libpq leaves behind it. */
static char *trimmed(void *mem, const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    return mem_strndup(mem, text, len);
}

/*
 * Cuts the lines out that libpq begins with a tab: "Is the server running on that host ...?", which
 * whoever tells the error asks in better words.
 */
static void cut_questions(char *message)
{
    char *from;

    while ((from = strstr(message, "\n\t")) != NULL) {
        size_t len = 1 + strcspn(from + 1, "\n");

        memmove(from, from + len, strlen(from + len) + 1);
    }
}

/*
 * Takes the SQLSTATE out of a connect error in verbose form: "... FATAL:  53300: sorry, too many
 * clients already\nLOCATION:  ...". The words are translated, the form is not: two blanks, five
 * characters, a colon. Cuts it and the LOCATION line out of `message`. False: there is none.
 */
static bool cut_sqlstate(char *message, char sqlstate[6])
{
    for (char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        char *code = at + 3;
        size_t len = 0;
        char *line_end;

        while (len < 5 && (isdigit((unsigned char)code[len]) || isupper((unsigned char)code[len])))
            len++;
        if (len < 5 || code[5] != ':' || code[6] != ' ')
            continue;
        memcpy(sqlstate, code, 5);
        sqlstate[5] = '\0';
        memmove(code, code + 7, strlen(code + 7) + 1);
        line_end = strchr(code, '\n');
        if (line_end)
            *line_end = '\0';
        return true;
    }
    return false;
}

/*
 * Is a 53300 that came from there about the connection limit of the database or role alone? The
 * words are translated, the functions in LOCATION are not; where there is none (a proxy), it is
 * about the server.
 */
static bool is_from_own_limit(const char *message)
{
    return strstr(message, "CheckMyDatabase, ") || strstr(message, "InitializeSessionUserId, ");
}

static enum err_kind kind_of_connect(const char *sqlstate, bool own_limit)
{
    if (strcmp(sqlstate, "53300") == 0 && !own_limit)
        return ERR_FULL;
    if (sqlstate[0] && strncmp(sqlstate, "08", 2) != 0 && /* a pooler's: it has no more */
        !is_one_of(sqlstate, busy, ARRAY_LEN(busy)))
        return ERR_SQL;
    return ERR_UNREACHABLE;
}

static void hint_connections(struct err *err, bool own_limit)
{
    if (err->kind == ERR_FULL)
        err_hint(err, "All connections of the server are in use: see pg_stat_activity for by whom. "
                      "Lower per_server, or raise max_connections.");
    else if (own_limit)
        err_hint(err, "It is the limit of this database or role alone: ALTER DATABASE ... "
                      "CONNECTION LIMIT -1, or ALTER ROLE.");
}

int pgerror_connect(PGconn *conn, struct err *err)
{
    void *mem = mem_context(NULL);
    char *message = trimmed(mem, PQerrorMessage(conn));
    bool own_limit = is_from_own_limit(message); /* before LOCATION is cut */
    char sqlstate[6] = "";
    enum err_kind kind;

    (void)cut_sqlstate(message, sqlstate);                   /* without one it stays "" */
    own_limit = own_limit && strcmp(sqlstate, "53300") == 0; /* other errors come from there, too */
    kind = PQconnectionNeedsPassword(conn) ? ERR_SQL : kind_of_connect(sqlstate, own_limit);
    cut_questions(message);
    err_set(err, kind, "%s", message);
    err_sqlstate(err, sqlstate);
    hint_connections(err, own_limit);
    if (PQconnectionNeedsPassword(conn))
        err_hint(err, "Give a password in connection.password, password_file, password_command, "
                      "PGPASSWORD or .pgpass.");
    talloc_free(mem);
    return -1;
}

int pgerror_lost(PGconn *conn, const char *notice_sqlstate, struct err *err)
{
    void *mem = mem_context(NULL);
    char *message = trimmed(mem, PQerrorMessage(conn));

    if (err->kind == ERR_NONE) { /* else the first error is the one that counts */
        err_set(err, ERR_LOST, "connection lost: %s", *message ? message : "no reason given");
        err_sqlstate(err, notice_sqlstate);
    } else if (err->kind == ERR_DEADLINE || err->kind == ERR_CANCELLED) {
        err->kind =
            ERR_LOST; /* the statement was to be cancelled, and nobody knows whether it was */
        err_detail(err, "the server did not answer the request to cancel the statement");
    }
    talloc_free(mem);
    return -1;
}

static enum err_kind kind_of(PGconn *conn, const PGresult *result, const char *sqlstate)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (!severity) /* a pooler's own words: it has one language */
        severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    if (!sqlstate || PQstatus(conn) == CONNECTION_BAD)
        return ERR_LOST;
    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        return ERR_LOST; /* the server ends the session after it */
    return is_one_of(sqlstate, transient, ARRAY_LEN(transient)) ? ERR_TRANSIENT : ERR_SQL;
}

/* Of what the server says no more than TEXT_MOST: a file's RAISE may say anything. */
static char *field_text(void *mem, const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);

    return text ? mem_strndup(mem, text, text_cut(text, TEXT_MOST)) : NULL;
}

int pgerror_result(PGconn *conn, const PGresult *result, const char *notice_sqlstate,
                   struct err *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum err_kind kind = kind_of(conn, result, sqlstate);
    void *mem = mem_context(NULL);
    char *message = field_text(mem, result, PG_DIAG_MESSAGE_PRIMARY);
    char *detail = field_text(mem, result, PG_DIAG_MESSAGE_DETAIL);
    char *hint = field_text(mem, result, PG_DIAG_MESSAGE_HINT);

    if (kind == ERR_LOST && !sqlstate) {
        pgerror_lost(conn, notice_sqlstate, err);
    } else {
        err_set(err, kind, "%s", message ? message : "the server reported an error without a text");
        err_sqlstate(err, sqlstate);
        if (detail)
            err_detail(err, "%s", detail);
        if (hint)
            err_hint(err, "%s", hint);
    }
    talloc_free(mem);
    return -1;
}

static size_t field_number(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    int64_t number = 0;

    return text && text_to_int64(text, 0, INT32_MAX, &number) ? (size_t)number : 0;
}

void pgerror_fault(void *mem, const PGresult *result, struct session_fault *fault)
{
    fault->position = field_number(result, PG_DIAG_STATEMENT_POSITION);
    fault->internal_position = field_number(result, PG_DIAG_INTERNAL_POSITION);
    fault->internal_query = field_text(mem, result, PG_DIAG_INTERNAL_QUERY);
    fault->context = field_text(mem, result, PG_DIAG_CONTEXT);
    fault->constraint = field_text(mem, result, PG_DIAG_CONSTRAINT_NAME);
    fault->server_message = field_text(mem, result, PG_DIAG_MESSAGE_PRIMARY);
}
