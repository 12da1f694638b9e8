/*
 * test_report_repair.c: repairs for people and programs, and what a baseline says of itself.
 */
#include "orchestrator/report_repair.h"

#include "common/mem.h"
#include "orchestrator/report_json.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_summary.h"
#include "tests/harness/schema_check.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static struct report_fixture fixture;

static void setup_for(const char *operation, enum job_action action)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, operation, 3);
    fixture.request.plan.action = action;
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_repair, .fini = teardown);

static void add(size_t index, enum job_repair_kind kind, int64_t version, const char *name,
                const char *was)
{
    struct job_repair *repair = job_add_repair(&fixture.result.jobs[index]);

    *repair = (struct job_repair){
        .kind = kind, .version = version, .name = name, .was = was, .rank = version};
    fixture.result.jobs[index].outcome = OUTCOME_MIGRATED;
}

static void one_of_each(void)
{
    setup_for("repair", JOB_REPAIR);
    for (size_t i = 0; i < 2; i++) {
        add(i, JOB_REPAIR_CHECKSUM, 39, "handles", "sha256:0");
        add(i, JOB_REPAIR_NAME, 38, "new\033", "old\n");
    }
    add(2, JOB_REPAIR_DONE, 39, "handles", "statement 2");
    add(2, JOB_REPAIR_NOT_DONE, 39, "handles", "statement 1 of the way back");
    add(2, JOB_REPAIR_UNSKIP, 37, "orders", "skipped");
    add(2, JOB_REPAIR_FORGET, 9, "gone", "applied");
    add(2, JOB_REPAIR_INDEX, 0, "public.i", "invalid");
}

Test(report_repair, grouped_by_equal_repairs)
{
    one_of_each();
    cr_expect_str_eq(
        report_fixture_text(&fixture, report_repair),
        "2 tenants: store-0001, store-0002\n"
        "    0039_handles: the file was changed, its statements too: its checksum is recorded, "
        "nothing is run\n"
        "    0038_new\\x1B: the file was renamed, it was \"old \": its name is recorded\n"
        "1 tenant: store-0003\n"
        "    0039_handles: statement 2 counts as done\n"
        "    0039_handles: statement 1 of the way back counts as not done\n"
        "    0037_orders: it was skipped: it is pending again\n"
        "    0009_gone: its file is gone for good: it does not count as applied any more\n"
        "    public.i: an invalid index that nobody is building: it is dropped\n"
        "\n"
        "run 20261123T061500Z-4f2a: 3 tenants: 3 repaired, 0 current, 0 failed, 0 held, "
        "0 unreachable, 0 locked, 0 unknown, 0 cancelled, 0 conflict in 41.2s\n");
}

Test(report_repair, json_fits_its_schema)
{
    json_t *schema = json_load_file("docs/report.schema.json", 0, NULL);
    json_t *root, *item;
    char *wrong;

    one_of_each();
    fixture.result.jobs[0].repairs[0].cosmetic = true;
    root = json_loads(report_fixture_text(&fixture, report_json), JSON_REJECT_DUPLICATES, NULL);
    wrong = schema_check(fixture.mem, schema, root);
    cr_expect_null(wrong, "%s", wrong);
    item = json_array_get(
        json_object_get(json_array_get(json_object_get(root, "tenants"), 0), "repairs"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(item, "what")), "checksum");
    cr_expect_str_eq(json_string_value(json_object_get(item, "version")), "0039");
    cr_expect(json_is_true(json_object_get(item, "cosmetic")));
    json_decref(root);
    json_decref(schema);
}

Test(report_repair, nothing_to_repair)
{
    setup_for("repair", JOB_REPAIR);
    cr_expect(strstr(report_fixture_text(&fixture, report_repair), "nothing to repair: "));
    fixture.report.quiet = true;
    cr_expect_str_empty(report_fixture_text(&fixture, report_repair));
}

Test(report_repair, an_unknown_statement_is_told_with_its_command)
{
    struct job *job;
    const char *text;

    setup_for("migrate", JOB_MIGRATE);
    job = report_fixture_ended(&fixture, 1, OUTCOME_FAILED, 38);
    err_set_at(&job->err, ERR_CONFLICT, "migrations/store/0039_handles.sql", 4, 0,
               "statement 2 of 3 was running");
    text = report_fixture_text(&fixture, report_summary);
    cr_expect(strstr(text, "state: at 0038; the statements before it have stayed, nothing more was "
                           "run\n"),
              "%s", text);
    cr_expect(strstr(text, "next: look whether it was done, then: pgtide repair --done -t "
                           "store-0002 (or --not-done)\n"),
              "%s", text);
}

Test(report_repair, a_tenant_without_a_history_is_shown_baseline)
{
    struct job *job;
    const char *text;

    setup_for("migrate", JOB_MIGRATE);
    job = report_fixture_ended(&fixture, 1, OUTCOME_FAILED, 0);
    job->has_history = false;
    err_set(&job->err, ERR_CONFLICT, "schema \"public\" has objects but no history of pgtide");
    text = report_fixture_text(&fixture, report_summary);
    cr_expect(strstr(text, "pgtide baseline --to VERSION --dry-run -t store-0002\n"), "%s", text);
}

Test(report_repair, a_baseline_runs_nothing)
{
    const char *text;

    setup_for("baseline", JOB_BASELINE_PLAN);
    report_fixture_moved(&fixture, 0, 0, 38)->outcome = OUTCOME_PENDING;
    text = report_fixture_text(&fixture, report_plan);
    cr_expect(strstr(text, " (recorded, not run)\n"), "%s", text);
    cr_expect(strstr(text, "nothing would be run; pgtide migrate does the rest afterwards\n"), "%s",
              text);
    fixture.request.plan.action = JOB_BASELINE;
    fixture.result.jobs[0].outcome = OUTCOME_MIGRATED;
    text = report_fixture_text(&fixture, report_summary);
    cr_expect(strstr(text, "recorded only, nothing was run; pgtide migrate does the rest\n"), "%s",
              text);
    cr_expect(strstr(text, "3 tenants: 1 baselined, 2 current, 0 failed"), "%s", text);
}
