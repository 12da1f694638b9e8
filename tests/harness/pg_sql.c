/*
 * pg_sql.c: small wrappers of libpq.
 */
#include "tests/harness/pg_sql.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "tests/harness/harness.h"

#include <unistd.h>

enum { POLL_MS = 5 };

/* Over the socket, so that a test's rules in pg_hba.conf for 127.0.0.1 do not concern it. */
PGconn *pg_sql_connect(const struct pg_server *server, const char *database)
{
    char *port = mem_printf(NULL, "%d", server->port);
    const char *const names[] = {"host", "port", "user", "dbname", NULL};
    const char *const values[] = {server->socket_dir, port, "postgres", database, NULL};
    PGconn *conn = PQconnectdbParams(names, values, 0);

    talloc_free(port);
    if (PQstatus(conn) != CONNECTION_OK)
        harness_die("cannot connect to \"%s\": %s", database, PQerrorMessage(conn));
    return conn;
}

/* Runs `sql` on a connection of its own; the last result, to be cleared by the caller. */
static PGresult *run(const struct pg_server *server, const char *database, const char *sql)
{
    PGconn *conn = pg_sql_connect(server, database);
    PGresult *result;

    PQsetClientEncoding(conn, "UTF8");
    result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK &&
        PQresultStatus(result) != PGRES_EMPTY_QUERY)
        harness_die("in \"%s\": %s%s", database, PQerrorMessage(conn), sql);
    PQfinish(conn);
    return result;
}

void pg_sql_exec(const struct pg_server *server, const char *database, const char *sql)
{
    PQclear(run(server, database, sql));
}

void pg_sql_execf(const struct pg_server *server, const char *database, const char *format, ...)
{
    va_list args;
    char *sql;

    va_start(args, format);
    sql = mem_vprintf(NULL, format, args);
    va_end(args);
    pg_sql_exec(server, database, sql);
    talloc_free(sql);
}

char *pg_sql_value(const void *parent, const struct pg_server *server, const char *database,
                   const char *sql)
{
    PGresult *result = run(server, database, sql);
    char *value = NULL;

    if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        value = mem_strdup(parent, PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

int64_t pg_sql_count(const struct pg_server *server, const char *database, const char *sql)
{
    char *value = pg_sql_value(NULL, server, database, sql);
    int64_t count;

    if (!value || !text_to_int64(value, INT64_MIN, INT64_MAX, &count))
        harness_die("not a number: \"%s\" from: %s", value ? value : "NULL", sql);
    talloc_free(value);
    return count;
}

char *pg_sql_rows(const void *parent, const struct pg_server *server, const char *database,
                  const char *sql)
{
    PGresult *result = run(server, database, sql);
    struct strbuf rows;

    strbuf_init(&rows, parent);
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            strbuf_printf(&rows, "%s%s", PQgetvalue(result, row, column),
                          column + 1 < PQnfields(result) ? "|" : "\n");
    PQclear(result);
    return rows.text;
}

char *pg_sql_unique(const void *parent, const char *stem)
{
    static int64_t began_s;
    static int made;

    /* numbers of processes come again in a long run, but not in the same second; all names of one
     * process have the same beginning */
    if (began_s == 0)
        began_s = clock_wall_ms() / 1000;
    return mem_printf(parent, "%s_%d_%lld_%d", stem, (int)getpid(), (long long)(began_s % 100000),
                      ++made);
}

static void database_command(const struct pg_server *server, const char *command, const char *name,
                             const char *options)
{
    PGconn *conn = pg_sql_connect(server, "postgres");
    char *quoted = PQescapeIdentifier(conn, name, strlen(name));

    pg_sql_execf(server, "postgres", "%s %s %s", command, quoted, options);
    PQfreemem(quoted);
    PQfinish(conn);
}

void pg_sql_create_database(const struct pg_server *server, const char *name)
{
    database_command(server, "CREATE DATABASE", name, "");
}

void pg_sql_drop_database(const struct pg_server *server, const char *name)
{
    database_command(server, "DROP DATABASE IF EXISTS", name, "WITH (FORCE)");
}

static bool holds(const struct pg_server *server, const char *database, const char *sql)
{
    char *value = pg_sql_value(NULL, server, database, sql);
    int64_t number = 0;
    bool yes;

    yes = value && (strcmp(value, "t") == 0 ||
                    (text_to_int64(value, INT64_MIN, INT64_MAX, &number) && number > 0));
    talloc_free(value);
    return yes;
}

bool pg_sql_wait(const struct pg_server *server, const char *database, const char *sql,
                 int64_t timeout_ms)
{
    int64_t deadline = clock_deadline(timeout_ms);

    while (!holds(server, database, sql)) {
        if (clock_now_ms() >= deadline)
            return false;
        harness_pause(POLL_MS);
    }
    return true;
}
