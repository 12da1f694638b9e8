/*
 * test_report_json.c: the JSON report against its schema, and its values against the run's.
 */
#include "orchestrator/report_json.h"

#include "common/mem.h"
#include "tests/harness/schema_check.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct report_fixture fixture;
static json_t *root;

static void setup_for(const char *operation)
{
    report_fixture_init(&fixture, operation, 6);
}

static void teardown(void)
{
    json_decref(root);
    report_fixture_free(&fixture);
}

TestSuite(report_json, .fini = teardown);

/* Makes the report, reads it back, and holds it against docs/report.schema.json. */
static void make_report(void)
{
    const char *text = report_fixture_text(&fixture, report_json);
    json_error_t error;
    json_t *schema = json_load_file("docs/report.schema.json", 0, &error);
    char *wrong;

    cr_assert_not_null(schema, "schema: %s at line %d", error.text, error.line);
    json_decref(root);
    root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s at line %d of\n%s", error.text, error.line, text);
    wrong = schema_check(fixture.mem, schema, root);
    cr_expect_null(wrong, "%s", wrong);
    json_decref(schema);
}

/* The value at a path such as "tenants.2.error.detail". */
static json_t *at(const char *path)
{
    json_t *value = root;

    while (value && *path) {
        size_t len = strcspn(path, ".");
        char *key = mem_strndup(fixture.mem, path, len);

        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
        path += len + (path[len] == '.');
    }
    return value;
}

static const char *text_at(const char *path)
{
    const char *text = json_string_value(at(path));

    cr_assert_not_null(text, "%s is no string", path);
    return text;
}

static int64_t number_at(const char *path)
{
    cr_assert(json_is_integer(at(path)), "%s is no number", path);
    return json_integer_value(at(path));
}

Test(report_json, head)
{
    setup_for("migrate");
    report_fixture_moved(&fixture, 0, 38, 40);
    make_report();
    cr_expect_str_eq(text_at("pgtide"), PGTIDE_VERSION);
    cr_expect_str_eq(text_at("operation"), "migrate");
    cr_expect_str_eq(text_at("run.id"), "20261123T061500Z-4f2a");
    cr_expect_str_eq(text_at("run.startedAt"), "2026-11-23T06:15:00.000Z");
    cr_expect_str_eq(text_at("run.finishedAt"), "2026-11-23T06:15:41.234Z");
    cr_expect_eq(number_at("run.durationMs"), 41234);
    cr_expect_str_eq(text_at("run.host"), "ops1");
    cr_expect_eq(number_at("fleet.tenants"), 6);
    cr_expect_str_eq(text_at("catalog.head"), "0040");
    cr_expect_eq(number_at("catalog.migrations"), FIXTURE_MIGRATIONS);
    cr_expect_str_eq(text_at("result"), "succeeded");
    cr_expect(json_is_null(at("halt")));
    cr_expect_eq(number_at("totals.migrated"), 1);
    cr_expect_eq(number_at("totals.current"), 5);
    cr_expect_eq(json_array_size(at("failures")), 0);
    cr_expect_null(at("groups"));
    cr_expect_null(at("versions"));
}

Test(report_json, what_cut_the_run_off)
{
    setup_for("migrate");
    fixture.request.closes_wall_ms = INT64_C(1795399200000);
    fixture.request.closes_why = "max_duration";
    make_report();
    cr_expect(json_is_null(at("closed")), "it was in time");
    fixture.result.closed = true;
    make_report();
    cr_expect_str_eq(text_at("closed.why"), "max_duration");
    cr_expect_str_eq(text_at("closed.at"), "2026-11-23T02:00:00.000Z");
    cr_expect(json_is_null(at("closed.opensAt")));
    fixture.request.closes_why = "window";
    fixture.request.opens_wall_ms = fixture.request.closes_wall_ms + 3600 * 1000;
    make_report();
    cr_expect_str_eq(text_at("closed.why"), "window");
    cr_expect_str_eq(text_at("closed.opensAt"), "2026-11-23T03:00:00.000Z");
}

Test(report_json, bundle_and_releases)
{
    setup_for("migrate");
    for (size_t i = 0; i < 4; i++)
        fixture.migrations[i].release = "1.20.0";
    fixture.release.last_version = 39;
    fixture.release.upgrade = "Stop it.\n";
    report_fixture_moved(&fixture, 0, 39, 40); /* of no release */
    report_fixture_ended(&fixture, 1, OUTCOME_CURRENT, 38);
    make_report();
    cr_expect(json_is_null(at("catalog.bundle")));
    cr_expect_eq(json_array_size(at("releases")), 0);
    cr_expect_str_eq(text_at("tenants.0.release"), "1.20.0");
    cr_expect(json_is_null(at("tenants.1.release")));
    fixture.catalog.bundle = "sha256:00cc";
    report_fixture_moved(&fixture, 2, 38, 39);
    make_report();
    cr_expect_str_eq(text_at("catalog.bundle"), "sha256:00cc");
    cr_expect_eq(json_array_size(at("releases")), 1);
    cr_expect_str_eq(text_at("releases.0.name"), "1.20.0");
    cr_expect_str_eq(text_at("releases.0.upgrade"), "Stop it.\n");
}

Test(report_json, a_tenant_and_its_work)
{
    setup_for("migrate");
    report_fixture_moved(&fixture, 0, 38, 40);
    job_add_step(&fixture.result.jobs[0])->migration = &fixture.repeatable;
    job_add_step(&fixture.result.jobs[0])->seed = &fixture.seed;
    fixture.result.jobs[0].steps[0].skipped = true;
    fixture.fleet.tenants[0].schema = "shop";
    make_report();
    cr_expect_str_eq(text_at("tenants.0.name"), "store-0001");
    cr_expect_str_eq(text_at("tenants.0.server"), "eu1");
    cr_expect_str_eq(text_at("tenants.0.schema"), "shop");
    cr_expect(json_is_null(at("tenants.1.schema")));
    cr_expect_str_eq(text_at("tenants.0.outcome"), "migrated");
    cr_expect_str_eq(text_at("tenants.0.initialVersion"), "0038");
    cr_expect_str_eq(text_at("tenants.0.version"), "0040");
    cr_expect_str_eq(text_at("tenants.0.startedAt"), "2026-11-23T06:15:00.250Z");
    cr_expect_eq(number_at("tenants.0.backendPid"), 4711);
    cr_expect_eq(json_array_size(at("tenants.0.migrations")), 3);
    cr_expect_str_eq(text_at("tenants.0.migrations.0.version"), "0039");
    cr_expect_str_eq(text_at("tenants.0.migrations.0.name"), "handles");
    cr_expect(json_is_true(at("tenants.0.migrations.0.skipped")));
    cr_expect_null(at("tenants.0.migrations.1.skipped"));
    cr_expect_eq(number_at("tenants.0.migrations.1.durationMs"), 10);
    cr_expect(json_is_null(at("tenants.0.migrations.2.version")));
    cr_expect_str_eq(text_at("tenants.0.migrations.2.kind"), "repeatable");
    cr_expect_str_eq(text_at("tenants.0.seeds.0.name"), "base/01_regions.json");
    cr_expect(json_is_null(at("tenants.0.error")));
}

Test(report_json, batches)
{
    setup_for("migrate");
    fixture.migrations[3].directives.batch = 5000;
    report_fixture_moved(&fixture, 0, 38, 40);
    fixture.result.jobs[0].steps[0].batches = 3;
    fixture.result.jobs[0].steps[0].rows = 12000;
    make_report();
    cr_expect_eq(number_at("tenants.0.migrations.0.batches"), 3);
    cr_expect_eq(number_at("tenants.0.migrations.0.rows"), 12000);
    cr_expect_null(at("tenants.0.migrations.1.batches"));
}

Test(report_json, failures_and_halt)
{
    setup_for("migrate");
    report_fixture_duplicate(&fixture, 1);
    report_fixture_duplicate(&fixture, 4);
    fixture.result.halt = (struct run_halt){.halted = true,
                                            .rule = "max_failures",
                                            .limit = {.value = 5, .percent = true},
                                            .tolerated = 1,
                                            .failures = 2,
                                            .in_work = 1};
    fixture.report.exit_code = 4;
    make_report();
    cr_expect_str_eq(text_at("result"), "halted");
    cr_expect_eq(number_at("exitCode"), 4);
    cr_expect_str_eq(text_at("halt.rule"), "max_failures");
    cr_expect_eq(number_at("halt.limit"), 1);
    cr_expect_eq(number_at("halt.inWork"), 1);
    cr_expect_eq(json_array_size(at("failures")), 1);
    cr_expect_str_eq(text_at("failures.0.sqlstate"), "23505");
    cr_expect_str_eq(text_at("failures.0.file"), "migrations/store/0039_handles.sql");
    cr_expect_eq(number_at("failures.0.line"), 4);
    cr_expect_eq(number_at("failures.0.count"), 2);
    cr_expect_str_eq(text_at("failures.0.tenants.1"), "store-0005");
    cr_expect_str_eq(text_at("tenants.4.error.detail"), "Key (handle)=(shirt-4) already exists.");
    cr_expect_str_eq(text_at("tenants.4.error.statement"),
                     "ALTER TABLE product\n    ADD UNIQUE (handle)");
}

Test(report_json, results_have_names)
{
    setup_for("migrate");
    report_fixture_duplicate(&fixture, 1);
    make_report();
    cr_expect_str_eq(text_at("result"), "partial");
    fixture.result.signal = SIGINT;
    make_report();
    cr_expect_str_eq(text_at("result"), "interrupted");
}

Test(report_json, what_is_not_known_is_null)
{
    struct job *job;

    setup_for("migrate");
    job = report_fixture_ended(&fixture, 2, OUTCOME_CANCELLED, 0);
    job->inspected = false;
    job->attempt = 0;
    job->started_wall_ms = 0;
    job->duration_ms = 0;
    job->backend_pid = 0;
    make_report();
    cr_expect_eq(number_at("tenants.2.attempts"), 0);
    cr_expect(json_is_null(at("tenants.2.startedAt")));
    cr_expect(json_is_null(at("tenants.2.durationMs")));
    cr_expect(json_is_null(at("tenants.2.backendPid")));
    cr_expect(json_is_null(at("tenants.2.version")));
    cr_expect(json_is_null(at("tenants.2.initialVersion")));
}

Test(report_json, hostile_text_stays_json)
{
    struct job *job;

    setup_for("migrate");
    job = report_fixture_ended(&fixture, 0, OUTCOME_FAILED, 38);
    err_set(&job->err, ERR_SQL, "bad \xFF byte, \"quotes\"\nand \\ a line \xE2\x82");
    err_detail(&job->err, "%5000s|", "long");
    make_report();
    cr_expect_str_eq(text_at("tenants.0.error.message"),
                     "bad \uFFFD byte, \"quotes\"\nand \\ a line \uFFFD\uFFFD");
    cr_expect_eq(strlen(text_at("tenants.0.error.detail")), 5001, "long text is whole");
}

Test(report_json, plan_has_groups)
{
    setup_for("plan");
    report_fixture_moved(&fixture, 1, 38, 40);
    report_fixture_moved(&fixture, 2, 38, 40);
    report_fixture_moved(&fixture, 3, 39, 40)->steps[0].held = true;
    make_report();
    cr_expect_str_eq(text_at("result"), "succeeded", "pending is no problem");
    cr_expect_eq(json_array_size(at("groups")), 2);
    cr_expect_str_eq(text_at("groups.0.tenants.1"), "store-0003");
    cr_expect_str_eq(text_at("groups.0.migrations.1.name"), "index");
    cr_expect(json_is_true(at("groups.1.migrations.0.held")));
    cr_expect(json_is_null(at("tenants.1.migrations.0.durationMs")));
}

Test(report_json, status_has_versions)
{
    setup_for("status");
    report_fixture_moved(&fixture, 1, 38, 40);
    report_fixture_moved(&fixture, 2, 0, 40);
    make_report();
    cr_expect_eq(json_array_size(at("versions")), 3);
    cr_expect_str_eq(text_at("versions.0.version"), "0040");
    cr_expect_eq(json_array_size(at("versions.0.tenants")), 4);
    cr_expect_str_eq(text_at("versions.1.tenants.0"), "store-0002");
    cr_expect(json_is_null(at("versions.2.version")));
}

Test(report_json, a_full_disk_is_noticed)
{
    FILE *full = fopen("/dev/full", "w");

    setup_for("migrate");
    report_fixture_count(&fixture);
    cr_assert_not_null(full);
    cr_expect_eq(report_json(&fixture.report, full), -1);
    fclose(full);
}
