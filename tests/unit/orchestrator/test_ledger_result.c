/*
 * test_ledger_result.c: what the ledger writes of a tenant by hand is, byte for byte, what the
 * report has of it.
 */
#include "orchestrator/ledger_result.h"

#include "common/mem.h"
#include "orchestrator/report_parts.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>

static struct report_fixture fixture;

static void setup(void)
{
    report_fixture_init(&fixture, "migrate", 1);
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(ledger_result, .init = setup, .fini = teardown);

/* The parts of the report's object that the ledger keeps, where there is something in them. */
static char *as_reported(const struct job *job)
{
    static const char *const kept[] = {"migrations", "seeds", "hooks", "error"};
    json_t *object = report_parts_tenant(&fixture.request, &fixture.result, job);
    json_t *wanted = json_object();
    char *dump, *text;

    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        json_t *value = json_object_get(object, kept[i]);

        if (json_is_object(value) || json_array_size(value) > 0)
            json_object_set(wanted, kept[i], value);
    }
    dump = json_dumps(wanted, JSON_COMPACT);
    text = mem_strdup(fixture.mem, dump);
    free(dump);
    json_decref(wanted);
    json_decref(object);
    return text;
}

static void expect_as_reported(const struct job *job)
{
    cr_expect_str_eq(ledger_result_write(fixture.mem, job), as_reported(job));
}

Test(ledger_result, nothing_done_is_nothing_to_say)
{
    cr_expect_null(ledger_result_write(fixture.mem, &fixture.result.jobs[0]));
}

Test(ledger_result, migrations_with_all_that_they_may_have)
{
    struct job *job = report_fixture_moved(&fixture, 0, 0, 40);
    struct job_step *step;

    fixture.migrations[1].directives.batch = 100;
    fixture.migrations[2].name = "a \"name\"\twith\\all \x01 \xC3\xA9 of it";
    job->steps[0].skipped = true;
    job->steps[1].batches = 12;
    job->steps[1].rows = 1234567890123;
    job->steps[2].output = "two\nlines, \xFF not UTF-8";
    job->steps[3].output = "plain";
    job->steps[3].held = true;
    job->steps[4].begun = true;
    job->steps[4].done = 3;
    step = job_add_step(job);
    step->migration = &fixture.repeatable;
    step->duration_ms = 5;
    expect_as_reported(job);
}

Test(ledger_result, seeds_hooks_and_an_error)
{
    struct job *job = report_fixture_ended(&fixture, 0, OUTCOME_FAILED, 39);
    struct job_step *step = job_add_step(job);

    step->seed = &fixture.seed;
    step->duration_ms = 17;
    *job_add_hook(job) =
        (struct hook_run){.point = HOOK_AFTER_TENANT, .exit_code = -1, .problem = "no"};
    err_set(&job->err, ERR_SQL, "boom \xC3\xA9");
    expect_as_reported(job);
}
