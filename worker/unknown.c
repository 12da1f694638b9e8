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

void unknown_explain(const struct migration *migration, const struct history_row *row,
                     struct err *err)
{
    enum section_kind kind = section_of(row);
    const struct section *section = &migration->sections[kind];
    const struct sql_statement *statement = unknown_statement(migration, row);

    if (migration->command) {
        command_migration_unknown(migration, err);
    } else {
        err_set_at(err, ERR_CONFLICT, migration_section_file(migration, kind), statement->line, 0,
                   "statement %d of %zu%s was running when the connection ended; whether it was "
                   "done is not known",
                   row->running, section->count, kind == SECTION_DOWN ? " of the way back" : "");
        err_statement(err, migration->text + statement->start, statement->end - statement->start);
        err_detail(err, "it runs outside a transaction and is not safe to repeat");
    }
    err_hint(err, "Look whether it was done, then say so, for this tenant only (-t): pgtide repair "
                  "--done, or pgtide repair --not-done. Then run the same command again.");
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
