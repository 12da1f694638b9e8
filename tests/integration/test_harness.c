/*
 * test_harness.c: the harness itself: what it says about programs, servers and proxies must be
 * true before it can be believed about pgtide.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_pooler.h"
#include "tests/harness/pg_server.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/process.h"
#include "tests/harness/proxy.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <signal.h>
#include <unistd.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(harness, .init = setup, .fini = teardown, .timeout = 120);

/* --- process ---------------------------------------------------------------------------------- */

static const struct process_result *shell(const char *script, int64_t timeout_ms)
{
    return process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sh", "-c", script, NULL},
                                    .env = (const char *const[]){"GIVEN=yes", "HOME", NULL},
                                    .cwd = "/usr",
                                    .input = "one\ntwo\n",
                                    .timeout_ms = timeout_ms});
}

Test(harness, process_captures_everything)
{
    const struct process_result *run =
        shell("pwd; echo $GIVEN ${HOME-unset}; cat; echo bad >&2; exit 7", 0);

    cr_assert_eq(run->exit_code, 7);
    cr_assert_eq(run->signal, 0);
    cr_assert_str_eq(run->out, "/usr\nyes unset\none\ntwo\n");
    cr_assert_str_eq(run->err, "bad\n");
}

Test(harness, process_tells_signals_and_timeouts)
{
    const struct process_result *run = shell("kill -TERM $$", 0);

    cr_assert_eq(run->signal, SIGTERM);
    cr_assert_eq(run->exit_code, -1);
    cr_assert_not(run->timed_out);

    run = shell("sleep 60 & sleep 60", 100);
    cr_assert(run->timed_out);
    cr_assert_eq(run->signal, SIGKILL);
    cr_assert_lt(run->elapsed_ms, 10000);
}

Test(harness, process_in_the_background_gets_signals)
{
    struct process *process =
        process_start(ctx, &(struct process_spec){.argv = (const char *const[]){
                                                      "sh", "-c",
                                                      "trap 'echo caught; exit 3' INT; echo up; "
                                                      "while :; do sleep 0.01; done",
                                                      NULL}});

    cr_assert(process_wait_text(process, "up", 10000));
    cr_assert(process_running(process));
    cr_assert(process_signal(process, SIGINT));
    cr_assert_eq(process_wait(process)->exit_code, 3);
    cr_assert_str_eq(process_output(process), "up\ncaught\n");
    cr_assert_not(process_signal(process, SIGINT), "it has ended");
    cr_assert_not(process_wait_text(process, "never", 0));
}

Test(harness, process_is_killed_when_freed)
{
    struct process *process = process_start(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sleep", "60", NULL}});
    pid_t pid = process_pid(process);

    talloc_free(process);
    cr_assert_eq(kill(pid, 0), -1);
}

/* --- tmpdir ----------------------------------------------------------------------------------- */

Test(harness, tmpdir_holds_files_and_goes)
{
    const char *dir = tmpdir_new(ctx);
    char *path = mem_strdup(ctx, dir);

    tmpdir_write(dir, "a/b/c.txt", "hello");
    cr_assert_str_eq(tmpdir_read(ctx, dir, "a/b/c.txt"), "hello");
    cr_assert(tmpdir_exists(dir, "a/b"));
    cr_assert_null(tmpdir_read(ctx, dir, "nothing"));
    talloc_free((void *)(uintptr_t)dir);
    cr_assert_eq(access(path, F_OK), -1);
}

/* --- servers ---------------------------------------------------------------------------------- */

Test(harness, shared_server_takes_any_name)
{
    struct pg_server *server = pg_server_shared(ctx);
    char *name = pg_sql_unique(ctx, "it's a \"\xc3\xa4\\ db");
    PGconn *conn;

    pg_sql_create_database(server, name);
    conn = PQconnectdb(pg_server_dsn(ctx, server, name));
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    cr_assert_str_eq(PQdb(conn), name);
    PQfinish(conn);
    cr_assert_str_eq(pg_sql_rows(ctx, server, name, "VALUES (1, 'a'), (2, NULL)"), "1|a\n2|\n");
    cr_assert_null(pg_sql_value(ctx, server, name, "SELECT NULL"));
    pg_sql_drop_database(server, name);
}

Test(harness, own_server_stops_and_starts)
{
    struct pg_server *server = pg_server_new(ctx, "log_statement = all\n");
    int port = server->port;

    pg_sql_exec(server, "postgres", "CREATE TABLE kept ()");
    pg_server_stop(server, PG_SERVER_FAST);
    cr_assert_null(server->process);
    pg_server_start(server);
    pg_server_stop(server, PG_SERVER_IMMEDIATE);
    pg_server_configure(server, "work_mem = 5MB\n");
    pg_server_start(server);
    cr_assert_eq(server->port, port);
    cr_assert_str_eq(pg_sql_value(ctx, server, "postgres", "SHOW work_mem"), "5MB");
    cr_assert_eq(pg_sql_count(server, "postgres", "SELECT count(*) FROM kept"), 0);
    cr_assert(strstr(pg_server_read_log(ctx, server), "CREATE TABLE kept ()"));
}

Test(harness, standby_follows_and_is_read_only)
{
    struct pg_server *primary = pg_server_new(ctx, NULL);
    struct pg_server *standby = pg_server_standby(ctx, primary);

    pg_sql_exec(primary, "postgres", "CREATE TABLE later ()");
    pg_server_catch_up(standby, primary);
    cr_assert_eq(pg_sql_count(standby, "postgres", "SELECT count(*) FROM later"), 0);
    cr_assert_str_eq(pg_sql_value(ctx, standby, "postgres", "SELECT pg_is_in_recovery()"), "t");
}

Test(harness, hba_asks_for_passwords)
{
    struct pg_server *server = pg_server_new(ctx, NULL);
    const char *dsn = mem_printf(ctx, "host=%s port=%d user=migrator dbname=postgres", server->host,
                                 server->port);
    PGconn *conn;

    pg_sql_exec(server, "postgres", "CREATE ROLE migrator LOGIN PASSWORD 'secret'");
    pg_server_hba(server, "host all migrator 127.0.0.1/32 scram-sha-256\n");
    conn = PQconnectdb(mem_printf(ctx, "%s password=secret", dsn));
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    PQfinish(conn);
    conn = PQconnectdb(mem_printf(ctx, "%s password=wrong", dsn));
    cr_assert_eq(PQstatus(conn), CONNECTION_BAD);
    PQfinish(conn);
}

Test(harness, pooler_is_in_between)
{
    struct pg_pooler *pooler = pg_pooler_new(ctx, pg_server_shared(ctx), "transaction");
    PGconn *conn = PQconnectdb(mem_printf(ctx, "host=%s port=%d user=postgres dbname=postgres",
                                          pooler->host, pooler->port));
    PGresult *result = PQexec(conn, "SELECT pg_backend_pid()");

    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    cr_assert_neq(strtol(PQgetvalue(result, 0, 0), NULL, 10), PQbackendPID(conn));
    PQclear(result);
    PQfinish(conn);
}

/* --- what is left after a crash --------------------------------------------------------------- */

/* A process that has a server and waits to be killed. */
NORETURN static void victim(const char *dir)
{
    struct pg_server *server = pg_server_new(NULL, NULL);

    tmpdir_write(dir, "port", mem_printf(NULL, "%d", server->port));
    tmpdir_write(dir, "ready", server->data);
    for (;;)
        pause();
}

static bool wait_for(const char *dir, const char *name, bool there)
{
    int64_t deadline = clock_deadline(30000);

    while (tmpdir_exists(dir, name) != there) {
        if (clock_now_ms() > deadline)
            return false;
        harness_pause(10);
    }
    return true;
}

Test(harness, killed_test_leaves_no_server_and_no_folder)
{
    const char *dir = tmpdir_new(ctx);
    pid_t pid = fork();
    const char *dsn;

    if (pid == 0)
        victim(dir);
    cr_assert(wait_for(dir, "ready", true));
    dsn = mem_printf(ctx, "host=127.0.0.1 user=postgres dbname=postgres port=%s",
                     tmpdir_read(ctx, dir, "port"));
    cr_assert_eq(PQping(dsn), PQPING_OK);
    kill(pid, SIGKILL);
    cr_assert(wait_for("", tmpdir_read(ctx, dir, "ready"), false), "the folder is still there");
    cr_assert_eq(PQping(dsn), PQPING_NO_RESPONSE);
}

/* --- proxy ------------------------------------------------------------------------------------ */

struct proxied {
    struct pg_server *server;
    struct proxy *proxy;
    const char *dsn;
    const char *database;
};

static void make_proxied(struct proxied *p)
{
    p->server = pg_server_shared(ctx);
    p->database = pg_sql_unique(ctx, "proxied");
    pg_sql_create_database(p->server, p->database);
    pg_sql_exec(p->server, p->database, "CREATE TABLE t (n int)");
    p->proxy = proxy_new(ctx, p->server->host, p->server->port);
    p->dsn = mem_printf(ctx, "host=127.0.0.1 port=%d user=postgres dbname=%s connect_timeout=5",
                        proxy_port(p->proxy), p->database);
}

static PGconn *connect_through(const struct proxied *p)
{
    PGconn *conn = PQconnectdb(p->dsn);

    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    return conn;
}

static bool run_sql(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void finish_results(PGconn *conn)
{
    PGresult *result;

    while ((result = PQgetResult(conn)))
        PQclear(result);
}

static int64_t rows(const struct proxied *p)
{
    return pg_sql_count(p->server, p->database, "SELECT count(*) FROM t");
}

Test(harness, proxy_counts_round_trips)
{
    struct proxied p;
    struct proxy_stats stats;
    PGconn *conn;

    make_proxied(&p);
    conn = connect_through(&p);
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.connections, 1);
    cr_assert_geq(stats.connect_trips, 1);
    cr_assert_eq(stats.round_trips, 0, "connecting is counted apart");

    cr_assert(run_sql(conn, "SELECT 1; SELECT 2; SELECT repeat('x', 300000)"));
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.round_trips, 1);
    cr_assert_gt(stats.to_client, 300000);

    cr_assert(run_sql(conn, "SELECT 3"));
    PQfinish(conn);
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.round_trips, 2, "Terminate is no round trip");
    cr_assert_eq(stats.queries, 2);

    proxy_reset_stats(p.proxy);
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.round_trips, 0);
}

Test(harness, proxy_counts_copy_as_two)
{
    struct proxied p;
    struct proxy_stats stats;
    PGconn *conn;

    make_proxied(&p);
    conn = connect_through(&p);
    PQclear(PQexec(conn, "COPY t FROM STDIN"));
    cr_assert_eq(PQputCopyData(conn, "1\n2\n", 4), 1);
    cr_assert_eq(PQputCopyEnd(conn, NULL), 1);
    finish_results(conn);
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.round_trips, 2);
    PQfinish(conn);
    cr_assert_eq(rows(&p), 2);
}

Test(harness, proxy_delays_each_way)
{
    struct proxied p;
    int64_t started;
    PGconn *conn;

    make_proxied(&p);
    conn = connect_through(&p);
    proxy_delay(p.proxy, 50);
    started = clock_now_ms();
    cr_assert(run_sql(conn, "SELECT 1"));
    cr_assert_geq(clock_now_ms() - started, 99);
    PQfinish(conn);
}

Test(harness, proxy_cuts_before_the_server_gets_it)
{
    struct proxied p;
    PGconn *conn;

    make_proxied(&p);
    proxy_on_query(p.proxy, "INSERT", 1, PROXY_CUT_BEFORE);
    conn = connect_through(&p);
    cr_assert(run_sql(conn, "INSERT INTO t VALUES (1)"));
    cr_assert_not(proxy_triggered(p.proxy), "one is skipped");
    cr_assert_not(run_sql(conn, "INSERT INTO t VALUES (2)"));
    cr_assert(proxy_triggered(p.proxy));
    cr_assert_eq(PQstatus(conn), CONNECTION_BAD);
    PQfinish(conn);
    cr_assert_eq(rows(&p), 1);

    conn = connect_through(&p);
    cr_assert(run_sql(conn, "INSERT INTO t VALUES (3)"), "it happens once");
    PQfinish(conn);
}

Test(harness, proxy_cuts_after_the_server_got_it)
{
    struct proxied p;
    PGconn *conn;

    make_proxied(&p);
    proxy_on_query(p.proxy, "INSERT", 0, PROXY_CUT_AFTER);
    conn = connect_through(&p);
    cr_assert_not(run_sql(conn, "BEGIN; SELECT pg_sleep(0.3); INSERT INTO t VALUES (1); COMMIT"));
    cr_assert_eq(rows(&p), 0, "the client knows before the server is done");
    PQfinish(conn);
    cr_assert(pg_sql_wait(p.server, p.database, "SELECT count(*) FROM t", 10000));
}

Test(harness, proxy_cuts_when_the_server_is_done)
{
    struct proxied p;
    PGconn *conn;

    make_proxied(&p);
    proxy_on_query(p.proxy, "INSERT", 0, PROXY_CUT_DONE);
    conn = connect_through(&p);
    cr_assert_not(run_sql(conn, "INSERT INTO t VALUES (1)"));
    cr_assert_eq(rows(&p), 1);
    PQfinish(conn);
}

Test(harness, proxy_stalls_one_connection)
{
    struct proxied p;
    PGconn *stalled, *other;

    make_proxied(&p);
    proxy_on_query(p.proxy, "INSERT", 0, PROXY_STALL);
    stalled = connect_through(&p);
    other = connect_through(&p);
    cr_assert(PQsendQuery(stalled, "INSERT INTO t VALUES (1)"));
    cr_assert(proxy_wait_triggered(p.proxy, 10000));
    cr_assert(run_sql(other, "SELECT 1"));
    cr_assert(PQconsumeInput(stalled));
    cr_assert(PQisBusy(stalled));
    cr_assert_eq(rows(&p), 0);
    PQfinish(stalled);
    PQfinish(other);
}

Test(harness, proxy_stalls_and_cuts_all)
{
    struct proxied p;
    PGconn *conn;

    make_proxied(&p);
    conn = connect_through(&p);
    proxy_stall(p.proxy, true);
    cr_assert(PQsendQuery(conn, "INSERT INTO t VALUES (1)"));
    harness_pause(50);
    cr_assert_eq(rows(&p), 0);
    proxy_stall(p.proxy, false);
    cr_assert(pg_sql_wait(p.server, p.database, "SELECT count(*) FROM t", 10000));
    proxy_cut_all(p.proxy);
    finish_results(conn);
    cr_assert_not(run_sql(conn, "SELECT 1"));
    PQfinish(conn);
}

Test(harness, proxy_refuses_and_takes_again)
{
    struct proxied p;

    make_proxied(&p);
    proxy_refuse(p.proxy, true);
    cr_assert_eq(PQping(p.dsn), PQPING_NO_RESPONSE);
    proxy_refuse(p.proxy, false);
    PQfinish(connect_through(&p));
}

Test(harness, proxy_passes_cancel_requests)
{
    struct proxied p;
    struct proxy_stats stats;
    char text[256];
    PGcancel *cancel;
    PGconn *conn;

    make_proxied(&p);
    conn = connect_through(&p);
    cr_assert(PQsendQuery(conn, "SELECT pg_sleep(60)"));
    cr_assert(pg_sql_wait(p.server, p.database,
                          "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sl%' "
                          "AND datname = current_database()",
                          10000));
    cancel = PQgetCancel(conn);
    cr_assert(PQcancel(cancel, text, sizeof(text)), "%s", text);
    PQfreeCancel(cancel);
    finish_results(conn);
    cr_assert_str_eq(PQerrorMessage(conn), "ERROR:  canceling statement due to user request\n");
    proxy_read_stats(p.proxy, &stats);
    cr_assert_eq(stats.cancels, 1);
    PQfinish(conn);
}

/* --- fleet_fixture ---------------------------------------------------------------------------- */

Test(harness, fleet_fixture_runs_pgtide_and_reads_its_report)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 2);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_shelf.sql", "CREATE TABLE shelf (id int);");
    fleet_fixture_write(fleet, "migrations/2_book.sql", "CREATE TABLE book (id int);");
    fleet_fixture_inventory(fleet, "run: {max_failures: 5}\n");
    fleet_fixture_exec(fleet, 2, "CREATE TABLE in_the_way ()");
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 0);

    run = fleet_fixture_run(fleet, "migrate", "--workers", "2", NULL);
    cr_assert_eq(run->exit_code, 3, "%s", run->err);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "migrated");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-2"), "failed");
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 1);
    cr_assert_eq(fleet_fixture_applied(fleet, 1), 2);
    cr_assert_eq(fleet_fixture_applied(fleet, 2), 0);
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM shelf, book"), 0);

    run = fleet_fixture_run(fleet, "list", "-o", "json", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_assert_eq(json_array_size(run->report), 2);
}

Test(harness, fleet_fixture_goes_through_a_proxy)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    struct proxy *proxy = proxy_new(ctx, fleet->host, fleet->port);
    struct proxy_stats stats;

    fleet_fixture_write(fleet, "migrations/1_shelf.sql", "CREATE TABLE shelf (id int);");
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    proxy_read_stats(proxy, &stats);
    cr_assert_eq(stats.connections, 1);
    cr_assert_gt(stats.queries, 0);
}
