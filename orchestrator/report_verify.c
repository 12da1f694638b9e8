/*
 * report_verify.c: queries that are not true, each with its result and the tenants that gave it.
 */
#include "orchestrator/report_verify.h"

#include "common/mem.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_text.h"

enum { QUERY_COLUMNS = 160 };

/* A mismatch with its tenant. */
struct entry {
    const struct job_mismatch *mismatch;
    const struct job *job;
};

static int compare_results(const struct job_mismatch *a, const struct job_mismatch *b)
{
    const struct migration *x = a->migration;
    const struct migration *y = b->migration;

    if (x != y)
        return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
                                  : (x->index > y->index) - (x->index < y->index);
    if (a->statement != b->statement)
        return a->statement < b->statement ? -1 : 1;
    return strcmp(a->result, b->result);
}

/* In the catalog's order, then by result, then in the run's order. */
static int by_result(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = compare_results(a->mismatch, b->mismatch);

    return order ? order : (a->job > b->job) - (a->job < b->job);
}

static struct entry *all_entries(void *mem, const struct run_result *result, size_t *ret_count)
{
    struct entry *entries;
    size_t count = 0;

    for (size_t i = 0; i < result->job_count; i++)
        count += result->jobs[i].mismatch_count;
    entries = mem_array(mem, struct entry, count);
    *ret_count = count;
    count = 0;
    for (size_t i = 0; i < result->job_count; i++) {
        const struct job *job = &result->jobs[i];

        for (size_t j = 0; j < job->mismatch_count; j++)
            entries[count++] = (struct entry){.mismatch = &job->mismatches[j], .job = job};
    }
    if (count > 0)
        qsort(entries, count, sizeof(*entries), by_result);
    return entries;
}

/* "1.1.0/0014_handles.sql:9 gave false: store-0003, store-0017 and 33 more", and the query. */
static void print_group(struct strbuf *out, const struct report *report,
                        const struct entry *entries, size_t count)
{
    void *mem = mem_context(NULL);
    const struct job_mismatch *first = entries[0].mismatch;
    const struct migration *migration = first->migration;
    const struct job **jobs = mem_array(mem, const struct job *, count);
    char *query = mem_strndup(mem, migration->text + first->statement->start,
                              first->statement->end - first->statement->start);
    struct err place = ERR_INIT;

    for (size_t i = 0; i < count; i++)
        jobs[i] = entries[i].job;
    err_set_at(&place, ERR_CONFLICT, migration_section_file(migration, SECTION_VERIFY), first->line,
               0, "%s%s", first->sqlstate[0] ? "" : "verify query gave ", first->result);
    err_sqlstate(&place, first->sqlstate);
    strbuf_printf(out, "%s%zu %s ", report_text_ink(report->color, INK_BAD), count,
                  report->utf8 ? "×" : "x");
    report_text_cause(out, report->request->plan.catalog, &place, NULL);
    strbuf_printf(out, "%s: ", report_text_ink(report->color, INK_OFF));
    report_text_names(out, jobs, count, report->verbose);
    strbuf_printf(out, "\n     %squery:%s %s\n", report_text_ink(report->color, INK_DIM),
                  report_text_ink(report->color, INK_OFF),
                  report_text_line(mem, query, QUERY_COLUMNS));
    err_clear(&place);
    talloc_free(mem);
}

static void print_mismatches(struct strbuf *out, const struct report *report)
{
    void *mem = mem_context(NULL);
    size_t count;
    struct entry *entries = all_entries(mem, report->result, &count);
    size_t end;

    for (size_t i = 0; i < count; i = end) {
        for (end = i + 1; end < count; end++) {
            if (compare_results(entries[i].mismatch, entries[end].mismatch) != 0)
                break;
        }
        print_group(out, report, &entries[i], end - i);
    }
    if (count > 0)
        strbuf_char(out, '\n');
    talloc_free(mem);
}

/* "asked 96 verify queries on 24 tenants" */
static void print_asked(struct strbuf *out, const struct report *report)
{
    const struct run_result *result = report->result;
    void *mem = mem_context(NULL);
    size_t queries = 0;
    size_t tenants = 0;

    for (size_t i = 0; i < result->job_count; i++) {
        const struct job *job = &result->jobs[i];

        tenants += job->step_count > 0;
        for (size_t j = 0; j < job->step_count; j++)
            queries += (size_t)job->steps[j].statements;
    }
    strbuf_printf(out, "%zu verify %s asked on %s\n", queries, queries == 1 ? "query" : "queries",
                  report_text_count(mem, tenants, "tenant"));
    talloc_free(mem);
}

int report_verify(const struct report *report, FILE *out)
{
    struct strbuf text;
    int rc = 0;

    strbuf_init(&text, NULL);
    print_mismatches(&text, report);
    report_failures_text(&text, report);
    if (!report->quiet || text.len > 0) {
        print_asked(&text, report);
        report_text_totals(&text, report);
        rc = report_text_write(&text, out);
    }
    strbuf_release(&text);
    return rc;
}
