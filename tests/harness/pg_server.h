/*
 * pg_server.h: throwaway PostgreSQL servers.
 *
 * initdb runs once per test program; every server starts from a copy of what it made. Servers
 * listen on a free port of 127.0.0.1 and on a socket in their own temporary folder, without fsync,
 * with "trust" for everybody and "postgres" as superuser. Where the tests run as root, servers run
 * as "postgres" or, without such a user, as "nobody".
 *
 * Criterion runs each test in a process of its own. One server, the shared one, is started by
 * pg_suite_main() before any test (pg_suite.h); tests reach it by pg_server_shared() and make
 * databases of their own in it (pg_sql.h). A test that stops or configures a server starts one:
 * pg_server_new().
 *
 * No server outlives its program: the kernel stops it when the process that started it ends, and
 * the guardian (guardian.h) removes its folder.
 */
#ifndef TESTS_HARNESS_PG_SERVER_H
#define TESTS_HARNESS_PG_SERVER_H

#include "common/base.h"

struct pg_server {
    const char *host; /* "127.0.0.1" */
    int port;
    const char *socket_dir;
    const char *data;        /* data directory */
    const char *log;         /* path of the server's log */
    struct process *process; /* NULL: stopped, or the shared server */
    bool shared;
};

enum pg_server_stop { PG_SERVER_FAST, PG_SERVER_IMMEDIATE };

/* The program's shared server; the handle is owned by `parent`. */
struct pg_server *pg_server_shared(void *parent);

/* Makes `server` the one that pg_server_shared() finds, here and in processes started from now on.
 */
void pg_server_share(const struct pg_server *server);

/* A server of one's own, started; stopped and removed when freed. */
struct pg_server *pg_server_new(void *parent, const char *config);

/* A hot standby of `primary`, started. */
struct pg_server *pg_server_standby(void *parent, const struct pg_server *primary);

/* Waits until `standby` has replayed all that `primary` has written by now. */
void pg_server_catch_up(const struct pg_server *standby, const struct pg_server *primary);

/* Stop waits until the server has ended; start until it takes connections, on the same port. */
void pg_server_stop(struct pg_server *server, enum pg_server_stop mode);
void pg_server_start(struct pg_server *server);

/* Adds lines to postgresql.conf; they count from the next start. */
void pg_server_configure(const struct pg_server *server, const char *lines);

/*
 * Puts lines before those of pg_hba.conf and has the server read them at once, e.g.
 * "host all migrator all scram-sha-256\n".
 */
void pg_server_hba(const struct pg_server *server, const char *lines);

/* "host=127.0.0.1 port=... user=postgres dbname=...", quoted; owned by `parent`. */
char *pg_server_dsn(const void *parent, const struct pg_server *server, const char *database);

/* The server's log so far, owned by `parent`. */
char *pg_server_read_log(const void *parent, const struct pg_server *server);

/* Path of one of PostgreSQL's programs ("psql", "pg_dump"), of the newest version installed. */
char *pg_server_program(const void *parent, const char *name);

/* The user that servers run as; NULL: as we are. */
const char *pg_server_user(void);

#endif
