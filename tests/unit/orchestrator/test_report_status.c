/*
 * test_report_status.c: the status table and the version counts.
 */
#include "orchestrator/report_status.h"

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
