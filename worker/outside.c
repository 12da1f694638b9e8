/*
 * outside.c: one statement a Query, and a history row that knows how far it came.
 *
 * DESIGN
 * The row is written `started` before the first statement. Before each statement it is set to "so
 * many done, this one running" and after a statement that failed to "so many done, none running".
 * So a row that still says "running" when the next attempt reads it (killed, connection lost; or it
 * failed and may have committed by itself) is of a statement whose outcome nobody knows: it is run
 * again only if that is harmless by its words (SQL_REPEATABLE); else a person decides. The row also
 * holds the checksum of the statements done, so the statements behind may be mended in the file.
 */
#include "worker/outside.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/command_migration.h"
#include "worker/concurrent_index.h"
#include "worker/guard.h"
#include "worker/prepared.h"
#include "worker/unknown.h"

enum { MARK_GRACE_MS = 5000 }; /* to write down where an interrupted migration stopped */

/* --- the history row -------------------------------------------------------------------------- */

/*
 * A CONCURRENTLY statement waits for every old snapshot, which settings.lock_timeout would make
 * impossible on a busy server, and nobody has to wait for it: it waits as long as it takes, unless
 * the file itself says otherwise.
 */
static void set_lock_timeout(struct work *work, const struct migration *migration,
                             const struct sql_statement *statement)
{
    int64_t own = migration->directives.lock_timeout_ms;
    int64_t setting = work->tx.tenant->settings->lock_timeout_ms;

    if (own == DIRECTIVE_UNSET)
        own = statement->flags & SQL_CONCURRENTLY ? 0 : setting;
    script_add(&work->script, "SET lock_timeout = %lld", (long long)own);
}

/* Sets the row to `done` statements done and number `running` (0 = none) under way. */
static int mark(struct work *work, const struct migration *migration, int64_t rank, size_t done,
                size_t running, struct err *err)
{
    char *prefix = unknown_prefix(work->mem, migration, SECTION_UP, done);
    size_t total = migration->sections[SECTION_UP].count;

    script_add(&work->script,
               "UPDATE %s SET statements_done = %zu, statements_total = %zu, checksum = '%s', "
               "code_checksum = '%s', detail = coalesce(detail, '{}') || "
               "pg_catalog.jsonb_build_object('running', %zu, 'prefix', '%s', 'verify', '%s') "
               "WHERE rank = %lld AND state = 'started'",
               work->tx.history, done, total, migration->checksum, migration->code_checksum,
               running, prefix, done == total ? "pending" : "", (long long)rank);
    talloc_free(prefix);
    if (running > 0 && migration->command)
        transaction_stay(&work->tx, &work->script);
    else if (running > 0)
        set_lock_timeout(work, migration, &migration->sections[SECTION_UP].statements[running - 1]);
    return apply_flush(work, err);
}

static int64_t number_of(const PGresult *row, int column)
{
    int64_t value = 0;

    (void)text_to_int64(PQgetvalue(row, 0, column), 0, INT64_MAX, &value);
    return value;
}

/* The row became `applied`: its duration. */
static int take_duration(void *arg, const PGresult *row, struct err *err UNUSED)
{
    *(int64_t *)arg = number_of(row, 0);
    return 0;
}

/* --- the end of it ---------------------------------------------------------------------------- */

static void add_verify(struct work *work, const struct migration *migration)
{
    const struct section *verify = &migration->sections[SECTION_VERIFY];

    if (verify->count == 0)
        return;
    script_add(&work->script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(&work->tx, &work->script, &migration->directives, TRANSACTION_LOCAL);
    for (size_t i = 1; i <= verify->count; i++)
        transaction_check(&work->tx, &work->script, migration, SECTION_VERIFY, i);
    script_add(&work->script, "COMMIT");
}

/* The file may have been mended behind the statements that are done, so the row gets its checksum.
 */
static void add_applied(struct work *work, const struct migration *migration, int64_t rank,
                        int64_t *ret_duration_ms)
{
    struct script_step *step;

    script_add(&work->script, "BEGIN ISOLATION LEVEL READ COMMITTED");
    transaction_settings(&work->tx, &work->script, &migration->directives, TRANSACTION_LOCAL);
    guard_lock(&work->tx, &work->script);
    step = script_add(&work->script,
                      "UPDATE %s SET state = 'applied', checksum = '%s', code_checksum = '%s', "
                      "run_id = %s, finished_at = t.now, duration_ms = "
                      "(EXTRACT(epoch FROM t.now - started_at) * 1000)::pg_catalog.int8, "
                      "detail = nullif(detail - 'running' - 'prefix' - 'verify', '{}') "
                      "FROM (SELECT pg_catalog.clock_timestamp() AS now) AS t "
                      "WHERE rank = %lld AND state = 'started' RETURNING duration_ms",
                      work->tx.history, migration->checksum, migration->code_checksum,
                      work->tx.run_literal, (long long)rank);
    step->row = take_duration;
    step->arg = ret_duration_ms;
    script_add(&work->script, "COMMIT");
}

int outside_finish(struct work *work, const struct migration *migration, int64_t rank,
                   struct err *err)
{
    int64_t duration_ms = -1;

    add_verify(work, migration);
    add_applied(work, migration, rank, &duration_ms);
    if (apply_flush(work, err) < 0) {
        if (err->kind == ERR_SQL && err->file)
            err_hint(err, "The statements of this migration are done and stay. It counts as "
                          "applied once its verify queries are true: mend the data, or the "
                          "queries, then run the same command again.");
        return -1;
    }
    if (duration_ms < 0)
        return err_set(err, ERR_TRANSIENT, "the history changed while this attempt was at work");
    apply_record(work, migration, duration_ms, (int)migration->sections[SECTION_UP].count, false);
    return 0;
}

/* --- beginning, or going on ------------------------------------------------------------------- */

int outside_begin(struct work *work, const struct migration *migration, int64_t *ret_rank,
                  bool *ret_skip, struct err *err)
{
    struct history_entry entry = apply_entry(migration);

    entry.state = "started";
    entry.statements_done = 0;
    if (apply_gather(work, migration, &entry, ret_skip, err) < 0)
        return -1;
    apply_commit(work, migration, &entry, ret_rank);
    return apply_flush(work, err);
}

/* --- the statements --------------------------------------------------------------------------- */

static int run_statement(struct work *work, const struct migration *migration, size_t index,
                         struct err *err)
{
    const struct sql_statement *statement = &migration->sections[SECTION_UP].statements[index];

    if (migration->command)
        return command_migration_run(work, migration, err);
    if (concurrent_index_clear(work, migration, statement, err) < 0)
        return -1;
    script_add_statement(&work->script, migration, SECTION_UP, statement);
    return apply_flush(work, err);
}

/* No invalid index shall be left without a word. */
static void tell_left(struct work *work, const struct migration *migration,
                      const struct sql_statement *statement, struct err *err)
{
    void *mem = mem_context(work->mem);
    char *left = concurrent_index_left(mem, work, migration, statement);

    if (left)
        err_detail(err, "%s%sinvalid now: %s (the same command drops it first, pgtide repair too)",
                   err->detail ? err->detail : "", err->detail ? " " : "", left);
    talloc_free(mem);
}

/* After a failure, but for a lost connection: the row no longer says "running". */
static void mark_failed(struct work *work, const struct migration *migration, int64_t rank,
                        size_t done, struct err *err)
{
    const struct section *up = &migration->sections[SECTION_UP];
    size_t total = up->count;
    struct err marking = ERR_INIT;

    if (err->kind == ERR_LOST || work->unsure || session_in_transaction(work->session))
        return;
    session_grant(work->session, MARK_GRACE_MS);
    if (mark(work, migration, rank, done, 0, &marking) < 0)
        err_clear(&marking); /* then the row says "running", which is the careful side */
    if (done < total && up->statements && up->statements[done].flags & SQL_CONCURRENTLY)
        tell_left(work, migration, &up->statements[done], err);
    if (!err->hint && err->kind == ERR_SQL && done < total)
        err_hint(err,
                 "This was statement %zu of %zu, outside a transaction: those before it stay done. "
                 "Mend the cause, then run the same command again: it goes on with this statement.",
                 done + 1, total);
}

static int run_statements(struct work *work, const struct migration *migration, int64_t rank,
                          size_t done, struct err *err)
{
    size_t total = migration->sections[SECTION_UP].count;

    for (; done < total; done++) {
        bool unknown = false;

        if (mark(work, migration, rank, done, done + 1, err) == 0) {
            if (run_statement(work, migration, done, err) == 0)
                continue;
            unknown = unknown_failed(&migration->sections[SECTION_UP], done,
                                     session_fault(work->session), err);
        }
        if (!unknown)
            mark_failed(work, migration, rank, done, err);
        return -1;
    }
    if (mark(work, migration, rank, total, 0, err) == 0)
        return 0;
    mark_failed(work, migration, rank, total, err);
    return -1;
}

/* The statement that was running when the connection was lost is not run again where it can be
 * seen that it was done. */
static int skip_done(struct work *work, const struct migration *migration,
                     const struct history_row *row, size_t *done, struct err *err)
{
    const struct section *up = &migration->sections[SECTION_UP];
    bool found;

    if ((size_t)row->running != *done + 1 || strcmp(row->checksum, migration->checksum) != 0)
        return 0;
    if (concurrent_index_done(work, migration, &up->statements[*done], &found, err) < 0)
        return -1;
    *done += found;
    return 0;
}

int outside_apply(struct work *work, const struct pending_item *item, struct err *err)
{
    const struct migration *migration = item->migration;
    size_t total = migration->sections[SECTION_UP].count;
    int64_t rank = item->started ? item->started->rank : 0;
    size_t done = 0;
    bool skip = false;

    if (apply_flush(work, err) < 0)
        return -1;
    if (item->started) {
        if (unknown_check(migration, item->started, err) < 0)
            return -1;
        done = (size_t)item->started->statements_done;
    }
    if (!item->started && outside_begin(work, migration, &rank, &skip, err) < 0)
        return -1;
    if (skip)
        return 0;
    if (done < total) {
        transaction_settings(&work->tx, &work->script, &migration->directives, TRANSACTION_SESSION);
        if (apply_flush(work, err) < 0 ||
            (item->started && skip_done(work, migration, item->started, &done, err) < 0) ||
            run_statements(work, migration, rank, done, err) < 0)
            return -1;
        transaction_reset(&work->script);
        prepared_forget(&work->tx); /* by DISCARD ALL, say */
        if (apply_flush(work, err) < 0)
            return -1;
    }
    return outside_finish(work, migration, rank, err);
}
