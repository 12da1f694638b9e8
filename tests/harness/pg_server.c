/*
 * pg_server.c: makes, starts, stops and removes PostgreSQL servers.
 *
 * A server's folder holds data/ (the cluster), run/ (its socket) and log. The postmaster is a
 * direct child, so its end is known for certain and its death signal is SIGQUIT: an immediate
 * shutdown when the test dies.
 */
#include "tests/harness/pg_server.h"

#include "common/clock.h"
#include "common/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/port.h"
#include "tests/harness/process.h"
#include "tests/harness/tmpdir.h"

#include <errno.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE_VARIABLE "PGTIDE_TEST_TEMPLATE"
#define SHARED_VARIABLE "PGTIDE_TEST_SERVER"
#define SERVER_CONFIG                                                                              \
    "fsync = off\n"                                                                                \
    "synchronous_commit = off\n"                                                                   \
    "full_page_writes = off\n"                                                                     \
    "max_connections = 300\n"                                                                      \
    "track_activity_query_size = 16384\n" /* tests look for words in long Queries */               \
    "shared_buffers = 32MB\n"                                                                      \
    "max_wal_size = 256MB\n"                                                                       \
    "log_min_messages = warning\n"                                                                 \
    "log_line_prefix = '%m [%p] %d '\n"

enum {
    PATIENCE_MS = 60 * 1000,
    LIFETIME_MS = 24 * 60 * 60 * 1000,
    POLL_MS = 5,
    START_TRIES = 10,
};

const char *pg_server_user(void)
{
    if (geteuid() != 0)
        return NULL;
    return getpwnam("postgres") ? "postgres" : "nobody";
}

char *pg_server_program(const void *parent, const char *name)
{
    char *newest = NULL;
    int64_t best = 0;
    glob_t found;

    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            int64_t version = strtoll(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);

            if (version <= best)
                continue;
            best = version;
            talloc_free(newest);
            newest = mem_printf(parent, "/usr/lib/postgresql/%d/bin/%s", (int)version, name);
        }
        globfree(&found);
    }
    if (!newest)
        harness_die("no PostgreSQL server is installed below /usr/lib/postgresql");
    return newest;
}

/* A new folder that the server's user may write to. */
static void make_owned(const char *path, mode_t mode)
{
    const char *name = pg_server_user();
    const struct passwd *user = name ? getpwnam(name) : NULL;

    if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
        harness_die("cannot make \"%s\": %s", path, strerror(errno));
    if (user && chown(path, user->pw_uid, user->pw_gid) < 0)
        harness_die("cannot give \"%s\" to \"%s\": %s", path, name, strerror(errno));
}

/* initdb in a folder that lasts as long as the process; then the guardian removes it. */
static const char *make_template(void)
{
    const char *folder = tmpdir_new(NULL);
    const char *path = tmpdir_path(folder, folder, "data");
    void *ctx = mem_context(NULL);

    make_owned(path, 0700);
    process_must_run(ctx, &(struct process_spec){
                              .argv = (const char *const[]){pg_server_program(ctx, "initdb"), "-D",
                                                            path, "-U", "postgres", "-A", "trust",
                                                            "-E", "UTF8", "--locale=C.UTF-8",
                                                            "--no-sync", "--wal-segsize=1", NULL},
                              .cwd = "/",
                              .user = pg_server_user()});
    talloc_free(ctx);
    return path;
}

/* The cluster that all servers of this program are copies of; made by the first who asks. */
static const char *template_path(void)
{
    static const char *path;

    if (!path)
        path = getenv(TEMPLATE_VARIABLE);
    if (!path) {
        path = make_template();
        setenv(TEMPLATE_VARIABLE, path, 1);
    }
    return path;
}

static int destroy(struct pg_server *server)
{
    if (server->process)
        pg_server_stop(server, PG_SERVER_IMMEDIATE);
    return 0;
}

static void set_places(struct pg_server *server, const char *folder)
{
    server->host = "127.0.0.1";
    server->data = tmpdir_path(server, folder, "data");
    server->socket_dir = tmpdir_path(server, folder, "run");
    server->log = tmpdir_path(server, folder, "log");
}

/* A server's folder without a cluster in it yet. */
static struct pg_server *prepare(void *parent)
{
    struct pg_server *server = mem_new(parent, struct pg_server);

    set_places(server, tmpdir_new(server));
    make_owned(server->socket_dir, 0755);
    talloc_set_destructor(server, destroy);
    return server;
}

static PGPing ping(const struct pg_server *server)
{
    char *dsn = mem_printf(NULL, "host=%s port=%d user=postgres dbname=postgres connect_timeout=5",
                           server->socket_dir, server->port);
    PGPing answer = PQping(dsn);

    talloc_free(dsn);
    return answer;
}

/* False: the server has ended instead. */
static bool wait_ready(struct pg_server *server)
{
    int64_t deadline = clock_deadline(PATIENCE_MS);

    while (ping(server) != PQPING_OK) {
        if (!process_running(server->process))
            return false;
        if (clock_now_ms() > deadline)
            harness_die("server not ready in time: %s", pg_server_read_log(server, server));
        harness_pause(POLL_MS);
    }
    return true;
}

static bool try_start(struct pg_server *server)
{
    char *port = mem_printf(server, "%d", server->port);
    char *program = pg_server_program(server, "postgres");

    server->process = process_start(
        server, &(struct process_spec){
                    .argv = (const char *const[]){program, "-D", server->data, "-h", server->host,
                                                  "-p", port, "-k", server->socket_dir, NULL},
                    .cwd = "/",
                    .user = pg_server_user(),
                    .output_file = server->log,
                    .timeout_ms = LIFETIME_MS,
                    .death_signal = SIGQUIT});
    talloc_free(port);
    talloc_free(program);
    if (wait_ready(server))
        return true;
    talloc_free(server->process);
    server->process = NULL;
    return false;
}

/* First start, on whatever port is free. */
static void start_anywhere(struct pg_server *server)
{
    for (int tries = 0; tries < START_TRIES; tries++) {
        server->port = port_pick();
        if (try_start(server))
            return;
        if (!strstr(pg_server_read_log(server, server), "Address already in use"))
            break;
    }
    harness_die("server does not start: %s", pg_server_read_log(server, server));
}

void pg_server_start(struct pg_server *server)
{
    if (server->shared)
        harness_die("the shared server is not for starting and stopping");
    if (!server->process && !try_start(server))
        harness_die("server does not start again: %s", pg_server_read_log(server, server));
}

void pg_server_stop(struct pg_server *server, enum pg_server_stop mode)
{
    int64_t deadline = clock_deadline(PATIENCE_MS);

    if (server->shared)
        harness_die("the shared server is not for starting and stopping");
    if (!server->process)
        return;
    process_signal(server->process, mode == PG_SERVER_FAST ? SIGINT : SIGQUIT);
    while (process_running(server->process)) {
        if (clock_now_ms() > deadline)
            harness_die("server does not stop: %s", pg_server_read_log(server, server));
        harness_pause(POLL_MS);
    }
    talloc_free(server->process);
    server->process = NULL;
}

void pg_server_configure(const struct pg_server *server, const char *lines)
{
    char *path = tmpdir_path(NULL, server->data, "postgresql.conf");
    FILE *file = fopen(path, "a");

    if (!file || fputs(lines, file) < 0 || fclose(file) != 0)
        harness_die("cannot write \"%s\": %s", path, strerror(errno));
    talloc_free(path);
}

struct pg_server *pg_server_new(void *parent, const char *config)
{
    struct pg_server *server = prepare(parent);

    process_must_run(
        server, &(struct process_spec){
                    .argv = (const char *const[]){"cp", "-a", template_path(), server->data, NULL},
                    .cwd = "/"});
    pg_server_configure(server, SERVER_CONFIG);
    if (config)
        pg_server_configure(server, config);
    start_anywhere(server);
    return server;
}

/* The variable holds "PORT FOLDER". */
void pg_server_share(const struct pg_server *server)
{
    char *value = mem_printf(NULL, "%d %.*s", server->port,
                             (int)(strlen(server->log) - strlen("/log")), server->log);

    setenv(SHARED_VARIABLE, value, 1);
    talloc_free(value);
}

struct pg_server *pg_server_shared(void *parent)
{
    const char *value = getenv(SHARED_VARIABLE);
    struct pg_server *server;
    char *folder;

    if (!value)
        harness_die("no shared server: this program's main() is not pg_suite_main()");
    server = mem_new(parent, struct pg_server);
    server->port = (int)strtol(value, &folder, 10);
    folder++;
    set_places(server, folder);
    server->shared = true;
    return server;
}

struct pg_server *pg_server_standby(void *parent, const struct pg_server *primary)
{
    struct pg_server *server = prepare(parent);
    char *port = mem_printf(server, "%d", primary->port);

    make_owned(server->data, 0700);
    process_must_run(
        server, &(struct process_spec){
                    .argv = (const char *const[]){pg_server_program(server, "pg_basebackup"), "-D",
                                                  server->data, "-h", primary->host, "-p", port,
                                                  "-U", "postgres", "-R", "-X", "stream",
                                                  "--checkpoint=fast", "--no-sync", NULL},
                    .cwd = "/",
                    .user = pg_server_user()});
    start_anywhere(server);
    return server;
}

void pg_server_catch_up(const struct pg_server *standby, const struct pg_server *primary)
{
    int64_t deadline = clock_deadline(PATIENCE_MS);
    void *ctx = mem_context(NULL);
    const char *wanted =
        pg_sql_value(ctx, primary, "postgres", "SELECT pg_current_wal_insert_lsn()");
    const char *sql =
        mem_printf(ctx, "SELECT coalesce(pg_last_wal_replay_lsn() >= '%s', false)::int", wanted);

    while (pg_sql_count(standby, "postgres", sql) == 0) {
        if (clock_now_ms() > deadline)
            harness_die("the standby does not catch up: %s", pg_server_read_log(ctx, standby));
        harness_pause(POLL_MS);
    }
    talloc_free(ctx);
}

void pg_server_hba(const struct pg_server *server, const char *lines)
{
    void *ctx = mem_context(NULL);
    const char *before = tmpdir_read(ctx, server->data, "pg_hba.conf");

    const char *loaded = pg_sql_value(ctx, server, "postgres", "SELECT pg_conf_load_time()");

    tmpdir_write(server->data, "pg_hba.conf", mem_printf(ctx, "%s%s", lines, before));
    pg_sql_exec(server, "postgres", "SELECT pg_reload_conf()");
    if (!pg_sql_wait(server, "postgres",
                     mem_printf(ctx, "SELECT pg_conf_load_time() > '%s'", loaded), PATIENCE_MS))
        harness_die("the server does not read its pg_hba.conf again");
    talloc_free(ctx);
}

char *pg_server_dsn(const void *parent, const struct pg_server *server, const char *database)
{
    char *dsn =
        mem_printf(parent, "host=%s port=%d user=postgres dbname='", server->host, server->port);

    for (const char *c = database; *c; c++)
        dsn = talloc_asprintf_append(dsn, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
    return talloc_asprintf_append(dsn, "'");
}

char *pg_server_read_log(const void *parent, const struct pg_server *server)
{
    char *folder = mem_strndup(NULL, server->log, strlen(server->log) - strlen("/log"));
    char *text = tmpdir_read(parent, folder, "log");

    talloc_free(folder);
    return text ? text : mem_strdup(parent, "");
}
