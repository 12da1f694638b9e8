/*
 * pg_pooler.c: runs PgBouncer as a child process.
 */
#include "tests/harness/pg_pooler.h"

#include "common/clock.h"
#include "common/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/port.h"
#include "tests/harness/process.h"
#include "tests/harness/tmpdir.h"

#include <libpq-fe.h>
#include <signal.h>

enum { PATIENCE_MS = 30 * 1000, LIFETIME_MS = 24 * 60 * 60 * 1000, POLL_MS = 5, START_TRIES = 10 };

static void write_config(const char *folder, const struct pg_pooler *pooler,
                         const struct pg_server *server, const char *pool_mode)
{
    char *text =
        mem_printf(NULL,
                   "[databases]\n"
                   "* = host=%s port=%d\n"
                   "[pgbouncer]\n"
                   "listen_addr = %s\n"
                   "listen_port = %d\n"
                   "unix_socket_dir =\n"
                   "auth_type = trust\n"
                   "auth_file = %s/users.txt\n"
                   "pool_mode = %s\n"
                   "max_client_conn = 1000\n"
                   "default_pool_size = 10\n"
                   "ignore_startup_parameters = extra_float_digits, options\n",
                   server->host, server->port, pooler->host, pooler->port, folder, pool_mode);

    tmpdir_write(folder, "pgbouncer.ini", text);
    tmpdir_write(folder, "users.txt", "\"postgres\" \"\"\n");
    talloc_free(text);
}

/* False: it has ended, as when its port was taken. */
static bool wait_ready(struct pg_pooler *pooler, const char *log)
{
    int64_t deadline = clock_deadline(PATIENCE_MS);
    char *dsn =
        mem_printf(pooler, "host=%s port=%d user=postgres dbname=postgres connect_timeout=5",
                   pooler->host, pooler->port);

    while (PQping(dsn) != PQPING_OK) {
        if (!process_running(pooler->process))
            return false;
        if (clock_now_ms() > deadline)
            harness_die("the pooler is not ready in time, see \"%s\"", log);
        harness_pause(POLL_MS);
    }
    talloc_free(dsn);
    return true;
}

struct pg_pooler *pg_pooler_new(void *parent, const struct pg_server *server, const char *pool_mode)
{
    struct pg_pooler *pooler = mem_new(parent, struct pg_pooler);
    const char *folder = tmpdir_new(pooler);
    const char *log = tmpdir_path(pooler, folder, "log");
    const char *const argv[] = {"/usr/sbin/pgbouncer", tmpdir_path(pooler, folder, "pgbouncer.ini"),
                                NULL};

    pooler->host = "127.0.0.1";
    for (int tries = 0; tries < START_TRIES; tries++) {
        pooler->port = port_pick();
        write_config(folder, pooler, server, pool_mode);
        pooler->process = process_start(pooler, &(struct process_spec){.argv = argv,
                                                                       .cwd = "/",
                                                                       .user = pg_server_user(),
                                                                       .output_file = log,
                                                                       .timeout_ms = LIFETIME_MS});
        if (wait_ready(pooler, log))
            return pooler;
        talloc_free(pooler->process);
    }
    harness_die("the pooler does not start: %s", tmpdir_read(pooler, folder, "log"));
}
