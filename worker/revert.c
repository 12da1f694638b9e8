/*
 * revert.c: all transactional down sections in one Query.
 */
#include "worker/revert.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/outside_down.h"
#include "worker/pending.h"

/* A row whose transaction stands in the script that is being gathered. */
struct reverted {
    const struct revert_set *set;
    const struct revert_item *item;
    int64_t duration_ms;
};

struct history_revert revert_entry(const struct revert_item *item, const char *state)
{
    return (struct history_revert){
        .rank = item->row->rank,
        .state = state,
        .keeps_session = !item->migration->touches_session,
    };
}

void revert_record(struct work *work, const struct revert_set *set, const struct revert_item *item,
                   int64_t duration_ms)
{
    struct job *job = work->job;
    struct job_step *step = job_add_step(job);
    struct history_row *row = item->row;

    step->migration = item->migration;
    step->duration_ms = duration_ms;
    step->skipped = row->state == HISTORY_SKIPPED;
    if (!step->skipped)
        step->statements = (int)item->migration->sections[SECTION_DOWN].count;
    if (row->state != HISTORY_STARTED)
        job->applied_count--;
    row->state = HISTORY_REVERTED;
    job->changed = true;
    job->version = pending_version(set->history, false);
}

static int take_duration(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reverted *reverted = arg;

    (void)text_to_int64(PQgetvalue(row, 0, 0), 0, INT64_MAX, &reverted->duration_ms);
    return 0;
}

static void take_commit(struct work *work, void *arg)
{
    const struct reverted *reverted = arg;

    revert_record(work, reverted->set, reverted->item, reverted->duration_ms);
}

/* Of a skipped row only the row itself is reverted: there is nothing else to undo. */
static int revert_transactional(struct work *work, const struct revert_set *set,
                                const struct revert_item *item, struct err *err)
{
    const struct migration *migration = item->migration;
    bool skipped = item->row->state == HISTORY_SKIPPED;
    struct history_revert entry = revert_entry(item, skipped ? "skipped" : "applied");
    struct reverted *reverted = mem_new(work->mem, struct reverted);
    struct script_step *row;

    reverted->set = set;
    reverted->item = item;
    transaction_begin_revert(&work->tx, &work->script, &migration->directives, &entry);
    if (!skipped && apply_statements(work, migration, SECTION_DOWN, err) < 0)
        return -1;
    row = transaction_end_revert(&work->tx, &work->script, &entry);
    row->row = take_duration;
    row->arg = reverted;
    apply_expect(work, row, take_commit, reverted);
    return 0;
}

static bool runs_outside(const struct revert_item *item)
{
    return item->row->state != HISTORY_SKIPPED &&
           item->migration->sections[SECTION_DOWN].no_transaction;
}

int revert_apply(struct work *work, const struct revert_set *set, struct err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        if (apply_check_pooler(work, set->items[i].migration, SECTION_DOWN, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct revert_item *item = &set->items[i];
        int result;

        if (runs_outside(item))
            result = outside_down_revert(work, set, item, err);
        else
            result = revert_transactional(work, set, item, err);
        if (result < 0)
            return -1;
    }
    return apply_flush(work, err);
}
