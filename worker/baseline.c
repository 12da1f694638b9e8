/*
 * baseline.c: which migrations a baseline records, and their rows.
 */
#include "worker/baseline.h"

#include "common/mem.h"
#include "worker/pending.h"

struct baseline {
    struct work *work;
    const struct migration **migrations; /* to be recorded */
    size_t count;
};

static const struct history_row *find_row(const struct history *history,
                                          const struct migration *migration)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];

        if (row->has_version && row->state != HISTORY_REVERTED &&
            row->version == migration->version && strcmp(row->name, migration->name) == 0)
            return row;
    }
    return NULL;
}

/* The history's versioned rows that count, and the highest version among them. */
static size_t count_rows(const struct history *history, int64_t *ret_highest)
{
    size_t count = 0;

    *ret_highest = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];

        if (!row->has_version || row->state == HISTORY_REVERTED)
            continue;
        count++;
        if (row->version > *ret_highest)
            *ret_highest = row->version;
    }
    return count;
}

static int refuse(const struct history *history, const struct migration *lacking, struct err *err)
{
    int64_t highest;
    size_t count = count_rows(history, &highest);

    err_set(err, ERR_CONFLICT, "this tenant has a history already: %zu migration%s up to %04lld",
            count, count == 1 ? "" : "s", (long long)highest);
    err_detail(err, "%s is not among its applied migrations", lacking->label);
    err_hint(err, "Nothing was recorded: baseline is for tenants without a history of their own. "
                  "What is missing here is run by: pgtide migrate.");
    return -1;
}

/* All or none of them may be there. A started one is there and not applied. */
static int choose(struct baseline *baseline, const struct history *history, struct err *err)
{
    const struct job *job = baseline->work->job;
    const struct catalog *catalog = job->plan->catalog;
    const struct migration *lacking = NULL;
    int64_t highest;

    baseline->migrations =
        mem_array(baseline->work->mem, const struct migration *, catalog->count + 1);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct migration *migration = &catalog->migrations[i];
        const struct history_row *row;

        if (migration->version > job->plan->to_version ||
            !pending_is_for_tenant(migration, job->tenant))
            continue;
        baseline->migrations[baseline->count++] = migration;
        row = find_row(history, migration);
        if (!lacking && (!row || row->state == HISTORY_STARTED))
            lacking = migration;
    }
    if (!lacking)
        baseline->count = 0;
    else if (count_rows(history, &highest) > 0)
        return refuse(history, lacking, err);
    return 0;
}

static struct history_entry entry_of(const struct migration *migration)
{
    struct history_entry entry = apply_entry(migration);

    entry.kind = "baseline";
    entry.statements_done = 0;
    entry.keeps_session = true;
    return entry;
}

static int record(struct baseline *baseline, struct err *err)
{
    struct work *work = baseline->work;

    transaction_begin(&work->tx, &work->script, NULL);
    for (size_t i = 0; i < baseline->count; i++) {
        struct history_entry entry = entry_of(baseline->migrations[i]);

        if (i + 1 < baseline->count)
            transaction_add_row(&work->tx, &work->script, &entry);
        else
            (void)transaction_end(&work->tx, &work->script, &entry);
    }
    if (apply_flush(work, err) < 0)
        return -1;
    for (size_t i = 0; i < baseline->count; i++)
        apply_record(work, baseline->migrations[i], 0, 0, false);
    return 0;
}

static void tell_plan(const struct baseline *baseline)
{
    struct job *job = baseline->work->job;

    job->step_count = 0;
    for (size_t i = 0; i < baseline->count; i++)
        job_add_step(job)->migration = baseline->migrations[i];
}

int baseline_tenant(struct work *work, const struct history *history, struct err *err)
{
    struct baseline baseline = {.work = work};

    if (choose(&baseline, history, err) < 0)
        return -1;
    if (work->job->plan->action == JOB_BASELINE_PLAN)
        tell_plan(&baseline);
    else if (baseline.count > 0)
        return record(&baseline, err);
    return 0;
}
