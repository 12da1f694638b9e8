/*
 * test_report_remedy.c: the words of "next:", and the command with what it cannot do without.
 */
#include "orchestrator/report_remedy.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>

static struct report_fixture fixture;
static struct job_plan *plan;

static void setup(void)
{
    report_fixture_init(&fixture, "migrate", 2);
    plan = &fixture.request.plan;
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_remedy, .init = setup, .fini = teardown);

static const char *operation(const char *name)
{
    fixture.request.operation = name;
    return report_remedy_operation(fixture.mem, &fixture.request);
}

Test(report_remedy, by_sqlstate)
{
    struct err err = ERR_INIT;

    cr_expect_null(report_remedy(&err), "no SQLSTATE");
    err_set(&err, ERR_TRANSIENT, "canceling statement due to lock timeout");
    err_sqlstate(&err, "55P03");
    cr_assert_not_null(report_remedy(&err));
    cr_expect(strstr(report_remedy(&err), "pg_stat_activity"));
    err_sqlstate(&err, "23505");
    cr_expect_null(report_remedy(&err), "the data is to be looked at");
    err_clear(&err);
}

Test(report_remedy, as_it_was_typed)
{
    cr_expect_str_eq(operation("migrate"), "migrate");
    cr_expect_str_eq(operation("validate"), "validate --connect");
    plan->to_version = 38;
    plan->seed = true;
    cr_expect_str_eq(operation("migrate"), "migrate --to 0038 --seed");
}

Test(report_remedy, a_target_is_never_left_out)
{
    plan->to_version = fixture.catalog.head;
    cr_expect_str_eq(operation("migrate"), "migrate", "the newest is where it goes anyway");
    plan->action = JOB_BASELINE;
    cr_expect_str_eq(operation("baseline"), "baseline --to 0040");
    plan->action = JOB_ROLLBACK;
    plan->to_version = 0;
    cr_expect_str_eq(operation("rollback"), "rollback --to 0");
}

Test(report_remedy, seed_sets)
{
    static const char *const sets[] = {"base", "two words"};

    plan->seed = true;
    plan->reseed = true;
    plan->seed_sets = sets;
    plan->seed_set_count = ARRAY_LEN(sets);
    cr_expect_str_eq(operation("seed"), "seed --seed-set base --seed-set 'two words' --reseed");
}
