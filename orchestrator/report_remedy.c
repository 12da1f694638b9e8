/*
 * report_remedy.c: a table from SQLSTATE to words, and the command line put together again.
 */
#include "orchestrator/report_remedy.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/report_text.h"
#include "worker/query.h"

static const struct {
    const char *sqlstate;
    const char *words;
} remedies[] = {
    {"25006", "make it writable, or name the primary in the inventory if this is a standby"},
    {"28000", "see to pg_hba.conf of the server and to the user in the inventory"},
    {"28P01", "set the right user and password in the inventory or .pgpass"},
    {"3D000", "create the database, or correct its name (settings.create: database makes it)"},
    {"40001", "wait until there is less traffic on these tables"},
    {"40P01", "wait until there is less traffic on these tables"},
    {"42501", "give pgtide's user that right, or name the owner in settings.role"},
    {"53100", "make room on the server's disk"},
    {"53200", "lower --per-server, or raise max_locks_per_transaction on the server"},
    {"53300", "lower --per-server, or raise max_connections on the server"},
    {"55P03", "let the session that holds the table end, or end it (pg_stat_activity shows it)"},
    {"57014", "raise statement_timeout; if that was not it, somebody has cancelled the statement"},
};

const char *report_remedy(const struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++) {
        if (strcmp(remedies[i].sqlstate, err->sqlstate) == 0)
            return remedies[i].words;
    }
    return NULL;
}

/* "seed" always seeds. */
static void add_seeds(struct strbuf *out, void *mem, const struct run_request *request)
{
    const struct job_plan *plan = &request->plan;

    if (!plan->seed)
        return;
    if (strcmp(request->operation, "seed") != 0)
        strbuf_str(out, " --seed");
    for (size_t i = 0; i < plan->seed_set_count; i++)
        strbuf_printf(out, " --seed-set %s", report_text_shell(mem, plan->seed_sets[i]));
    if (plan->reseed)
        strbuf_str(out, " --reseed");
}

static void add_query(struct strbuf *out, void *mem, const struct migration *sql)
{
    if (strcmp(sql->file, QUERY_ARGUMENT) == 0)
        strbuf_printf(out, " %s", report_text_shell(mem, sql->text));
    else if (strcmp(sql->file, QUERY_STDIN) == 0)
        strbuf_str(out, " -");
    else
        strbuf_printf(out, " --file %s", report_text_shell(mem, sql->file));
}

char *report_remedy_operation(void *parent, const struct run_request *request)
{
    const struct job_plan *plan = &request->plan;
    struct strbuf out;

    strbuf_init(&out, parent);
    strbuf_str(&out, request->operation);
    if (strcmp(request->operation, "validate") == 0) /* without it no tenant is asked */
        strbuf_str(&out, " --connect");
    if (plan->action == JOB_BASELINE || plan->action == JOB_ROLLBACK ||
        plan->action == JOB_ROLLBACK_PLAN || plan->to_version < plan->catalog->head)
        strbuf_printf(&out, " --to %s",
                      plan->to_version ? report_version(parent, plan->catalog, plan->to_version)
                                       : "0");
    add_seeds(&out, parent, request);
    if (plan->query)
        add_query(&out, parent, &plan->query->sql);
    return out.text;
}

char *report_remedy_program(void *parent, const struct run_request *request)
{
    const char *file = request->fleet->file;
    void *mem;
    char *program;

    if (strcmp(file, "fleet.yaml") == 0 || strcmp(file, "./fleet.yaml") == 0)
        return mem_strdup(parent, "pgtide ");
    mem = mem_context(NULL);
    program = mem_printf(mem, "pgtide -f %s ", report_text_shell(mem, file));
    program = mem_printf(parent, "%s ", report_text_line(mem, program, 0));
    talloc_free(mem);
    return program;
}
