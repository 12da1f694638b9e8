/*
 * test_progress_screen.c: what a person sees on a terminal while a run goes on, by a screen that
 * the bytes are fed to: no stale text stays, whatever happens to the window.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/progress.h"
#include "orchestrator/progress_left.h"
#include "tests/harness/screen.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TENANTS = 40, WAVES = 3, SERVERS = 6 };

static struct report_fixture fixture;
static struct wave waves[WAVES];
static struct wave_group groups[WAVES];
static struct wave_plan plan;
static size_t jobs[TENANTS];
static size_t group_of[TENANTS];
static struct server servers[SERVERS];
static struct run_server states[SERVERS];
static struct run_wave stages[WAVES];
static struct screen *screen;
static const struct run_observer *observer;
static int master = -1;
static int terminal = -1;
static int64_t now_ms;

static int64_t fake_now(void)
{
    return now_ms;
}

static int64_t fake_wall(void)
{
    return 1795414500000 + now_ms;
}

/* canary: 4 tenants, early: 8, rest: 28; six servers. */
static void make_waves(void)
{
    static const char *const names[WAVES] = {"canary", "early", "rest"};
    static const size_t sizes[WAVES] = {4, 8, 28};
    size_t next = 0;

    for (size_t i = 0; i < WAVES; i++) {
        waves[i] = (struct wave){.name = names[i]};
        groups[i] = (struct wave_group){.wave = &waves[i], .jobs = &jobs[next], .count = sizes[i]};
        stages[i] = (struct run_wave){.gate = {.duration_ms = -1}};
        for (size_t j = 0; j < sizes[i]; j++, next++) {
            jobs[next] = next;
            group_of[next] = i;
        }
    }
    plan = (struct wave_plan){.groups = groups, .group_count = WAVES, .group_of = group_of};
    fixture.request.waves = &plan;
    fixture.result.waves = stages;
    fixture.result.wave_count = WAVES;
}

static void make_servers(void)
{
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i] = (struct server){
            .name = mem_printf(fixture.mem, "eu%zu", i + 1), .index = i, .per_server = 4};
        states[i] = (struct run_server){.schedule = {.cap = 4}};
    }
    fixture.fleet.servers = servers;
    fixture.fleet.server_count = SERVERS;
    fixture.result.servers = states;
}

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "migrate", TENANTS);
    for (size_t i = 0; i < TENANTS; i++)
        fixture.result.jobs[i].outcome = OUTCOME_NONE;
    memset(fixture.result.totals, 0, sizeof(fixture.result.totals));
    fixture.request.config.workers = 8;
    make_servers();
    make_waves();
    now_ms = 1000;
    clock_replace(fake_now, fake_wall);
}

static void teardown(void)
{
    clock_replace(NULL, NULL);
    report_fixture_free(&fixture);
}

TestSuite(progress_screen, .init = setup, .fini = teardown);

static void begin(unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};

    cr_assert_eq(openpty(&master, &terminal, NULL, NULL, &size), 0);
    fcntl(master, F_SETFL, O_NONBLOCK);
    screen = screen_new(fixture.mem, rows, columns);
    observer = progress_observer(progress_new(
        fixture.mem, &(struct progress_options){.fd = terminal, .mode = PROGRESS_BAR}));
    observer->started(observer->arg, &fixture.request, &fixture.result);
}

static void look(void)
{
    char part[4096];
    ssize_t len;

    while ((len = read(master, part, sizeof(part))) > 0)
        screen_feed(screen, part, (size_t)len);
}

static const char *tick(void)
{
    now_ms += 100;
    observer->tick(observer->arg, &fixture.result, 3);
    look();
    return screen_text(screen);
}

/* The terminal has changed, and pgtide hears of it some draws later, as under tmux. */
static void resize(unsigned short rows, unsigned short columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};

    screen_resize(screen, rows, columns);
    tick();
    tick();
    cr_assert_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
}

/* So many of a wave's tenants have ended well. */
static void passed(size_t wave, size_t count)
{
    fixture.result.totals[OUTCOME_MIGRATED] += count - stages[wave].totals[OUTCOME_MIGRATED];
    stages[wave].totals[OUTCOME_MIGRATED] = count;
}

static void first_wave_soaks(void)
{
    passed(0, 4);
    stages[0].state = RUN_WAVE_SOAKING;
    stages[0].soak_until_ms = now_ms + 100 + 125000;
}

static void server_is(size_t server, enum schedule_server_state state, size_t left)
{
    states[server].schedule.state = state;
    states[server].schedule.left = left;
}

static void fail(size_t index)
{
    report_fixture_duplicate(&fixture, index);
    fixture.result.totals[OUTCOME_FAILED]++;
    stages[group_of[index]].totals[OUTCOME_FAILED]++;
    observer->job_ended(observer->arg, &fixture.result.jobs[index], &fixture.result);
}

#define AT_80                                                                                      \
    "canary  soaking 2m05s left   4/4 [###################]  4 migrated\n"                         \
    "early   waiting              0/8 [-------------------]\n"                                     \
    "rest    waiting             0/28 [-------------------]\n"                                     \
    "eu2: replica lag 14s (max_replica_lag 10s), 30 tenants wait\n"                                \
    "eu3: full, 12 at a time, 1 tenant waits\n"                                                    \
    "4/40 [###----------------------------------]  4 migrated, 3 in work"

static void some_trouble(void)
{
    first_wave_soaks();
    server_is(1, SCHEDULE_SERVER_ON_HOLD, 30);
    states[1].waits_for = "replica lag 14s (max_replica_lag 10s)";
    server_is(2, SCHEDULE_SERVER_FULL, 1);
    states[2].schedule.cap = 12;
}

Test(progress_screen, a_row_a_wave_and_a_server_in_trouble)
{
    begin(24, 80);
    some_trouble();
    cr_expect_str_eq(tick(), AT_80);
    now_ms -= 100;
    cr_expect_str_eq(tick(), AT_80, "drawn again in place");
}

Test(progress_screen, at_60_columns_bars_are_shorter)
{
    begin(24, 60);
    some_trouble();
    cr_expect_str_eq(tick(), "canary  soaking 2m05s left   4/4 [#########]  4 migrated\n"
                             "early   waiting              0/8 [---------]\n"
                             "rest    waiting             0/28 [---------]\n"
                             "eu2: replica lag 14s (max_replica_lag 10s), 30 tenants wait\n"
                             "eu3: full, 12 at a time, 1 tenant waits\n"
                             "4/40 [##---------------------------]  4 migrated, 3 in work");
}

Test(progress_screen, at_40_columns_there_is_no_room_for_bars)
{
    begin(24, 40);
    some_trouble();
    stages[1].state = RUN_WAVE_STOPPED;
    cr_expect_str_eq(tick(), "canary  soaking 2m05s left   4/4\n"
                             "early   stopped              0/8\n"
                             "rest    waiting             0/28\n"
                             "eu2: replica lag 14s (max_replica_la...\n"
                             "eu3: full, 12 at a time, 1 tenant waits\n"
                             "4/40 [---------]  4 migrated, 3 in work");
}

/* Without waves, and with all well, one line it is. */
Test(progress_screen, a_fleet_without_waves_has_one_line)
{
    struct wave_group whole = {.jobs = jobs, .count = TENANTS};
    struct wave_plan none = {.groups = &whole, .group_count = 1, .group_of = group_of};

    fixture.request.waves = &none;
    begin(24, 80);
    fixture.result.totals[OUTCOME_MIGRATED] = 4;
    cr_expect_str_eq(tick(), "4/40 [###----------------------------------]  4 migrated, 3 in work");
    server_is(4, SCHEDULE_SERVER_DOWN, 7);
    cr_expect_str_eq(tick(), "eu5: down, looked at again later, 7 tenants wait\n"
                             "4/40 [###----------------------------------]  4 migrated, 3 in work");
    server_is(4, SCHEDULE_SERVER_UP, 7);
    cr_expect_str_eq(tick(), "4/40 [###----------------------------------]  4 migrated, 3 in work");
}

Test(progress_screen, failures_scroll_away_above)
{
    begin(24, 80);
    some_trouble();
    tick();
    fail(5);
    fail(6);
    cr_expect_str_eq(
        tick(),
        "store-0006: failed: 23505 duplicate key value violates unique constraint \"produc\n"
        "t_handle_key\" at 0039_handles.sql:4\n"
        "store-0007: failed: 23505 duplicate key value violates unique constraint \"produc\n"
        "t_handle_key\" at 0039_handles.sql:4\n"
        "canary  soaking 2m05s left   4/4 [###################]  4 migrated\n"
        "early   waiting              2/8 [####---------------]  2 failed\n"
        "rest    waiting             0/28 [-------------------]\n"
        "eu2: replica lag 14s (max_replica_lag 10s), 30 tenants wait\n"
        "eu3: full, 12 at a time, 1 tenant waits\n"
        "6/40 [#####--------------------------------]  2 failed, 4 migrated, 3 in work");
}

Test(progress_screen, nothing_stays_at_the_end)
{
    begin(24, 80);
    some_trouble();
    fail(5);
    tick();
    observer->finished(observer->arg, &fixture.result);
    look();
    cr_expect_str_eq(screen_text(screen), "store-0006: failed: 23505 duplicate key value violates "
                                          "unique constraint \"produc\n"
                                          "t_handle_key\" at 0039_handles.sql:4");
}

/* However the window changes, all that was ever written stands there once. */
Test(progress_screen, resizing_leaves_no_remains)
{
    static const unsigned short sizes[][2] = {{24, 80}, {24, 40}, {24, 132}, {24, 25}, {30, 80},
                                              {24, 12}, {24, 80}, {16, 61},  {24, 3},  {24, 80}};
    char *expected;

    begin(24, 80);
    some_trouble();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        resize(sizes[i][0], sizes[i][1]);
        tick();
        if (i % 3 == 0)
            observer->signalled(observer->arg, SIGTERM, 2);
    }
    now_ms = stages[0].soak_until_ms - 125000 - 100;
    expected = mem_strdup(fixture.mem, tick());
    cr_expect_not_null(strstr(expected, "eu3: full, 12 at a time, 1 tenant waits\n4/40 ["));
    cr_expect_str_eq(strstr(screen_all(screen), "canary"), strstr(expected, "canary"),
                     "the rows stand there once:\n%s", screen_all(screen));
}

Test(progress_screen, more_rows_than_the_window_has)
{
    begin(10, 80); /* half of it is used: five rows */
    some_trouble();
    for (size_t i = 1; i < SERVERS; i++)
        server_is(i, SCHEDULE_SERVER_LOST, 0);
    cr_expect_str_eq(tick(), "canary  soaking 2m05s left   4/4 [###################]  4 migrated\n"
                             "and 2 more waves\n"
                             "eu2: down, its tenants are given up\n"
                             "and 4 more servers\n"
                             "4/40 [###----------------------------------]  4 migrated, 3 in work");
    stages[0].state = RUN_WAVE_PASSED;
    stages[1].state = RUN_WAVE_OPEN;
    cr_expect_eq(strncmp(tick(), "early   open", 12), 0, "the one that goes on: %s",
                 screen_text(screen));
    resize(2, 80);
    cr_expect_eq(strncmp(tick(), "4/40 [", 6), 0, "%s", screen_text(screen));
}

Test(progress_screen, never_wider_than_the_window_and_never_too_high)
{
    some_trouble();
    for (unsigned short rows = 1; rows < 30; rows += 3) {
        for (unsigned short columns = 1; columns < 100; columns += 7) {
            size_t lines = 1;

            begin(rows, columns);
            for (const char *at = tick(); *at; at++)
                lines += *at == '\n';
            cr_expect_leq(lines, rows < 2 ? 1 : rows / 2, "%d x %d:\n%s", rows, columns,
                          screen_text(screen));
            close(master);
            close(terminal);
        }
    }
}

/* --- the time left ---------------------------------------------------------------------------- */

static int64_t left(const int64_t *expected)
{
    struct estimate *estimate = estimate_new(fixture.mem, expected, TENANTS);

    fixture.request.expected_ms = expected;
    return progress_left_ms(&fixture.request, &fixture.result, estimate, now_ms, fake_wall());
}

static void expect_left(const int64_t *expected, int64_t ms, const char *why)
{
    int64_t found = left(expected);

    cr_expect_eq(found, ms, "%s: %lld", why, (long long)found);
}

Test(progress_screen, time_left_is_that_of_the_slowest_road)
{
    static const size_t before[] = {0, 1};
    int64_t expected[TENANTS];

    for (size_t i = 0; i < TENANTS; i++)
        expected[i] = 8000;
    for (size_t i = 0; i < TENANTS; i++) {
        fixture.fleet.tenants[i].server = &servers[i % SERVERS];
        fixture.result.jobs[i].started_wall_ms = 0;
    }
    expect_left(expected, 40 * 1000, "side by side: 40 tenants with 8 workers");
    for (size_t i = 1; i < WAVES; i++) {
        waves[i].depends_on = &before[i - 1];
        waves[i].depends_on_count = 1;
    }
    waves[0].soak_ms = 60000;
    expect_left(expected, (8 + 60 + 8 + 28) * 1000, "one after the other");
    states[1].schedule.cap = 1;
    expect_left(expected, (8 + 60 + 8 + 40) * 1000, "a server that takes one at a time");
    stages[0].state = RUN_WAVE_SOAKING;
    stages[0].soak_until_ms = now_ms + 20000;
    for (size_t i = 0; i < 4; i++)
        fixture.result.jobs[i].outcome = OUTCOME_MIGRATED;
    expect_left(expected, (20 + 8 + 40) * 1000, "the first wave soaks");
    fixture.result.jobs[12].started_wall_ms = fake_wall() - 5000;
    expected[12] = 100000;
    expect_left(expected, (20 + 8 + 95) * 1000, "the longest tenant");
    expected[13] = -1;
    expect_left(expected, -1, "nobody knows");
}
