/*
 * report_junit.c: a run as test results.
 */
#include "orchestrator/report_junit.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/markup.h"
#include "orchestrator/report_text.h"

/* --- what a tenant is among tests -------------------------------------------------------- */

enum verdict { PASSED, FAILED, BROKEN, SKIPPED, VERDICTS };

static enum verdict verdict_of(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_FAILED:
    case OUTCOME_HELD:
    case OUTCOME_CONFLICT:
        return FAILED;
    case OUTCOME_UNREACHABLE:
    case OUTCOME_LOCKED:
    case OUTCOME_UNKNOWN:
        return BROKEN;
    case OUTCOME_CANCELLED:
        return SKIPPED;
    default:
        return PASSED;
    }
}

/* --- elements ---------------------------------------------------------------------------- */

static void add_attribute(struct strbuf *out, const char *name, const char *value)
{
    strbuf_printf(out, " %s=\"", name);
    markup_line(out, value);
    strbuf_char(out, '"');
}

static void add_seconds(struct strbuf *out, int64_t ms)
{
    strbuf_printf(out, " time=\"%lld.%03lld\"", (long long)(ms / 1000), (long long)(ms % 1000));
}

/* Of some tenants, of a wave or of the run. */
static void add_counts(struct strbuf *out, const size_t totals[OUTCOME_COUNT])
{
    size_t counts[VERDICTS] = {0};

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        counts[verdict_of(outcome)] += totals[outcome];
    strbuf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
                  counts[PASSED] + counts[FAILED] + counts[BROKEN] + counts[SKIPPED],
                  counts[FAILED], counts[BROKEN], counts[SKIPPED]);
}

/* "hint: ..." in a line of its own; nothing for NULL. */
static void add_line(struct strbuf *out, const char *name, const char *text)
{
    if (!text)
        return;
    strbuf_printf(out, "%s: ", name);
    markup_text(out, text);
    strbuf_char(out, '\n');
}

static void add_problem(struct strbuf *out, const struct report *report, const struct job *job)
{
    enum verdict verdict = verdict_of(job->outcome);
    const char *element = verdict == SKIPPED ? "skipped" : verdict == BROKEN ? "error" : "failure";
    struct strbuf cause;

    strbuf_init(&cause, NULL);
    report_text_cause(&cause, report->request->plan.catalog, &job->err, NULL);
    strbuf_printf(out, "      <%s", element);
    add_attribute(out, "message", cause.text);
    strbuf_release(&cause);
    if (verdict == SKIPPED) { /* it has neither type nor text */
        strbuf_str(out, "/>\n");
        return;
    }
    add_attribute(out, "type", outcome_name(job->outcome));
    strbuf_char(out, '>');
    add_line(out, "detail", job->err.detail);
    add_line(out, "statement", job->err.statement);
    add_line(out, "hint", job->err.hint);
    strbuf_printf(out, "</%s>\n", element);
}

static void add_case(struct strbuf *out, const struct report *report, const struct job *job)
{
    bool passed = verdict_of(job->outcome) == PASSED;

    strbuf_str(out, "    <testcase");
    add_attribute(out, "name", job->tenant->name);
    add_attribute(out, "classname", job->tenant->server->name);
    add_seconds(out, job->started_wall_ms ? job->duration_ms : 0);
    strbuf_str(out, passed ? "/>\n" : ">\n");
    if (passed)
        return;
    add_problem(out, report, job);
    strbuf_str(out, "    </testcase>\n");
}

/* --- suites ------------------------------------------------------------------------------ */

/* The jobs `index` says, or all of them; false: it could not be written. */
static bool write_suite(FILE *out, const struct report *report, const struct wave_group *group)
{
    const struct run_result *result = report->result;
    size_t wave = group ? (size_t)(group - report->request->waves->groups) : 0;
    const size_t *totals = group ? result->waves[wave].totals : result->totals;
    const char *name = group && group->wave ? group->wave->name : report->request->operation;
    size_t jobs = group ? group->count : result->job_count;
    struct strbuf text;
    bool written = true;

    strbuf_init(&text, NULL);
    strbuf_str(&text, "  <testsuite");
    add_attribute(&text, "name", name);
    add_counts(&text, totals);
    strbuf_str(&text, ">\n");
    for (size_t i = 0; i < jobs && written; i++) {
        add_case(&text, report, &result->jobs[group ? group->jobs[i] : i]);
        written = report_text_write(&text, out) == 0;
        strbuf_reset(&text);
    }
    strbuf_str(&text, "  </testsuite>\n");
    written = written && report_text_write(&text, out) == 0;
    strbuf_release(&text);
    return written;
}

static bool write_suites(FILE *out, const struct report *report)
{
    const struct wave_plan *waves = report->request->waves;
    bool has_waves = waves && waves->groups[0].wave;
    bool written = true;

    if (!has_waves)
        return write_suite(out, report, NULL);
    for (size_t i = 0; i < waves->group_count && written; i++)
        written = write_suite(out, report, &waves->groups[i]);
    return written;
}

static void add_head(struct strbuf *out, const struct report *report)
{
    const struct run_result *result = report->result;
    char *began = clock_iso(NULL, result->started_wall_ms);

    strbuf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    add_attribute(out, "name", report->request->operation);
    add_attribute(out, "id", result->run_id);
    if (result->started_wall_ms != 0)
        add_attribute(out, "timestamp", began);
    add_counts(out, result->totals);
    add_seconds(out, result->duration_ms);
    strbuf_str(out, ">\n");
    talloc_free(began);
}

int report_junit(const struct report *report, FILE *out)
{
    struct strbuf head;
    bool written;

    strbuf_init(&head, NULL);
    add_head(&head, report);
    written = report_text_write(&head, out) == 0;
    strbuf_release(&head);
    if (!written || !write_suites(out, report))
        return -1;
    fputs("</testsuites>\n", out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
