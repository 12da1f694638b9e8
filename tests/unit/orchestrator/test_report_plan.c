/*
 * test_report_plan.c: groups of identical plans, and validate --connect.
 */
#include "orchestrator/report_plan.h"

#include "common/mem.h"
#include "orchestrator/report_validate.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static struct report_fixture fixture;

static void setup(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "plan", 24);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_plan, .init = setup, .fini = teardown);

static void several_plans(void)
{
    struct job *job;

    for (size_t i = 3; i < 15; i++) {
        job = report_fixture_moved(&fixture, i, 38, 40);
        job_add_step(job)->migration = &fixture.repeatable;
        job_add_step(job)->seed = &fixture.seed;
    }
    for (size_t i = 15; i < 18; i++)
        report_fixture_moved(&fixture, i, 0, 40);
    job = report_fixture_moved(&fixture, 20, 38, 39);
    job->outcome = OUTCOME_HELD;
    job->steps[0].held = true;
    err_set_at(&job->err, ERR_HELD, "migrations/store/0039_handles.sql", 9, 0,
               "the require query is not true");
    err_statement(&job->err, "SELECT NOT EXISTS (SELECT FROM product WHERE title IS NULL)", 59);
    job = report_fixture_ended(&fixture, 21, OUTCOME_CONFLICT, 38);
    err_set_at(&job->err, ERR_CONFLICT, "migrations/store/0037_orders.sql", 0, 0,
               "applied file has changed");
    job = report_fixture_ended(&fixture, 22, OUTCOME_UNREACHABLE, 0);
    job->inspected = false;
    err_set(&job->err, ERR_UNREACHABLE, "connection refused");
}

Test(report_plan, tenants_with_the_same_work_are_one_group)
{
    size_t count;
    struct report_group *groups;

    several_plans();
    groups = report_plan_groups(fixture.mem, &fixture.result, &count);
    cr_assert_eq(count, 3);
    cr_expect_eq(groups[0].count, 12);
    cr_expect_eq(groups[0].jobs[0], &fixture.result.jobs[3]);
    cr_expect_eq(groups[1].count, 3);
    cr_expect_eq(groups[2].count, 1);
    cr_expect(groups[2].jobs[0]->steps[0].held);
}

Test(report_plan, text)
{
    several_plans();
    fixture.catalog.releases[0].upgrade = "# 1.20.0\n\nStop the importer first.\n";
    for (size_t i = 0; i < FIXTURE_MIGRATIONS; i++)
        fixture.migrations[i].release = "1.20.0";
    report_fixture_golden("plan.txt", report_fixture_text(&fixture, report_plan));
}

Test(report_plan, verbose_prints_the_sql_as_it_stands)
{
    report_fixture_moved(&fixture, 0, 39, 40);
    fixture.report.verbose = true;
    report_fixture_golden("plan_verbose.txt", report_fixture_text(&fixture, report_plan));
}

Test(report_plan, batches)
{
    const char *text;

    fixture.migrations[3].directives.batch = 5000;
    report_fixture_moved(&fixture, 0, 38, 39);
    fixture.report.verbose = true;
    text = report_fixture_text(&fixture, report_plan);
    cr_expect(strstr(text, "0039_handles (batches of 5000)\n"), "%s", text);
    cr_expect(strstr(text, "-- in batches of 5000, each a transaction, until one changes no "
                           "row\nALTER"),
              "%s", text);
}

Test(report_plan, nothing_pending)
{
    cr_expect_str_eq(report_fixture_text(&fixture, report_plan),
                     "run 20261123T061500Z-4f2a: 24 tenants: 24 current, 0 pending, 0 conflict, "
                     "0 held, 0 failed, 0 unreachable in 41.2s\n");
    fixture.report.quiet = true;
    cr_expect_str_empty(report_fixture_text(&fixture, report_plan));
}

Test(report_plan, below_the_head_is_said)
{
    fixture.request.plan.to_version = 38;
    cr_expect(strstr(report_fixture_text(&fixture, report_plan),
                     "up to 0038, below the head 0040: repeatables and seeds would not run\n") !=
              NULL);
}

Test(report_plan, validate_is_asked_again_with_connect)
{
    err_set(&report_fixture_ended(&fixture, 2, OUTCOME_FAILED, 38)->err, ERR_SQL, "no");
    fixture.request.operation = "validate";
    cr_expect(strstr(report_fixture_text(&fixture, report_validate),
                     "One tenant first: pgtide validate --connect -t store-0003\n") != NULL);
}

Test(report_plan, validate_shows_the_problems_only)
{
    several_plans();
    fixture.request.operation = "validate";
    report_fixture_golden("validate.txt", report_fixture_text(&fixture, report_validate));
}
