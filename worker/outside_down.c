/*
 * outside_down.c: a way back, one statement a Query.
 *
 * DESIGN
 * As in outside.c the row keeps the books, but those of the way up stay as they are: the progress
 * stands in its detail, as `reverting: {done, running, prefix}`, and its state is `started` from
 * before the first statement until it is `reverted`.
 */
#include "worker/outside_down.h"

#include "common/clock.h"
#include "common/mem.h"
#include "worker/concurrent_index.h"
#include "worker/outside.h"
#include "worker/pending.h"
#include "worker/unknown.h"

enum { MARK_GRACE_MS = 5000 }; /* to write down where an interrupted way back stopped */

/* One way back as it goes on. */
struct way_back {
    struct work *work;
    const struct revert_set *set;
    const struct revert_item *item;
    const struct migration *migration;
    const struct section *down;
    size_t done;        /* statements */
    size_t row_done;    /* the same as the row says, */
    size_t row_running; /* and the statement under way, 0 = none */
};

/* --- the history row -------------------------------------------------------------------------- */

/* Appends: so many statements are done, number `running` (0 = none) is under way, if `condition`
 * holds for the row. */
static struct script_step *add_mark(const struct way_back *way, size_t running,
                                    const char *condition)
{
    struct work *work = way->work;
    char *prefix = unknown_prefix(way->work->mem, way->migration, SECTION_DOWN, way->done);
    struct script_step *step;

    step = script_add(&work->script,
                      "UPDATE %s SET state = 'started', detail = coalesce(detail, '{}') || "
                      "pg_catalog.jsonb_build_object('reverting', pg_catalog.jsonb_build_object("
                      "'done', %zu, 'running', %zu, 'prefix', '%s')) WHERE rank = %lld AND %s",
                      work->tx.history, way->done, running, prefix, (long long)way->item->row->rank,
                      condition);
    talloc_free(prefix);
    return step;
}

/* As in outside.c: if the row still says what this attempt knows, and the lock can be had. */
static int mark(struct way_back *way, size_t running, struct err *err)
{
    int64_t rows = 0;
    char *condition =
        mem_printf(way->work->mem,
                   "state = 'started' AND detail->'reverting'->>'done' = '%zu' "
                   "AND coalesce(detail->'reverting'->>'running', '0') = '%zu' AND %s",
                   way->row_done, way->row_running, outside_lock(way->work));

    add_mark(way, running, condition)->ret_rows = &rows;
    talloc_free(condition);
    if (apply_flush(way->work, err) < 0 || outside_marked(rows, err) < 0)
        return -1;
    way->row_done = way->done;
    way->row_running = running;
    return 0;
}

static int begin(const struct way_back *way, struct err *err)
{
    struct work *work = way->work;
    struct history_revert entry = revert_entry(way->item, "applied");

    transaction_begin_revert(&work->tx, &work->script, &way->migration->directives, &entry);
    (void)add_mark(way, 0, "state = 'applied'"); /* the guard has seen to that */
    script_add(&work->script, "COMMIT");
    if (apply_flush(work, err) < 0)
        return -1;
    way->item->row->state = HISTORY_STARTED;
    work->job->applied_count--;
    work->job->changed = true;
    work->job->version = pending_version(way->set->history, false);
    return 0;
}

static int finish(const struct way_back *way, struct err *err)
{
    struct work *work = way->work;
    struct history_revert entry = revert_entry(way->item, "started");

    transaction_begin_revert(&work->tx, &work->script, &way->migration->directives, &entry);
    transaction_end_revert(&work->tx, &work->script, &entry);
    return apply_flush(work, err);
}

/* --- going on --------------------------------------------------------------------------------- */

static int changed_half_way(const struct way_back *way, struct err *err)
{
    err_set_at(err, ERR_CONFLICT, migration_section_file(way->migration, SECTION_DOWN), 0, 0,
               "migration %s was changed after %d statements of its down section had been run",
               way->migration->label, way->item->row->down_done);
    err_detail(err, "it runs outside a transaction, so those statements stay done");
    err_hint(err, "Put these statements back as they were; the ones behind them may be changed.");
    return -1;
}

/* What an earlier rollback has done need not be run; where it is not known, it is found out. */
static int resume(struct way_back *way, struct err *err)
{
    const struct history_row *row = way->item->row;
    size_t running = (size_t)row->running;
    bool found = false;

    way->done = way->row_done = (size_t)row->down_done;
    way->row_running = running;
    if (way->done > way->down->count ||
        (row->prefix[0] &&
         strcmp(unknown_prefix(way->work->mem, way->migration, SECTION_DOWN, way->done),
                row->prefix) != 0))
        return changed_half_way(way, err);
    if (running == 0 || running > way->down->count)
        return 0;
    if (unknown_statement(way->migration, row)) {
        unknown_explain(way->migration, row, err);
        return -1;
    }
    if (concurrent_index_done(way->work, way->migration, &way->down->statements[running - 1],
                              &found, err) < 0)
        return -1;
    way->done += found;
    return 0;
}

/* --- the statements --------------------------------------------------------------------------- */

/* After a failure, but for a lost connection: the row no longer says "running". */
static void mark_failed(struct way_back *way, struct err *err)
{
    struct err marking = ERR_INIT;

    if (err->kind == ERR_LOST || session_in_transaction(way->work->session))
        return;
    session_grant(way->work->session, MARK_GRACE_MS);
    if (mark(way, 0, &marking) < 0)
        err_clear(&marking); /* then the row says "running", which is the careful side */
    if (!err->hint && err->kind == ERR_SQL)
        err_hint(err,
                 "This was statement %zu of %zu of the way back, outside a transaction: those "
                 "before it stay done. Mend the cause, then run the same command again: it goes on "
                 "with this statement.",
                 way->done + 1, way->down->count);
}

static int run_statement(const struct way_back *way, struct err *err)
{
    struct work *work = way->work;
    const struct sql_statement *statement = &way->down->statements[way->done];

    if (concurrent_index_clear(work, way->migration, statement, err) < 0)
        return -1;
    script_add_statement(&work->script, way->migration, SECTION_DOWN, statement);
    return apply_flush(work, err);
}

static int run_statements(struct way_back *way, struct err *err)
{
    struct work *work = way->work;

    transaction_settings(&work->tx, &work->script, &way->migration->directives,
                         TRANSACTION_SESSION);
    outside_settings(work, way->migration, SECTION_DOWN, (size_t)way->item->row->down_done);
    if (apply_flush(work, err) < 0 || (way->item->row->reverting && resume(way, err) < 0))
        return -1;
    for (; way->done < way->down->count; way->done++) {
        bool unknown = false;

        if (mark(way, way->done + 1, err) == 0) {
            if (run_statement(way, err) == 0)
                continue;
            unknown = unknown_failed(way->down, way->done, session_fault(work->session), err);
        }
        if (!unknown)
            mark_failed(way, err);
        return -1;
    }
    if (mark(way, 0, err) < 0) {
        mark_failed(way, err);
        return -1;
    }
    transaction_reset(&work->script);
    return apply_flush(work, err);
}

int outside_down_revert(struct work *work, const struct revert_set *set,
                        const struct revert_item *item, struct err *err)
{
    struct way_back way = {
        .work = work,
        .set = set,
        .item = item,
        .migration = item->migration,
        .down = &item->migration->sections[SECTION_DOWN],
    };
    int64_t begun_ms = clock_now_ms();

    if (apply_flush(work, err) < 0 || (!item->row->reverting && begin(&way, err) < 0) ||
        run_statements(&way, err) < 0 || finish(&way, err) < 0)
        return -1;
    revert_record(work, set, item, clock_now_ms() - begun_ms);
    return 0;
}
