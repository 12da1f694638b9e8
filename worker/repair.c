/*
 * repair.c: a repair as SQL.
 */
#include "worker/repair.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/concurrent_index.h"
#include "worker/guard.h"
#include "worker/pending.h"
#include "worker/unknown.h"

/* One repair as it goes on. */
struct repairing {
    struct work *work;
    struct history *history;
    struct repair_set set;
    const char **indexes; /* qualified and quoted names of invalid ones */
    size_t index_count;
    size_t index_capacity;
};

static bool only_looks(const struct repairing *repairing)
{
    return repairing->work->job->plan->action == JOB_REPAIR_PLAN;
}

/* --- telling the job -------------------------------------------------------------------------- */

static struct job_repair *add_repair(struct job *job, enum job_repair_kind kind)
{
    struct job_repair *repair = job_add_repair(job);

    repair->kind = kind;
    job->changed |= job_writes(job->plan->action);
    return repair;
}

static const char *was_text(void *parent, const struct repair_item *item)
{
    static const char *const states[] = {
        [HISTORY_APPLIED] = "applied",
        [HISTORY_STARTED] = "started",
        [HISTORY_SKIPPED] = "skipped",
        [HISTORY_REVERTED] = "reverted",
    };

    switch (item->kind) {
    case JOB_REPAIR_CHECKSUM:
        return item->was.checksum;
    case JOB_REPAIR_NAME:
        return item->was.name;
    case JOB_REPAIR_DONE:
    case JOB_REPAIR_NOT_DONE:
        return mem_printf(parent, "statement %d%s", item->was.running,
                          item->was.reverting ? " of the way back" : "");
    default:
        return states[item->was.state];
    }
}

static void tell_row(struct job *job, const struct repair_item *item)
{
    struct job_repair *repair = add_repair(job, item->kind);
    const struct migration *migration = item->migration;
    bool was_applied = item->was.state == HISTORY_APPLIED || item->was.state == HISTORY_SKIPPED;

    repair->rank = item->was.rank;
    repair->version = item->was.has_version ? item->was.version : 0;
    repair->name = mem_strdup(job->mem, migration ? migration->name : item->was.name);
    repair->was = mem_strdup(job->mem, was_text(job->mem, item));
    repair->cosmetic = item->kind == JOB_REPAIR_CHECKSUM && migration &&
                       item->was.code_checksum[0] &&
                       strcmp(item->was.code_checksum, migration->code_checksum) == 0;
    if (job_writes(job->plan->action) && was_applied &&
        (item->kind == JOB_REPAIR_UNSKIP || item->kind == JOB_REPAIR_FORGET))
        job->applied_count--;
}

static void tell_index(struct job *job, const char *index)
{
    struct job_repair *repair = add_repair(job, JOB_REPAIR_INDEX);

    repair->name = mem_strdup(job->mem, index);
    repair->was = "invalid";
}

/* --- looking ---------------------------------------------------------------------------------- */

static int take_index(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct repairing *repairing = arg;
    void *mem = repairing->work->mem;

    mem_grow(mem, &repairing->indexes, &repairing->index_capacity, repairing->index_count + 1);
    repairing->indexes[repairing->index_count++] = mem_strdup(mem, PQgetvalue(row, 0, 0));
    return 0;
}

/* What an earlier attempt of this run has committed and could not know. */
static int take_earlier(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct job *job = arg;
    enum job_repair_kind kind;
    struct job_repair *repair;
    int64_t rank = 0, version = 0;

    (void)text_to_int64(PQgetvalue(row, 0, 0), 0, INT64_MAX, &rank);
    (void)text_to_int64(PQgetvalue(row, 0, 1), 0, INT64_MAX, &version);
    if (!job_repair_kind_of(PQgetvalue(row, 0, 3), &kind))
        return 0;
    for (size_t i = 0; i < job->repair_count; i++) {
        if (job->repairs[i].rank == rank && job->repairs[i].kind == kind)
            return 0;
    }
    repair = add_repair(job, kind);
    repair->rank = rank;
    repair->version = version;
    repair->name = mem_strdup(job->mem, PQgetvalue(row, 0, 2));
    repair->was = mem_strdup(job->mem, PQgetvalue(row, 0, 4));
    return 0;
}

static int look(struct repairing *repairing, struct err *err)
{
    struct work *work = repairing->work;
    struct transactions *tx = &work->tx;
    struct script script;
    struct script_step *step;
    int result;

    script_init(&script, work->mem);
    if (session_in_transaction(work->session))
        script_add(&script, "ROLLBACK");
    script_add(&script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(tx, &script, NULL, TRANSACTION_LOCAL);
    step = script_add_text(&script, concurrent_index_invalid, strlen(concurrent_index_invalid));
    step->row = take_index;
    step->arg = repairing;
    if (work->job->attempt > 1 && repairing->history->exists && !only_looks(repairing)) {
        step = script_add(&script,
                          "SELECT rank, version, name, detail->'repaired'->>'what', "
                          "detail->'repaired'->>'was' FROM %s "
                          "WHERE detail->'repaired'->>'run' = %s ORDER BY rank",
                          tx->history, tx->run_literal);
        step->row = take_earlier;
        step->arg = work->job;
    }
    script_add(&script, "COMMIT");
    result = script_run(&script, work->session, err);
    talloc_free(script.mem);
    return result;
}

/* --- the rows --------------------------------------------------------------------------------- */

static char *quoted(const struct work *work, const char *text)
{
    return session_literal(work->mem, work->session, text);
}

/* The row's detail once the statement counts as done, or as not done. */
static char *cleared_detail(const struct work *work, const struct repair_item *item)
{
    const struct history_row *was = &item->was;
    const struct migration *migration = item->migration;
    enum section_kind section = was->reverting ? SECTION_DOWN : SECTION_UP;
    bool all = (size_t)was->running == migration->sections[section].count;
    const char *prefix;

    if (item->kind == JOB_REPAIR_NOT_DONE)
        return mem_strdup(
            work->mem, was->reverting ? "pg_catalog.jsonb_set(h.detail, '{reverting,running}', '0')"
                                      : "h.detail || '{\"running\": 0}'");
    prefix = unknown_prefix(work->mem, migration, section, (size_t)was->running);
    if (was->reverting)
        return mem_printf(work->mem,
                          "pg_catalog.jsonb_set(h.detail, '{reverting}', "
                          "'{\"done\": %d, \"running\": 0, \"prefix\": \"%s\"}')",
                          was->running, prefix);
    return mem_printf(work->mem,
                      "h.detail || '{\"running\": 0, \"prefix\": \"%s\", \"verify\": \"%s\"}'",
                      prefix, all ? "pending" : "");
}

/* "column = value, ", and the row's detail before the record of the repair is added. */
static void change_of(const struct work *work, const struct repair_item *item,
                      const char **ret_columns, const char **ret_detail)
{
    const struct migration *migration = item->migration;

    *ret_columns = "";
    *ret_detail = "coalesce(h.detail, '{}')";
    switch (item->kind) {
    case JOB_REPAIR_CHECKSUM:
        *ret_columns =
            mem_printf(work->mem, "checksum = %s, code_checksum = %s, ",
                       quoted(work, migration->checksum), quoted(work, migration->code_checksum));
        break;
    case JOB_REPAIR_NAME:
        *ret_columns = mem_printf(work->mem, "name = %s, ", quoted(work, migration->name));
        break;
    case JOB_REPAIR_DONE:
        if (!item->was.reverting)
            *ret_columns = mem_printf(work->mem, "statements_done = %d, ", item->was.running);
        *ret_detail = cleared_detail(work, item);
        break;
    case JOB_REPAIR_NOT_DONE:
        *ret_detail = cleared_detail(work, item);
        break;
    case JOB_REPAIR_UNSKIP:
    case JOB_REPAIR_FORGET:
        *ret_columns = "state = 'reverted', ";
        break;
    case JOB_REPAIR_INDEX:
        break;
    }
}

/* Appends the change, which fails unless the row is still as it was read. */
static void add_row(struct work *work, const struct repair_item *item)
{
    struct transactions *tx = &work->tx;
    const struct history_row *was = &item->was;
    const char *columns, *detail;

    change_of(work, item, &columns, &detail);
    script_add(&work->script,
               "WITH changed AS (UPDATE %s AS h SET %sdetail = %s || "
               "pg_catalog.jsonb_build_object('repaired', pg_catalog.jsonb_strip_nulls("
               "pg_catalog.jsonb_build_object('at', pg_catalog.to_char("
               "pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', "
               "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'by', SESSION_USER, "
               "'run', %s::pg_catalog.text, 'what', '%s', 'was', %s::pg_catalog.text, "
               "'before', h.detail->'repaired'))) "
               "WHERE h.rank = %lld AND h.state <> 'reverted' AND h.name = %s "
               "AND coalesce(h.checksum, '') = %s AND h.statements_done = %d RETURNING 1) "
               "SELECT CASE WHEN EXISTS (SELECT FROM changed) THEN 1 ELSE %s END",
               tx->history, columns, detail, tx->run_literal, job_repair_name(item->kind),
               quoted(work, was_text(work->mem, item)), (long long)was->rank,
               quoted(work, was->name), quoted(work, was->checksum), was->statements_done,
               guard_raise(tx, GUARD_MOVED, "pg_catalog.pg_backend_pid()"));
}

static int repair_rows(struct repairing *repairing, struct err *err)
{
    struct work *work = repairing->work;
    const struct repair_set *set = &repairing->set;

    if (set->count == 0)
        return 0;
    transaction_begin(&work->tx, &work->script, NULL);
    for (size_t i = 0; i < set->count; i++)
        add_row(work, &set->items[i]);
    script_add(&work->script, "COMMIT");
    if (apply_flush(work, err) < 0)
        return -1;
    for (size_t i = 0; i < set->count; i++)
        tell_row(work->job, &set->items[i]);
    work->job->version = pending_version(repairing->history, false);
    return 0;
}

/* --- the indexes ------------------------------------------------------------------------------ */

static int refuse_pooler(const struct repairing *repairing, struct err *err)
{
    struct strbuf names;

    strbuf_init(&names, repairing->work->mem);
    for (size_t i = 0; i < repairing->index_count; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", repairing->indexes[i]);
    err_set(err, ERR_SQL, "invalid indexes cannot be dropped through a pooler");
    err_detail(err, "invalid: %s", names.text);
    err_hint(err,
             "Give the tenant a direct_dsn that goes around the pooler, or vouch for a session "
             "pooler with connection.pooler: session; then run the same command again.");
    return -1;
}

static int drop_indexes(struct repairing *repairing, struct err *err)
{
    struct work *work = repairing->work;

    if (repairing->index_count == 0)
        return 0;
    if (work->pooled)
        return refuse_pooler(repairing, err);
    transaction_settings(&work->tx, &work->script, NULL, TRANSACTION_SESSION);
    if (apply_flush(work, err) < 0)
        return -1;
    for (size_t i = 0; i < repairing->index_count; i++) {
        script_add(&work->script, "DROP INDEX CONCURRENTLY IF EXISTS %s", repairing->indexes[i]);
        if (apply_flush(work, err) < 0)
            return -1;
        tell_index(work->job, repairing->indexes[i]);
    }
    transaction_reset(&work->script);
    return apply_flush(work, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void tell_plan(struct repairing *repairing)
{
    struct job *job = repairing->work->job;

    job->repair_count = 0;
    for (size_t i = 0; i < repairing->set.count; i++)
        tell_row(job, &repairing->set.items[i]);
    for (size_t i = 0; i < repairing->index_count; i++)
        tell_index(job, repairing->indexes[i]);
}

int repair_tenant(struct work *work, struct history *history, struct err *err)
{
    struct repairing repairing = {.work = work, .history = history};
    struct err left = ERR_INIT;
    int result = 0;

    if (look(&repairing, err) < 0)
        return -1;
    (void)!repair_set_compute(work->mem, work->job, history, &repairing.set, &left);
    if (only_looks(&repairing))
        tell_plan(&repairing);
    else if (repair_rows(&repairing, err) < 0 || drop_indexes(&repairing, err) < 0)
        result = -1;
    if (result == 0 && left.kind != ERR_NONE) {
        err_move(err, &left);
        result = -1;
    }
    err_clear(&left);
    return result;
}
