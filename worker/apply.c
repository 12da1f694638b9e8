/*
 * apply.c: all pending transactional migrations in one Query.
 */
#include "worker/apply.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/batch.h"
#include "worker/outside.h"

enum {
    QUERY_MOST = 1024 * 1024, /* the server keeps a Query and its parse in memory */
    AROUND_MIGRATION = 1024,  /* bytes of what stands around a migration in it, about */
};

/* A transaction whose COMMIT stands in the script that is being gathered. */
struct commit {
    size_t step; /* of its COMMIT in the script */
    apply_committed_fn *committed;
    void *arg;
};

/* What a migration's transaction came to. */
struct applied {
    const struct migration *migration;
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
        .keeps_session = !migration->touches_session,
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
    step->output = migration->command ? work->output : NULL;
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
        struct commit *commit = &work->commits[i];

        if (commit->step < work->script.done)
            commit->committed(work, commit->arg);
        talloc_free(commit->arg);
    }
    work->commit_count = 0;
}

/* Goes the script on in a transaction that is open? */
static bool goes_on(const struct work *work)
{
    return session_in_transaction(work->session) &&
           strncmp(work->script.sql.text, "ROLLBACK", strlen("ROLLBACK")) != 0;
}

/*
 * The server reads a whole Query before it runs any of it: a syntax error in one file would keep
 * the files before it from running. They are sent alone then; what fails there is what is told.
 */
static void run_before_unparsed(struct work *work, struct err *err)
{
    struct err before = ERR_INIT;

    if (!script_cut_unparsed(&work->script, err))
        return;
    if (script_run(&work->script, work->session, &before) < 0)
        err_move(err, &before);
}

int apply_flush(struct work *work, struct err *err)
{
    bool alone = !goes_on(work);
    int result;

    if (work->script.count == 0)
        return 0;
    work->job->sent_changes = true;
    result = script_run(&work->script, work->session, err);
    if (result < 0 && alone)
        run_before_unparsed(work, err);
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

void apply_expect(struct work *work, const struct script_step *row, apply_committed_fn *committed,
                  void *arg)
{
    size_t commit = (size_t)(row - work->script.steps) + 1;

    mem_grow(work->mem, &work->commits, &work->commit_capacity, work->commit_count + 1);
    work->commits[work->commit_count++] =
        (struct commit){.step = commit, .committed = committed, .arg = arg};
}

static int take_row(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct applied *applied = arg;

    (void)text_to_int64(PQgetvalue(row, 0, 0), 0, INT64_MAX, &applied->rank);
    (void)text_to_int64(PQgetvalue(row, 0, 1), 0, INT64_MAX, &applied->duration_ms);
    return 0;
}

static void take_commit(struct work *work, void *arg)
{
    const struct applied *applied = arg;

    if (applied->ret_rank)
        *applied->ret_rank = applied->rank;
    if (!applied->started)
        apply_record(work, applied->migration, applied->duration_ms, applied->statements,
                     applied->skipped);
}

void apply_commit(struct work *work, const struct migration *migration,
                  const struct history_entry *entry, int64_t *ret_rank)
{
    struct applied *applied = mem_new(work->mem, struct applied);
    struct script_step *row = transaction_end(&work->tx, &work->script, entry);

    row->row = take_row;
    row->arg = applied;
    applied->migration = migration;
    applied->statements = entry->statements_done;
    applied->skipped = strcmp(entry->state, "skipped") == 0;
    applied->started = strcmp(entry->state, "started") == 0;
    applied->ret_rank = ret_rank;
    apply_expect(work, row, take_commit, applied);
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
    transaction_begin(&work->tx, &work->script, &migration->directives);
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

int apply_statements(struct work *work, const struct migration *migration,
                     enum section_kind section, struct err *err)
{
    const struct section *change = &migration->sections[section];

    for (size_t i = 0; i < change->count; i++) {
        script_add_statement(&work->script, migration, section, &change->statements[i]);
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
    if (skip)
        entry.detail = NULL;
    else if (apply_statements(work, migration, SECTION_UP, err) < 0)
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

/* Session state does not hold through a transaction pooler. */
int apply_check_pooler(const struct work *work, const struct migration *migration,
                       enum section_kind section, struct err *err)
{
    if (!work->pooled || !migration->sections[section].no_transaction)
        return 0;
    err_set_at(err, ERR_SQL, migration_section_file(migration, section), 0, 0,
               "a transaction=none migration cannot run through a pooler");
    err_detail(err, "the connection is answered by another server process than it was made to; "
                    "a lock or setting of the session would be lost between statements");
    err_hint(err, "Give the tenant a direct_dsn that goes around the pooler, or vouch for a "
                  "session pooler with connection.pooler: session. Nothing was run.");
    return -1;
}

/* Bytes that the Query of all of them will have, roughly. */
static size_t query_length(const struct pending *pending)
{
    size_t len = 0;

    for (size_t i = 0; i < pending->count && len < QUERY_MOST; i++)
        len += pending->items[i].migration->len + AROUND_MIGRATION;
    return len < QUERY_MOST ? len : QUERY_MOST;
}

int apply_pending(struct work *work, const struct pending *pending, struct err *err)
{
    strbuf_reserve(&work->script.sql, query_length(pending));
    for (size_t i = 0; i < pending->count; i++) {
        if (apply_check_pooler(work, pending->items[i].migration, SECTION_UP, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < pending->count; i++) {
        const struct pending_item *item = &pending->items[i];
        int result;

        if (item->migration->directives.batch > 0)
            result = batch_apply(work, item, err);
        else if (item->started || item->migration->directives.transaction_none)
            result = outside_apply(work, item, err);
        else
            result = apply_transactional(work, item->migration, err);
        if (result < 0)
            return -1;
    }
    return apply_flush(work, err);
}
