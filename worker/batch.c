/*
 * batch.c: a statement again and again.
 *
 * DESIGN
 * How many rows a batch has changed is known here only when its statement has been answered, and
 * belongs into the history row before its COMMIT. So the end of a batch (row, COMMIT) goes out in
 * one Query with the beginning of the next (BEGIN, guard, statement): a round trip a batch, and
 * work and count are one transaction. A batch that was cut off, by whatever, is neither done nor
 * counted. Its guard finds the row where the batch before it has left it, or nothing is run.
 *
 * An attempt that goes on always begins with a batch, also where the last one had found nothing
 * more to do and a verify query was not true: then there may be new rows.
 */
#include "worker/batch.h"

#include "common/mem.h"
#include "worker/outside.h"

struct batches {
    struct work *work;
    const struct migration *migration;
    const struct sql_statement *statement;
    struct history_batch kept; /* committed */
    struct history_batch sent; /* the same once what was gathered is committed */
    int64_t changed;           /* rows, by the statement that was run last */
};

/* A batch whose COMMIT is on its way. */
struct on_its_way {
    struct batches *batches;
    struct history_batch after;
};

/* For the eyes of the coordinator. */
static void show(struct job *job, const struct history_batch *done)
{
    job->batches = done->batches;
    job->batch_rows = done->rows;
}

static void take_commit(struct work *work, void *arg)
{
    const struct on_its_way *way = arg;

    way->batches->kept = way->after;
    work->job->changed = true;
    show(work->job, &way->after);
}

/* Sends the statement, with all that was gathered before it. */
static int run_statement(struct batches *b, struct err *err)
{
    struct work *work = b->work;
    struct script_step *step;

    transaction_begin_batch(&work->tx, &work->script, b->migration, &b->sent);
    step = script_add_statement(&work->script, b->migration, SECTION_UP, b->statement);
    step->ret_rows = &b->changed;
    return apply_flush(work, err);
}

/* Gathers the end of the batch that has been run. */
static void end_batch(struct batches *b)
{
    struct work *work = b->work;
    struct on_its_way *way = mem_new(work->mem, struct on_its_way);
    struct script_step *row;

    b->sent.last = b->changed == 0;
    b->sent.batches += b->changed > 0;
    b->sent.rows += b->changed;
    *way = (struct on_its_way){.batches = b, .after = b->sent};
    row = transaction_end_batch(&work->tx, &work->script, b->migration, &b->sent);
    apply_expect(work, row, take_commit, way);
}

/* The batch that was one too many is not committed. */
static int check_most(const struct batches *b, struct err *err)
{
    int64_t most = b->migration->directives.max_batches;

    if (most == DIRECTIVE_UNSET || b->sent.batches < most)
        return 0;
    err_set_at(err, ERR_SQL, b->migration->file, b->statement->line, 0,
               "max_batches=%lld is reached, and there is more to do", (long long)most);
    err_statement(err, b->migration->text + b->statement->start,
                  b->statement->end - b->statement->start);
    err_detail(err, "%lld batches are done and stay, with %lld rows", (long long)b->sent.batches,
               (long long)b->sent.rows);
    err_hint(err, "Does the statement change the same rows again and again? Then mend it: what a "
                  "batch has done must no longer fit its WHERE. Else raise max_batches. Then run "
                  "the same command again: it goes on.");
    return -1;
}

/* Between two batches nothing is open. */
static int make_pause(struct batches *b, struct err *err)
{
    int64_t pause_ms = b->migration->directives.pause_ms;

    if (pause_ms <= 0)
        return 0;
    if (!b->work->pooled)
        transaction_stay(&b->work->tx, &b->work->script);
    if (apply_flush(b->work, err) < 0)
        return -1;
    return session_sleep(b->work->session, pause_ms, err);
}

static int run_batches(struct batches *b, struct err *err)
{
    while (run_statement(b, err) == 0) {
        if (b->changed > 0 && check_most(b, err) < 0)
            return -1;
        end_batch(b);
        if (b->changed == 0)
            return 0; /* its COMMIT goes out with what ends the migration */
        if (make_pause(b, err) < 0)
            return -1;
    }
    return -1;
}

/* What the database says of a batch; an error at its COMMIT stands nowhere in the file. */
static void explain(const struct batches *b, struct err *err)
{
    if (err->kind != ERR_SQL || !err->sqlstate[0])
        return;
    if (!err->file)
        err_place(err, b->migration->file, b->statement->line, 0);
    if (!err->hint)
        err_hint(err,
                 "%lld batches are done and stay, with %lld rows; nothing is left of the one that "
                 "failed. Mend the cause, then run the same command again: it goes on.",
                 (long long)b->kept.batches, (long long)b->kept.rows);
}

static void record(const struct batches *b)
{
    struct job *job = b->work->job;
    struct job_step *step = &job->steps[job->step_count - 1];

    step->batches = b->kept.batches;
    step->rows = b->kept.rows;
}

int batch_apply(struct work *work, const struct pending_item *item, struct err *err)
{
    const struct migration *migration = item->migration;
    const struct history_row *started = item->started;
    static const struct history_batch none;
    struct batches b = {.work = work,
                        .migration = migration,
                        .statement = migration->sections[SECTION_UP].statements};
    bool skip = false;
    int result;

    if (apply_flush(work, err) < 0)
        return -1;
    if (started)
        b.sent = (struct history_batch){
            .rank = started->rank, .batches = started->batches, .rows = started->rows};
    else if (outside_begin(work, migration, &b.sent.rank, &skip, err) < 0)
        return -1;
    if (skip)
        return 0;
    b.kept = b.sent;
    show(work->job, &b.kept);
    result = run_batches(&b, err);
    if (result < 0)
        explain(&b, err);
    else if ((result = outside_finish(work, migration, b.kept.rank, err)) == 0)
        record(&b);
    show(work->job, &none);
    return result;
}
