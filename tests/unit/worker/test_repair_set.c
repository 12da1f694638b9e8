/*
 * test_repair_set.c: which rows a repair puts right, and what it leaves.
 */
#include "worker/repair_set.h"

#include "common/mem.h"

#include <criterion/criterion.h>

enum { FILES = 3 };

static const char *const names[FILES] = {"a", "b", "c"};
static void *mem;
static struct migration migrations[FILES];
static struct sql_statement statements[2];
static struct history_row rows[FILES];
static struct catalog catalog;
static struct history history;
static struct settings settings;
static struct tenant tenant;
static struct repair_choices choices;
static struct job_plan plan;
static struct job job;
static struct repair_set set;
static struct err err;

/* Three files, versions 10 to 30, all applied. */
static void setup(void)
{
    mem = mem_context(NULL);
    err = ERR_INIT;
    for (size_t i = 0; i < FILES; i++) {
        migrations[i] = (struct migration){.version = (int64_t)(i + 1) * 10,
                                           .name = names[i],
                                           .label = names[i],
                                           .file = names[i],
                                           .text = "",
                                           .checksum = mem_printf(mem, "sum-%s", names[i]),
                                           .code_checksum = "code"};
        migrations[i].sections[SECTION_UP] =
            (struct section){.present = true, .statements = statements, .count = 2};
        rows[i] = (struct history_row){.rank = (int64_t)i + 1,
                                       .has_version = true,
                                       .version = migrations[i].version,
                                       .name = names[i],
                                       .checksum = migrations[i].checksum,
                                       .code_checksum = "code",
                                       .prefix = ""};
    }
    statements[1].flags = 0;
    catalog =
        (struct catalog){.source = "files", .migrations = migrations, .count = FILES, .head = 30};
    history = (struct history){.exists = true, .rows = rows, .count = FILES};
    settings.out_of_order_allow = true; /* files whose rows are planted away are pending */
    tenant = (struct tenant){.settings = &settings, .history_schema = "public"};
    choices = (struct repair_choices){.unknown = REPAIR_ASK};
    plan = (struct job_plan){.action = JOB_REPAIR, .catalog = &catalog, .repair = &choices};
    job = (struct job){.plan = &plan, .tenant = &tenant};
}

static void teardown(void)
{
    err_clear(&err);
    talloc_free(mem);
}

TestSuite(repair_set, .init = setup, .fini = teardown);

/* "name checksum, left: message" */
static const char *repaired(void)
{
    char *text = mem_strdup(mem, "");
    int left;

    err_clear(&err);
    left = repair_set_compute(mem, &job, &history, &set, &err);
    for (size_t i = 0; i < set.count; i++)
        text = talloc_asprintf_append_buffer(text, "%s%s %s", i ? ", " : "", set.items[i].was.name,
                                             job_repair_name(set.items[i].kind));
    if (left < 0)
        text = talloc_asprintf_append_buffer(text, "; left: %s", err.message);
    return text;
}

static void unknown(size_t index)
{
    rows[index].state = HISTORY_STARTED;
    rows[index].running = 2;
    rows[index].statements_total = 2;
}

Test(repair_set, nothing_is_wrong)
{
    cr_expect_str_eq(repaired(), "");
}

Test(repair_set, what_the_catalog_proves)
{
    rows[0].checksum = "old";
    rows[2].name = "z";
    cr_expect_str_eq(repaired(), "a checksum, z name");
    cr_expect_str_eq(repaired(), "", "the rows are as they will be");
    cr_expect_str_eq(rows[2].name, "c");
}

/* Two files of one version: the other's row is not that of a renamed file. */
Test(repair_set, a_row_of_another_file_is_not_renamed)
{
    migrations[1].version = 10;
    migrations[1].checksum = migrations[0].checksum;
    rows[1].version = 10;
    rows[1].checksum = migrations[0].checksum;
    rows[2].version = 10;
    rows[2].name = "gone";
    rows[2].checksum = migrations[0].checksum;
    cr_expect_str_eq(repaired(), "; left: applied migration 0010_gone is missing from files");
}

Test(repair_set, reverted_rows_are_left_alone)
{
    rows[2].state = HISTORY_REVERTED;
    rows[2].checksum = "old";
    cr_expect_str_eq(repaired(), "");
}

Test(repair_set, forgotten_and_unskipped_by_name_only)
{
    static const int64_t versions[] = {20};

    rows[1].name = "gone";
    rows[1].checksum = "old";
    cr_expect_str_eq(repaired(), "; left: applied migration 0020_gone is missing from files");
    choices.forget = versions;
    choices.forget_count = 1;
    cr_expect_str_eq(repaired(), "gone forgotten");

    rows[1] = (struct history_row){.has_version = true,
                                   .version = 20,
                                   .name = "b",
                                   .checksum = "",
                                   .code_checksum = "",
                                   .state = HISTORY_SKIPPED};
    settings.out_of_order_allow = false;
    choices.unskip = versions;
    choices.unskip_count = 1;
    cr_expect_str_eq(repaired(), "b pending", "and it is not out of order");
}

Test(repair_set, unknown_statements)
{
    unknown(2);
    cr_expect_str_eq(repaired(), "; left: statement 2 of 2 was running when the connection ended; "
                                 "whether it was done is not known");
    choices.unknown = REPAIR_DONE;
    rows[2].checksum = "old";
    cr_expect_str_eq(repaired(), "; left: migration c was changed while the outcome of its "
                                 "statement 2 is not known");
    rows[2].checksum = migrations[2].checksum;
    cr_expect_str_eq(repaired(), "c done");
    unknown(2);
    choices.unknown = REPAIR_NOT_DONE;
    rows[2].checksum = "old";
    cr_expect_str_eq(repaired(), "c not done");
}

Test(repair_set, what_may_be_repeated_is_not_unknown)
{
    unknown(2);
    statements[1].flags = SQL_REPEATABLE;
    cr_expect_str_eq(repaired(), "");
    statements[1].flags = 0;
    rows[2].running = 3; /* the file has become shorter */
    cr_expect_str_eq(repaired(), "");
}

/* Renamed, and its statement is unknown: both in one go. */
Test(repair_set, two_things_in_one_row)
{
    unknown(2);
    rows[2].name = "z";
    choices.unknown = REPAIR_DONE;
    cr_expect_str_eq(repaired(), "z name, c done");
}

Test(repair_set, all_that_is_left_is_told)
{
    unknown(2);
    rows[0].name = "gone";
    rows[0].checksum = "old";
    (void)repaired();
    cr_expect_str_eq(err.message, "applied migration 0010_gone is missing from files");
    cr_expect(strstr(err.detail, "also: statement 2 of 2 was running"), "%s", err.detail);
}
