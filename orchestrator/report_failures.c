/*
 * report_failures.c: failures grouped by cause, and what to say about each to the person on call:
 * what happened, what state the tenants are in, what to type next.
 */
#include "orchestrator/report_failures.h"

#include "common/mem.h"
#include "orchestrator/report_group.h"
#include "orchestrator/report_remedy.h"
#include "orchestrator/report_text.h"

enum {
    CAUSES_SHOWN = 10,
    TENANTS_SHOWN = 3, /* lock holders, servers of one cause */
    DETAIL_COLUMNS = 300,
    STATEMENT_COLUMNS = 160,
};

/* --- grouping ------------------------------------------------------------------------------- */

/* Position of an outcome in the report; 0 = not a failure. */
static int outcome_rank(enum outcome outcome)
{
    static const enum outcome order[] = {
        OUTCOME_FAILED, OUTCOME_UNKNOWN, OUTCOME_CONFLICT,
        OUTCOME_HELD,   OUTCOME_LOCKED,  OUTCOME_UNREACHABLE,
    };

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        if (order[i] == outcome)
            return (int)i + 1;
    }
    return 0;
}

/* Replaces `"name"` by `"<what>"` everywhere. Owned by `parent`. */
static char *replace_quoted(void *parent, const char *text, const char *name, const char *what)
{
    char *quoted = mem_printf(parent, "\"%s\"", name);
    size_t len = strlen(quoted);
    struct strbuf out;
    const char *found;

    strbuf_init(&out, parent);
    while ((found = strstr(text, quoted)) != NULL) {
        strbuf_add(&out, text, (size_t)(found - text));
        strbuf_printf(&out, "\"<%s>\"", what);
        text = found + len;
    }
    strbuf_str(&out, text);
    return out.text;
}

static const char *message_of(const struct job *job)
{
    return job->err.message ? job->err.message : "no reason is known";
}

/* The message without what is this tenant's alone. */
static char *general_message(void *parent, const struct job *job)
{
    const struct tenant *tenant = job->tenant;
    char *text = replace_quoted(parent, message_of(job), tenant->database, "database");

    if (tenant->schema)
        text = replace_quoted(parent, text, tenant->schema, "schema");
    return replace_quoted(parent, text, tenant->name, "tenant");
}

/* Whoever holds the lock is another for each tenant: one cause all the same. */
static char *cause_key(void *parent, const struct job *job)
{
    int rank = outcome_rank(job->outcome);
    const struct err *err = &job->err;

    if (rank == 0)
        return NULL;
    if (job->outcome == OUTCOME_LOCKED)
        return mem_printf(parent, "%d", rank);
    return mem_printf(parent, "%d\n%s\n%s\n%d\n%s", rank, err->sqlstate, err->file ? err->file : "",
                      err->line, general_message(parent, job));
}

static const char *common_message(void *parent, const struct report_group *group)
{
    const char *first = message_of(group->jobs[0]);

    for (size_t i = 1; i < group->count; i++) {
        if (strcmp(message_of(group->jobs[i]), first) == 0)
            continue;
        if (group->jobs[0]->outcome == OUTCOME_LOCKED)
            return "another session holds the lock of these tenants";
        return general_message(parent, group->jobs[0]);
    }
    return first;
}

/* The groups come sorted by size; a stable order by rank is made by comparing that too. */
static int by_rank(const void *left, const void *right)
{
    const struct report_failure *a = left;
    const struct report_failure *b = right;
    int order = outcome_rank(a->outcome) - outcome_rank(b->outcome);

    if (order)
        return order;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return (a->jobs[0] > b->jobs[0]) - (a->jobs[0] < b->jobs[0]);
}

struct report_failure *report_failures(void *parent, const struct run_result *result,
                                       size_t *ret_count)
{
    size_t count;
    struct report_group *groups = report_group_jobs(parent, result, cause_key, &count);
    struct report_failure *failures = mem_array(parent, struct report_failure, count);

    for (size_t i = 0; i < count; i++) {
        failures[i] = (struct report_failure){
            .outcome = groups[i].jobs[0]->outcome,
            .err = &groups[i].jobs[0]->err,
            .message = common_message(parent, &groups[i]),
            .jobs = groups[i].jobs,
            .count = groups[i].count,
        };
    }
    if (count > 0)
        qsort(failures, count, sizeof(*failures), by_rank);
    *ret_count = count;
    return failures;
}

/* --- for people ----------------------------------------------------------------------------- */

/* What one cause's text is made with. */
struct telling {
    struct strbuf *out;
    const struct report *report;
    const struct report_failure *failure;
    const struct migration *migration; /* that failed, NULL: none, or a seed */
    void *mem;
};

static const struct migration *find_migration(const struct catalog *catalog, const char *file)
{
    for (size_t i = 0; file && i < catalog->count; i++) {
        const struct migration *migration = &catalog->migrations[i];

        if (strcmp(migration->file, file) == 0 ||
            strcmp(migration_section_file(migration, SECTION_DOWN), file) == 0)
            return migration;
    }
    for (size_t i = 0; file && i < catalog->repeatable_count; i++) {
        if (strcmp(catalog->repeatables[i].file, file) == 0)
            return &catalog->repeatables[i];
    }
    return NULL;
}

/* Begins an indented line: "     detail: ". */
static void begin_line(struct telling *telling, const char *label)
{
    bool color = telling->report->color;

    strbuf_printf(telling->out, "     %s%s:%s ", report_text_ink(color, INK_DIM), label,
                  report_text_ink(color, INK_OFF));
}

static void tell_head(struct telling *telling)
{
    const struct report *report = telling->report;
    const struct report_failure *failure = telling->failure;
    bool waits = failure->outcome == OUTCOME_HELD || failure->outcome == OUTCOME_LOCKED;
    struct strbuf *out = telling->out;

    strbuf_printf(out, "%s%zu %s ", report_text_ink(report->color, waits ? INK_WARN : INK_BAD),
                  failure->count, report->utf8 ? "×" : "x");
    if (failure->outcome != OUTCOME_FAILED)
        strbuf_printf(out, "%s: ", outcome_name(failure->outcome));
    report_text_cause(out, report->request->plan.catalog, failure->err, failure->message);
    strbuf_printf(out, "%s: ", report_text_ink(report->color, INK_OFF));
    report_text_names(out, failure->jobs, failure->count, report->verbose);
    strbuf_char(out, '\n');
}

static const char *detail_of(const struct err *err)
{
    return err->detail;
}

static const char *hint_of(const struct err *err)
{
    return err->hint;
}

/* One text of the first tenant's err; its name is added where the others' texts differ. */
static void tell_text(struct telling *telling, const char *label,
                      const char *(*text_of)(const struct err *err))
{
    const struct report_failure *failure = telling->failure;
    const char *text = text_of(failure->err);
    bool same = true;

    if (!text)
        return;
    for (size_t i = 1; i < failure->count && same; i++) {
        const char *other = text_of(&failure->jobs[i]->err);

        same = other && strcmp(other, text) == 0;
    }
    begin_line(telling, label);
    strbuf_str(telling->out, report_text_line(telling->mem, text, DETAIL_COLUMNS));
    if (!same)
        strbuf_printf(telling->out, " (%s)",
                      report_text_line(telling->mem, failure->jobs[0]->tenant->name, 0));
    strbuf_char(telling->out, '\n');
}

/* What the server or the worker said. A lock's detail is its holder, who is told for himself. */
static void tell_words(struct telling *telling)
{
    const char *statement = telling->failure->err->statement;

    if (!telling->failure->jobs[0]->lock_holder)
        tell_text(telling, "detail", detail_of);
    if (statement) {
        begin_line(telling, "statement");
        strbuf_printf(telling->out, "%s\n",
                      report_text_line(telling->mem, statement, STATEMENT_COLUMNS));
    }
    tell_text(telling, "hint", hint_of);
}

static void tell_holders(struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    size_t told = 0;

    for (size_t i = 0; i < failure->count && told < TENANTS_SHOWN; i++) {
        const struct job *job = failure->jobs[i];

        if (!job->lock_holder)
            continue;
        begin_line(telling, "held by");
        strbuf_str(telling->out, report_text_line(telling->mem, job->lock_holder, DETAIL_COLUMNS));
        if (failure->count > 1)
            strbuf_printf(telling->out, " (%s)",
                          report_text_line(telling->mem, job->tenant->name, 0));
        strbuf_char(telling->out, '\n');
        told++;
    }
}

/* "at 0038; ", "between 0036 and 0038; ", "" when no history was read: where they stand. */
static const char *standing(struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    const struct catalog *catalog = telling->report->request->plan.catalog;
    int64_t lowest = INT64_MAX;
    int64_t highest = -1;

    for (size_t i = 0; i < failure->count; i++) {
        const struct job *job = failure->jobs[i];

        if (!job->inspected)
            continue;
        lowest = job->version < lowest ? job->version : lowest;
        highest = job->version > highest ? job->version : highest;
    }
    if (highest < 0)
        return "";
    if (highest == 0)
        return "at no version yet; ";
    if (lowest == highest)
        return mem_printf(telling->mem, "at %s; ", report_version(telling->mem, catalog, highest));
    return mem_printf(telling->mem, "between %s and %s; ",
                      lowest ? report_version(telling->mem, catalog, lowest) : "no version",
                      report_version(telling->mem, catalog, highest));
}

static bool any_changed(const struct report_failure *failure)
{
    for (size_t i = 0; i < failure->count; i++) {
        if (failure->jobs[i]->changed)
            return true;
    }
    return false;
}

/* A run that migrates counts a conflict as failed. */
static bool is_conflict(const struct report_failure *failure)
{
    return failure->outcome == OUTCOME_CONFLICT || failure->err->kind == ERR_CONFLICT;
}

/* Of all conflicts only that of a statement whose outcome is not known has a line (unknown.h). */
static bool is_unknown_statement(const struct report_failure *failure)
{
    return is_conflict(failure) && failure->err->line > 0;
}

/* Refusals of a rollback, whose hints say what to type. */
static bool goes_back(const struct telling *telling)
{
    enum job_action action = telling->report->request->plan.action;

    return action == JOB_ROLLBACK || action == JOB_ROLLBACK_PLAN;
}

/* A hook stands in fleet.yaml, where no migration and no seed does. */
static bool is_hook(const struct telling *telling)
{
    const char *file = telling->failure->err->file;

    return file && strcmp(file, telling->report->request->fleet->file) == 0;
}

/* What is left of the work that failed, behind where they stand. */
static const char *remains(struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    bool failed = failure->outcome == OUTCOME_FAILED && !is_conflict(failure);
    const struct migration *migration = telling->migration;

    if (failure->outcome == OUTCOME_UNKNOWN)
        return "whether the last transaction was committed is not known";
    if (migration && failure->outcome == OUTCOME_HELD)
        return mem_printf(telling->mem, "%s and what comes after it was not run",
                          report_migration_name(telling->mem, migration));
    if (migration && failed && goes_back(telling))
        return mem_printf(telling->mem,
                          migration->sections[SECTION_DOWN].no_transaction
                              ? "%s is half reverted: the statements that were done have stayed"
                              : "%s is still applied, nothing of its way back is left",
                          report_migration_name(telling->mem, migration));
    if (migration && failed && migration->directives.transaction_none)
        return "outside a transaction: the statements that were done have stayed";
    if (migration && failed && migration->directives.batch > 0)
        return "the batches that were done have stayed";
    if (migration && failed)
        return mem_printf(telling->mem, "nothing of %s is left, there is nothing to repair",
                          report_migration_name(telling->mem, migration));
    if (failure->err->file && failed && !is_hook(telling))
        return "nothing of this seed file is left";
    if (is_unknown_statement(failure))
        return "the statements before it have stayed, nothing more was run";
    if (telling->report->request->plan.action == JOB_REPAIR)
        return any_changed(failure) ? "what could be put right was put right"
                                    : "nothing was changed";
    return any_changed(failure) ? "what was done before has stayed" : "nothing was done";
}

static void tell_state(struct telling *telling)
{
    int attempts = telling->failure->jobs[0]->attempt;

    if (!job_writes(telling->report->request->plan.action))
        return; /* nothing could have changed */
    begin_line(telling, "state");
    strbuf_printf(telling->out, "%s%s", standing(telling), remains(telling));
    if (attempts > 1)
        strbuf_printf(telling->out, " (after %d attempts)", attempts);
    strbuf_char(telling->out, '\n');
}

/* `server "eu1", "us1" and others`: those of this cause. */
static void add_servers(struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    const struct server *told[TENANTS_SHOWN] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < failure->count; i++) {
        const struct server *server = failure->jobs[i]->tenant->server;
        bool new = true;

        for (size_t j = 0; j < count; j++)
            new = new &&told[j] != server;
        if (!new)
            continue;
        if (count == TENANTS_SHOWN) {
            strbuf_str(telling->out, " and others");
            return;
        }
        told[count++] = server;
        strbuf_printf(telling->out, "%s\"%s\"", count > 1 ? ", " : "server ",
                      report_text_line(telling->mem, server->name, 0));
    }
}

/* The command for one tenant: "pgtide -f FILE migrate -t NAME". */
static char *command_for(struct telling *telling, const char *operation, const struct job *job)
{
    struct strbuf glob;
    char *command;

    strbuf_init(&glob, telling->mem);
    for (const char *c = job->tenant->name; *c; c++) {
        if (strchr("*?[\\", *c))
            strbuf_char(&glob, '\\');
        strbuf_char(&glob, *c);
    }
    command = mem_printf(telling->mem, "%s%s -t %s",
                         report_remedy_program(telling->mem, telling->report->request), operation,
                         report_text_shell(telling->mem, glob.text));
    return report_text_line(telling->mem, command, 0);
}

static void tell_fixing(struct telling *telling)
{
    const struct migration *migration = telling->migration;
    const struct run_request *request = telling->report->request;
    const char *remedy = report_remedy(telling->failure->err);
    struct strbuf *out = telling->out;

    if (remedy)
        strbuf_str(out, remedy);
    else if (migration && migration->kind == MIGRATION_VERSIONED && !goes_back(telling))
        strbuf_str(out, "fix the data, or the file if no tenant has it yet");
    else
        strbuf_str(out, "fix the cause");
    if (goes_back(telling) && request->plan.steps > 0) {
        strbuf_str(out, "; then go on with pgtide rollback --to VERSION");
        return;
    }
    strbuf_str(out, "; then the same command again");
    if (migration && migration->directives.transaction_none)
        strbuf_str(out, ", it goes on at this statement");
    strbuf_printf(out, ". One tenant first: %s",
                  command_for(telling, report_remedy_operation(telling->mem, request),
                              telling->failure->jobs[0]));
}

static void tell_unreachable(struct telling *telling)
{
    strbuf_str(telling->out, "see to ");
    add_servers(telling);
    strbuf_str(telling->out, "; then the same command again");
}

/* The hints of pgtide's own refusals say what to do; those of the server do not. */
static bool hint_says_next(const struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    const struct migration *migration = telling->migration;

    if (!failure->err->hint)
        return false;
    return failure->outcome == OUTCOME_HELD || failure->outcome == OUTCOME_LOCKED ||
           is_hook(telling) || (migration && migration->directives.transaction_none);
}

/* The hints of a rollback, a baseline and a repair say what to do. */
static bool conflict_has_next(const struct telling *telling)
{
    enum job_action action = telling->report->request->plan.action;

    return action == JOB_MIGRATE || action == JOB_INSPECT || is_unknown_statement(telling->failure);
}

static void tell_conflict(struct telling *telling)
{
    const struct job *job = telling->failure->jobs[0];

    if (is_unknown_statement(telling->failure))
        strbuf_printf(telling->out, "look whether it was done, then: %s (or --not-done)",
                      command_for(telling, "repair --done", job));
    else if (!job->has_history)
        strbuf_printf(telling->out,
                      "nothing runs there before that is settled. What would be recorded: %s",
                      command_for(telling, "baseline --to VERSION --dry-run", job));
    else
        strbuf_printf(telling->out,
                      "nothing runs there before history and files agree. What can be put right: "
                      "%s",
                      command_for(telling, "repair --dry-run", job));
}

static void tell_next(struct telling *telling)
{
    const struct report_failure *failure = telling->failure;
    struct strbuf *out = telling->out;

    if (is_conflict(failure) ? !conflict_has_next(telling) : hint_says_next(telling))
        return;
    begin_line(telling, "next");
    if (is_conflict(failure))
        tell_conflict(telling);
    else if (failure->outcome == OUTCOME_UNKNOWN)
        strbuf_str(out, "the same command again: it reads the history first and does the rest");
    else if (failure->outcome == OUTCOME_HELD)
        strbuf_str(out, "make the required query true; then the same command again");
    else if (failure->outcome == OUTCOME_LOCKED)
        strbuf_str(out, "let the holder end, or end it; then the same command again");
    else if (failure->outcome == OUTCOME_UNREACHABLE)
        tell_unreachable(telling);
    else
        tell_fixing(telling);
    strbuf_char(out, '\n');
}

void report_failures_text(struct strbuf *out, const struct report *report)
{
    void *mem = mem_context(NULL);
    size_t before = out->len;
    size_t count;
    struct report_failure *failures = report_failures(mem, report->result, &count);
    bool all = report->verbose || report->document || count <= CAUSES_SHOWN;
    size_t shown = all ? count : CAUSES_SHOWN;

    for (size_t i = 0; i < shown; i++) {
        struct telling telling = {
            .out = out,
            .report = report,
            .failure = &failures[i],
            .migration = find_migration(report->request->plan.catalog, failures[i].err->file),
            .mem = mem,
        };

        if (report->request->plan.action == JOB_VERIFY && failures[i].outcome == OUTCOME_CONFLICT)
            continue; /* report_verify tells each query */
        tell_head(&telling);
        tell_words(&telling);
        tell_holders(&telling);
        tell_state(&telling);
        tell_next(&telling);
    }
    if (shown < count)
        strbuf_printf(out, "and %s; -v shows all\n",
                      report_text_count(mem, count - shown, "more cause"));
    if (out->len > before)
        strbuf_char(out, '\n');
    talloc_free(mem);
}
