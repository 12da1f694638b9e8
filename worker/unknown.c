/*
 * unknown.c: which statement it is, what else is in the way of going on, and the words for it.
 */
#include "worker/unknown.h"

#include "common/mem.h"
#include "worker/command_migration.h"

static enum section_kind section_of(const struct history_row *row)
{
    return row->reverting ? SECTION_DOWN : SECTION_UP;
}

const struct sql_statement *unknown_statement(const struct migration *migration,
                                              const struct history_row *row)
{
    const struct section *section = &migration->sections[section_of(row)];
    const struct sql_statement *statement;

    if (row->state != HISTORY_STARTED || row->running <= 0 || (size_t)row->running > section->count)
        return NULL;
    statement = &section->statements[row->running - 1];
    return statement->flags & SQL_REPEATABLE ? NULL : statement;
}

/* Words `err` for the statement: where it is, what it is, and why it is not just run again. */
static void explain_statement(const struct migration *migration, const struct history_row *row,
                              struct err *err)
{
    enum section_kind kind = section_of(row);
    const struct sql_statement *statement = &migration->sections[kind].statements[row->running - 1];
    bool may_commit = statement->flags & SQL_MAY_COMMIT;

    err_set_at(err, ERR_CONFLICT, migration_section_file(migration, kind), statement->line, 0,
               "statement %d of %zu%s %s is not known", row->running,
               migration->sections[kind].count, kind == SECTION_DOWN ? " of the way back" : "",
               may_commit ? "failed or was broken off; how much of it was done"
                          : "was running when the connection ended; whether it was done");
    err_statement(err, migration->text + statement->start, statement->end - statement->start);
    err_detail(err, may_commit ? "it runs outside a transaction and can commit by itself"
                               : "it runs outside a transaction and is not safe to repeat");
}

void unknown_explain(const struct migration *migration, const struct history_row *row,
                     struct err *err)
{
    if (migration->command)
        command_migration_unknown(migration, err);
    else
        explain_statement(migration, row, err);
    err_hint(err, "Look whether it was done, then say so, for this tenant only (-t): pgtide repair "
                  "--done, or pgtide repair --not-done. Then run the same command again.");
}

/* The server has never begun it: it was not sent, or the error is one of its text itself. */
static bool never_ran(const struct session_fault *fault)
{
    return !fault->server_message ||
           (fault->position > 0 && !fault->internal_query && !fault->context);
}

static void add_detail(struct err *err, const char *text)
{
    err_detail(err, "%s%s%s", err->detail ? err->detail : "", err->detail ? "; " : "", text);
}

bool unknown_failed(const struct section *section, size_t index, const struct session_fault *fault,
                    struct err *err)
{
    if (!section->statements || !(section->statements[index].flags & SQL_MAY_COMMIT) ||
        err->kind == ERR_LOST || never_ran(fault))
        return false;
    if (err->kind == ERR_TRANSIENT)
        err->kind = ERR_SQL; /* the server has undone what came behind the last COMMIT only */
    if (err->hint)           /* the server's */
        add_detail(err, err->hint);
    add_detail(err, "it can commit by itself: how much of it was done is not known");
    err_hint(err,
             "This was statement %zu of %zu, outside a transaction; it is not run again by itself. "
             "Look what it has done, and mend the cause. Then say so, for this tenant only (-t): "
             "pgtide repair --done when all of it is done, or pgtide repair --not-done, which runs "
             "it again from its beginning. Then run the same command again.",
             index + 1, section->count);
    return true;
}

char *unknown_prefix(void *parent, const struct migration *migration, enum section_kind section,
                     size_t done)
{
    if (done == 0)
        return mem_strdup(parent, "");
    return sql_code_checksum_of(parent, migration->text, migration->sections[section].statements,
                                done);
}

static bool done_ones_changed(const struct migration *migration, const struct history_row *row)
{
    size_t done = (size_t)row->statements_done;
    bool all = row->statements_done == row->statements_total; /* then there may be no prefix */
    char *now;
    bool changed;

    if (strcmp(row->checksum, migration->checksum) == 0)
        return false;
    if (done > migration->sections[SECTION_UP].count)
        return true;
    now = unknown_prefix(NULL, migration, SECTION_UP, done);
    changed = strcmp(now, all ? row->code_checksum : row->prefix) != 0;
    talloc_free(now);
    return changed;
}

int unknown_check(const struct migration *migration, const struct history_row *row, struct err *err)
{
    if (done_ones_changed(migration, row)) {
        err_set_at(err, ERR_CONFLICT, migration->file, 0, 0,
                   "migration %s was changed after %d of its statements had been run",
                   migration->label, row->statements_done);
        err_detail(err, "it runs outside a transaction, so what was done stays done");
        err_hint(err,
                 "Put these statements back as they were; the ones behind them may be changed.");
        return -1;
    }
    if (!unknown_statement(migration, row))
        return 0;
    unknown_explain(migration, row, err);
    return -1;
}
