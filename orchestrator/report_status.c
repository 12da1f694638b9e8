/*
 * report_status.c: a table of all tenants, how many stand at which version, what is wrong, totals.
 */
#include "orchestrator/report_status.h"

#include "common/mem.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_group.h"
#include "orchestrator/report_release.h"
#include "orchestrator/report_table.h"
#include "orchestrator/report_text.h"

/* "0039_handles", "-" before the first migration, "?" where the history could not be read. */
static const char *version_text(void *mem, const struct catalog *catalog, const struct job *job)
{
    const struct migration *migration = report_migration(catalog, job->version);

    if (!job->inspected)
        return "?";
    if (migration)
        return report_text_line(mem, report_migration_name(mem, migration), 0);
    return report_version(mem, catalog, job->version);
}

static const char *state_text(void *mem, const struct job *job)
{
    const char *state = outcome_name(job->outcome);

    if (job->inspected && !job->has_history)
        return mem_printf(mem, "%s, no history", state);
    for (size_t i = 0; i < job->step_count; i++) {
        if (job->steps[i].begun)
            return mem_printf(mem, "%s, %s half-done", state,
                              report_text_line(mem, job->steps[i].migration->name, 0));
    }
    return state;
}

/* "1.20.0", "-" before the end of the first release, "?" where the history could not be read. */
static const char *release_text(void *mem, const struct job *job)
{
    const struct release *release = report_release_of(job);

    if (!job->inspected)
        return "?";
    return release ? report_text_line(mem, release->name, 0) : "-";
}

static void print_tenants(struct strbuf *out, void *mem, const struct report *report)
{
    static const struct report_table_column columns[] = {
        {"tenant", false}, {"server", false}, {"release", false}, {"version", false},
        {"applied", true}, {"pending", true}, {"state", false},
    };
    enum { RELEASE = 2 }; /* without releases that column is left out */
    const struct catalog *catalog = report->request->plan.catalog;
    struct report_table_column shown[ARRAY_LEN(columns)];
    struct report_table *table;
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (i != RELEASE || catalog->release_count > 0)
            shown[count++] = columns[i];
    }
    table = report_table_new(mem, shown, count);
    for (size_t i = 0; i < report->result->job_count; i++) {
        const struct job *job = &report->result->jobs[i];
        const char *cells[ARRAY_LEN(columns)] = {0};
        size_t cell = 0;

        cells[cell++] = report_text_line(mem, job->tenant->name, 0);
        cells[cell++] = report_text_line(mem, job->tenant->server->name, 0);
        if (catalog->release_count > 0)
            cells[cell++] = release_text(mem, job);
        cells[cell++] = version_text(mem, catalog, job);
        cells[cell++] = job->inspected ? mem_printf(mem, "%zu", job->applied_count) : "?";
        cells[cell++] = job->inspected ? mem_printf(mem, "%zu", job->step_count) : "?";
        cells[cell++] = state_text(mem, job);

        if (report->quiet && (job->outcome == OUTCOME_CURRENT || job->outcome == OUTCOME_PENDING))
            continue;
        report_table_add(table, cells);
    }
    report_table_print(table, out);
}

static char *version_key(void *parent, const struct job *job)
{
    return job->inspected ? mem_printf(parent, "%lld", (long long)job->version) : NULL;
}

static int newest_first(const void *left, const void *right)
{
    const struct report_group *a = left;
    const struct report_group *b = right;

    return (a->jobs[0]->version < b->jobs[0]->version) -
           (a->jobs[0]->version > b->jobs[0]->version);
}

struct report_group *report_status_versions(void *parent, const struct run_result *result,
                                            size_t *ret_count)
{
    struct report_group *groups = report_group_jobs(parent, result, version_key, ret_count);

    if (*ret_count > 0)
        qsort(groups, *ret_count, sizeof(*groups), newest_first);
    return groups;
}

static void print_versions(struct strbuf *out, void *mem, const struct report *report)
{
    static const struct report_table_column columns[] = {{"version", false}, {"tenants", true}};
    const struct catalog *catalog = report->request->plan.catalog;
    struct report_table *table = report_table_new(mem, columns, ARRAY_LEN(columns));
    size_t count;
    struct report_group *groups = report_status_versions(mem, report->result, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = version_text(mem, catalog, groups[i].jobs[0]);
        const char *cells[ARRAY_LEN(columns)] = {
            groups[i].jobs[0]->version == catalog->head ? mem_printf(mem, "%s (head)", name) : name,
            mem_printf(mem, "%zu", groups[i].count),
        };

        report_table_add(table, cells);
    }
    strbuf_char(out, '\n');
    report_table_print(table, out);
    strbuf_char(out, '\n');
}

int report_status(const struct report *report, FILE *out)
{
    void *mem = mem_context(NULL);
    struct strbuf text;
    int rc = 0;

    if (!report->quiet || report_text_problems(report->result->totals) > 0) {
        strbuf_init(&text, mem);
        print_tenants(&text, mem, report);
        print_versions(&text, mem, report);
        report_failures_text(&text, report);
        report_text_bundle(&text, report->request->plan.catalog);
        report_text_totals(&text, report);
        rc = report_text_write(&text, out);
    }
    talloc_free(mem);
    return rc;
}
