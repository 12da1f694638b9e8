/*
 * test_report_formats.c: the reports that are files only: CSV, JUnit, Prometheus, Markdown, HTML.
 */
#include "common/mem.h"
#include "orchestrator/report_csv.h"
#include "orchestrator/report_html.h"
#include "orchestrator/report_junit.h"
#include "orchestrator/report_markdown.h"
#include "orchestrator/report_prometheus.h"
#include "orchestrator/report_status.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <locale.h>

static struct report_fixture fixture;
static struct wave waves[2];
static struct run_wave states[2];

/* A name that means something in every one of the formats. */
static const char trouble[] = "a <b> & \"c\", `d|e` \\f\n_g_ \x01\xFF";

static void set_name(size_t index, const char *name)
{
    struct tenant *tenant = mem_new(fixture.mem, struct tenant);

    *tenant = *fixture.result.jobs[index].tenant;
    tenant->name = name;
    fixture.result.jobs[index].tenant = tenant;
}

/* One of each outcome: 0 moved, 1 failed, 2 held, 3 unreachable, 4 cancelled, 5 current. */
static void setup(void)
{
    struct job *job;

    setlocale(LC_CTYPE, "C.UTF-8");
    report_fixture_init(&fixture, "migrate", 6);
    report_fixture_moved(&fixture, 0, 38, 40);
    report_fixture_duplicate(&fixture, 1);
    set_name(1, trouble);
    job = report_fixture_ended(&fixture, 2, OUTCOME_HELD, 38);
    err_set_at(&job->err, ERR_HELD, "migrations/store/0039_handles.sql", 9, 0,
               "require query gave false");
    job = report_fixture_ended(&fixture, 3, OUTCOME_UNREACHABLE, 0);
    job->inspected = false;
    err_set(&job->err, ERR_UNREACHABLE, "connection to server at \"db-us1\" failed");
    job = report_fixture_ended(&fixture, 4, OUTCOME_CANCELLED, 0);
    job->inspected = false;
    job->started_wall_ms = 0;
    job->attempt = 0;
    err_set(&job->err, ERR_CANCELLED, "not started: the run was halted");
    fixture.result.halt = (struct run_halt){
        .halted = true, .rule = "max_failures", .tolerated = 0, .failures = 1, .in_work = 2};
    fixture.report.exit_code = 4;
}

/* canary: jobs 0 and 1; rest: the others. */
static void make_waves(void)
{
    waves[0] = (struct wave){.name = "canary", .has_size = true, .size = {2, false}};
    waves[1] = (struct wave){.name = "rest & more"};
    report_fixture_waves(&fixture, waves, ARRAY_LEN(waves));
    memset(states, 0, sizeof(states));
    for (size_t i = 0; i < 6; i++)
        states[i > 1].totals[fixture.result.jobs[i].outcome]++;
    states[0].state = RUN_WAVE_STOPPED;
    fixture.result.waves = states;
    fixture.result.wave_count = 2;
}

static void teardown(void)
{
    report_fixture_free(&fixture);
}

TestSuite(report_formats, .init = setup, .fini = teardown);

Test(report_formats, csv)
{
    report_fixture_golden("report.csv", report_fixture_text(&fixture, report_csv));
}

Test(report_formats, junit)
{
    report_fixture_golden("report.xml", report_fixture_text(&fixture, report_junit));
}

Test(report_formats, junit_has_a_suite_for_each_wave)
{
    const char *text;

    make_waves();
    text = report_fixture_text(&fixture, report_junit);
    cr_expect(strstr(text, "<testsuite name=\"canary\" tests=\"2\" failures=\"1\" errors=\"0\" "
                           "skipped=\"0\">\n    <testcase name=\"store-0001\""),
              "%s", text);
    cr_expect(strstr(text, "<testsuite name=\"rest &amp; more\" tests=\"4\" failures=\"1\" "
                           "errors=\"1\" skipped=\"1\">\n    <testcase name=\"store-0003\""),
              "%s", text);
}

Test(report_formats, prometheus)
{
    report_fixture_golden("report.prom", report_fixture_text(&fixture, report_prometheus));
}

Test(report_formats, prometheus_escapes_and_counts_versions)
{
    const char *text;

    report_fixture_free(&fixture);
    report_fixture_init(&fixture, "status", 3);
    report_fixture_ended(&fixture, 1, OUTCOME_PENDING, 38);
    report_fixture_ended(&fixture, 2, OUTCOME_PENDING, 0);
    fixture.fleet.file = "a \"b\" \\c\nd.yaml";
    text = report_fixture_text(&fixture, report_prometheus);
    cr_expect(strstr(text, "{fleet=\"a \\\"b\\\" \\\\c\\nd.yaml\",operation=\"status\","
                           "version=\"0040\"} 1\n"),
              "%s", text);
    cr_expect(strstr(text, ",version=\"0038\"} 1\n"), "%s", text);
    cr_expect(strstr(text, ",version=\"-\"} 1\n"), "%s", text);
}

Test(report_formats, markdown)
{
    report_fixture_golden("report.md", report_fixture_text(&fixture, report_markdown));
}

Test(report_formats, markdown_fences_are_longer_than_what_they_hold)
{
    const char *text;

    err_detail(&fixture.result.jobs[1].err, "a ```` fence");
    text = report_fixture_text(&fixture, report_markdown);
    cr_expect(strstr(text, "\n`````text\n"), "%s", text);
    cr_expect(strstr(text, "\n`````\n"), "%s", text);
}

Test(report_formats, html)
{
    report_fixture_golden("report.html", report_fixture_text(&fixture, report_html));
}

/* The place of `what`, which has to be there. */
static size_t place_of(const char *text, const char *what)
{
    const char *place = strstr(text, what);

    cr_assert_not_null(place, "no %s in:\n%s", what, text);
    return (size_t)(place - text);
}

Test(report_formats, documents_say_first_what_is_most_urgent)
{
    int (*const formats[])(const struct report *, FILE *) = {report_html, report_markdown};

    fixture.report.recorded = true;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const char *text = report_fixture_text(&fixture, formats[i]);
        size_t next = place_of(text, "pgtide retry ");
        size_t failure = place_of(text, "23505 duplicate");
        size_t facts = place_of(text, "exit code");

        cr_expect(place_of(text, "1 failed") < next && next < failure && failure < facts, "%s",
                  text);
        cr_expect(place_of(text, "<details>") < facts, "%s", text);
    }
}

Test(report_formats, html_keeps_columns_and_wraps_the_rest)
{
    const char *text;

    fixture.report.as_text = report_status; /* it begins with a table */
    text = report_fixture_text(&fixture, report_html);
    cr_expect(strstr(text, "<span class=\"row\">tenant "), "%s", text);
    cr_expect(strstr(text, "<span>     <span class=\"dim\">detail:</span> Key"), "%s", text);
    cr_expect_null(strchr(text, '\033'), "%s", text);
}

Test(report_formats, documents_of_a_run_without_tenants)
{
    fixture.result.job_count = 0;
    cr_expect_null(strstr(report_fixture_text(&fixture, report_html), "<details>"));
    cr_expect_null(strstr(report_fixture_text(&fixture, report_markdown), "<details>"));
    fixture.result.job_count = 6;
}

Test(report_formats, a_full_disk_is_told)
{
    static int (*const formats[])(const struct report *, FILE *) = {
        report_csv, report_junit, report_prometheus, report_markdown, report_html};
    FILE *full = fopen("/dev/full", "w");

    report_fixture_count(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        cr_expect_eq(formats[i](&fixture.report, full), -1, "format %zu", i);
    fclose(full);
}
