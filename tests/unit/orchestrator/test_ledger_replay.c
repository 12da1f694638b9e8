/*
 * test_ledger_replay.c: a run that was recorded and read again gives the same reports.
 */
#include "orchestrator/ledger_replay.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/fleet_lock.h"
#include "orchestrator/ledger_recorder.h"
#include "orchestrator/report_csv.h"
#include "orchestrator/report_html.h"
#include "orchestrator/report_json.h"
#include "orchestrator/report_junit.h"
#include "orchestrator/report_markdown.h"
#include "orchestrator/report_prometheus.h"
#include "tests/unit/orchestrator/ledger_fixture.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

enum { TENANTS = 6 };

static struct ledger_fixture ledger;
static struct report_fixture fixture;
static struct options options;
static struct err err;

static void setup(void)
{
    ledger_fixture_init(&ledger);
    options = (struct options){0};
}

static void setup_for(const char *operation)
{
    report_fixture_init(&fixture, operation, TENANTS);
    if (gethostname(fixture.report.host, sizeof(fixture.report.host) - 1) < 0)
        cr_skip_test("this machine has no name");
}

static void teardown(void)
{
    err_clear(&err);
    if (fixture.mem)
        report_fixture_free(&fixture);
    ledger_fixture_free(&ledger);
}

TestSuite(ledger_replay, .init = setup, .fini = teardown);

static struct ledger_recorder *begin(void)
{
    struct ledger_recorder_setup recording = {
        .db = ledger.db,
        .options = &options,
        .request = &fixture.request,
        .suspended = fixture.report.suspended,
    };
    struct ledger_recorder *recorder;

    cr_assert_eq(ledger_recorder_begin(ledger.mem, &recording, &recorder, &err), 0, "%s",
                 err.message);
    return recorder;
}

/* By then all that happened before has been committed. */
static void half_a_second(const struct run_observer *observer)
{
    for (int tick = 0; tick < 5; tick++)
        observer->tick(observer->arg, &fixture.result, 1);
}

/* The events of a run that comes to what the fixture has, up to its `jobs`th tenant. */
static struct ledger_recorder *record(size_t jobs)
{
    struct ledger_recorder *recorder = begin();
    const struct run_observer *observer = ledger_recorder_observer(recorder);

    observer->started(observer->arg, &fixture.request, &fixture.result);
    for (size_t i = 0; i < jobs; i++) {
        struct job *job = &fixture.result.jobs[i];
        enum outcome outcome = job->outcome;

        job->outcome = OUTCOME_NONE;
        for (int attempt = 1, last = job->attempt; attempt <= last; attempt++) {
            job->attempt = attempt;
            observer->job_started(observer->arg, job);
            if (attempt < last)
                observer->job_retry(observer->arg, job, 100);
        }
        job->outcome = outcome;
        observer->job_ended(observer->arg, job, &fixture.result);
        half_a_second(observer);
    }
    return recorder;
}

static void record_all(void)
{
    struct ledger_recorder *recorder = record(TENANTS);
    const struct run_observer *observer = ledger_recorder_observer(recorder);

    observer->finished(observer->arg, &fixture.result);
    ledger_recorder_end(recorder, &fixture.result, fixture.report.exit_code);
}

static struct ledger_run run;
static struct ledger_replay *replay;

static struct report replayed(void)
{
    struct report report;

    cr_assert_eq(ledger_find(ledger.mem, ledger.db, "last", &run, &err), 0, "%s", err.message);
    cr_assert_eq(ledger_replay_load(ledger.mem, ledger.db, &run, &replay, &err), 0, "%s",
                 err.message);
    ledger_replay_report(replay, &report);
    report.utf8 = fixture.report.utf8;
    report.verbose = fixture.report.verbose;
    return report;
}

static char *text_of(const struct report *report, int (*print)(const struct report *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    char *copy;

    cr_assert_eq(print(report, out), 0);
    fclose(out);
    copy = mem_strdup(ledger.mem, text);
    free(text);
    return copy;
}

static void expect_same(void)
{
    static int (*const formats[])(const struct report *, FILE *) = {
        report_json, report_html, report_markdown, report_csv, report_junit, report_prometheus};
    struct report report;

    report_fixture_count(&fixture);
    record_all();
    report = replayed();
    fixture.report.recorded = true;
    fixture.report.as_text = report.as_text;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        cr_assert_str_eq(text_of(&report, formats[i]), text_of(&fixture.report, formats[i]));
    cr_assert_str_eq(text_of(&report, report.as_text), text_of(&fixture.report, report.as_text));
    report.verbose = fixture.report.verbose = true;
    cr_assert_str_eq(text_of(&report, report.as_text), text_of(&fixture.report, report.as_text));
}

Test(ledger_replay, a_run_in_which_all_is_well)
{
    setup_for("migrate");
    report_fixture_moved(&fixture, 1, 36, 40);
    report_fixture_moved(&fixture, 2, 38, 40);
    fixture.report.suspended = 2;
    expect_same();
}

Test(ledger_replay, failures_with_all_that_is_known_of_them)
{
    struct job *locked;
    struct job *hooked;

    setup_for("migrate");
    report_fixture_duplicate(&fixture, 0);
    report_fixture_duplicate(&fixture, 1);
    fixture.result.jobs[1].attempt = 3;
    locked = report_fixture_ended(&fixture, 2, OUTCOME_LOCKED, 0);
    err_set(&locked->err, ERR_LOCKED, "locked by another session");
    locked->lock_holder = "pid 4711, pgtide run x on ops2";
    hooked = report_fixture_ended(&fixture, 3, OUTCOME_FAILED, 39);
    err_set_at(&hooked->err, ERR_SQL, "migrations/store/0040_index.sql", 2, 5, "boom \xC3\xA9");
    err_sqlstate(&hooked->err, "22012");
    err_hint(&hooked->err, "Do something.");
    err_statement(&hooked->err, "CREATE INDEX", 12);
    *job_add_hook(hooked) = (struct hook_run){.point = HOOK_ON_FAILURE,
                                              .attempt = 1,
                                              .exit_code = 3,
                                              .duration_ms = 12,
                                              .output = "no\n",
                                              .output_cut = true,
                                              .problem = "it failed"};
    fixture.result.jobs[4].outcome = OUTCOME_CANCELLED;
    fixture.result.jobs[4].started_wall_ms = 0;
    fixture.result.jobs[4].attempt = 0;
    fixture.result.jobs[4].inspected = false;
    err_set(&fixture.result.jobs[4].err, ERR_CANCELLED, "not started: the run was halted");
    fixture.result.halt = (struct run_halt){.halted = true,
                                            .rule = "max_failures",
                                            .limit = {.value = 5, .percent = true},
                                            .tolerated = 1,
                                            .failures = 2,
                                            .in_work = 1};
    fixture.report.exit_code = 4;
    expect_same();
}

Test(ledger_replay, seeds_and_what_stands_in_the_options)
{
    static const char *sets[] = {"demo"};
    struct job_step *step;

    setup_for("seed");
    report_fixture_moved(&fixture, 0, 39, 40);
    step = job_add_step(&fixture.result.jobs[0]);
    step->seed = &fixture.seed;
    step->duration_ms = 17;
    fixture.request.plan.seed = true;
    fixture.request.plan.seed_sets = options.seed_sets.items = sets;
    fixture.request.plan.seed_set_count = options.seed_sets.count = 1;
    fixture.request.plan.to_version = 38;
    options.to = "38";
    report_fixture_duplicate(&fixture, 1);
    expect_same();
}

Test(ledger_replay, a_repair)
{
    struct job_repair *repair;

    setup_for("repair");
    fixture.request.plan.action = JOB_REPAIR;
    repair = job_add_repair(&fixture.result.jobs[0]);
    *repair = (struct job_repair){.kind = JOB_REPAIR_CHECKSUM,
                                  .rank = 3,
                                  .version = 38,
                                  .name = "prices",
                                  .was = "sha256:11",
                                  .cosmetic = true};
    fixture.result.jobs[0].outcome = OUTCOME_MIGRATED;
    expect_same();
}

Test(ledger_replay, servers_that_were_left_out)
{
    struct run_server servers[] = {{.left_out = true, .failures = 3},
                                   {.left_out = true, .blind = "permission denied"}};

    setup_for("migrate");
    fixture.result.servers = servers;
    expect_same();
}

Test(ledger_replay, a_run_outside_its_window)
{
    setup_for("migrate");
    fixture.result.closed = true;
    fixture.request.closes_wall_ms = INT64_C(1795399200000);
    fixture.request.closes_why = "window";
    fixture.request.opens_at = "Mon 2026-11-23 22:00 Europe/Berlin";
    fixture.request.opens_wall_ms = INT64_C(1795467600000);
    expect_same();
}

Test(ledger_replay, a_run_with_hooks_that_was_stopped)
{
    struct hook_run hooks[] = {
        {.point = HOOK_BEFORE_RUN, .exit_code = 0, .duration_ms = 3, .output = "on"},
        {.point = HOOK_AFTER_RUN, .exit_code = 1, .duration_ms = 4, .problem = "it failed"},
    };

    setup_for("migrate");
    fixture.result.hooks = hooks;
    fixture.result.hook_count = 2;
    fixture.result.signal = SIGTERM;
    fixture.request.origin = "20261122T000000Z-0000";
    fixture.request.origin_kind = "resume";
    fixture.report.exit_code = 143;
    expect_same();
}

Test(ledger_replay, a_run_that_was_refused_says_why)
{
    struct err why = ERR_INIT;
    struct report report;
    const char *text;

    setup_for("migrate");
    err_set(&why, ERR_INTERNAL, "hook before_run: it failed");
    ledger_recorder_refuse(begin(), &why);
    err_clear(&why);
    report = replayed();
    text = text_of(&report, report.as_text);
    cr_assert(strstr(text, "nothing was started: hook before_run: it failed\n"), "%s", text);
    text = text_of(&report, report_json);
    cr_assert(strstr(text, "\"result\":\"not started\",\"exitCode\":1"), "%s", text);
}

Test(ledger_replay, a_run_that_broke_off_says_who_was_in_work)
{
    const struct run_observer *observer;
    struct report report;
    const char *text;
    int lock;

    setup_for("migrate");
    observer = ledger_recorder_observer(record(3));
    fixture.result.jobs[3].outcome = OUTCOME_NONE;
    observer->job_started(observer->arg, &fixture.result.jobs[3]);
    half_a_second(observer);
    cr_assert_eq(fleet_lock_take(ledger.dir, "20261123T061500Z-4f2a", &lock, &err), 0);
    report = replayed();
    text = text_of(&report, report_json);
    cr_assert(strstr(text, "\"result\":\"going\",\"exitCode\":null"), "%s", text);
    cr_assert(strstr(text, "\"finishedAt\":null"), "%s", text);
    text = text_of(&report, report.as_text);
    cr_assert(strstr(text, "going on still\n"), "%s", text);
    cr_assert_null(strstr(text, "broken off"), "%s", text);
    cr_assert_null(strstr(text, "pgtide resume"), "%s", text);
    close(lock);
    report = replayed();
    text = text_of(&report, report_json);
    cr_assert(strstr(text, "\"result\":\"interrupted\",\"exitCode\":137"), "%s", text);
    text = text_of(&report, report.as_text);
    cr_assert(strstr(text, "broken off: pgtide was killed"), "%s", text);
    cr_assert(strstr(text, "3 current, 0 failed, 0 held, 0 unreachable, 0 locked, 1 unknown, "
                           "2 cancelled"),
              "%s", text);
    cr_assert(strstr(text, "pgtide resume 20261123T061500Z-4f2a\n"), "%s", text);
    text = text_of(&report, report_json);
    cr_assert(strstr(text, "\"result\":\"interrupted\",\"exitCode\":137"), "%s", text);
}

/* The ledger fails, and works again at the end. */
Test(ledger_replay, a_record_that_fell_behind_is_made_up_for_at_the_end)
{
    struct ledger_recorder *recorder;
    struct report report;

    setup_for("migrate");
    report_fixture_duplicate(&fixture, 1);
    report_fixture_count(&fixture);
    recorder = record(1);
    cr_assert_eq(ledger_db_script(ledger.db, "ALTER TABLE pgtide_attempt RENAME TO away", &err), 0);
    fixture.result.jobs[1].outcome = OUTCOME_NONE;
    ledger_recorder_observer(recorder)->job_started(recorder, &fixture.result.jobs[1]);
    half_a_second(ledger_recorder_observer(recorder));
    fixture.result.jobs[1].outcome = OUTCOME_FAILED;
    ledger_recorder_observer(recorder)->job_ended(recorder, &fixture.result.jobs[1],
                                                  &fixture.result);
    cr_assert_eq(ledger_db_script(ledger.db, "ALTER TABLE away RENAME TO pgtide_attempt", &err), 0);
    ledger_recorder_end(recorder, &fixture.result, 3);
    fixture.report.exit_code = 3;
    report = replayed();
    cr_assert_str_eq(text_of(&report, report_json), text_of(&fixture.report, report_json));
}

/* What happens meanwhile is put at the end, with the times that it had. */
Test(ledger_replay, the_last_attempt_of_a_record_that_fell_behind_has_its_own_times)
{
    struct ledger_recorder *recorder;
    const struct run_observer *observer;
    struct job *job;
    int64_t began_ms;
    int64_t ended_ms;

    setup_for("migrate");
    job = &fixture.result.jobs[1];
    recorder = record(1);
    observer = ledger_recorder_observer(recorder);
    cr_assert_eq(ledger_db_script(ledger.db, "ALTER TABLE pgtide_attempt RENAME TO away", &err), 0);
    observer->job_started(recorder, job);
    half_a_second(observer);
    observer->job_retry(recorder, job, 100);
    usleep(5000);
    began_ms = clock_wall_ms();
    job->attempt = 2;
    observer->job_started(recorder, job);
    observer->job_ended(recorder, job, &fixture.result);
    ended_ms = clock_wall_ms();
    usleep(5000);
    cr_assert_eq(ledger_db_script(ledger.db, "ALTER TABLE away RENAME TO pgtide_attempt", &err), 0);
    ledger_recorder_end(recorder, &fixture.result, 0);
    cr_expect_geq(ledger_fixture_count(&ledger, "SELECT started_ms FROM pgtide_attempt "
                                                "WHERE tenant = 1 AND number = 2"),
                  began_ms);
    cr_expect_leq(ledger_fixture_count(&ledger, "SELECT ended_ms FROM pgtide_attempt "
                                                "WHERE tenant = 1 AND number = 2"),
                  ended_ms);
}
