/*
 * test_terminal.c: pgtide on a terminal: what stands on the screen while a run goes on, and
 * afterwards; and the output of runs without one.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/screen.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TENANTS = 12, PATIENCE_MS = 30 * 1000 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, TENANTS);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(terminal, .init = setup, .fini = teardown, .timeout = 120);

/* --- a person at a terminal ------------------------------------------------------------------ */

struct session {
    struct screen *screen;
    int fd;
    pid_t pid;
};

static struct session begin(unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    struct session session = {.screen = screen_new(ctx, rows, columns)};
    char *program = fleet_fixture_program(ctx);

    session.pid = forkpty(&session.fd, NULL, NULL, &size);
    cr_assert(session.pid >= 0);
    if (session.pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", "1", 1);
        setenv("LC_ALL", "C", 1);
        signal(SIGHUP, SIG_DFL);
        if (chdir(fleet->fixture->dir) == 0)
            execl(program, program, "migrate", (char *)NULL);
        _exit(127);
    }
    fcntl(session.fd, F_SETFL, O_NONBLOCK);
    return session;
}

/* What has come so far is on the screen then. False: the terminal's other end is closed. */
static bool look(struct session *session)
{
    char part[4096];
    ssize_t len;

    while ((len = read(session->fd, part, sizeof(part))) > 0)
        screen_feed(session->screen, part, (size_t)len);
    return len < 0 && errno == EAGAIN;
}

static bool shows(struct session *session, const char *text)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        bool open = look(session);

        if (strstr(screen_text(session->screen), text))
            return true;
        if (!open)
            return false;
        harness_pause(10);
    }
    return false;
}

static void expect_shows(struct session *session, const char *text)
{
    cr_assert(shows(session, text), "not \"%s\":\n%s", text, screen_text(session->screen));
}

static int finish(struct session *session)
{
    int status;

    while (look(session))
        harness_pause(5);
    waitpid(session->pid, &status, 0);
    close(session->fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void resize(struct session *session, unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};

    look(session);
    ioctl(session->fd, TIOCSWINSZ, &size);
    screen_resize(session->screen, rows, columns);
}

Test(terminal, waves_have_rows_while_they_run_and_leave_none)
{
    struct session session;
    const char *end;

    schema_fleet_inventory(fleet, NULL,
                           "run:\n  workers: 2\n  max_failures: 2\n  waves:\n"
                           "    - {name: canary, size: 2}\n"
                           "    - {name: everybody-else}\n");
    schema_fleet_fail(fleet, "t02", "23505");
    schema_fleet_close_gate(fleet, "t05");
    session = begin(24, 80);
    expect_shows(&session, "11/12 [");
    expect_shows(&session,
                 "canary          passed   2/2 [###################]  1 failed, 1 migrated\n"
                 "everybody-else  open    9/10 [#################--]  9 migrated\n"
                 "11/12 [");
    resize(&session, 20, 60);
    expect_shows(&session, "canary          passed   2/2 [#########]  1 failed\n");
    resize(&session, 24, 38);
    resize(&session, 24, 80);
    expect_shows(&session, "everybody-else  open    9/10 [#################--]  9 migrated\n");
    schema_fleet_open_gate(fleet);
    cr_expect_eq(finish(&session), 3);
    end = screen_all(session.screen);
    cr_expect_null(strstr(end, "everybody-else  "), "no row stays:\n%s", end);
    cr_expect_null(strchr(end, '['), "no bar stays:\n%s", end);
    cr_expect_eq(strncmp(end, "t02: failed: 23505 out of stock at 1_step.sql:3\n1 x ", 50), 0, "%s",
                 end);
    cr_expect_not_null(strstr(end, ": 12 tenants: 11 migrated, 0 current, 1 failed"), "%s", end);
}

static void answer(struct session *session, const char *line)
{
    cr_assert_eq(write(session->fd, line, strlen(line)), (ssize_t)strlen(line));
}

/* Side by side: t01 to t03, t04 to t06. Begins the first and is asked about the second then, while
 * t02 is in work. */
static struct session asked_about_two(void)
{
    struct session session;

    schema_fleet_inventory(fleet, NULL,
                           "run:\n  workers: 2\n  max_failures: 0\n  waves:\n"
                           "    - {name: one, size: 3, confirm: true}\n"
                           "    - {name: two, size: 3, confirm: true, depends_on: []}\n"
                           "    - {name: rest, depends_on: [one, two]}\n");
    schema_fleet_close_gate(fleet, "t02");
    session = begin(24, 80);
    expect_shows(&session, "start wave \"one\" with 3 tenants? [y/N]");
    answer(&session, "y\n");
    expect_shows(&session, "start wave \"two\" with 3 tenants? [y/N]");
    schema_fleet_wait_at_gate(fleet, 1);
    harness_pause(300); /* longer than it takes to draw rows */
    expect_shows(&session, "start wave \"one\" with 3 tenants? [y/N] y\n"
                           "start wave \"two\" with 3 tenants? [y/N]");
    return session;
}

static const char *all_of(struct session *session, int exit_code)
{
    cr_assert_eq(finish(session), exit_code, "%s", screen_all(session->screen));
    return screen_all(session->screen);
}

Test(terminal, two_waves_side_by_side_are_asked_about_one_by_one)
{
    struct session session = asked_about_two();
    const char *end;

    answer(&session, "yes\n");
    expect_shows(&session, "two   passed   3/3");
    expect_shows(&session, "rest  waiting");
    schema_fleet_open_gate(fleet);
    end = all_of(&session, 0);
    cr_expect_eq(strncmp(end,
                         "start wave \"one\" with 3 tenants? [y/N] y\n"
                         "start wave \"two\" with 3 tenants? [y/N] yes\n"
                         "wave one: passed",
                         95),
                 0, "%s", end);
    cr_expect_eq(schema_fleet_done(fleet), TENANTS);
}

Test(terminal, a_no_to_the_second_of_two_waves_lets_the_first_finish_its_work)
{
    struct session session = asked_about_two();
    const char *end;

    answer(&session, "n\n");
    expect_shows(&session, "halted: the start of wave \"two\" was not confirmed");
    schema_fleet_open_gate(fleet);
    end = all_of(&session, 4);
    cr_expect_not_null(strstr(end, "wave one: stopped, 3 tenants: 3 migrated\n"
                                   "wave two: stopped, 3 tenants: 3 cancelled\n"
                                   "    the answer was no\n"),
                       "%s", end);
}

Test(terminal, a_question_ends_with_the_run_that_it_is_about)
{
    struct session session = asked_about_two();
    const char *end;

    schema_fleet_fail(fleet, "t02", "23505");
    schema_fleet_open_gate(fleet);
    end = all_of(&session, 4);
    cr_expect_not_null(strstr(end, "start wave \"two\" with 3 tenants? [y/N]\n"
                                   "t02: failed: 23505 out of stock"),
                       "%s", end);
    cr_expect_not_null(strstr(end, "wave two: stopped, 3 tenants: 3 cancelled\n"), "%s", end);
}

Test(terminal, a_closed_session_drains_the_run)
{
    struct session session;
    int status;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 3}\n");
    schema_fleet_close_gate(fleet, "all");
    session = begin(24, 80);
    schema_fleet_wait_at_gate(fleet, 3);
    expect_shows(&session, "3 in work");
    close(session.fd); /* the kernel sends SIGHUP to all on it */
    while (schema_fleet_count(fleet, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type "
                                     "= 'Lock' AND application_name LIKE 'pgtide %'") != 3)
        harness_pause(10);
    cr_assert_eq(waitpid(session.pid, &status, WNOHANG), 0, "it waits for those in work");
    schema_fleet_open_gate(fleet);
    waitpid(session.pid, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 129, "%x", status);
    cr_expect_eq(schema_fleet_done(fleet), 3, "they have finished, and no other was started");
}

/* --- without a terminal ---------------------------------------------------------------------- */

static const struct process_result *run_words(struct process_spec spec, const char *const *words)
{
    const char *argv[16] = {fleet_fixture_program(ctx)};

    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    spec.argv = argv;
    spec.cwd = fleet->fixture->dir;
    return process_run(ctx, &spec);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

Test(terminal, one_log_for_both_streams_tells_a_failure_once)
{
    const char *const words[] = {"migrate", NULL};
    const char *log;

    schema_fleet_fail(fleet, "t02", "23505");
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    cr_assert_eq(run_words((struct process_spec){.output_file =
                                                     tmpdir_path(ctx, fleet->fixture->dir, "log")},
                           words)
                     ->exit_code,
                 4);
    log = tmpdir_read(ctx, fleet->fixture->dir, "log");
    cr_expect_not_null(strstr(log, "t02: failed: 23505 at 1_step.sql:3\n"), "%s", log);
    cr_expect_eq(occurrences(log, "out of stock"), 1, "%s", log);
}

Test(terminal, a_log_tells_of_waves)
{
    const struct fleet_run *run;

    schema_fleet_inventory(
        fleet, NULL,
        "run:\n  waves:\n"
        "    - {name: canary, size: 2, soak: 100ms, gate: {command: [\"true\"]}}\n"
        "    - {name: rest}\n");
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_not_null(strstr(run->err, "\nwave canary: open, 2 tenants\n"), "%s", run->err);
    cr_expect_not_null(strstr(run->err, "\nwave canary: soaking"), "%s", run->err);
    cr_expect_not_null(strstr(run->err, "\nwave canary: passed, 2 migrated\n"), "%s", run->err);
    cr_expect_not_null(strstr(run->err, "\nwave rest: open, 10 tenants\n"), "%s", run->err);
}

/* The reader has left before the first byte: as of a program that SIGPIPE ends, and no word. */
Test(terminal, a_reader_of_results_may_leave)
{
    const char *script = mem_printf(ctx,
                                    "mkfifo pipe && exec 3<>pipe 4>pipe && exec 3>&-; "
                                    "%s list >&4; echo \"$?\"",
                                    fleet_fixture_program(ctx));
    const struct process_result *result = process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"sh", "-c", script, NULL},
                                    .cwd = fleet->fixture->dir});

    cr_expect_str_eq(result->out, "141\n");
    cr_expect_str_eq(result->err, "");
}

/* --- pg_stat_activity ------------------------------------------------------------------------ */

/* The run first, then the tenant, cut at 63 bytes; what is not ASCII the server shows its own way
 * ("?" up to version 15, then "\\xc3"), so a character is never cut in two. */
Test(terminal, the_server_shows_run_and_tenant)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    const char *seen;
    struct process *process;

    schema_fleet_close_gate(fleet, "all");
    fleet_fixture_yaml(fixture,
                       "migrations: migrations\n"
                       "connection: {user: postgres}\n"
                       "settings: {create: schema}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants:\n"
                       "  - {name: short, server: main, database: %s, schema: a}\n"
                       "  - {name: a-name-that-is-much-longer-than-the-server-keeps, server: main, "
                       "database: %s, schema: b}\n"
                       "  - {name: a-shop-with-a-name-inn-öäöäöäöäöä, server: main, database: %s, "
                       "schema: c}\n",
                       fixture->host, fixture->port, fixture->databases[0], fixture->databases[0],
                       fixture->databases[0]);
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 3);
    seen = fleet_fixture_value(
        fixture, 1,
        "SELECT string_agg(name, ', ' ORDER BY length(name)) FROM (SELECT regexp_replace("
        "regexp_replace(application_name, '\\d{8}T\\d{6}Z-[0-9a-f]{4}', 'RUN'), "
        "'(\\?|\\\\x[0-9a-f]{2}|\\\\x?[0-9a-f]?$)+', '?') AS name FROM pg_stat_activity "
        "WHERE application_name LIKE 'pgtide %' AND datname = current_database()) AS seen");
    schema_fleet_open_gate(fleet);
    fleet_fixture_wait(fleet->fixture, process);
    cr_expect_str_eq(seen, "pgtide RUN short, "
                           "pgtide RUN a-shop-with-a-name-inn-?, "
                           "pgtide RUN a-name-that-is-much-longer-than-th");
}
