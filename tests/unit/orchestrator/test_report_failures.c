/*
 * test_report_failures.c: what counts as one cause, and in which order causes come.
 */
#include "orchestrator/report_failures.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>

static struct report_fixture fixture;
static struct report_failure *failures;
static size_t count;

static void setup(void)
{
    report_fixture_init(&fixture, "migrate", 12);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_failures, .init = setup, .fini = teardown);

static void group(void)
{
    failures = report_failures(fixture.mem, &fixture.result, &count);
}

Test(report_failures, details_differ_causes_do_not)
{
    report_fixture_duplicate(&fixture, 2);
    report_fixture_duplicate(&fixture, 7);
    group();
    cr_assert_eq(count, 1);
    cr_expect_eq(failures[0].count, 2);
    cr_expect_eq(failures[0].jobs[0], &fixture.result.jobs[2]);
    cr_expect_eq(failures[0].jobs[1], &fixture.result.jobs[7]);
    cr_expect_str_eq(failures[0].err->detail, "Key (handle)=(shirt-2) already exists.");
}

Test(report_failures, another_line_is_another_cause)
{
    report_fixture_duplicate(&fixture, 2);
    report_fixture_duplicate(&fixture, 7);
    fixture.result.jobs[7].err.line = 5;
    group();
    cr_expect_eq(count, 2);
}

Test(report_failures, the_tenants_own_names_do_not_make_a_cause)
{
    for (size_t i = 0; i < 3; i++) {
        struct job *job = report_fixture_ended(&fixture, i, OUTCOME_FAILED, 0);

        err_set(&job->err, ERR_SQL, "database \"%s\" does not exist", job->tenant->database);
        err_sqlstate(&job->err, "3D000");
    }
    group();
    cr_assert_eq(count, 1);
    cr_expect_eq(failures[0].count, 3);
    cr_expect_str_eq(failures[0].message, "database \"<database>\" does not exist");
}

Test(report_failures, a_single_tenant_keeps_its_message)
{
    struct job *job = report_fixture_ended(&fixture, 4, OUTCOME_FAILED, 0);

    err_set(&job->err, ERR_SQL, "database \"store_0005\" does not exist");
    group();
    cr_assert_eq(count, 1);
    cr_expect_str_eq(failures[0].message, "database \"store_0005\" does not exist");
}

Test(report_failures, lock_holders_differ_the_cause_does_not)
{
    for (size_t i = 0; i < 2; i++) {
        struct job *job = report_fixture_ended(&fixture, i, OUTCOME_LOCKED, 0);

        err_set(&job->err, ERR_LOCKED, "lock is held by pid %zu", i);
    }
    group();
    cr_assert_eq(count, 1);
    cr_expect_str_eq(failures[0].message, "another session holds the lock of these tenants");
}

Test(report_failures, gravest_first_then_most_frequent)
{
    static const struct {
        size_t job;
        enum outcome outcome;
        const char *message;
    } ended[] = {
        {0, OUTCOME_UNREACHABLE, "refused"}, {1, OUTCOME_UNREACHABLE, "refused"},
        {2, OUTCOME_HELD, "held"},           {3, OUTCOME_FAILED, "rare"},
        {4, OUTCOME_FAILED, "frequent"},     {5, OUTCOME_FAILED, "frequent"},
        {6, OUTCOME_LOCKED, "locked"},       {7, OUTCOME_UNKNOWN, "lost"},
        {8, OUTCOME_CANCELLED, "stopped"},   {9, OUTCOME_CONFLICT, "changed"},
    };
    static const char *const order[] = {"frequent", "rare",   "lost",   "changed",
                                        "held",     "locked", "refused"};

    for (size_t i = 0; i < ARRAY_LEN(ended); i++)
        err_set(&report_fixture_ended(&fixture, ended[i].job, ended[i].outcome, 38)->err, ERR_SQL,
                "%s", ended[i].message);
    group();
    cr_assert_eq(count, ARRAY_LEN(order));
    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(failures[i].message, order[i]);
}

Test(report_failures, ten_thousand_causes_are_quick)
{
    struct report_fixture large;

    report_fixture_init(&large, "migrate", 10000);
    for (size_t i = 0; i < 10000; i++)
        err_set(&report_fixture_ended(&large, i, OUTCOME_FAILED, 38)->err, ERR_SQL, "cause %zu", i);
    failures = report_failures(large.mem, &large.result, &count);
    cr_expect_eq(count, 10000);
    cr_expect_str_eq(failures[9999].message, "cause 9999");
    report_fixture_free(&large);
}
