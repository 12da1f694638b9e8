/*
 * test_job.c: a job's birth, its steps, its words.
 */
#include "worker/job.h"

#include "common/mem.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(job, begins_empty)
{
    struct job_plan plan = {.action = JOB_MIGRATE};
    struct tenant tenant = {.name = "store-0001"};
    struct job job;

    memset(&job, 0xff, sizeof(job));
    job_init(&job, &plan, &tenant);
    cr_expect_eq(job.tenant, &tenant);
    cr_expect(eq(int, job.outcome, OUTCOME_NONE));
    cr_expect(eq(int, job.err.kind, ERR_NONE));
    cr_expect(eq(int, job.attempt, 0));
    cr_expect(eq(sz, job.step_count, 0));
    cr_expect(ne(ptr, job.mem, NULL));
    job_release(&job);
    cr_expect(eq(ptr, job.mem, NULL));
    job_release(&job); /* a second time is harmless */
}

Test(job, steps_are_zeroed_and_kept)
{
    struct job job;

    job_init(&job, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        struct job_step *step = job_add_step(&job);

        cr_assert(eq(int, step->statements, 0));
        cr_assert(not(step->held));
        step->statements = i;
        step->held = true;
    }
    cr_expect(eq(sz, job.step_count, 100));
    for (int i = 0; i < 100; i++)
        cr_assert(eq(int, job.steps[i].statements, i));
    job.step_count = 99;
    cr_expect(not(job_add_step(&job)->held), "a place used before is cleared, too");
    job_release(&job);
}

Test(job, every_outcome_has_a_name_of_its_own)
{
    for (int a = 0; a < OUTCOME_COUNT; a++) {
        cr_assert_not_null(outcome_name((enum outcome)a));
        for (int b = 0; b < a; b++)
            cr_assert(strcmp(outcome_name((enum outcome)a), outcome_name((enum outcome)b)) != 0);
    }
    cr_expect_str_eq(outcome_name(OUTCOME_MIGRATED), "migrated");
    cr_expect_str_eq(outcome_name(OUTCOME_UNREACHABLE), "unreachable");
}

Test(job, versions_for_people)
{
    void *mem = mem_context(NULL);

    cr_expect_str_eq(job_version_text(mem, 0), "-");
    cr_expect_str_eq(job_version_text(mem, 39), "0039");
    cr_expect_str_eq(job_version_text(mem, 20261123061500), "20261123061500");
    talloc_free(mem);
}
