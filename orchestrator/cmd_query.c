/*
 * cmd_query.c: query: the rows of one query from every selected tenant.
 *
 * Rows go to stdout as each tenant ends, whole tenants one behind the other; what became of the
 * others goes to stderr, so that stdout holds nothing but rows. Once stdout cannot be written
 * nobody is asked any more.
 */
#include "orchestrator/cmd.h"

#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/operation.h"
#include "orchestrator/query_output.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_text.h"

#include <errno.h>
#include <unistd.h>

enum { TEXT_MOST = 1024 * 1024 };

/* What its observer needs. */
struct querying {
    void *mem;
    enum query_format format;
    struct query_output *output;
};

/* --- the text --------------------------------------------------------------------------------- */

static int read_stdin(void *parent, struct query_text *ret, struct err *err)
{
    struct strbuf text;
    char piece[8192];
    ssize_t got;

    strbuf_init(&text, parent);
    while ((got = read(STDIN_FILENO, piece, sizeof(piece))) > 0 && text.len <= TEXT_MOST)
        strbuf_add(&text, piece, (size_t)got);
    if (got < 0)
        return err_set(err, ERR_NOINPUT, "cannot read the query from standard input: %m");
    if (text.len > TEXT_MOST)
        return err_set(err, ERR_DATA, "the query on standard input is longer than 1 MiB");
    *ret = (struct query_text){.name = QUERY_STDIN, .text = text.text, .len = text.len};
    return 0;
}

static int read_file(void *parent, const char *path, struct query_text *ret, struct err *err)
{
    char *text;

    ret->name = path;
    if (text_file_read(parent, path, path, &text, &ret->len, err) < 0)
        return -1;
    ret->text = text;
    return 0;
}

static int read_text(void *parent, const struct options *options, struct query_text *ret,
                     struct err *err)
{
    const struct words *given = &options->arguments;
    const char *text;

    if (given->count + (options->file != NULL) != 1) {
        err_set(err, ERR_USAGE,
                given->count ? "a query and --file are given" : "no query is given");
        err_hint(err, "pgtide query \"SELECT count(*) FROM product\"; \"-\" reads it from standard "
                      "input, --file FILE from a file.");
        return -1;
    }
    if (options->file)
        return read_file(parent, options->file, ret, err);
    text = given->items[0];
    if (strcmp(text, "-") == 0)
        return read_stdin(parent, ret, err);
    *ret = (struct query_text){.name = QUERY_ARGUMENT, .text = text, .len = strlen(text)};
    return 0;
}

static int prepare(void *parent, const struct options *options, struct run_request *request,
                   struct err_list *errors)
{
    struct err err = ERR_INIT;
    struct query_text text;

    if (read_text(parent, options, &text, &err) < 0 ||
        query_new(parent, &text, &request->plan.query, &err) < 0)
        return err_list_take(errors, &err);
    request->plan.query->unique_columns = options->format && strcmp(options->format, "json") == 0;
    return 0;
}

/* --- the rows --------------------------------------------------------------------------------- */

/* The longest name decides how wide the table's first column is. */
static size_t name_columns(const struct run_request *request)
{
    size_t most = 0;

    for (size_t i = 0; i < request->tenant_count; i++) {
        size_t own = text_columns(request->tenants[i]->name);

        most = own > most ? own : most;
    }
    return most;
}

static void on_started(void *arg, const struct run_request *request,
                       const struct run_result *so_far UNUSED)
{
    struct querying *querying = arg;

    querying->output =
        query_output_new(querying->mem, querying->format, name_columns(request), stdout);
}

static void on_job_ended(void *arg, const struct job *job, const struct run_result *so_far UNUSED)
{
    struct querying *querying = arg;
    struct query *query = job->plan->query;
    struct err err = ERR_INIT;

    if (job->rows && job->err.kind == ERR_NONE && !query->unwanted) {
        query->rows += query_rows_count(job->rows);
        errno = 0;
        if (query_output_print(querying->output, job->tenant->name, query->shape, job->rows, &err) <
            0)
            query->unwanted = errno ? errno : EIO;
    }
    if (job->rows)
        query_rows_clear(job->rows);
    err_clear(&err);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* "query 20261123T061500Z-4f2a: 400 rows from 23 of 24 tenants in 1.2s" */
static void add_totals(struct strbuf *out, const struct report *report)
{
    const struct run_result *result = report->result;
    void *mem = mem_context(NULL);

    strbuf_printf(out, "query %s: %s from ", result->run_id,
                  report_text_count(mem, report->request->plan.query->rows, "row"));
    if (result->totals[OUTCOME_CURRENT] < result->job_count)
        strbuf_printf(out, "%zu of ", result->totals[OUTCOME_CURRENT]);
    strbuf_printf(out, "%s in %s\n", report_text_count(mem, result->job_count, "tenant"),
                  text_elapsed(mem, result->duration_ms));
    talloc_free(mem);
}

/* To stderr: stdout holds rows. */
static int report(const struct report *report, FILE *out UNUSED)
{
    const struct query *query = report->request->plan.query;
    struct report own = *report;
    struct strbuf text;
    int rc = 0;

    if (query->unwanted) {
        errno = query->unwanted;
        return -1;
    }
    own.color = own.color && report_color_wanted(stderr, false);
    strbuf_init(&text, NULL);
    report_failures_text(&text, &own);
    if (!own.quiet)
        add_totals(&text, &own);
    rc = report_text_write(&text, stderr);
    strbuf_release(&text);
    return rc;
}

/* Tenants that were not asked because nobody reads are no failure of theirs. */
static int exit_code(const struct options *options UNUSED, const struct run_result *result,
                     int run_code)
{
    const struct query *query = result->job_count > 0 ? result->jobs[0].plan->query : NULL;

    return query && query->unwanted && result->signal == 0 ? 0 : run_code;
}

int cmd_query(const struct options *options, struct err_list *errors)
{
    struct querying querying = {.mem = mem_context(NULL)};
    struct run_observer observer = {
        .arg = &querying, .started = on_started, .job_ended = on_job_ended};
    struct operation_kind kind = {.name = "query",
                                  .action = JOB_QUERY,
                                  .prepare = prepare,
                                  .report = report,
                                  .exit_code = exit_code,
                                  .observer = &observer};
    struct options own = *options;
    struct err err = ERR_INIT;
    int code = -1;

    own.no_progress |= isatty(STDOUT_FILENO) != 0; /* rows and a bar would write over each other */
    if (options->format && !query_output_format(options->format, &querying.format)) {
        err_set(&err, ERR_USAGE, "\"%s\" is no format of query", options->format);
        err_hint(&err, "It is text, csv or json.");
        err_list_take(errors, &err);
    } else {
        code = operation_perform(&own, &kind, errors);
    }
    talloc_free(querying.mem);
    return code;
}
