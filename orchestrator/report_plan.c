/*
 * report_plan.c: the dry run for people. Tenants with the same work before them make one group, so
 * that four hundred shops are read as the three kinds they are.
 */
#include "orchestrator/report_plan.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_release.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_waves.h"

/* A step by what it is: catalog objects are shared by all jobs, so their addresses name them. */
static char *plan_key(void *parent, const struct job *job)
{
    struct strbuf key;

    if (job->step_count == 0)
        return NULL;
    strbuf_init(&key, parent);
    for (size_t i = 0; i < job->step_count; i++) {
        const struct job_step *step = &job->steps[i];
        const void *what = step->migration ? (const void *)step->migration : step->seed;

        strbuf_printf(&key, "%p%s%s%d ", what,
                      step->held      ? "h"
                      : step->skipped ? "s"
                                      : "",
                      step->begun ? "b" : "", step->done);
    }
    return key.text;
}

struct report_group *report_plan_groups(void *parent, const struct run_result *result,
                                        size_t *ret_count)
{
    return report_group_jobs(parent, result, plan_key, ret_count);
}

/* --- the groups ------------------------------------------------------------------------------ */

/* What is special about a step, "" = an ordinary transactional migration. */
static const char *remark(void *mem, const struct job_step *step, bool rolls_back)
{
    const struct migration *migration = step->migration;

    if (step->held)
        return " (held: its require is not true)";
    if (step->skipped && rolls_back)
        return " (skipped: nothing to undo)";
    if (step->skipped)
        return " (skipped: its when is false)";
    if (!migration)
        return " (seed)";
    if (migration->kind == MIGRATION_REPEATABLE)
        return " (repeatable)";
    if (rolls_back)
        return migration->sections[SECTION_DOWN].no_transaction ? " (outside a transaction)" : "";
    if (step->begun && step->done >= step->statements)
        return " (half-done: its verify is left)";
    if (step->begun && migration->directives.transaction_none)
        return mem_printf(mem, " (half-done: goes on at statement %d of %d)", step->done + 1,
                          step->statements);
    if (step->begun)
        return " (half-done: goes on where it stopped)";
    if (migration->directives.transaction_none)
        return " (outside a transaction)";
    if (migration->directives.batch > 0)
        return mem_printf(mem, " (batches of %lld)", (long long)migration->directives.batch);
    if (migration->sections[SECTION_WHEN].present)
        return " (only when its query is true)";
    return "";
}

/* " at 0038", or what the tenants of a group have in common when it is not that. */
static const char *standing(void *mem, const struct report *report,
                            const struct report_group *group)
{
    int64_t version = group->jobs[0]->version;

    for (size_t i = 1; i < group->count; i++) {
        if (group->jobs[i]->version != version)
            return " at several versions";
    }
    if (version == 0)
        return group->jobs[0]->has_history ? " at no version" : " without a history";
    return mem_printf(mem, " at %s", report_version(mem, report->request->plan.catalog, version));
}

/* Does it go back? */
static bool rolls_back(const struct report *report)
{
    return report->request->plan.action == JOB_ROLLBACK_PLAN;
}

/* Would it run nothing? */
static bool records_only(const struct report *report)
{
    return report->request->plan.action == JOB_BASELINE_PLAN;
}

static void print_group(struct strbuf *out, const struct report *report,
                        const struct report_group *group)
{
    void *mem = mem_context(NULL);
    const struct job *first = group->jobs[0];

    strbuf_printf(out, "%s%s%s%s: ", report_text_ink(report->color, INK_BOLD),
                  report_text_count(mem, group->count, "tenant"), standing(mem, report, group),
                  report_text_ink(report->color, INK_OFF));
    report_text_names(out, group->jobs, group->count, report->verbose);
    strbuf_char(out, '\n');
    for (size_t i = 0; i < first->step_count; i++) {
        const struct job_step *step = &first->steps[i];
        const char *name =
            step->migration ? report_migration_name(mem, step->migration) : step->seed->name;

        strbuf_printf(out, "    %s%s%s%s\n", report_text_line(mem, name, 0),
                      report_text_ink(report->color, step->held ? INK_WARN : INK_DIM),
                      records_only(report) ? " (recorded, not run)"
                                           : remark(mem, step, rolls_back(report)),
                      report_text_ink(report->color, INK_OFF));
    }
    talloc_free(mem);
}

/* --- what is pending anywhere: SQL and upgrade guides ----------------------------------------- */

/* A text of several lines as it stands, each behind `indent`. */
static void print_lines(struct strbuf *out, const char *text, size_t len, const char *indent)
{
    const char *end = text + len;

    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        char *line = report_text_verbatim(NULL, text, length);

        strbuf_printf(out, "%s%s\n", length ? indent : "", line);
        talloc_free(line);
        text += length + (stop ? 1 : 0);
    }
}

static void print_sql(struct strbuf *out, const struct migration *migration, enum section_kind kind)
{
    const struct section *section = &migration->sections[kind];

    strbuf_printf(out, "\n-- %s\n", migration_section_file(migration, kind));
    if (kind == SECTION_UP && migration->directives.batch > 0)
        strbuf_printf(out, "-- in batches of %lld, each a transaction, until one changes no row\n",
                      (long long)migration->directives.batch);
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *statement = &section->statements[i];

        print_lines(out, migration->text + statement->start, statement->end - statement->start, "");
        out->text[out->len - 1] = ';'; /* the last line's end */
        strbuf_char(out, '\n');
        if (statement->flags & SQL_COPY_STDIN)
            strbuf_printf(out, "-- %zu bytes of data\n",
                          statement->copy_end - statement->copy_start);
    }
}

/* Marks what is pending in any group; both arrays as long as the catalog's lists. */
static void mark_pending(const struct report_group *groups, size_t count, bool *versioned,
                         bool *repeatables)
{
    for (size_t i = 0; i < count; i++) {
        const struct job *job = groups[i].jobs[0];

        for (size_t j = 0; j < job->step_count; j++) {
            const struct migration *migration = job->steps[j].migration;

            if (migration && migration->kind == MIGRATION_VERSIONED)
                versioned[migration->index] = true;
            else if (migration)
                repeatables[migration->index] = true;
        }
    }
}

static void print_pending_files(struct strbuf *out, const struct report *report,
                                const struct report_group *groups, size_t count)
{
    const struct catalog *catalog = report->request->plan.catalog;
    void *mem = mem_context(NULL);
    bool *versioned = mem_array(mem, bool, catalog->count);
    bool *repeatables = mem_array(mem, bool, catalog->repeatable_count);
    const bool *releases = report_release_touched(mem, report);

    mark_pending(groups, count, versioned, repeatables);
    for (size_t i = 0; i < catalog->release_count; i++) {
        const struct release *release = &catalog->releases[i];

        if (!release->upgrade || !releases[i])
            continue;
        strbuf_printf(out, "\nupgrade guide of release %s:\n",
                      report_text_line(mem, release->name, 0));
        print_lines(out, release->upgrade, strlen(release->upgrade), "    ");
    }
    for (size_t i = 0; report->verbose && i < catalog->count; i++) {
        if (versioned[i])
            print_sql(out, &catalog->migrations[i], SECTION_UP);
    }
    for (size_t i = 0; report->verbose && i < catalog->repeatable_count; i++) {
        if (repeatables[i])
            print_sql(out, &catalog->repeatables[i], SECTION_UP);
    }
    talloc_free(mem);
}

/* -v: the SQL of each way back that any group needs, newest first. */
static void print_ways_back(struct strbuf *out, const struct report *report,
                            const struct report_group *groups, size_t count)
{
    const struct catalog *catalog = report->request->plan.catalog;
    void *mem = mem_context(NULL);
    bool *needed = mem_array(mem, bool, catalog->count);

    for (size_t i = 0; i < count; i++) {
        const struct job *job = groups[i].jobs[0];

        for (size_t j = 0; j < job->step_count; j++)
            needed[job->steps[j].migration->index] |= !job->steps[j].skipped;
    }
    for (size_t i = catalog->count; i > 0; i--) {
        if (needed[i - 1])
            print_sql(out, &catalog->migrations[i - 1], SECTION_DOWN);
    }
    talloc_free(mem);
}

static void print_remarks(struct strbuf *out, const struct report *report)
{
    const struct job_plan *plan = &report->request->plan;
    void *mem = mem_context(NULL);

    if (rolls_back(report))
        strbuf_str(out, "repeatables and seeds would not be touched\n");
    else if (records_only(report))
        strbuf_str(out, "nothing would be run; pgtide migrate does the rest afterwards\n");
    else if (plan->to_version < plan->catalog->head)
        strbuf_printf(out, "up to %s, below the head %s: repeatables and seeds would not run\n",
                      report_version(mem, plan->catalog, plan->to_version),
                      report_version(mem, plan->catalog, plan->catalog->head));
    report_text_bundle(out, plan->catalog);
    talloc_free(mem);
}

int report_plan(const struct report *report, FILE *out)
{
    void *mem = mem_context(NULL);
    size_t problems = report_text_problems(report->result->totals);
    struct strbuf text;
    int rc = 0;

    strbuf_init(&text, mem);
    if (!report->quiet) {
        size_t count;
        struct report_group *groups = report_plan_groups(mem, report->result, &count);

        report_waves_plan(&text, report);
        for (size_t i = 0; i < count; i++)
            print_group(&text, report, &groups[i]);
        if (!rolls_back(report) && !records_only(report))
            print_pending_files(&text, report, groups, count);
        else if (rolls_back(report) && report->verbose)
            print_ways_back(&text, report, groups, count);
    }
    if (text.len > 0)
        strbuf_char(&text, '\n');
    if (!report->quiet || problems > 0) {
        report_failures_text(&text, report);
        print_remarks(&text, report);
        report_text_totals(&text, report);
        rc = report_text_write(&text, out);
    }
    talloc_free(mem);
    return rc;
}
