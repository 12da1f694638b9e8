/*
 * test_report_summary.c: the text after migrate and seed, against golden files.
 */
#include "orchestrator/report_summary.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <signal.h>

static struct report_fixture fixture;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "migrate", 60);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_summary, .init = setup, .fini = teardown);

static const char *summary(void)
{
    return report_fixture_text(&fixture, report_summary);
}

static struct job *problem(size_t index, enum outcome outcome, int64_t version, const char *file,
                           int line, const char *message)
{
    struct job *job = report_fixture_ended(&fixture, index, outcome, version);

    err_set_at(&job->err, ERR_SQL, file, line, 0, "%s", message);
    return job;
}

Test(report_summary, every_kind_of_failure)
{
    struct job *job;

    for (size_t i = 0; i < 35; i++)
        report_fixture_duplicate(&fixture, i);
    problem(35, OUTCOME_FAILED, 39, "migrations/store/0040_index.sql", 2, "deadlock detected");
    err_sqlstate(&fixture.result.jobs[35].err, "40P01");
    problem(36, OUTCOME_HELD, 38, "migrations/store/0039_handles.sql", 9,
            "the require query is not true");
    err_statement(&fixture.result.jobs[36].err, "SELECT NOT EXISTS (SELECT FROM product)", 39);
    job = problem(37, OUTCOME_LOCKED, 0, NULL, 0, "the lock of tenant \"store-0038\" is taken");
    job->inspected = false;
    err_detail(&job->err, "held by pid 4242");
    err_hint(&job->err, "Run the same command again later.");
    job->lock_holder = "pid 4242, pgtide 20261123T060000Z-aaaa, since 06:00:12";
    job = problem(38, OUTCOME_UNREACHABLE, 0, NULL, 0,
                  "connection to server at \"db-eu1\", port 5432 failed: Connection refused\n"
                  "\tIs the server running on that host and accepting TCP/IP connections?\n");
    job->inspected = false;
    job->attempt = 3;
    problem(39, OUTCOME_UNKNOWN, 39, NULL, 0, "connection lost at COMMIT");
    job = problem(40, OUTCOME_FAILED, 38, "migrations/store/0037_orders.sql", 0,
                  "applied file has changed");
    job->err.kind = ERR_CONFLICT;
    err_hint(&job->err, "Only comments differ. \"pgtide repair\" realigns the checksum.");
    job = problem(41, OUTCOME_FAILED, 40, "seeds/base/01_regions.json", 7,
                  "row 3: column \"nam\" does not exist");
    job->changed = true;
    fixture.result.halt = (struct run_halt){
        .halted = true, .rule = "max_failures", .failures = 4, .tolerated = 3, .in_work = 2};
    for (size_t i = 42; i < 50; i++) {
        job = report_fixture_ended(&fixture, i, OUTCOME_CANCELLED, 0);
        job->started_wall_ms = 0;
        job->attempt = 0;
    }
    report_fixture_golden("summary_failures.txt", summary());
}

Test(report_summary, plain_signs_without_utf8)
{
    report_fixture_duplicate(&fixture, 3);
    fixture.report.utf8 = false;
    cr_expect_eq(strncmp(summary(), "1 x 23505 duplicate key", 23), 0, "%s", summary());
}

Test(report_summary, success_is_one_line)
{
    report_fixture_moved(&fixture, 0, 38, 40);
    cr_expect_str_eq(summary(), "run 20261123T061500Z-4f2a: 60 tenants: 1 migrated, 59 current, "
                                "0 failed, 0 held, 0 unreachable, 0 locked, 0 unknown, "
                                "0 cancelled in 41.2s\n");
}

Test(report_summary, verbose_tells_what_ran)
{
    report_fixture_moved(&fixture, 0, 38, 40);
    report_fixture_moved(&fixture, 9, 36, 39);
    fixture.result.jobs[9].steps[0].skipped = true;
    job_add_step(&fixture.result.jobs[9])->seed = &fixture.seed;
    job_add_step(&fixture.result.jobs[9])->migration = &fixture.repeatable;
    fixture.report.verbose = true;
    report_fixture_golden("summary_verbose.txt", summary());
}

Test(report_summary, below_the_head_and_suspended)
{
    fixture.request.plan.to_version = 38;
    fixture.report.suspended = 2;
    cr_expect(strstr(summary(),
                     "stopped at 0038, below the head 0040: repeatables and seeds did not run\n"
                     "2 tenants left out: suspended in fleet.yaml\n"
                     "run ") != NULL,
              "%s", summary());
}

Test(report_summary, quiet_says_nothing_when_all_is_well)
{
    fixture.report.quiet = true;
    cr_expect_str_empty(summary());
    report_fixture_duplicate(&fixture, 3);
    cr_expect(strstr(summary(), "23505") != NULL);
    cr_expect(strstr(summary(), "1 failed, ") != NULL);
}

Test(report_summary, signal_and_cancelled_in_work)
{
    report_fixture_ended(&fixture, 0, OUTCOME_CANCELLED, 38);
    fixture.result.signal = SIGTERM;
    report_fixture_golden("summary_signal.txt", summary());
}

/* What stands between the names of those not started and the totals. */
static const char *ways_on(void)
{
    char *text = mem_strdup(fixture.mem, summary());
    char *totals = strstr(text, "run 20261123T061500Z-4f2a: ");
    char *names = strstr(text, " not started: ");

    cr_assert_not_null(totals, "%s", text);
    *totals = '\0';
    return names ? strchr(names, '\n') + 1 : text;
}

static void leave(size_t index)
{
    report_fixture_ended(&fixture, index, OUTCOME_CANCELLED, 0)->started_wall_ms = 0;
}

Test(report_summary, each_way_on_once)
{
    fixture.report.recorded = true;
    problem(1, OUTCOME_UNREACHABLE, 0, NULL, 0, "connection refused");
    leave(2);
    cr_expect_str_eq(ways_on(), "those that are left: pgtide resume 20261123T061500Z-4f2a\n",
                     "resume takes the unreachable along");
    report_fixture_duplicate(&fixture, 3);
    cr_expect_str_eq(ways_on(), "those that are left: pgtide resume 20261123T061500Z-4f2a\n"
                                "those that failed: pgtide retry 20261123T061500Z-4f2a\n");
    fixture.report.going = true;
    cr_expect_str_empty(ways_on());
}

Test(report_summary, the_ways_on_of_waves)
{
    struct wave rules = {.name = "canary"};
    struct run_wave wave = {.state = RUN_WAVE_STOPPED};

    fixture.report.recorded = true;
    fixture.result.waves = &wave;
    fixture.result.wave_count = 1;
    fixture.result.signal = SIGINT;
    cr_expect_not_null(strstr(ways_on(), "the soak time or gate that is left: pgtide resume "));
    fixture.result.signal = 0;
    fixture.result.halt = (struct run_halt){.halted = true, .rule = "gate", .wave = &rules};
    cr_expect_not_null(strstr(ways_on(), "\nthe gate again: pgtide resume "));
    leave(2);
    cr_expect_str_eq(ways_on(), "the gate again, then those that are left: pgtide resume "
                                "20261123T061500Z-4f2a\n");
    fixture.result.halt.rule = "confirm";
    cr_expect_str_eq(ways_on(), "those that are left: pgtide resume 20261123T061500Z-4f2a, "
                                "with --yes without asking\n");
}

Test(report_summary, commands_can_be_pasted)
{
    struct tenant *tenant = &fixture.fleet.tenants[3];

    tenant->name = "caf\xC3\xA9 [1]";
    fixture.fleet.file = "/etc/our shops/fleet.yaml";
    report_fixture_duplicate(&fixture, 3);
    cr_expect(strstr(summary(), "pgtide -f '/etc/our shops/fleet.yaml' migrate -t 'caf\xC3\xA9 "
                                "\\[1]'\n") != NULL,
              "%s", summary());
}

Test(report_summary, colour_ends_before_each_line_does)
{
    const char *text;

    report_fixture_duplicate(&fixture, 3);
    fixture.report.color = true;
    text = summary();
    cr_expect(strncmp(text, "\033[31m1 ", 7) == 0);
    cr_expect_str_eq(text + strlen(text) - 5, "\033[0m\n");
}

Test(report_summary, only_the_first_causes_are_told)
{
    for (size_t i = 0; i < 14; i++)
        err_set(&report_fixture_ended(&fixture, i, OUTCOME_FAILED, 38)->err, ERR_SQL, "cause %zu",
                i);
    cr_expect(strstr(summary(), "cause 9") != NULL);
    cr_expect(strstr(summary(), "cause 10") == NULL);
    cr_expect(strstr(summary(), "\nand 4 more causes; -v shows all\n") != NULL);
    fixture.report.verbose = true;
    cr_expect(strstr(summary(), "cause 13") != NULL);
}

Test(report_summary, long_messages_are_cut)
{
    char *message = mem_array(fixture.mem, char, 5001);

    memset(message, 'm', 5000);
    err_set(&report_fixture_ended(&fixture, 0, OUTCOME_FAILED, 38)->err, ERR_SQL, "%s", message);
    cr_expect_lt(strlen(summary()), 1000);
    cr_expect(strstr(summary(), "mmm...: store-0001\n") != NULL, "%s", summary());
}
