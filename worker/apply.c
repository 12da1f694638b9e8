/*
 * apply.c: all pending transactional migrations in one Query.
 */
#include "worker/apply.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/outside.h"

enum { QUERY_MOST = 1024 * 1024 }; /* the server keeps a Query and its parse in memory */

/* A transaction whose COMMIT stands in the script that is being gathered. */
struct commit {
    const struct migration *migration;
    size_t step; /* of its COMMIT in the script */
    int statements;
    bool skipped;
    bool started; /* its row is only `started`: it is not done with this COMMIT */
    int64_t rank;
    int64_t duration_ms;
    int64_t *ret_rank; /* or NULL */
};

void apply_init(struct work *work)
{
    script_init(&work->script, work->mem);
    work->commits = NULL;
    work->commit_count = work->commit_capacity = 0;
    if (session_in_transaction(work->session)) /* the look at a history that was not there */
        script_add(&work->script, "ROLLBACK");
}

struct history_entry apply_entry(const struct migration *migration)
{
    int statements = (int)migration->sections[SECTION_UP].count;

    return (struct history_entry){
        .kind = migration->kind == MIGRATION_VERSIONED ? "versioned" : "repeatable",
        .has_version = migration->kind == MIGRATION_VERSIONED,
        .version = migration->version,
        .name = migration->name,
        .checksum = migration->checksum,
        .code_checksum = migration->code_checksum,
        .state = "applied",
        .statements_done = statements,
        .statements_total = statements,
        .keeps_role = !migration->mentions_role,
    };
}

void apply_record(struct work *work, const struct migration *migration, int64_t duration_ms,
                  int statements, bool skipped)
{
    struct job *job = work->job;
    struct job_step *step = job_add_step(job);

    step->migration = migration;
    step->duration_ms = duration_ms;
    step->statements = statements;
    step->skipped = skipped;
    job->changed = true;
    if (migration->kind != MIGRATION_VERSIONED)
        return;
    job->applied_count++;
    if (migration->version > job->version)
        job->version = migration->version;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Of what was sent, the transactions that the server has committed. */
static void record_commits(struct work *work)
{
    for (size_t i = 0; i < work->commit_count; i++) {
        struct commit *commit = work->commits[i];

        if (commit->step >= work->script.done)
            break;
        if (commit->ret_rank)
            *commit->ret_rank = commit->rank;
        if (!commit->started)
            apply_record(work, commit->migration, commit->duration_ms, commit->statements,
                         commit->skipped);
    }
    for (size_t i = 0; i < work->commit_count; i++)
        talloc_free(work->commits[i]);
    work->commit_count = 0;
}

int apply_flush(struct work *work, struct err *err)
{
    int result;

    if (work->script.count == 0)
        return 0;
    work->job->sent_changes = true;
    result = script_run(&work->script, work->session, err);
    if (result < 0)
        transaction_explain(&work->tx, err);
    record_commits(work);
    script_reset(&work->script);
    return result;
}

static int flush_if_large(struct work *work, struct err *err)
{
    return work->script.sql.len > QUERY_MOST ? apply_flush(work, err) : 0;
}

/* --- gathering -------------------------------------------------------------------------------- */

static int take_row(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct commit *commit = arg;

    (void)text_to_int64(PQgetvalue(row, 0, 0), 0, INT64_MAX, &commit->rank);
    (void)text_to_int64(PQgetvalue(row, 0, 1), 0, INT64_MAX, &commit->duration_ms);
    return 0;
}

void apply_commit(struct work *work, const struct migration *migration,
                  const struct history_entry *entry, int64_t *ret_rank)
{
    struct commit *commit = mem_new(work->mem, struct commit);
    struct script_step *row = transaction_end(&work->tx, &work->script, entry);

    row->row = take_row;
    row->arg = commit;
    commit->migration = migration;
    commit->step = (size_t)(row - work->script.steps) + 1;
    commit->statements = entry->statements_done;
    commit->skipped = strcmp(entry->state, "skipped") == 0;
    commit->started = strcmp(entry->state, "started") == 0;
    commit->ret_rank = ret_rank;
    mem_grow(work->mem, &work->commits, &work->commit_capacity, work->commit_count + 1);
    work->commits[work->commit_count++] = commit;
}

static int take_when(void *arg, const PGresult *row, struct err *err UNUSED)
{
    bool *all_true = arg;

    if (strcmp(PQgetvalue(row, 0, 0), "t") != 0)
        *all_true = false;
    return 0;
}

/* Asks the `when` queries, within the transaction that has been gathered: a round trip of its own.
 */
static int ask_when(struct work *work, const struct migration *migration, bool *ret_true,
                    struct err *err)
{
    const struct section *when = &migration->sections[SECTION_WHEN];

    *ret_true = true;
    for (size_t i = 0; i < when->count; i++) {
        struct script_step *step =
            script_add_wrapped(&work->script, "SELECT (", migration, SECTION_WHEN,
                               &when->statements[i], "\n)::pg_catalog.bool");

        step->row = take_when;
        step->arg = ret_true;
    }
    return apply_flush(work, err);
}

int apply_gather(struct work *work, const struct migration *migration, struct history_entry *entry,
                 bool *ret_skip, struct err *err)
{
    const struct section *require = &migration->sections[SECTION_REQUIRE];
    bool wanted = true;

    *ret_skip = false;
    if (migration->sections[SECTION_WHEN].present && apply_flush(work, err) < 0)
        return -1;
    transaction_begin(&work->tx, &work->script, &migration->directives, entry);
    if (migration->sections[SECTION_WHEN].present && ask_when(work, migration, &wanted, err) < 0)
        return -1;
    if (!wanted) {
        entry->state = "skipped";
        entry->statements_done = 0;
        *ret_skip = true;
        return 0;
    }
    for (size_t i = 1; i <= require->count; i++)
        transaction_check(&work->tx, &work->script, migration, SECTION_REQUIRE, i);
    return 0;
}

static int gather_statements(struct work *work, const struct migration *migration, struct err *err)
{
    const struct section *up = &migration->sections[SECTION_UP];

    for (size_t i = 0; i < up->count; i++) {
        script_add_statement(&work->script, migration, SECTION_UP, &up->statements[i]);
        if (flush_if_large(work, err) < 0)
            return -1;
    }
    return 0;
}

static int apply_transactional(struct work *work, const struct migration *migration,
                               struct err *err)
{
    bool verify_inside = !migration->directives.verify_after_commit;
    struct history_entry entry = apply_entry(migration);
    const struct section *verify = &migration->sections[SECTION_VERIFY];
    bool later = verify->present && !verify_inside;
    int64_t rank = 0;
    bool skip;

    if (later) {
        entry.state = "started";
        entry.detail = "{\"verify\": \"pending\"}";
    }
    if (apply_gather(work, migration, &entry, &skip, err) < 0)
        return -1;
    if (!skip && gather_statements(work, migration, err) < 0)
        return -1;
    for (size_t i = 1; !skip && verify_inside && i <= verify->count; i++)
        transaction_check(&work->tx, &work->script, migration, SECTION_VERIFY, i);
    apply_commit(work, migration, &entry, later && !skip ? &rank : NULL);
    if (later && !skip) {
        if (apply_flush(work, err) < 0)
            return -1;
        return outside_finish(work, migration, rank, err);
    }
    return flush_if_large(work, err);
}

/* Refused before anything is run: session state does not hold through a transaction pooler. */
static int check_pooler(const struct work *work, const struct pending *pending, struct err *err)
{
    for (size_t i = 0; work->pooled && i < pending->count; i++) {
        const struct migration *migration = pending->items[i].migration;

        if (!migration->directives.transaction_none)
            continue;
        err_set_at(err, ERR_SQL, migration->file, 0, 0,
                   "a transaction=none migration cannot run through a pooler");
        err_detail(err, "the connection is answered by another server process than it was made to; "
                        "a lock or setting of the session would be lost between statements");
        err_hint(err, "Give the tenant a direct_dsn that goes around the pooler, or vouch for a "
                      "session pooler with connection.pooler: session. Nothing was run.");
        return -1;
    }
    return 0;
}

int apply_pending(struct work *work, const struct pending *pending, struct err *err)
{
    if (check_pooler(work, pending, err) < 0)
        return -1;
    for (size_t i = 0; i < pending->count; i++) {
        const struct pending_item *item = &pending->items[i];
        int result;

        if (item->started || item->migration->directives.transaction_none)
            result = outside_apply(work, item, err);
        else
            result = apply_transactional(work, item->migration, err);
        if (result < 0)
            return -1;
    }
    return apply_flush(work, err);
}
