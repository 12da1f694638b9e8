/*
 * report_document.c: what a report for people says, block by block.
 */
#include "orchestrator/report_document.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_text.h"

struct document {
    void *mem;
    struct strbuf out;
    const struct report *report;
    const struct report_document_markup *markup;
};

/* --- facts ------------------------------------------------------------------------------- */

enum { FACTS = 16 }; /* more than there are */

struct facts {
    const char *cells[2 * FACTS];
    size_t count;
};

/* NULL is left out. */
static void add_fact(struct facts *facts, const char *name, const char *value)
{
    if (!value)
        return;
    facts->cells[2 * facts->count] = name;
    facts->cells[2 * facts->count + 1] = value;
    facts->count++;
}

static char *halt_text(void *mem, const struct run_halt *halt)
{
    struct strbuf text;

    if (!halt->halted)
        return NULL;
    strbuf_init(&text, mem);
    report_text_halt(&text, halt);
    return text.text;
}

static void add_facts(struct document *document)
{
    const struct report *report = document->report;
    const struct run_request *request = report->request;
    const struct run_result *result = report->result;
    const struct catalog *catalog = request->plan.catalog;
    void *mem = document->mem;
    struct facts facts = {.count = 0};

    add_fact(&facts, "run", result->run_id);
    add_fact(&facts, "result", report_result(report));
    add_fact(&facts, "why", halt_text(mem, &result->halt));
    if (!report->going)
        add_fact(&facts, "exit code", mem_printf(mem, "%d", report->exit_code));
    if (result->started_wall_ms != 0)
        add_fact(&facts, "began", clock_iso(mem, result->started_wall_ms));
    add_fact(&facts, "took", text_elapsed(mem, result->duration_ms));
    add_fact(&facts, "on", report->host);
    if (request->origin)
        add_fact(&facts, "goes on with",
                 mem_printf(mem, "%s (%s)", request->origin, request->origin_kind));
    add_fact(&facts, "fleet", request->fleet->file);
    add_fact(&facts, "migrations", catalog->source);
    add_fact(&facts, "head", report_version(mem, catalog, catalog->head));
    add_fact(&facts, "catalog", catalog->checksum);
    add_fact(&facts, "bundle", catalog->bundle);
    document->markup->table(&document->out, &(struct report_document_table){
                                                .columns = 2,
                                                .cells = facts.cells,
                                                .rows = facts.count,
                                            });
}

/* --- outcomes ---------------------------------------------------------------------------- */

static void add_totals(struct document *document)
{
    enum job_action action = document->report->request->plan.action;
    const size_t *totals = document->report->result->totals;
    const char *texts[OUTCOME_COUNT];
    enum outcome outcomes[OUTCOME_COUNT];
    size_t count = 0;

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        if (totals[outcome] == 0)
            continue;
        texts[count] = mem_printf(document->mem, "%zu %s", totals[outcome],
                                  report_text_outcome(action, outcome));
        outcomes[count++] = outcome;
    }
    if (count > 0)
        document->markup->totals(&document->out, texts, outcomes, count);
}

/* --- the report as text ------------------------------------------------------------------ */

static char *without_empty_lines_at_end(char *text, size_t len)
{
    while (len > 1 && text[len - 1] == '\n' && text[len - 2] == '\n')
        text[--len] = '\0';
    return text;
}

static int add_text(struct document *document)
{
    struct report plain = *document->report;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int rc = -1;

    if (!out)
        return -1;
    plain.color = document->markup->color;
    plain.quiet = false;
    plain.document = true;
    plain.utf8 = true; /* as the file is */
    rc = plain.as_text(&plain, out);
    if (fclose(out) == 0 && rc == 0)
        document->markup->verbatim(&document->out, without_empty_lines_at_end(text, len));
    else
        rc = -1;
    free(text);
    return rc;
}

/* --- tenants ----------------------------------------------------------------------------- */

static const char *const tenant_titles[] = {
    "tenant", "server", "database", "wave", "outcome", "from", "to", "took", "attempts", "why",
};

enum { TENANT_COLUMNS = ARRAY_LEN(tenant_titles), TENANT_OUTCOME = 4 };

/* "shops", "shops.store_0002". */
static const char *place(void *mem, const struct tenant *tenant)
{
    return tenant->schema ? mem_printf(mem, "%s.%s", tenant->database, tenant->schema)
                          : tenant->database;
}

static const char *version_text(void *mem, const struct job *job, int64_t version)
{
    return job->inspected ? report_version(mem, job->plan->catalog, version) : NULL;
}

static const char *why_text(void *mem, const struct job *job)
{
    struct strbuf out;

    if (job->err.kind == ERR_NONE)
        return NULL;
    strbuf_init(&out, mem);
    report_text_cause(&out, job->plan->catalog, &job->err, NULL);
    return out.text;
}

static void fill_tenant(struct document *document, const struct job *job, const char **cells)
{
    const struct report *report = document->report;
    const struct tenant *tenant = job->tenant;
    void *mem = document->mem;
    bool started = job->started_wall_ms != 0;

    cells[0] = tenant->name;
    cells[1] = tenant->server->name;
    cells[2] = place(mem, tenant);
    cells[3] = report_parts_wave_of(report->request, report->result, job);
    cells[TENANT_OUTCOME] = report_text_outcome(report->request->plan.action, job->outcome);
    cells[5] = version_text(mem, job, job->initial_version);
    cells[6] = version_text(mem, job, job->version);
    cells[7] = started ? text_elapsed(mem, job->duration_ms) : NULL;
    cells[8] = mem_printf(mem, "%d", job->attempt);
    cells[9] = why_text(mem, job);
}

/* Those with problems first, or the others. Returns the next free row. */
static size_t fill_tenants(struct document *document, bool problems, const char **cells,
                           enum outcome *outcomes, size_t row)
{
    const struct run_result *result = document->report->result;

    for (size_t i = 0; i < result->job_count; i++) {
        const struct job *job = &result->jobs[i];

        if (outcome_is_problem(job->outcome) != problems)
            continue;
        fill_tenant(document, job, &cells[row * TENANT_COLUMNS]);
        outcomes[row++] = job->outcome;
    }
    return row;
}

static const char *tenants_title(void *mem, size_t problems, size_t count)
{
    char *tenants = report_text_count(mem, count, "tenant");

    return problems > 0 && problems < count
               ? mem_printf(mem, "%s, those with problems first", tenants)
               : tenants;
}

static void add_tenants(struct document *document)
{
    size_t count = document->report->result->job_count;
    enum outcome *outcomes = mem_array(document->mem, enum outcome, count);
    const char **cells = mem_array(document->mem, const char *, count *TENANT_COLUMNS);
    size_t problems;

    if (count == 0)
        return;
    problems = fill_tenants(document, true, cells, outcomes, 0);
    fill_tenants(document, false, cells, outcomes, problems);
    document->markup->fold(&document->out, tenants_title(document->mem, problems, count));
    document->markup->table(&document->out, &(struct report_document_table){
                                                .titles = tenant_titles,
                                                .columns = TENANT_COLUMNS,
                                                .cells = cells,
                                                .rows = count,
                                                .outcomes = outcomes,
                                                .outcome_column = TENANT_OUTCOME,
                                            });
    document->markup->unfold(&document->out);
}

/* --- the whole --------------------------------------------------------------------------- */

static int add_all(struct document *document)
{
    const struct report *report = document->report;

    document->markup->begin(&document->out,
                            mem_printf(document->mem, "pgtide %s: %s", report->request->operation,
                                       report_result(report)),
                            !report->going && report->exit_code != 0);
    add_totals(document);
    if (add_text(document) < 0)
        return -1;
    add_tenants(document);
    add_facts(document);
    document->markup->end(&document->out);
    return 0;
}

int report_document(const struct report *report, const struct report_document_markup *markup,
                    FILE *out)
{
    struct document document = {.mem = mem_context(NULL), .report = report, .markup = markup};
    int rc;

    strbuf_init(&document.out, document.mem);
    rc = add_all(&document);
    if (rc == 0)
        rc = report_text_write(&document.out, out);
    talloc_free(document.mem);
    return rc;
}
