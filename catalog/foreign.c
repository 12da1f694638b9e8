/*
 * foreign.c: the markers of other migration tools.
 *
 *     goose   -- +goose Up | Down | StatementBegin | StatementEnd | NO TRANSACTION | ENVSUB ON|OFF
 *     dbmate  -- migrate:up | migrate:down, with options such as transaction:false behind
 *
 * goose sends what stands between StatementBegin and StatementEnd at once. Here the lexer cuts it
 * like everything else, since it needs no help with function bodies; only the borders of the block
 * are borders of statements, semicolon or not.
 */
#include "catalog/foreign.h"

#include "catalog/sql_token.h"
#include "common/mem.h"

#include <ctype.h>
#include <strings.h>

static const struct {
    const char *tool;
    const char *up_marker;
    const char *outside_hint;
} formats[] = {
    [MIGRATION_PGTIDE] = {"pgtide", "-- pgtide:up",
                          "Put it into a migration of its own that begins with the line "
                          "\"-- pgtide: transaction=none\"."},
    [MIGRATION_GOLANG_MIGRATE] =
        {"golang-migrate", NULL,
         "Put it into a migration of its own: a file with nothing but such "
         "statements runs outside one."},
    [MIGRATION_DBMATE] =
        {"dbmate", "-- migrate:up",
         "Put it into a migration of its own, and \"transaction:false\" behind the "
         "marker above it."},
    [MIGRATION_GOOSE] = {"goose", "-- +goose Up",
                         "Put it into a migration of its own that begins with the line "
                         "\"-- +goose NO TRANSACTION\"."},
    [MIGRATION_FLYWAY] = {"Flyway", NULL,
                          "Put it into a migration of its own: a file with nothing but such "
                          "statements runs outside one."},
};

const char *foreign_tool(enum migration_format format)
{
    return formats[format].tool;
}

const char *foreign_up_marker(enum migration_format format)
{
    return formats[format].up_marker;
}

const char *foreign_outside_hint(enum migration_format format)
{
    return formats[format].outside_hint;
}

/* --- one marker ----------------------------------------------------------------------------- */

enum verb { UP, DOWN, BLOCK_BEGIN, BLOCK_END, NO_TRANSACTION, SUBSTITUTE, IGNORED, UNREAD };

/* Compared without regard to case. The first that fits counts: the longer ones stand first. */
static const struct marker {
    const char *words;
    enum migration_format format;
    enum verb verb;
    const char *tool; /* UNREAD: whose it is */
} markers[] = {
    {"+goose up", MIGRATION_GOOSE, UP, NULL},
    {"+goose down", MIGRATION_GOOSE, DOWN, NULL},
    {"+goose statementbegin", MIGRATION_GOOSE, BLOCK_BEGIN, NULL},
    {"+goose statementend", MIGRATION_GOOSE, BLOCK_END, NULL},
    {"+goose no transaction", MIGRATION_GOOSE, NO_TRANSACTION, NULL},
    {"+goose envsub on", MIGRATION_GOOSE, SUBSTITUTE, NULL},
    {"+goose envsub off", MIGRATION_GOOSE, IGNORED, NULL},
    {"+goose", MIGRATION_GOOSE, UNREAD, NULL},
    {"migrate:up", MIGRATION_DBMATE, UP, NULL},
    {"migrate:down", MIGRATION_DBMATE, DOWN, NULL},
    {"+migrate", MIGRATION_PGTIDE, UNREAD, "sql-migrate"},
    {"liquibase formatted sql", MIGRATION_PGTIDE, UNREAD, "Liquibase"},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_blank(**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && is_blank((*text)[*len - 1]))
        (*len)--;
}

/* The marker that the comment is, or NULL; *ret_options is what stands behind its words. */
static const struct marker *find_marker(const char *text, size_t len, const char **ret_options,
                                        size_t *ret_options_len)
{
    trim(&text, &len);
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        size_t words = strlen(markers[i].words);

        if (len < words || strncasecmp(text, markers[i].words, words) != 0 ||
            (len > words && isalnum((unsigned char)text[words])))
            continue;
        if (markers[i].format == MIGRATION_GOOSE && markers[i].verb != UNREAD && len > words)
            continue; /* goose takes nothing behind its words */
        *ret_options = text + words;
        *ret_options_len = len - words;
        trim(ret_options, ret_options_len);
        return &markers[i];
    }
    return NULL;
}

/* --- what it means at its place ------------------------------------------------------------- */

static enum foreign_verdict fail(struct err *err, const char *message, const char *hint)
{
    err_set(err, ERR_DATA, "%s", message);
    err_hint(err, "%s", hint);
    return FOREIGN_FAIL;
}

static enum foreign_verdict fail_unread(const struct marker *marker, const char *text, size_t len,
                                        struct err *err)
{
    if (marker->tool) {
        err_set(err, ERR_DATA, "a file of %s, which pgtide does not read", marker->tool);
        err_hint(err, "Name it \"<version>_<name>.sql\" and mark its parts with \"-- pgtide:up\" "
                      "and \"-- pgtide:down\".");
        return FOREIGN_FAIL;
    }
    trim(&text, &len);
    err_set(err, ERR_DATA, "unknown marker \"-- %.*s\"", (int)len, text);
    err_hint(err, "The markers of goose are Up, Down, StatementBegin, StatementEnd and NO "
                  "TRANSACTION, alone on their lines.");
    return FOREIGN_FAIL;
}

static enum foreign_verdict fail_other_tool(const struct foreign_reading *reading,
                                            const struct marker *marker, struct err *err)
{
    err_set(err, ERR_DATA, "marker of %s in a file of %s", foreign_tool(marker->format),
            foreign_tool(reading->format));
    err_hint(err,
             "A file is in the form of one tool; delete the line, or reword it if it is only a "
             "comment.");
    return FOREIGN_FAIL;
}

/* The options behind a dbmate marker: "transaction:false". */
static enum foreign_verdict read_options(const char *options, size_t len, bool *ret_no_transaction,
                                         struct err *err)
{
    while (len > 0) {
        size_t word = 0;

        while (word < len && !is_blank(options[word]))
            word++;
        if (word == strlen("transaction:false") &&
            strncmp(options, "transaction:false", word) == 0) {
            *ret_no_transaction = true;
        } else if (word != strlen("transaction:true") ||
                   strncmp(options, "transaction:true", word) != 0) {
            err_set(err, ERR_DATA, "unknown option \"%.*s\" of a dbmate marker", (int)word,
                    options);
            err_hint(err, "The only option is \"transaction:false\".");
            return FOREIGN_FAIL;
        }
        options += word;
        len -= word;
        trim(&options, &len);
    }
    return FOREIGN_SECTION;
}

static enum foreign_verdict begin_block(struct foreign_reading *reading,
                                        const struct sql_comment *comment, struct err *err)
{
    if (!reading->marked)
        return fail(err, "StatementBegin before \"-- +goose Up\"",
                    "Move it below the marker of its section.");
    if (reading->block_line) {
        err_set(err, ERR_DATA, "StatementBegin within a block");
        err_hint(err, "The block began in line %d; write \"-- +goose StatementEnd\" at its end.",
                 reading->block_line);
        return FOREIGN_FAIL;
    }
    if (comment->inside)
        return fail(err, "StatementBegin within a statement",
                    "End the statement before it with a semicolon.");
    reading->block_line = comment->line;
    return FOREIGN_CUT;
}

static enum foreign_verdict end_block(struct foreign_reading *reading, struct err *err)
{
    if (!reading->block_line)
        return fail(err, "StatementEnd without StatementBegin",
                    "Write \"-- +goose StatementBegin\" before the statement, or delete the line.");
    reading->block_line = 0;
    return FOREIGN_CUT;
}

static enum foreign_verdict begin_section(struct foreign_reading *reading,
                                          const struct marker *marker, const char *options,
                                          size_t len, struct foreign_section *ret, struct err *err)
{
    if (reading->block_line) {
        err_set(err, ERR_DATA, "section within a block");
        err_hint(err, "The block began in line %d; write \"-- +goose StatementEnd\" at its end.",
                 reading->block_line);
        return FOREIGN_FAIL;
    }
    reading->marked = true;
    *ret = (struct foreign_section){.kind = marker->verb == UP ? SECTION_UP : SECTION_DOWN};
    return read_options(options, len, &ret->no_transaction, err);
}

enum foreign_verdict foreign_read(struct foreign_reading *reading,
                                  const struct sql_comment *comment, const char *text, size_t len,
                                  struct foreign_section *ret, struct err *err)
{
    const char *options;
    size_t options_len;
    const struct marker *marker = find_marker(text, len, &options, &options_len);

    if (!marker)
        return FOREIGN_NONE;
    if (marker->verb == UNREAD)
        return fail_unread(marker, text, len, err);
    if (marker->format != reading->format &&
        (reading->format != MIGRATION_PGTIDE || reading->marked))
        return fail_other_tool(reading, marker, err);
    if (!comment->first_column)
        return fail(err, "marker that is not at its place",
                    "It must begin in the first column of its line.");
    reading->format = marker->format;
    switch (marker->verb) {
    case UP:
    case DOWN:
        return begin_section(reading, marker, options, options_len, ret, err);
    case BLOCK_BEGIN:
        return begin_block(reading, comment, err);
    case BLOCK_END:
        return end_block(reading, err);
    case NO_TRANSACTION:
        reading->no_transaction = true;
        break;
    case SUBSTITUTE:
        return fail(err, "environment variables in SQL (ENVSUB ON)",
                    "pgtide pastes no text into SQL. Write the value, or take it from the tenant's "
                    "\"vars\" in fleet.yaml: current_setting('pgtide.NAME').");
    case IGNORED:
    case UNREAD:
        break;
    }
    return FOREIGN_PASS;
}

/* --- placeholders --------------------------------------------------------------------------- */

static void fail_placeholder(const struct migration *m, size_t at, struct err_list *errors)
{
    struct err *err = err_list_add(errors);
    size_t len = strcspn(m->text + at, "}\n");
    int line = 1;

    for (size_t i = 0; i < at; i++)
        line += m->text[i] == '\n';
    err_set_at(err, ERR_DATA, m->file, line, 0, "placeholder \"%.*s\" of Flyway",
               (int)(m->text[at + len] == '}' ? len + 1 : len), m->text + at);
    err_hint(err, "pgtide pastes no text into SQL. Write the value, or take it from the tenant's "
                  "\"vars\" in fleet.yaml: current_setting('pgtide.NAME').");
}

/* In the text from `from` to `to`, at most a token long. */
static void refuse_in(const struct migration *m, size_t from, size_t to, struct err_list *errors)
{
    for (size_t at = from; at < to; at++) {
        if (m->text[at] == '$' && m->text[at + 1] == '{')
            fail_placeholder(m, at, errors);
    }
}

void foreign_refuse_placeholders(const struct migration *migration, const struct section *section,
                                 struct err_list *errors)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *statement = &section->statements[i];
        size_t at = statement->start;

        while (at < statement->end) {
            struct sql_token token = sql_token_next_code(migration->text, at, statement->end);

            refuse_in(migration, token.start, token.end, errors);
            at = token.end;
        }
        refuse_in(migration, statement->copy_start, statement->copy_end, errors);
    }
}
