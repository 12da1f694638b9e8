/*
 * migration_rules.c: what may stand in which section of a migration file.
 */
#include "catalog/migration_rules.h"

#include "catalog/foreign.h"
#include "catalog/sql_words.h"
#include "common/mem.h"

struct rules {
    const struct migration *migration;
    bool seed;
    struct err_list *errors;
    void *mem;
};

/* The beginning of a statement, one line of it, to be named in a message. */
static const char *beginning(const struct rules *r, const struct sql_statement *statement)
{
    const char *text = r->migration->text + statement->start;
    size_t most = statement->end - statement->start;
    size_t len = 0;

    while (len < most && len < 60 && text[len] != '\n')
        len++;
    while (len < most && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return mem_printf(r->mem, "%.*s%s", (int)len, text, len < most ? "..." : "");
}

static void fail_transaction_command(const struct rules *r, const struct section *section,
                                     const struct sql_statement *statement)
{
    struct err *err = err_list_add(r->errors);

    err_set_at(err, ERR_DATA, r->migration->file, statement->line, 0,
               "transaction command \"%s\" in a %s", beginning(r, statement),
               r->seed ? "seed" : "migration");
    if (r->seed)
        err_hint(err, "pgtide loads every seed in a transaction of its own; delete the line.");
    else if (section->no_transaction)
        err_hint(err, "Outside a transaction each statement runs on its own; delete the line.");
    else
        err_hint(err, "pgtide begins and commits the transaction of every migration; delete the "
                      "line.");
}

static void fail_no_transaction(const struct rules *r, const struct sql_statement *statement)
{
    struct err *err = err_list_add(r->errors);

    err_set_at(err, ERR_DATA, r->migration->file, statement->line, 0,
               "\"%s\" cannot run inside a transaction", beginning(r, statement));
    if (r->seed)
        err_hint(err, "A seed is loaded in a transaction; move the statement into a migration.");
    else
        err_hint(err, "%s", foreign_outside_hint(r->migration->format));
}

static void fail_discard_all(const struct rules *r, const struct sql_statement *statement)
{
    struct err *err = err_list_add(r->errors);

    err_set_at(err, ERR_DATA, r->migration->file, statement->line, 0,
               "\"%s\" would give up the tenant's lock", beginning(r, statement));
    err_hint(err, "Delete the line; pgtide resets the session between files by itself.");
}

/* A section that changes things: up or down. */
static void check_change(const struct rules *r, const struct section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *statement = &section->statements[i];

        if (statement->flags & SQL_TRANSACTION)
            fail_transaction_command(r, section, statement);
        else if (statement->flags & SQL_DISCARD_ALL)
            fail_discard_all(r, statement);
        else if ((statement->flags & SQL_NO_TRANSACTION) && !section->no_transaction)
            fail_no_transaction(r, statement);
    }
}

/* A section that asks: verify, require or when. */
static void check_queries(const struct rules *r, enum section_kind kind)
{
    const struct section *section = &r->migration->sections[kind];

    if (section->present && section->count == 0) {
        struct err *err = err_list_add(r->errors);

        err_set_at(err, ERR_DATA, r->migration->file, section->line, 0,
                   "section \"%s\" has no query", section_name(kind));
        err_hint(err, "Write a query that gives true, or delete the marker.");
    }
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *statement = &section->statements[i];
        struct err *err;

        if (sql_words_is_query(r->migration->text, statement->start, statement->end))
            continue;
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, r->migration->file, statement->line, 0,
                   "\"%s\" is not a query, and section \"%s\" takes only queries",
                   beginning(r, statement), section_name(kind));
        err_hint(err, "A query begins with SELECT, WITH, VALUES, TABLE or a parenthesis.");
    }
}

static void check_up_is_there(const struct rules *r)
{
    const struct section *up = &r->migration->sections[SECTION_UP];
    struct err *err;

    if (up->count > 0 || r->migration->way_back)
        return;
    err = err_list_add(r->errors);
    if (up->present) {
        err_set_at(err, ERR_DATA, r->migration->file, up->line, 0, "no statement to run");
        err_hint(err, "Write the SQL, or delete the file.");
    } else {
        err_set_at(err, ERR_DATA, r->migration->file, 1, 0, "no up section");
        err_hint(err, "Write the line \"%s\" before the statements of the change.",
                 foreign_up_marker(r->migration->format));
    }
}

/* A data migration, batch=N: one statement that says how many rows it has changed. */
static void check_batch(const struct rules *r)
{
    const struct migration *m = r->migration;
    const struct section *up = &m->sections[SECTION_UP];
    const struct sql_statement *first = up->statements;
    struct err *err;

    if (up->no_transaction) {
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, m->file, up->line, 0,
                   "batches in a file that runs outside a transaction");
        err_hint(err, "Each batch is a transaction of its own: leave out one of the two.");
    } else if (up->count > 1) {
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, m->file, up->statements[1].line, 0,
                   "second statement in a migration with \"batch\"");
        err_hint(err, "One statement is repeated; move the others into migrations of their own.");
    } else if (up->count == 1 && !sql_words_counts_changes(m->text, first->start, first->end)) {
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, m->file, first->line, 0,
                   "\"%s\" cannot be repeated in batches: it does not count the rows it changes",
                   beginning(r, first));
        err_hint(err, "A batch is an INSERT, UPDATE, DELETE or MERGE, also behind WITH; the "
                      "migration ends with the first one that changes no row.");
    }
}

static void check_batch_directives(const struct rules *r)
{
    const struct directives *directives = &r->migration->directives;
    bool pause = directives->pause_ms != DIRECTIVE_UNSET;
    struct err *err;

    if (directives->batch != DIRECTIVE_UNSET) {
        check_batch(r);
        return;
    }
    if (!pause && directives->max_batches == DIRECTIVE_UNSET)
        return;
    err = err_list_add(r->errors);
    err_set_at(err, ERR_DATA, r->migration->file, 1, 0, "directive \"%s\" without \"batch\"",
               pause ? "pause" : "max_batches");
    err_hint(err, "How many rows are there to be in a batch? Write batch=5000, say.");
}

static void check_contradictions(const struct rules *r)
{
    const struct migration *m = r->migration;
    struct err *err;

    if (m->kind == MIGRATION_REPEATABLE && m->sections[SECTION_DOWN].present) {
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, m->file, m->sections[SECTION_DOWN].line, 0,
                   "a repeatable migration has no way back");
        err_hint(err, "Delete its down section; the way back is to run the file as it was before.");
    }
    if (m->directives.verify_after_commit && !m->sections[SECTION_VERIFY].present) {
        err = err_list_add(r->errors);
        err_set_at(err, ERR_DATA, m->file, 1, 0,
                   "directive \"verify\" in a file without a verify section");
        err_hint(err, "Write the queries below a line \"-- pgtide:verify\", or delete the "
                      "directive.");
    }
}

void migration_rules_check(const struct migration *migration, bool seed, struct err_list *errors)
{
    struct rules r = {
        .migration = migration, .seed = seed, .errors = errors, .mem = mem_context(NULL)};

    if (migration->format == MIGRATION_FLYWAY) {
        foreign_refuse_placeholders(migration, &migration->sections[SECTION_UP], errors);
        foreign_refuse_placeholders(migration, &migration->sections[SECTION_DOWN], errors);
    }
    check_up_is_there(&r);
    check_change(&r, &migration->sections[SECTION_UP]);
    check_change(&r, &migration->sections[SECTION_DOWN]);
    check_queries(&r, SECTION_VERIFY);
    check_queries(&r, SECTION_REQUIRE);
    check_queries(&r, SECTION_WHEN);
    check_batch_directives(&r);
    check_contradictions(&r);
    talloc_free(r.mem);
}
