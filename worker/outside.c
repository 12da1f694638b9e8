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
 *
 * A file may give up the tenant's lock. So each of these marks is set only where the row still says
 * what this attempt has read or written last, and only under the lock, which it takes again.
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

/* One migration as it goes on. */
struct course {
    struct work *work;
    const struct migration *migration;
    const struct section *up;
    int64_t rank;       /* of its row */
    size_t done;        /* statements */
    size_t row_done;    /* the same as the row says, */
    size_t row_running; /* and the statement under way, 0 = none */
};

/* --- the history row -------------------------------------------------------------------------- */

/*
 * A CONCURRENTLY statement waits for every old snapshot, which settings.lock_timeout would make
 * impossible on a busy server, and nobody has to wait for it: it waits as long as it takes, unless
 * the file itself says otherwise, in a directive or with SET.
 */
static void set_lock_timeout(const struct course *course)
{
    int64_t own = course->migration->directives.lock_timeout_ms;
    int64_t setting = course->work->tx.tenant->settings->lock_timeout_ms;

    for (size_t i = 0; i < course->done; i++) {
        if (course->up->statements[i].flags & SQL_LOCK_TIMEOUT)
            return;
    }
    if (own == DIRECTIVE_UNSET)
        own = course->up->statements[course->done].flags & SQL_CONCURRENTLY ? 0 : setting;
    script_add(&course->work->script, "SET lock_timeout = %lld", (long long)own);
}

/* The session ends with the attempt, so the lock may be taken any number of times; through a pooler
 * it does not, and all that is wanted there is that nobody else has it. */
const char *outside_lock(const struct work *work)
{
    return mem_printf(work->mem, "pg_catalog.pg_try_advisory%s_lock(%s)",
                      work->pooled ? "_xact" : "", work->tx.lock_key);
}

int outside_marked(int64_t rows, struct err *err)
{
    if (rows == 1)
        return 0;
    err_set(err, ERR_TRANSIENT, "the history changed while this attempt was at work");
    err_detail(err, "another session has the tenant's lock, or had it; nothing was applied twice");
    return -1;
}

/* Appends: the row says `course->done` statements done and number `running` (0 = none) under way,
 * if it still says what this attempt knows. */
static void add_mark(const struct course *course, size_t running, int64_t *ret_rows)
{
    struct work *work = course->work;
    const struct migration *migration = course->migration;
    char *prefix = unknown_prefix(work->mem, migration, SECTION_UP, course->done);
    struct script_step *step;

    step =
        script_add(&work->script,
                   "UPDATE %s SET statements_done = %zu, statements_total = %zu, checksum = '%s', "
                   "code_checksum = '%s', detail = coalesce(detail, '{}') || "
                   "pg_catalog.jsonb_build_object('running', %zu, 'prefix', '%s', 'verify', '%s') "
                   "WHERE rank = %lld AND state = 'started' AND statements_done = %zu "
                   "AND coalesce(detail->>'running', '0') = '%zu' AND %s",
                   work->tx.history, course->done, course->up->count, migration->checksum,
                   migration->code_checksum, running, prefix,
                   course->done == course->up->count ? "pending" : "", (long long)course->rank,
                   course->row_done, course->row_running, outside_lock(work));
    step->ret_rows = ret_rows;
    talloc_free(prefix);
}

static int mark(struct course *course, size_t running, struct err *err)
{
    struct work *work = course->work;
    int64_t rows = 0;

    add_mark(course, running, &rows);
    if (running > 0 && course->migration->command)
        transaction_stay(&work->tx, &work->script);
    else if (running > 0)
        set_lock_timeout(course);
    if (apply_flush(work, err) < 0 || outside_marked(rows, err) < 0)
        return -1;
    course->row_done = course->done;
    course->row_running = running;
    return 0;
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
    size_t count = migration->sections[SECTION_UP].count;
    struct script_step *step;

    script_add(&work->script, "BEGIN ISOLATION LEVEL READ COMMITTED");
    transaction_settings(&work->tx, &work->script, &migration->directives, TRANSACTION_LOCAL);
    guard_lock(&work->tx, &work->script);
    step = script_add(&work->script,
                      "UPDATE %s SET state = 'applied', statements_done = %zu, "
                      "statements_total = %zu, checksum = '%s', code_checksum = '%s', "
                      "run_id = %s, finished_at = t.now, duration_ms = "
                      "(EXTRACT(epoch FROM t.now - started_at) * 1000)::pg_catalog.int8, "
                      "detail = nullif(detail - 'running' - 'prefix' - 'verify', '{}') "
                      "FROM (SELECT pg_catalog.clock_timestamp() AS now) AS t "
                      "WHERE rank = %lld AND state = 'started' RETURNING duration_ms",
                      work->tx.history, count, count, migration->checksum, migration->code_checksum,
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
    if (outside_marked(duration_ms >= 0, err) < 0)
        return -1;
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

static int run_statement(const struct course *course, struct err *err)
{
    struct work *work = course->work;
    const struct sql_statement *statement = &course->up->statements[course->done];

    if (course->migration->command)
        return command_migration_run(work, course->migration, course->rank, err);
    if (concurrent_index_clear(work, course->migration, statement, err) < 0)
        return -1;
    script_add_statement(&work->script, course->migration, SECTION_UP, statement);
    return apply_flush(work, err);
}

/* No invalid index shall be left without a word. */
static void tell_left(const struct course *course, struct err *err)
{
    void *mem = mem_context(course->work->mem);
    char *left = concurrent_index_left(mem, course->work, course->migration,
                                       &course->up->statements[course->done]);

    if (left)
        err_detail(err, "%s%sinvalid now: %s (the same command drops it first, pgtide repair too)",
                   err->detail ? err->detail : "", err->detail ? " " : "", left);
    talloc_free(mem);
}

/* After a failure, but for a lost connection: the row no longer says "running". */
static void mark_failed(struct course *course, struct err *err)
{
    struct work *work = course->work;
    const struct section *up = course->up;
    struct err marking = ERR_INIT;

    if (err->kind == ERR_LOST || work->unsure || session_in_transaction(work->session))
        return;
    session_grant(work->session, MARK_GRACE_MS);
    if (mark(course, 0, &marking) < 0)
        err_clear(&marking); /* then the row says "running", which is the careful side */
    if (course->done < up->count && up->statements[course->done].flags & SQL_CONCURRENTLY)
        tell_left(course, err);
    if (!err->hint && err->kind == ERR_SQL && course->done < up->count)
        err_hint(err,
                 "This was statement %zu of %zu, outside a transaction: those before it stay done. "
                 "Mend the cause, then run the same command again: it goes on with this statement.",
                 course->done + 1, up->count);
}

static int run_statements(struct course *course, struct err *err)
{
    const struct section *up = course->up;

    for (; course->done < up->count; course->done++) {
        bool unknown = false;

        if (mark(course, course->done + 1, err) == 0) {
            if (run_statement(course, err) == 0)
                continue;
            unknown = unknown_failed(up, course->done, session_fault(course->work->session), err);
        }
        if (!unknown)
            mark_failed(course, err);
        return -1;
    }
    if (mark(course, 0, err) == 0)
        return 0;
    mark_failed(course, err);
    return -1;
}

/* The statement that was running when the connection was lost is not run again where it can be
 * seen that it was done. */
static int skip_done(struct course *course, const struct history_row *row, struct err *err)
{
    bool found;

    if (course->row_running != course->done + 1 ||
        strcmp(row->checksum, course->migration->checksum) != 0)
        return 0;
    if (concurrent_index_done(course->work, course->migration,
                              &course->up->statements[course->done], &found, err) < 0)
        return -1;
    course->done += found;
    return 0;
}

void outside_settings(struct work *work, const struct migration *migration,
                      enum section_kind section, size_t done)
{
    const struct section *change = &migration->sections[section];

    for (size_t i = 0; i < done && i < change->count; i++) {
        if (change->statements[i].flags & SQL_SESSION)
            script_add_statement(&work->script, migration, section, &change->statements[i]);
    }
}

static int run_up(struct course *course, const struct history_row *started, struct err *err)
{
    struct work *work = course->work;

    transaction_settings(&work->tx, &work->script, &course->migration->directives,
                         TRANSACTION_SESSION);
    outside_settings(work, course->migration, SECTION_UP, course->done);
    if (apply_flush(work, err) < 0 || (started && skip_done(course, started, err) < 0) ||
        run_statements(course, err) < 0)
        return -1;
    transaction_reset(&work->script);
    prepared_forget(&work->tx); /* by DISCARD ALL, say */
    return apply_flush(work, err);
}

/* From its `started` row, or writing that; *ret_skip as in outside_begin. */
static int start(struct course *course, const struct history_row *started, bool *ret_skip,
                 struct err *err)
{
    *ret_skip = false;
    if (!started)
        return outside_begin(course->work, course->migration, &course->rank, ret_skip, err);
    if (unknown_check(course->migration, started, err) < 0)
        return -1;
    if (course->migration->command && course->work->job->command.rank == started->rank)
        course->work->output = course->work->job->command.output;
    course->rank = started->rank;
    course->done = course->row_done = (size_t)started->statements_done;
    course->row_running = (size_t)started->running;
    return 0;
}

int outside_apply(struct work *work, const struct pending_item *item, struct err *err)
{
    struct course course = {
        .work = work, .migration = item->migration, .up = &item->migration->sections[SECTION_UP]};
    bool skip;

    if (apply_flush(work, err) < 0 || start(&course, item->started, &skip, err) < 0)
        return -1;
    if (skip)
        return 0;
    if (course.done < course.up->count && run_up(&course, item->started, err) < 0)
        return -1;
    return outside_finish(work, course.migration, course.rank, err);
}
