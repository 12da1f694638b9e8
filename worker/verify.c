/*
 * verify.c: verify queries whose results come as rows.
 *
 * A false result must not end the Query, so here a query's result is a value; only an error ends
 * it. Then the script knows which query it was, and the next one goes on behind it.
 */
#include "worker/verify.h"

#include "common/mem.h"
#include "worker/script.h"

enum { QUERY_MOST = 1024 * 1024 };

/* One query to be asked. */
struct question {
    const struct migration *migration;
    const struct sql_statement *statement;
    size_t step; /* of the script that asks it */
    struct asking *asking;
};

struct asking {
    void *mem;
    struct job *job;
    struct transactions *tx;
    struct question *questions;
    size_t count;
    size_t capacity;
    size_t asked; /* whose answers are known */
};

/* --- what to ask ------------------------------------------------------------------------------ */

static bool is_applied(const struct history_row *row)
{
    if (row->state == HISTORY_STARTED)
        return row->verify_pending;
    return row->state == HISTORY_APPLIED && row->kind != HISTORY_SEED;
}

static const struct migration *find_migration(const struct catalog *catalog,
                                              const struct history_row *row)
{
    bool versioned = row->has_version;
    const struct migration *list = versioned ? catalog->migrations : catalog->repeatables;
    size_t count = versioned ? catalog->count : catalog->repeatable_count;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, row->name) == 0 && (!versioned || list[i].version == row->version))
            return &list[i];
    }
    return NULL;
}

/* A repeatable has a row for each of its runs. */
static bool is_there(const struct asking *asking, const struct migration *migration)
{
    for (size_t i = 0; i < asking->job->step_count; i++) {
        if (asking->job->steps[i].migration == migration)
            return true;
    }
    return false;
}

static void add_questions(struct asking *asking, const struct migration *migration)
{
    const struct section *verify = &migration->sections[SECTION_VERIFY];
    struct job_step *step;

    if (verify->count == 0 || is_there(asking, migration))
        return;
    step = job_add_step(asking->job);
    step->migration = migration;
    step->statements = (int)verify->count;
    for (size_t i = 0; i < verify->count; i++) {
        mem_grow(asking->mem, &asking->questions, &asking->capacity, asking->count + 1);
        asking->questions[asking->count++] =
            (struct question){.migration = migration, .statement = &verify->statements[i]};
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct job_mismatch *add_mismatch(const struct asking *asking,
                                         const struct question *question, const char *result)
{
    struct job_mismatch *mismatch = job_add_mismatch(asking->job);

    mismatch->migration = question->migration;
    mismatch->statement = question->statement;
    mismatch->line = question->statement->line;
    mismatch->result = mem_strdup(asking->job->mem, result);
    return mismatch;
}

static int take_answer(void *arg, const PGresult *row, struct err *err UNUSED)
{
    const struct question *question = arg;
    const char *result = PQgetvalue(row, 0, 0);

    if (strcmp(result, "true") != 0)
        add_mismatch(question->asking, question, result);
    return 0;
}

/* The server refused a query, at asking->asked now. It may be more exact about the line. */
static void take_refusal(struct asking *asking, struct err *err)
{
    struct job_mismatch *mismatch =
        add_mismatch(asking, &asking->questions[asking->asked], err->message);

    memcpy(mismatch->sqlstate, err->sqlstate, sizeof(mismatch->sqlstate));
    if (err->line > 0)
        mismatch->line = err->line;
    err_clear(err);
    asking->asked++;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void begin(const struct asking *asking, struct script *script,
                  const struct migration *migration)
{
    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(asking->tx, script, &migration->directives, TRANSACTION_LOCAL);
}

/* Appends what is not asked yet, up to about 1 MiB; returns how far that goes. */
static size_t gather(struct asking *asking, struct script *script)
{
    size_t i = asking->asked;

    for (; i < asking->count && script->sql.len < QUERY_MOST; i++) {
        struct question *question = &asking->questions[i];
        struct script_step *step;

        if (i == asking->asked)
            begin(asking, script, question->migration);
        else if (question->migration != asking->questions[i - 1].migration) {
            script_add(script, "COMMIT");
            begin(asking, script, question->migration);
        }
        question->step = script->count;
        question->asking = asking;
        step = script_add_wrapped(script,
                                  "SELECT CASE WHEN q.ok THEN 'true' ELSE coalesce(q.ok::"
                                  "pg_catalog.text, 'NULL or no row') END FROM (SELECT (",
                                  question->migration, SECTION_VERIFY, question->statement,
                                  "\n) AS ok) AS q");
        step->row = take_answer;
        step->arg = question;
    }
    script_add(script, "COMMIT");
    return i;
}

/* One round trip. A query that was refused is an answer, too. */
static int ask(struct asking *asking, struct err *err)
{
    struct script script;
    size_t end;
    int result;

    script_init(&script, asking->mem);
    if (session_in_transaction(asking->tx->session))
        script_add(&script, "ROLLBACK");
    end = gather(asking, &script);
    result = script_run(&script, asking->tx->session, err);
    while (asking->asked < end && asking->questions[asking->asked].step < script.done)
        asking->asked++;
    if (result < 0 && err->kind == ERR_SQL && asking->asked < end &&
        asking->questions[asking->asked].step == script.done) {
        take_refusal(asking, err);
        result = 0;
    }
    talloc_free(script.mem);
    return result;
}

/* The first mismatch is the error, the others are counted. */
static int tell(const struct job *job, struct err *err)
{
    const struct job_mismatch *first = &job->mismatches[0];
    const struct migration *migration = first->migration;

    err_set_at(err, ERR_CONFLICT, migration_section_file(migration, SECTION_VERIFY), first->line, 0,
               "a verify query of migration %s is not true", migration->label);
    err_sqlstate(err, first->sqlstate);
    err_statement(err, migration->text + first->statement->start,
                  first->statement->end - first->statement->start);
    err_detail(err, first->sqlstate[0] ? "%s" : "the query gave %s, not true", first->result);
    if (job->mismatch_count > 1)
        err_detail(err, "%s; so are %zu more", err->detail, job->mismatch_count - 1);
    return -1;
}

int verify_applied(struct job *job, struct transactions *tx, const struct history *history,
                   struct err *err)
{
    struct asking asking = {.mem = mem_context(tx->mem), .job = job, .tx = tx};
    int result = 0;

    job->step_count = 0;
    job->mismatch_count = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct migration *migration = find_migration(job->plan->catalog, &history->rows[i]);

        if (migration && is_applied(&history->rows[i]))
            add_questions(&asking, migration);
    }
    while (result == 0 && asking.asked < asking.count)
        result = ask(&asking, err);
    talloc_free(asking.mem);
    if (result == 0 && job->mismatch_count > 0)
        return tell(job, err);
    return result;
}
