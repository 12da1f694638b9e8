/*
 * test_report_status.c: the status table and the version counts.
 */
#include "orchestrator/report_status.h"

#include "orchestrator/report_release.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static struct report_fixture fixture;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "status", 8);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_status, .init = setup, .fini = teardown);

Test(report_status, table_versions_problems_totals)
{
    struct job *job;

    report_fixture_moved(&fixture, 1, 38, 40);
    report_fixture_moved(&fixture, 2, 0, 40);
    report_fixture_moved(&fixture, 3, 38, 40);
    job = report_fixture_ended(&fixture, 4, OUTCOME_UNREACHABLE, 0);
    job->inspected = false;
    err_set(&job->err, ERR_UNREACHABLE, "connection refused");
    job = report_fixture_ended(&fixture, 5, OUTCOME_CONFLICT, 7);
    err_set_at(&job->err, ERR_CONFLICT, NULL, 0, 0, "0007_old is applied but not in the catalog");
    fixture.fleet.tenants[6].name = "日本の店";
    fixture.fleet.tenants[7].name = "evil\033[2J";
    report_fixture_golden("status.txt", report_fixture_text(&fixture, report_status));
}

Test(report_status, without_releases_there_is_no_such_column)
{
    fixture.catalog.release_count = 0;
    cr_expect(strncmp(report_fixture_text(&fixture, report_status),
                      "tenant      server  version     applied  pending  state\n", 55) == 0);
}

/* 0036 to 0038 are a release, 0039 and 0040 the next. */
Test(report_status, a_release_is_reached_when_nothing_of_it_is_missing)
{
    static struct release releases[] = {{.name = "empty"},
                                        {.name = "1.19.0", .last_version = 38},
                                        {.name = "1.20.0", .last_version = 40}};
    struct job *jobs = fixture.result.jobs;

    fixture.catalog.releases = releases;
    fixture.catalog.release_count = ARRAY_LEN(releases);
    cr_expect_null(report_release_at(&fixture.catalog, 0));
    cr_expect_str_eq(report_release_of(&jobs[0])->name, "1.20.0");
    report_fixture_ended(&fixture, 1, OUTCOME_CURRENT, 39);
    cr_expect_str_eq(report_release_of(&jobs[1])->name, "1.19.0");
    report_fixture_ended(&fixture, 2, OUTCOME_CURRENT, 37);
    cr_expect_null(report_release_of(&jobs[2]));
    job_add_step(&jobs[3])->migration = &fixture.migrations[3]; /* a gap: 0039 is pending */
    cr_expect_str_eq(report_release_of(&jobs[3])->name, "1.19.0");
    jobs[4].inspected = false;
    cr_expect_null(report_release_of(&jobs[4]));
}

Test(report_status, newest_version_first)
{
    size_t count;
    struct report_group *groups;

    report_fixture_moved(&fixture, 1, 36, 40);
    report_fixture_moved(&fixture, 2, 38, 40);
    groups = report_status_versions(fixture.mem, &fixture.result, &count);
    cr_assert_eq(count, 3);
    cr_expect_eq(groups[0].jobs[0]->version, 40);
    cr_expect_eq(groups[0].count, 6);
    cr_expect_eq(groups[1].jobs[0]->version, 38);
    cr_expect_eq(groups[2].jobs[0]->version, 36);
}

Test(report_status, quiet_shows_problems_only)
{
    struct job *job;
    const char *text;

    fixture.report.quiet = true;
    report_fixture_moved(&fixture, 1, 38, 40);
    cr_expect_str_empty(report_fixture_text(&fixture, report_status));
    job = report_fixture_ended(&fixture, 4, OUTCOME_FAILED, 38);
    err_set(&job->err, ERR_SQL, "permission denied");
    text = report_fixture_text(&fixture, report_status);
    cr_expect(strstr(text, "store-0005") != NULL);
    cr_expect(strstr(text, "store-0001") == NULL, "%s", text);
}
