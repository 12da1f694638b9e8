/*
 * test_report_verify.c: verify's report, and what a rollback says of itself.
 */
#include "orchestrator/report_verify.h"

#include "common/mem.h"
#include "orchestrator/report_json.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_summary.h"
#include "tests/harness/schema_check.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static struct report_fixture fixture;
static struct sql_statement queries[2];

static void setup_for(const char *operation, enum job_action action)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, operation, 6);
    fixture.request.plan.action = action;
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_verify, .fini = teardown);

/* The query number `number` of 0039_handles gave `result` in job `index`. */
static void add_mismatch(size_t index, size_t number, const char *sqlstate, const char *result)
{
    struct job *job = &fixture.result.jobs[index];
    struct migration *migration = &fixture.migrations[3];
    struct job_mismatch *mismatch = job_add_mismatch(job);

    queries[number].end = 11; /* of the file: which text it is does not matter here */
    mismatch->migration = migration;
    mismatch->statement = &queries[number];
    mismatch->line = 9 + (int)number;
    mismatch->result = result;
    snprintf(mismatch->sqlstate, sizeof(mismatch->sqlstate), "%s", sqlstate);
    job->outcome = OUTCOME_CONFLICT;
    if (job->err.kind == ERR_NONE)
        err_set_at(&job->err, ERR_CONFLICT, migration->file, 9, 0, "a verify query is not true");
}

static void some_mismatches(void)
{
    setup_for("verify", JOB_VERIFY);
    for (size_t i = 0; i < 6; i++) {
        struct job_step *step = job_add_step(&fixture.result.jobs[i]);

        step->migration = &fixture.migrations[3];
        step->statements = 2;
    }
    add_mismatch(4, 1, "42P01", "relation \"x\" does not exist");
    add_mismatch(4, 0, "", "false");
    add_mismatch(1, 0, "", "false");
    add_mismatch(2, 0, "", "NULL or no row");
    err_set(&report_fixture_ended(&fixture, 5, OUTCOME_UNREACHABLE, 0)->err, ERR_UNREACHABLE,
            "connection refused");
    fixture.result.jobs[5].step_count = 0;
}

Test(report_verify, each_query_once_with_its_tenants)
{
    char *text;
    char *query;

    some_mismatches();
    query = mem_strndup(fixture.mem, fixture.migrations[3].text, 11);
    text = mem_printf(fixture.mem,
                      "1 × verify query gave NULL or no row at 0039_handles.sql:9: store-0003\n"
                      "     query: %s\n"
                      "2 × verify query gave false at 0039_handles.sql:9: store-0002, store-0005\n"
                      "     query: %s\n"
                      "1 × 42P01 relation \"x\" does not exist at 0039_handles.sql:10: store-0005\n"
                      "     query: %s\n"
                      "\n"
                      "1 × unreachable: connection refused: store-0006\n"
                      "     next: see to server \"us1\"; then the same command again\n"
                      "\n"
                      "10 verify queries asked on 5 tenants\n"
                      "run 20261123T061500Z-4f2a: 6 tenants: 2 current, 0 pending, 3 conflict, "
                      "0 held, 0 failed, 1 unreachable in 41.2s\n",
                      query, query, query);
    cr_expect_str_eq(report_fixture_text(&fixture, report_verify), text);
}

Test(report_verify, one_blank_line_where_nothing_else_is_wrong)
{
    const char *text;

    setup_for("verify", JOB_VERIFY);
    add_mismatch(0, 0, "", "false");
    text = report_fixture_text(&fixture, report_verify);
    cr_expect(strstr(text, "\n\n0 verify queries asked") && !strstr(text, "\n\n\n"), "%s", text);
}

Test(report_verify, json_fits_its_schema)
{
    json_t *schema = json_load_file("docs/report.schema.json", 0, NULL);
    json_t *root, *item;
    char *wrong;

    some_mismatches();
    root = json_loads(report_fixture_text(&fixture, report_json), JSON_REJECT_DUPLICATES, NULL);
    wrong = schema_check(fixture.mem, schema, root);
    cr_expect_null(wrong, "%s", wrong);
    item = json_array_get(
        json_object_get(json_array_get(json_object_get(root, "tenants"), 4), "mismatches"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(item, "version")), "0039");
    cr_expect_str_eq(json_string_value(json_object_get(item, "sqlstate")), "42P01");
    cr_expect_eq(json_integer_value(json_object_get(item, "line")), 10);
    json_decref(root);
    json_decref(schema);
}

Test(report_verify, quiet_says_nothing_when_all_is_true)
{
    setup_for("verify", JOB_VERIFY);
    fixture.report.quiet = true;
    cr_expect_str_empty(report_fixture_text(&fixture, report_verify));
}

Test(report_verify, a_rollback_that_fails)
{
    const char *text;
    struct job *job;

    setup_for("rollback", JOB_ROLLBACK);
    fixture.request.plan.to_version = 37;
    report_fixture_ended(&fixture, 1, OUTCOME_MIGRATED, 37);
    job = report_fixture_ended(&fixture, 0, OUTCOME_FAILED, 39);
    err_set_at(&job->err, ERR_SQL, "migrations/store/0039_handles.sql", 12, 0, "no");
    text = report_fixture_text(&fixture, report_summary);
    cr_expect(strstr(text, "     state: at 0039; 0039_handles is still applied, nothing of its way "
                           "back is left\n"),
              "%s", text);
    cr_expect(strstr(text, "next: fix the cause; then the same command again. One tenant first: "
                           "pgtide rollback --to 0037 -t store-0001\n"),
              "%s", text);
    cr_expect(strstr(text, "repeatables and seeds were not touched; the next migrate"), "%s", text);
    cr_expect(strstr(text, "6 tenants: 1 rolled back, 4 current, 1 failed"), "%s", text);
    fixture.request.plan.steps = 3;
    text = report_fixture_text(&fixture, report_summary);
    cr_expect(strstr(text, "next: fix the cause; then go on with pgtide rollback --to VERSION\n"),
              "%s", text);
    cr_expect(strstr(text, "--steps 3 counts from where a tenant stands"), "%s", text);
}

Test(report_verify, what_a_rollback_would_do)
{
    struct job *job;

    setup_for("rollback", JOB_ROLLBACK_PLAN);
    fixture.request.plan.to_version = 38;
    job = report_fixture_ended(&fixture, 0, OUTCOME_PENDING, 40);
    job_add_step(job)->migration = &fixture.migrations[4];
    job_add_step(job)->migration = &fixture.migrations[3];
    job->steps[0].skipped = true;
    cr_expect_str_eq(report_fixture_text(&fixture, report_plan),
                     "1 tenant at 0040: store-0001\n"
                     "    0040_index (skipped: nothing to undo)\n"
                     "    0039_handles\n"
                     "\n"
                     "repeatables and seeds would not be touched\n"
                     "run 20261123T061500Z-4f2a: 6 tenants: 5 current, 1 pending, 0 conflict, "
                     "0 held, 0 failed, 0 unreachable in 41.2s\n");
}
