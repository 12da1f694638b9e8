/*
 * test_progress.c: the bar at several widths, and what the observer writes to a pipe and to a
 * terminal.
 */
#include "orchestrator/progress.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/progress_bar.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct report_fixture fixture;
static int64_t now_ms;

static int64_t fake_now(void)
{
    return now_ms;
}

static int64_t fake_wall(void)
{
    return 1795414500000;
}

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "migrate", 8);
    now_ms = 1000;
    clock_replace(fake_now, fake_wall);
}

static void teardown(void)
{
    clock_replace(NULL, NULL);
    report_fixture_free(&fixture);
}

TestSuite(progress, .init = setup, .fini = teardown);

/* --- the bar --------------------------------------------------------------------------------- */

static const struct progress_bar half_way = {
    .total = 412,
    .ended = 213,
    .done = 198,
    .verb = "migrated",
    .current = 9,
    .failed = 6,
    .in_work = 8,
    .rate = 12.4,
};

static const char *bar_text(const struct progress_bar *bar, size_t columns)
{
    struct strbuf out;

    strbuf_init(&out, fixture.mem);
    progress_bar_print(bar, &out, columns);
    return out.text;
}

Test(progress, bar_gives_way_to_what_matters_more)
{
    cr_expect_str_eq(bar_text(&half_way, 119),
                     "213/412 [###################------------------]  6 failed, 198 migrated, "
                     "9 current, 8 in work, 12/s, 16s left");
    cr_expect_str_eq(bar_text(&half_way, 79), "213/412 [###----]  6 failed, 198 migrated, "
                                              "9 current, 8 in work, 12/s, 16s left");
    cr_expect_str_eq(bar_text(&half_way, 70), "213/412 [#######--------]  6 failed, 198 migrated, "
                                              "8 in work, 16s left");
    cr_expect_str_eq(bar_text(&half_way, 39), "213/412 [####-----]  6 failed, 16s left");
    cr_expect_str_eq(bar_text(&half_way, 12), "213/412");
    cr_expect_str_eq(bar_text(&half_way, 5), "213/4");
}

Test(progress, bar_is_never_wider_than_asked)
{
    struct progress_bar bar = half_way;

    bar.utf8 = true;
    bar.state = "halted";
    for (size_t columns = 1; columns < 150; columns++)
        cr_expect_leq(text_columns(bar_text(&bar, columns)), columns);
}

Test(progress, bar_colour_takes_no_room)
{
    struct progress_bar bar = half_way;

    bar.color = true;
    cr_expect_str_eq(bar_text(&bar, 39), "213/412 [####-----]  \033[31m6 failed\033[0m, 16s left");
}

Test(progress, bar_tells_the_held_from_the_failed)
{
    struct progress_bar bar = half_way;

    bar.held = 2;
    cr_expect_str_eq(bar_text(&bar, 45), "213/412 [###----]  6 failed, 2 held, 16s left");
}

Test(progress, empty_bar_is_full)
{
    struct progress_bar bar = {.verb = "migrated"};

    cr_expect_str_eq(bar_text(&bar, 50), "0/0 [#####################]  0 migrated, 0 in work");
}

Test(progress, time_left_is_rounded)
{
    struct progress_bar bar = {.total = 10000, .verb = "migrated", .rate = 1.5};

    cr_expect(strstr(bar_text(&bar, 119), "1.5/s, 1h51m left") != NULL);
    bar.ended = 9700;
    cr_expect(strstr(bar_text(&bar, 119), "1.5/s, 3m20s left") != NULL);
    bar.ended = 9999;
    cr_expect(strstr(bar_text(&bar, 119), "1.5/s, 1s left") != NULL);
    bar.state = "stopping";
    cr_expect(strstr(bar_text(&bar, 119), " left") == NULL, "nobody knows");
}

Test(progress, rate_is_of_the_last_seconds)
{
    struct progress_rate rate = {.count = 0};

    cr_expect_float_eq(progress_bar_rate(&rate, 0, 0), 0, 0.001);
    for (int64_t at = 0; at <= 60000; at += 100) /* 100/s for half a minute, then 10/s */
        progress_bar_sample(&rate, at, (size_t)(at < 30000 ? at / 10 : 3000 + (at - 30000) / 100));
    cr_expect_float_eq(progress_bar_rate(&rate, 60000, 3300), 10, 0.5);
}

Test(progress, no_rate_in_the_first_second)
{
    struct progress_rate rate = {.count = 0};

    progress_bar_sample(&rate, 5000, 0);
    cr_expect_float_eq(progress_bar_rate(&rate, 5900, 90), 0, 0.001);
    cr_expect_float_eq(progress_bar_rate(&rate, 6000, 90), 90, 0.001);
}

Test(progress, bar_counts_the_rows_of_batches)
{
    struct progress_bar bar = {
        .total = 4, .verb = "migrated", .in_work = 2, .rows = 1250000, .rate = 0.5};

    cr_expect_str_eq(bar_text(&bar, 79), "0/4 [--------------------]  0 migrated, 2 in work, "
                                         "1250000 rows, 0.5/s, 8s left");
    cr_expect_str_eq(bar_text(&bar, 39), "0/4 [------------]  0 migrated, 8s left");
}

/* --- the observer ---------------------------------------------------------------------------- */

/* What can be read from `fd` now. */
static const char *read_now(int fd)
{
    struct strbuf out;
    char part[4096];
    ssize_t len;

    strbuf_init(&out, fixture.mem);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((len = read(fd, part, sizeof(part))) > 0)
        strbuf_add(&out, part, (size_t)len);
    return out.text;
}

static const struct run_observer *observe(struct progress_options options)
{
    const struct run_observer *observer = progress_observer(progress_new(fixture.mem, &options));

    observer->started(observer->arg, &fixture.request, &fixture.result);
    return observer;
}

static void end_job(const struct run_observer *observer, size_t index)
{
    report_fixture_count(&fixture);
    observer->job_ended(observer->arg, &fixture.result.jobs[index], &fixture.result);
}

static int pipe_of(int *ret_read)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    *ret_read = ends[0];
    return ends[1];
}

/* A migrated tenant, a current one, a failed one, one not started. */
static void some_events(const struct run_observer *observer)
{
    struct job *job = report_fixture_moved(&fixture, 0, 38, 40);

    job_add_step(job)->seed = &fixture.seed;
    end_job(observer, 0);
    end_job(observer, 1);
    report_fixture_duplicate(&fixture, 2);
    fixture.result.jobs[2].attempt = 2;
    end_job(observer, 2);
    job = report_fixture_ended(&fixture, 3, OUTCOME_CANCELLED, 0);
    job->started_wall_ms = 0;
    end_job(observer, 3);
}

#define MIGRATED_LINE "store-0001: migrated 0038 -> 0040 in 830ms (2 migrations, 1 seed)\n"
#define FAILED_LINE                                                                                \
    "store-0003: failed: 23505 duplicate key value violates unique constraint "                    \
    "\"product_handle_key\" at 0039_handles.sql:4 (after 2 attempts)\n"

Test(progress, lines_without_a_terminal)
{
    int in;
    const struct run_observer *observer =
        observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_LINES});
    struct run_halt halt = {.halted = true, .rule = "max_failures", .failures = 1};

    some_events(observer);
    observer->tick(observer->arg, &fixture.result, 3);
    observer->job_retry(observer->arg, &fixture.result.jobs[2], 830);
    observer->halted(observer->arg, &halt);
    observer->signalled(observer->arg, SIGINT, 1);
    observer->finished(observer->arg, &fixture.result);
    cr_expect_str_eq(read_now(in),
                     "run 20261123T061500Z-4f2a: migrate, 8 tenants\n" MIGRATED_LINE FAILED_LINE
                     "halted: 1 failed, 0 tolerated (max_failures); 0 were in work\n"
                     "SIGINT: no tenant is started any more, those in work finish; once more "
                     "cancels them\n");
}

Test(progress, verbose_adds_current_and_retries)
{
    int in;
    const struct run_observer *observer = observe(
        (struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_LINES, .verbose = true});
    struct job *job = report_fixture_ended(&fixture, 4, OUTCOME_NONE, 38);

    end_job(observer, 1);
    report_fixture_moved(&fixture, 5, 0, 40);
    end_job(observer, 5);
    err_set(&job->err, ERR_TRANSIENT, "canceling statement due to lock timeout");
    err_sqlstate(&job->err, "55P03");
    observer->job_retry(observer->arg, job, 830);
    cr_expect_str_eq(read_now(in), "run 20261123T061500Z-4f2a: migrate, 8 tenants\n"
                                   "store-0002: current at 0040 in 830ms\n"
                                   "store-0006: migrated to 0040 in 830ms (5 migrations)\n"
                                   "store-0005: attempt 1: 55P03 canceling statement due to lock "
                                   "timeout; again in 830ms\n");
}

Test(progress, verbose_tells_how_far_batches_came)
{
    int in;
    const struct run_observer *observer;

    fixture.migrations[3].directives.batch = 1000;
    observer = observe(
        (struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_LINES, .verbose = true});
    read_now(in);
    observer->tick(observer->arg, &fixture.result, 1);
    cr_expect_str_empty(read_now(in));
    fixture.result.jobs[2].batches = 3;
    fixture.result.jobs[2].batch_rows = 2999;
    observer->tick(observer->arg, &fixture.result, 1);
    cr_expect_str_eq(read_now(in), "store-0003: 3 batches, 2999 rows so far\n");
    now_ms += 9900;
    observer->tick(observer->arg, &fixture.result, 1);
    cr_expect_str_empty(read_now(in), "not all the time");
    now_ms += 100;
    observer->tick(observer->arg, &fixture.result, 1);
    cr_expect_str_eq(read_now(in), "store-0003: 3 batches, 2999 rows so far\n");
}

Test(progress, quiet_shows_failures_only)
{
    int in;
    const struct run_observer *observer =
        observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_QUIET});

    some_events(observer);
    observer->finished(observer->arg, &fixture.result);
    cr_expect_str_eq(read_now(in), FAILED_LINE);
}

/* --- waves and servers, without a terminal --------------------------------------------------- */

static struct wave wave = {.name = "canary"};
static struct wave_group group = {.wave = &wave, .count = 8};
static const size_t group_of[8];
static struct wave_plan plan = {.groups = &group, .group_count = 1, .group_of = group_of};
static struct run_wave stage = {.gate = {.duration_ms = -1}};
static struct run_server states[2];

static void change_wave(const struct run_observer *observer, enum run_wave_state state)
{
    stage.state = state;
    observer->wave_changed(observer->arg, &fixture.result, 0);
}

static void change_server(const struct run_observer *observer, enum schedule_server_state state,
                          size_t cap)
{
    states[1].schedule.state = state;
    states[1].schedule.cap = cap;
    observer->server_changed(observer->arg, &fixture.result, 1);
}

static void tell_all(const struct run_observer *observer)
{
    fixture.result.waves = &stage;
    fixture.result.wave_count = 1;
    fixture.result.servers = states;
    change_wave(observer, RUN_WAVE_OPEN);
    stage.totals[OUTCOME_MIGRATED] = 7;
    stage.totals[OUTCOME_FAILED] = 1;
    stage.soak_until_ms = now_ms + 300000;
    change_wave(observer, RUN_WAVE_SOAKING);
    change_wave(observer, RUN_WAVE_GATED);
    change_wave(observer, RUN_WAVE_PASSED);
    states[1].schedule.left = 30;
    change_server(observer, SCHEDULE_SERVER_FULL, 12);
    change_server(observer, SCHEDULE_SERVER_FULL, 13); /* it grows again: no news */
    change_server(observer, SCHEDULE_SERVER_FULL, 9);
    change_server(observer, SCHEDULE_SERVER_UP, 16);
    states[1].waits_for = "replica lag 14s (max_replica_lag 10s)";
    change_server(observer, SCHEDULE_SERVER_ON_HOLD, 16);
    change_server(observer, SCHEDULE_SERVER_ON_HOLD, 16);
    change_server(observer, SCHEDULE_SERVER_DOUBTFUL, 16);
    change_server(observer, SCHEDULE_SERVER_DOWN, 16);
    states[1].failures = 3;
    change_server(observer, SCHEDULE_SERVER_LEFT_OUT, 16);
}

#define LEFT_OUT_LINE "server us1: left out after 3 failures (max_failures)\n"

Test(progress, lines_of_waves_and_servers)
{
    int in;
    const struct run_observer *observer;

    fixture.request.waves = &plan;
    observer = observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_LINES});
    read_now(in);
    tell_all(observer);
    cr_expect_str_eq(read_now(in),
                     "wave canary: open, 8 tenants\n"
                     "wave canary: soaking 5m00s left\n"
                     "wave canary: gated\n"
                     "wave canary: passed, 7 migrated, 1 failed\n"
                     "server us1: full, 12 at a time, 30 tenants wait\n"
                     "server us1: full, 9 at a time, 30 tenants wait\n"
                     "server us1: goes on\n"
                     "server us1: replica lag 14s (max_replica_lag 10s), 30 tenants wait\n"
                     "server us1: down, looked at again later, 30 tenants wait\n" LEFT_OUT_LINE);
}

Test(progress, quiet_tells_of_servers_that_are_left_out_only)
{
    int in;
    const struct run_observer *observer;

    fixture.request.waves = &plan;
    observer = observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_QUIET});
    tell_all(observer);
    cr_expect_str_eq(read_now(in), LEFT_OUT_LINE);
}

Test(progress, where_the_summary_follows_failures_are_brief)
{
    int in;
    int out = pipe_of(&in);
    const struct run_observer *observer = observe((struct progress_options){
        .fd = out, .mode = PROGRESS_QUIET, .summary_follows = progress_same_file(out, dup(out))});

    some_events(observer);
    cr_expect_str_eq(read_now(in),
                     "store-0003: failed: 23505 at 0039_handles.sql:4 (after 2 attempts)\n");
    cr_expect_not(progress_same_file(out, open("/dev/null", O_WRONLY)));
}

Test(progress, reading_runs_print_no_line_per_tenant)
{
    int in;
    const struct run_observer *observer;

    fixture.request.plan.action = JOB_INSPECT;
    observer = observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_LINES});
    some_events(observer);
    observer->finished(observer->arg, &fixture.result);
    cr_expect_str_empty(read_now(in));
}

Test(progress, names_cannot_steer_the_terminal)
{
    int in;
    const struct run_observer *observer;

    fixture.fleet.tenants[2].name = "evil\033[2J\nname";
    observer = observe((struct progress_options){.fd = pipe_of(&in), .mode = PROGRESS_QUIET});
    report_fixture_duplicate(&fixture, 2);
    end_job(observer, 2);
    cr_expect_eq(strncmp(read_now(in), "evil\\x1B[2J name: failed", 24), 0);
}

Test(progress, a_closed_pipe_does_not_stop_the_run)
{
    int in;
    int out = pipe_of(&in);

    signal(SIGPIPE, SIG_IGN);
    close(in);
    some_events(observe((struct progress_options){.fd = out, .mode = PROGRESS_LINES}));
}

/* A terminal of `columns`: *ret_read is what it would show. */
static int terminal_of(unsigned short columns, int *ret_read)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int terminal;

    cr_assert_eq(openpty(ret_read, &terminal, NULL, NULL, &size), 0);
    return terminal;
}

Test(progress, bar_and_lines_go_out_in_one_draw)
{
    int in;
    const struct run_observer *observer =
        observe((struct progress_options){.fd = terminal_of(40, &in), .mode = PROGRESS_BAR});

    for (size_t i = 0; i < 8; i++)
        fixture.result.jobs[i].outcome = OUTCOME_NONE;
    report_fixture_moved(&fixture, 0, 38, 40);
    end_job(observer, 0);
    report_fixture_duplicate(&fixture, 2);
    end_job(observer, 2);
    cr_expect_str_empty(read_now(in), "nothing is drawn between ticks");
    fixture.result.totals[OUTCOME_NONE] = 0;
    observer->tick(observer->arg, &fixture.result, 3);
    cr_expect_str_eq(
        read_now(in),
        "\r\033[2Kstore-0003: failed: 23505 duplicate key value violates unique constraint "
        "\"product_handle_key\" at 0039_handles.sql:4\033[K\r\n"
        "\033[?7l\033[2K2/8 [##---------]  1 failed, 1 migrated\033[J\033[?7h\r");
    observer->finished(observer->arg, &fixture.result);
    cr_expect_str_eq(read_now(in), "\r\033[2K \033[J\r\033[2K", "the line is cleared at the end");
}

Test(progress, what_is_not_started_has_not_ended)
{
    int in;
    const struct run_observer *observer =
        observe((struct progress_options){.fd = terminal_of(60, &in), .mode = PROGRESS_BAR});
    size_t *totals = fixture.result.totals;

    memset(totals, 0, sizeof(fixture.result.totals));
    totals[OUTCOME_MIGRATED] = 2;
    totals[OUTCOME_HELD] = 1;
    totals[OUTCOME_CANCELLED] = 5;
    observer->tick(observer->arg, &fixture.result, 0);
    cr_expect_str_eq(read_now(in),
                     "\r\033[?7l\033[2K3/8 [########--------------]  1 held, 2 migrated, 0 in work"
                     "\033[J\033[?7h\r");
    observer->finished(observer->arg, &fixture.result);
}

Test(progress, mode_follows_the_terminal)
{
    int in;
    int terminal = terminal_of(80, &in);
    int pipe_end = pipe_of(&in);

    setenv("TERM", "xterm", 1);
    cr_expect_eq(progress_choose(terminal, false, false), PROGRESS_BAR);
    cr_expect_eq(progress_choose(terminal, false, true), PROGRESS_LINES);
    cr_expect_eq(progress_choose(terminal, true, false), PROGRESS_QUIET);
    cr_expect_eq(progress_choose(pipe_end, false, false), PROGRESS_LINES);
    setenv("TERM", "dumb", 1);
    cr_expect_eq(progress_choose(terminal, false, false), PROGRESS_LINES);
}
