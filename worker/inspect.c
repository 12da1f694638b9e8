/*
 * inspect.c: what is pending, and its `require` queries.
 */
#include "worker/inspect.h"

#include "common/mem.h"
#include "worker/script.h"

/* Asks one pending migration's `require` queries in a read-only transaction. */
static int ask_require(struct transactions *tx, const struct migration *migration, struct err *err)
{
    struct script script;
    int result;

    script_init(&script, tx->mem);
    if (session_in_transaction(tx->session))
        script_add(&script, "ROLLBACK");
    script_add(&script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(tx, &script, &migration->directives, TRANSACTION_LOCAL);
    for (size_t i = 1; i <= migration->sections[SECTION_REQUIRE].count; i++)
        transaction_check(tx, &script, migration, SECTION_REQUIRE, i);
    script_add(&script, "ROLLBACK");
    result = script_run(&script, tx->session, err);
    if (result < 0)
        transaction_explain(tx, err);
    talloc_free(script.mem);
    return result;
}

/*
 * A query that is not true holds the tenant. One that fails may need what an earlier pending
 * migration makes, so only the first migration's failure is told.
 */
static int ask_all_require(struct job *job, struct transactions *tx, const struct pending *pending,
                           struct err *err)
{
    for (size_t i = 0; i < pending->count; i++) {
        const struct migration *migration = pending->items[i].migration;

        if (migration->sections[SECTION_REQUIRE].count == 0)
            continue;
        if (ask_require(tx, migration, err) == 0)
            continue;
        if (err->kind == ERR_HELD) {
            job->steps[i].held = true;
            return -1;
        }
        if (err->kind != ERR_SQL || i == 0)
            return -1;
        err_clear(err);
    }
    return 0;
}

int inspect_pending(struct job *job, struct transactions *tx, const struct pending *pending,
                    struct err *err)
{
    job->step_count = 0;
    for (size_t i = 0; i < pending->count; i++) {
        const struct migration *migration = pending->items[i].migration;
        struct job_step *step = job_add_step(job);

        step->migration = migration;
        step->statements = (int)migration->sections[SECTION_UP].count;
        step->begun = pending->items[i].started != NULL;
        if (step->begun)
            step->done = pending->items[i].started->statements_done;
    }
    for (size_t i = 0; i < pending->seed_count; i++)
        job_add_step(job)->seed = pending->seeds[i];
    if (!job->plan->ask_require || !tx)
        return 0;
    return ask_all_require(job, tx, pending, err);
}
