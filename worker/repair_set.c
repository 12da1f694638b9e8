/*
 * repair_set.c: one rule for each thing that can be wrong with a row.
 *
 * Nothing here is guessed: what the catalog proves (a checksum, a name) is put right, what only a
 * person can know is done as the person says, and all else is left and told.
 */
#include "worker/repair_set.h"

#include "common/mem.h"
#include "worker/conflicts.h"
#include "worker/pending.h"
#include "worker/unknown.h"

struct computing {
    const struct catalog *catalog;
    const struct repair_choices *choices;
    struct history *history;
    struct repair_set *set;
    struct conflicts conflicts;
};

/* --- looking up ------------------------------------------------------------------------------- */

static const struct migration *find_file(const struct catalog *catalog,
                                         const struct history_row *row)
{
    const struct migration *list = row->has_version ? catalog->migrations : catalog->repeatables;
    size_t count = row->has_version ? catalog->count : catalog->repeatable_count;

    for (size_t i = 0; i < count; i++) {
        if (list[i].version == row->version && strcmp(list[i].name, row->name) == 0)
            return &list[i];
    }
    return NULL;
}

static bool is_chosen(const int64_t *versions, size_t count, int64_t version)
{
    for (size_t i = 0; i < count; i++) {
        if (versions[i] == version)
            return true;
    }
    return false;
}

/* --- the rules -------------------------------------------------------------------------------- */

/* To be called before the row is changed. */
static void add_item(struct computing *computing, enum job_repair_kind kind,
                     const struct migration *migration, const struct history_row *row)
{
    computing->set->items[computing->set->count++] =
        (struct repair_item){.kind = kind, .migration = migration, .was = *row};
}

static void add_left(struct computing *computing, const struct migration *migration,
                     const struct history_row *row)
{
    struct err now = ERR_INIT;

    unknown_explain(migration, row, &now);
    conflicts_add(&computing->conflicts, &now);
}

/* "Done" is said of the statement that the file had; one that was changed since is another. */
static void add_changed(struct computing *computing, const struct migration *migration,
                        const struct history_row *row)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0,
               "migration %s was changed while the outcome of its statement %d is not known",
               migration->label, row->running);
    err_hint(&now, "Put the file back as it was, then: pgtide repair --done. When the statement "
                   "was not done: pgtide repair --not-done.");
    conflicts_add(&computing->conflicts, &now);
}

static void clear_unknown(struct computing *computing, const struct migration *migration,
                          struct history_row *row)
{
    bool changed = !row->reverting && strcmp(row->checksum, migration->checksum) != 0;

    switch (computing->choices->unknown) {
    case REPAIR_ASK:
        if (!row->has_version || row->reverting) /* of others add_rest tells */
            add_left(computing, migration, row);
        return;
    case REPAIR_DONE:
        if (changed) {
            add_changed(computing, migration, row);
            return;
        }
        add_item(computing, JOB_REPAIR_DONE, migration, row);
        break;
    case REPAIR_NOT_DONE:
        add_item(computing, JOB_REPAIR_NOT_DONE, migration, row);
        break;
    }
    row->running = 0;
}

static void take_file(struct computing *computing, const struct migration *migration,
                      struct history_row *row)
{
    const struct repair_choices *choices = computing->choices;

    if (row->state == HISTORY_STARTED && unknown_statement(migration, row)) {
        clear_unknown(computing, migration, row);
    } else if (row->has_version && row->state == HISTORY_APPLIED &&
               strcmp(row->checksum, migration->checksum) != 0) {
        add_item(computing, JOB_REPAIR_CHECKSUM, migration, row);
        row->checksum = migration->checksum;
        row->code_checksum = migration->code_checksum;
    } else if (row->state == HISTORY_SKIPPED && row->has_version &&
               is_chosen(choices->unskip, choices->unskip_count, row->version)) {
        add_item(computing, JOB_REPAIR_UNSKIP, migration, row);
        row->state = HISTORY_REVERTED;
        row->made_pending = true;
    }
}

static void take_orphan(struct computing *computing, struct history_row *row)
{
    const struct repair_choices *choices = computing->choices;
    const struct migration *renamed = pending_renamed(computing->catalog, computing->history, row);

    if (renamed) {
        add_item(computing, JOB_REPAIR_NAME, renamed, row);
        row->name = renamed->name;
        take_file(computing, renamed, row);
    } else if (is_chosen(choices->forget, choices->forget_count, row->version)) {
        add_item(computing, JOB_REPAIR_FORGET, NULL, row);
        row->state = HISTORY_REVERTED;
    }
}

/* What would still stop `migrate` then. */
static void add_rest(struct computing *computing, void *mem, const struct tenant *tenant)
{
    struct pending pending;
    struct err rest = ERR_INIT;

    if (pending_compute(mem, computing->catalog, computing->history, tenant, INT64_MAX, &pending,
                        &rest) < 0)
        conflicts_add(&computing->conflicts, &rest);
}

int repair_set_compute(void *parent, const struct job *job, struct history *history,
                       struct repair_set *ret, struct err *err)
{
    struct computing computing = {.catalog = job->plan->catalog,
                                  .choices = job->plan->repair,
                                  .history = history,
                                  .set = ret};

    *ret = (struct repair_set){0};
    ret->items = mem_array(parent, struct repair_item, 2 * history->count + 1);
    conflicts_init(&computing.conflicts, parent, err);
    for (size_t i = 0; i < history->count; i++) {
        struct history_row *row = &history->rows[i];
        const struct migration *migration = find_file(computing.catalog, row);

        if (row->state == HISTORY_REVERTED || row->kind == HISTORY_SEED)
            continue;
        if (migration)
            take_file(&computing, migration, row);
        else if (row->has_version)
            take_orphan(&computing, row);
    }
    if (history->exists)
        add_rest(&computing, parent, job->tenant);
    return conflicts_end(&computing.conflicts);
}
