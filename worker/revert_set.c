/*
 * revert_set.c: the rows of a rollback, and whether each has a way back.
 */
#include "worker/revert_set.h"

#include "common/mem.h"
#include "worker/conflicts.h"

/* --- refusals --------------------------------------------------------------------------------- */

static void no_way_back(struct conflicts *conflicts, const struct migration *migration)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0, "migration %s has no down section",
               migration->label);
    err_hint(&now, "Nothing was touched. Roll back to it, not past it, or undo it in a new "
                   "migration: a file that is applied must not be changed any more.");
    conflicts_add(conflicts, &now);
}

static void changed(struct conflicts *conflicts, const struct migration *migration)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0,
               "migration %s was changed after it was applied", migration->label);
    err_hint(&now, "Nothing was touched. The way back belongs to what was applied: put the file "
                   "back as it was.");
    conflicts_add(conflicts, &now);
}

static void missing(struct conflicts *conflicts, const struct catalog *catalog,
                    const struct history_row *row)
{
    struct err now = ERR_INIT;

    err_set(&now, ERR_CONFLICT, "applied migration %04lld_%s is missing from %s",
            (long long)row->version, row->name, catalog->source);
    err_hint(&now, "Nothing was touched. The way back is in its file: is this an older checkout "
                   "than the one that was applied?");
    conflicts_add(conflicts, &now);
}

static void baseline(struct conflicts *conflicts, const struct history_row *row)
{
    struct err now = ERR_INIT;

    err_set(&now, ERR_CONFLICT, "migration %04lld_%s was recorded by baseline, it was never run",
            (long long)row->version, row->name);
    err_hint(&now, "Nothing was touched. Roll back to it, not past it: --to %lld.",
             (long long)row->version);
    conflicts_add(conflicts, &now);
}

static void unfinished(struct conflicts *conflicts, const struct migration *migration)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0, "migration %s is started and not done",
               migration->label);
    err_hint(&now, "Nothing was touched. Finish it with pgtide migrate first, then roll it back.");
    conflicts_add(conflicts, &now);
}

/* --- the rows --------------------------------------------------------------------------------- */

static const struct migration *find_migration(const struct catalog *catalog,
                                              const struct history_row *row)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct migration *migration = &catalog->migrations[i];

        if (migration->version == row->version && strcmp(migration->name, row->name) == 0)
            return migration;
    }
    return NULL;
}

/* A row that is half reverted has its own rule about changed files: that of its statements. */
static void check_row(struct conflicts *conflicts, const struct catalog *catalog,
                      const struct migration *migration, const struct history_row *row)
{
    bool runs = row->state != HISTORY_SKIPPED;

    if (row->kind == HISTORY_BASELINE)
        baseline(conflicts, row);
    else if (!migration)
        missing(conflicts, catalog, row);
    else if (row->state == HISTORY_STARTED && !row->reverting)
        unfinished(conflicts, migration);
    else if (runs && !row->reverting && strcmp(row->checksum, migration->checksum) != 0)
        changed(conflicts, migration);
    else if (runs && migration->sections[SECTION_DOWN].count == 0)
        no_way_back(conflicts, migration);
}

/* How many more rows --steps wants; without it all. */
static int64_t steps_left(const struct job_plan *plan, const struct history *history)
{
    int64_t left = plan->steps;

    if (left == 0)
        return INT64_MAX;
    for (size_t i = 0; i < history->count; i++)
        left -= history->rows[i].reverted_now;
    return left;
}

int revert_set_compute(void *parent, const struct job_plan *plan, struct history *history,
                       struct revert_set *ret, struct err *err)
{
    int64_t left = steps_left(plan, history);
    struct conflicts conflicts;

    conflicts_init(&conflicts, parent, err);
    *ret = (struct revert_set){.history = history};
    ret->items = mem_array(parent, struct revert_item, history->count + 1);
    for (size_t i = history->count; i > 0 && left > 0; i--) {
        struct history_row *row = &history->rows[i - 1];
        const struct migration *migration;

        if (!row->has_version || row->state == HISTORY_REVERTED ||
            (plan->steps == 0 && row->version <= plan->to_version))
            continue;
        migration = find_migration(plan->catalog, row);
        check_row(&conflicts, plan->catalog, migration, row);
        ret->items[ret->count++] = (struct revert_item){.migration = migration, .row = row};
        left--;
    }
    return conflicts_end(&conflicts);
}
