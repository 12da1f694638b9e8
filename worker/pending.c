/*
 * pending.c: history and catalog as two sorted lists, merged.
 */
#include "worker/pending.h"

#include "common/mem.h"
#include "worker/conflicts.h"
#include "worker/unknown.h"

/* --- the history as a sorted set -------------------------------------------------------------- */

static bool counts(const struct history_row *row)
{
    return row->has_version && row->state != HISTORY_REVERTED;
}

static int compare_rows(const void *a, const void *b)
{
    const struct history_row *x = *(const struct history_row *const *)a;
    const struct history_row *y = *(const struct history_row *const *)b;

    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return strcmp(x->name, y->name);
}

static const struct history_row **sorted_rows(void *mem, const struct history *history,
                                              size_t *count)
{
    const struct history_row **rows =
        mem_array(mem, const struct history_row *, history->count + 1);

    *count = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (counts(&history->rows[i]))
            rows[(*count)++] = &history->rows[i];
    }
    if (*count)
        qsort(rows, *count, sizeof(*rows), compare_rows);
    return rows;
}

int64_t pending_version(const struct history *history, bool before_this_run)
{
    int64_t highest = 0;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];

        if (counts(row) && row->state != HISTORY_STARTED && row->version > highest &&
            !(before_this_run && row->this_run))
            highest = row->version;
    }
    return highest;
}

/* --- conflicts -------------------------------------------------------------------------------- */

static void changed(struct conflicts *conflicts, const struct history_row *row,
                    const struct migration *migration)
{
    struct err now = ERR_INIT;
    bool cosmetic =
        row->code_checksum[0] && strcmp(row->code_checksum, migration->code_checksum) == 0;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0,
               "migration %s was changed after it was applied%s", migration->label,
               cosmetic ? " (only comments or white space)" : "");
    err_detail(&now, "applied: %s, file now: %s", row->checksum, migration->checksum);
    if (cosmetic)
        err_hint(&now, "Nothing has to run for that: pgtide repair records the new checksum. Or "
                       "put the file back as it was.");
    else
        err_hint(&now, "Put the file back as it was, and make the change in a new migration. Only "
                       "when these tenants need nothing of the change: pgtide repair records the "
                       "new checksum, and runs nothing.");
    conflicts_add(conflicts, &now);
}

static bool has_row(const struct history *history, const struct migration *migration)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];

        if (counts(row) && row->version == migration->version &&
            strcmp(row->name, migration->name) == 0)
            return true;
    }
    return false;
}

const struct migration *pending_renamed(const struct catalog *catalog,
                                        const struct history *history,
                                        const struct history_row *row)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct migration *migration = &catalog->migrations[i];

        if (migration->version == row->version && strcmp(migration->checksum, row->checksum) == 0 &&
            !has_row(history, migration))
            return migration;
    }
    return NULL;
}

/* Without its file: the file that has its version now, or NULL. */
static const struct migration *successor(const struct catalog *catalog,
                                         const struct history *history,
                                         const struct history_row *row)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->migrations[i].version == row->version &&
            !has_row(history, &catalog->migrations[i]))
            return &catalog->migrations[i];
    }
    return NULL;
}

static void missing(struct conflicts *conflicts, const struct catalog *catalog,
                    const struct history *history, const struct history_row *row)
{
    struct err now = ERR_INIT;
    const struct migration *same = pending_renamed(catalog, history, row);
    const struct migration *other = successor(catalog, history, row);

    if (same) {
        err_set_at(&now, ERR_CONFLICT, same->file, 0, 0,
                   "migration %s was renamed after it was applied, its name was \"%s\"",
                   same->label, row->name);
        err_hint(&now, "Give the file its old name; or, when the new one is meant: pgtide repair "
                       "records it.");
    } else {
        err_set(&now, ERR_CONFLICT, "applied migration %04lld_%s is missing from %s",
                (long long)row->version, row->name, catalog->source);
        if (other)
            err_hint(&now,
                     "%s has its version, and another content. Is it another migration: give it a "
                     "version of its own. Was it renamed and changed: give it the name \"%s\" "
                     "again, then what was changed is told.",
                     other->label, row->name);
        else
            err_hint(&now,
                     "Is this an older checkout than the one that was applied? Put the file back. "
                     "Only when it was deleted for good: pgtide repair --forget %lld.",
                     (long long)row->version);
    }
    conflicts_add(conflicts, &now);
}

static void out_of_order(struct conflicts *conflicts, const struct migration *migration,
                         int64_t highest)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0,
               "migration %s is out of order: version %04lld is applied already", migration->label,
               (long long)highest);
    err_hint(&now,
             "Give it a new, higher version. Or, when it may run after %04lld just as well, "
             "set settings.out_of_order: allow.",
             (long long)highest);
    conflicts_add(conflicts, &now);
}

static void half_reverted(struct conflicts *conflicts, const struct migration *migration,
                          const struct history_row *row)
{
    struct err now = ERR_INIT;

    err_set_at(&now, ERR_CONFLICT, migration->file, 0, 0,
               "a rollback of migration %s was broken off", migration->label);
    err_detail(&now, "%d of the %zu statements of its down section are done", row->down_done,
               migration->sections[SECTION_DOWN].count);
    err_hint(&now, "It runs outside a transaction. Finish it first: pgtide rollback --steps 1.");
    conflicts_add(conflicts, &now);
}

void pending_nonempty(const struct tenant *tenant, struct err *err)
{
    err_set(err, ERR_CONFLICT, "schema \"%s\" has objects but no history of pgtide",
            tenant->history_schema);
    err_hint(err, "Is it the right database? If its objects are those that the migrations up to a "
                  "version make, record these as applied: pgtide baseline --to VERSION. If they do "
                  "not stand in the way of the first migration, set settings.nonempty: allow.");
}

/* --- merging ---------------------------------------------------------------------------------- */

bool pending_is_for_tenant(const struct migration *migration, const struct tenant *tenant)
{
    const char *value;

    if (!migration->directives.only_label)
        return true;
    value = name_values_get(&tenant->labels, migration->directives.only_label);
    return value && strcmp(value, migration->directives.only_value) == 0;
}

static void add_item(struct pending *pending, const struct migration *migration,
                     const struct history_row *started)
{
    pending->items[pending->count++] =
        (struct pending_item){.migration = migration, .started = started};
}

static int compare_to_row(const struct migration *migration, const struct history_row *row)
{
    if (migration->version != row->version)
        return migration->version < row->version ? -1 : 1;
    return strcmp(migration->name, row->name);
}

/* Whether the file of a data migration has changed makes no difference to its next batch. */
static void take_started(struct pending *pending, struct conflicts *conflicts,
                         const struct migration *migration, const struct history_row *row)
{
    struct err now = ERR_INIT;

    if (migration->directives.batch <= 0 && unknown_check(migration, row, &now) < 0)
        conflicts_add(conflicts, &now);
    else
        add_item(pending, migration, row);
}

static void take_known(struct pending *pending, struct conflicts *conflicts,
                       const struct migration *migration, const struct history_row *row,
                       int64_t to_version)
{
    if (row->reverting)
        half_reverted(conflicts, migration, row);
    else if (row->state == HISTORY_STARTED && migration->version <= to_version)
        take_started(pending, conflicts, migration, row);
    else if (row->state == HISTORY_APPLIED && strcmp(row->checksum, migration->checksum) != 0)
        changed(conflicts, row, migration);
}

/* Was it skipped once, and has a repair taken that back? */
static bool made_pending(const struct history *history, const struct migration *migration)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];

        if (row->made_pending && row->version == migration->version &&
            strcmp(row->name, migration->name) == 0)
            return true;
    }
    return false;
}

static void take_new(struct pending *pending, struct conflicts *conflicts,
                     const struct migration *migration, const struct tenant *tenant,
                     const struct history *history, int64_t highest)
{
    if (!pending_is_for_tenant(migration, tenant))
        return;
    if (migration->version < highest && !tenant->settings->out_of_order_allow &&
        !migration->directives.only_label && !made_pending(history, migration))
        out_of_order(conflicts, migration, highest);
    else
        add_item(pending, migration, NULL);
}

static void merge(void *mem, const struct catalog *catalog, const struct history *history,
                  const struct tenant *tenant, int64_t to_version, struct pending *pending,
                  struct conflicts *conflicts)
{
    size_t row_count, i = 0, j = 0;
    const struct history_row **rows = sorted_rows(mem, history, &row_count);
    int64_t highest = pending_version(history, false);

    while (i < catalog->count || j < row_count) {
        const struct migration *migration = catalog->migrations + i;
        int order = i == catalog->count ? 1
                    : j == row_count    ? -1
                                        : compare_to_row(migration, rows[j]);

        if (order > 0) {
            missing(conflicts, catalog, history, rows[j++]);
            continue;
        }
        i++;
        if (order == 0)
            take_known(pending, conflicts, migration, rows[j++], to_version);
        else if (migration->version <= to_version)
            take_new(pending, conflicts, migration, tenant, history, highest);
    }
}

/* The newest row of a repeatable or a seed, or NULL. */
static const struct history_row *newest_row(const struct history *history, enum history_kind kind,
                                            const char *name)
{
    for (size_t i = history->count; i > 0; i--) {
        const struct history_row *row = &history->rows[i - 1];

        if (row->kind == kind && strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

/* Repeatables up to this rank ran before something was reverted, which may have undone them. */
static int64_t last_revert(const struct history *history)
{
    int64_t last = 0;

    for (size_t i = 0; i < history->count; i++) {
        if (history->rows[i].reverted_after > last)
            last = history->rows[i].reverted_after;
    }
    return last;
}

static void add_repeatables(const struct catalog *catalog, const struct history *history,
                            const struct tenant *tenant, struct pending *pending)
{
    int64_t stale = last_revert(history);

    for (size_t i = 0; i < catalog->repeatable_count; i++) {
        const struct migration *migration = &catalog->repeatables[i];
        const struct history_row *row = newest_row(history, HISTORY_REPEATABLE, migration->name);
        bool started = row && row->state == HISTORY_STARTED;
        bool same = row && strcmp(row->checksum, migration->checksum) == 0;

        if (pending_is_for_tenant(migration, tenant) && (!same || started || row->rank <= stale))
            add_item(pending, migration, started && same ? row : NULL);
    }
}

int pending_compute(void *parent, const struct catalog *catalog, const struct history *history,
                    const struct tenant *tenant, int64_t to_version, struct pending *ret,
                    struct err *err)
{
    void *mem = mem_context(parent);
    struct conflicts conflicts;
    int result;

    conflicts_init(&conflicts, mem, err);
    *ret = (struct pending){0};
    ret->items =
        mem_array(parent, struct pending_item, catalog->count + catalog->repeatable_count + 1);
    if (!history->exists && history->has_objects && !tenant->settings->nonempty_allow) {
        pending_nonempty(tenant, err);
        conflicts.count = 1;
    } else {
        merge(mem, catalog, history, tenant, to_version, ret, &conflicts);
    }
    result = conflicts_end(&conflicts);
    talloc_free(mem);
    if (result < 0)
        return -1;
    if (to_version >= catalog->head)
        add_repeatables(catalog, history, tenant, ret);
    return 0;
}

void pending_add_seeds(void *parent, const struct catalog *catalog, const struct history *history,
                       const char *const *sets, size_t set_count, bool reseed,
                       struct pending *pending)
{
    size_t capacity = 0;

    for (size_t i = 0; i < set_count; i++) {
        const struct seed_set *set = catalog_seed_set(catalog, sets[i]);

        for (size_t j = 0; set && j < set->count; j++) {
            const struct seed_file *file = &set->files[j];
            const struct history_row *row = newest_row(history, HISTORY_SEED, file->name);
            bool same = row && strcmp(row->checksum, file->checksum) == 0;

            if (same && (!reseed || row->this_run))
                continue;
            mem_grow(parent, &pending->seeds, &capacity, pending->seed_count + 1);
            pending->seeds[pending->seed_count++] = file;
        }
    }
}
