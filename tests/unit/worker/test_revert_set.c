/*
 * test_revert_set.c: which rows a rollback takes, in which order, and what stops it.
 */
#include "worker/revert_set.h"

#include "common/mem.h"

#include <criterion/criterion.h>

enum { FILES = 5 };

static const char *const names[FILES] = {"a", "b", "c", "d", "e"};
static void *mem;
static struct migration migrations[FILES];
static struct sql_statement statement;
static struct history_row rows[FILES];
static struct catalog catalog;
static struct history history;
static struct job_plan plan;
static struct revert_set set;
static struct err err;

/* Five files, versions 10 to 50, all applied in order of their versions. */
static void setup(void)
{
    mem = mem_context(NULL);
    err = ERR_INIT;
    for (size_t i = 0; i < FILES; i++) {
        migrations[i] = (struct migration){.version = (int64_t)(i + 1) * 10,
                                           .name = names[i],
                                           .label = names[i],
                                           .file = names[i],
                                           .checksum = "sum"};
        migrations[i].sections[SECTION_DOWN] =
            (struct section){.present = true, .statements = &statement, .count = 1};
        rows[i] = (struct history_row){.rank = (int64_t)i + 1,
                                       .has_version = true,
                                       .version = migrations[i].version,
                                       .name = names[i],
                                       .checksum = "sum",
                                       .prefix = ""};
    }
    catalog = (struct catalog){.source = "files", .migrations = migrations, .count = FILES};
    history = (struct history){.exists = true, .rows = rows, .count = FILES};
    plan = (struct job_plan){.action = JOB_ROLLBACK, .catalog = &catalog};
}

static void teardown(void)
{
    err_clear(&err);
    talloc_free(mem);
}

TestSuite(revert_set, .init = setup, .fini = teardown);

/* What is reverted, as the names in order; or the message of the refusal. */
static const char *reverted(void)
{
    char *text = mem_strdup(mem, "");

    err_clear(&err);
    if (revert_set_compute(mem, &plan, &history, &set, &err) < 0)
        return err.message;
    for (size_t i = 0; i < set.count; i++)
        text = talloc_asprintf_append_buffer(text, "%s", set.items[i].row->name);
    return text;
}

Test(revert_set, to_a_version_or_by_steps)
{
    plan.to_version = 30;
    cr_expect_str_eq(reverted(), "ed");
    plan.to_version = 35;
    cr_expect_str_eq(reverted(), "ed");
    plan.to_version = 0;
    cr_expect_str_eq(reverted(), "edcba");
    plan.to_version = 50;
    cr_expect_str_eq(reverted(), "");
    plan.steps = 2;
    cr_expect_str_eq(reverted(), "ed");
    plan.steps = 9;
    cr_expect_str_eq(reverted(), "edcba");
}

Test(revert_set, by_rank_not_by_version)
{
    struct history_row last = rows[4];

    rows[4] = rows[1]; /* 20 was applied out of order, last of all */
    rows[1] = last;
    plan.to_version = 10;
    cr_expect_str_eq(reverted(), "bdce");
    plan.to_version = 20;
    cr_expect_str_eq(reverted(), "dce");
    plan.to_version = 0;
    plan.steps = 1;
    cr_expect_str_eq(reverted(), "b");
}

Test(revert_set, reverted_rows_repeatables_and_seeds_are_left_alone)
{
    rows[4].state = HISTORY_REVERTED;
    rows[3].has_version = false;
    rows[3].kind = HISTORY_SEED;
    cr_expect_str_eq(reverted(), "cba");
    plan.steps = 2;
    cr_expect_str_eq(reverted(), "cb");
}

Test(revert_set, steps_count_what_this_run_has_reverted)
{
    rows[4].state = HISTORY_REVERTED;
    rows[4].reverted_now = true;
    plan.steps = 2;
    cr_expect_str_eq(reverted(), "d");
    plan.steps = 1;
    cr_expect_str_eq(reverted(), "");
}

Test(revert_set, a_skipped_row_needs_no_way_back)
{
    rows[4].state = HISTORY_SKIPPED;
    rows[4].checksum = "another";
    migrations[4].sections[SECTION_DOWN].count = 0;
    plan.steps = 2;
    cr_expect_str_eq(reverted(), "ed");
}

Test(revert_set, each_refusal_has_its_words)
{
    rows[0].checksum = "another";
    cr_expect_str_eq(reverted(), "migration a was changed after it was applied");
    migrations[1].sections[SECTION_DOWN].count = 0;
    cr_expect_str_eq(reverted(), "migration b has no down section");
    rows[2].state = HISTORY_STARTED;
    cr_expect_str_eq(reverted(), "migration c is started and not done");
    rows[3].kind = HISTORY_BASELINE;
    cr_expect_str_eq(reverted(), "migration 0040_d was recorded by baseline, it was never run");
    cr_expect_str_eq(err.hint, "Nothing was touched. Roll back to it, not past it: --to 40.");
    rows[4].name = "z";
    cr_expect_str_eq(reverted(), "applied migration 0050_z is missing from files");
    cr_expect_str_eq(err.detail,
                     "also: migration 0040_d was recorded by baseline, it was never run; migration "
                     "c is started and not done; migration b has no down section; migration a was "
                     "changed after it was applied");
    cr_expect_eq(err.kind, ERR_CONFLICT);
}

Test(revert_set, one_that_is_half_reverted_is_gone_on_with)
{
    rows[4].state = HISTORY_STARTED;
    rows[4].reverting = true;
    rows[4].checksum = "another"; /* its statements are looked at, not the file */
    plan.steps = 1;
    cr_expect_str_eq(reverted(), "e");
}

Test(revert_set, what_is_below_the_target_does_not_matter)
{
    rows[0].checksum = "another";
    rows[1].name = "z";
    plan.to_version = 20;
    cr_expect_str_eq(reverted(), "edc");
}
