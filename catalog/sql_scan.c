/*
 * sql_scan.c: cuts SQL text into statements, as psql does.
 *
 * psql's rules, one to one: a semicolon ends a statement outside parentheses and outside the
 * BEGIN ... END of a CREATE FUNCTION or PROCEDURE; an unmatched closing parenthesis is ignored;
 * the data of COPY ... FROM stdin begins on the line below its semicolon. Where psql would send
 * something unfinished at the end of the file, or run a command of its own, this refuses.
 */
#include "catalog/sql_scan.h"

#include "catalog/sql_token.h"
#include "catalog/sql_words.h"
#include "common/mem.h"
#include "common/text.h"

/* How much of CREATE [OR REPLACE] FUNCTION|PROCEDURE the statement's first words have been. */
enum routine {
    ROUTINE_START,
    ROUTINE_CREATE,
    ROUTINE_OR,
    ROUTINE_REPLACE,
    ROUTINE_YES,
    ROUTINE_NO
};

struct scan {
    void *parent;
    const char *file;
    const char *text;
    size_t to;
    size_t pos; /* all before it is done */

    size_t line_pos; /* line number of this offset ... */
    int line;        /* ... so that lines are counted only once */

    bool open; /* a statement has begun: */
    struct sql_statement statement;
    int paren_depth;
    size_t paren_at; /* the outermost one that is open */
    enum routine routine;
    int begin_depth;
    size_t begin_at;

    struct sql_script *script;
    size_t capacity;
    sql_comment_fn *on_comment;
    void *arg;
};

/* --- places and errors ---------------------------------------------------------------------- */

static int count_lines(const char *text, size_t from, size_t to)
{
    int lines = 0;

    while (from < to) {
        const char *found = memchr(text + from, '\n', to - from);

        if (!found)
            break;
        lines++;
        from = (size_t)(found - text) + 1;
    }
    return lines;
}

/* Offsets must not go back from call to call. */
static int line_of(struct scan *s, size_t offset)
{
    s->line += count_lines(s->text, s->line_pos, offset);
    s->line_pos = offset;
    return s->line;
}

static int fail_at(const struct scan *s, size_t offset, const char *message, struct err *err)
{
    size_t line_start = offset;

    while (line_start > 0 && s->text[line_start - 1] != '\n')
        line_start--;
    return err_set_at(err, ERR_DATA, s->file, 1 + count_lines(s->text, 0, offset),
                      1 + (int)text_chars(s->text + line_start, offset - line_start), "%s",
                      message);
}

static int fail_unterminated(const struct scan *s, const struct sql_token *token, struct err *err)
{
    const char *what = token->kind == SQL_TOKEN_BLOCK_COMMENT   ? "comment"
                       : token->kind == SQL_TOKEN_DOLLAR_STRING ? "dollar-quoted string"
                       : token->kind == SQL_TOKEN_IDENTIFIER    ? "quoted identifier"
                                                                : "quoted string";
    char *message = mem_printf(NULL, "unterminated %s", what);

    fail_at(s, token->start, message, err);
    talloc_free(message);
    return -1;
}

static const struct {
    const char *command;
    const char *hint;
} psql_commands[] = {
    {"restrict", "pg_dump writes this line for psql only; delete it."},
    {"unrestrict", "pg_dump writes this line for psql only; delete it."},
    {"connect", "pgtide connects to every tenant by itself; delete the line."},
    {"c", "pgtide connects to every tenant by itself; delete the line."},
    {"copy", "Write COPY ... FROM stdin; with the data lines and a line \"\\.\" below it."},
    {".", "It ends the data of a COPY ... FROM stdin, and there is none before it."},
    {"i", "Put the SQL of that file here, or into a migration of its own."},
    {"ir", "Put the SQL of that file here, or into a migration of its own."},
    {"include", "Put the SQL of that file here, or into a migration of its own."},
    {"set", "What differs from tenant to tenant comes from \"vars\" in fleet.yaml: "
            "current_setting('pgtide.NAME')."},
};

static int fail_backslash(const struct scan *s, size_t at, struct err *err)
{
    const char *hint = "Only psql understands backslash commands; write it in SQL.";
    size_t end = at + 1;
    char *command;
    char *message;

    while (end < s->to && s->text[end] > ' ' && s->text[end] < 0x7F && end - at < 32)
        end++;
    command = mem_strndup(NULL, s->text + at + 1, end - at - 1);
    for (size_t i = 0; i < ARRAY_LEN(psql_commands); i++) {
        if (strcmp(command, psql_commands[i].command) == 0)
            hint = psql_commands[i].hint;
    }
    message = mem_printf(command, "psql command \"\\%s\" is not SQL", command);
    fail_at(s, at, message, err);
    err_hint(err, "%s", hint);
    talloc_free(command);
    return -1;
}

/* --- bytes ---------------------------------------------------------------------------------- */

static int check_bytes(const struct scan *s, struct err *err)
{
    size_t at = s->pos;

    while (at < s->to) {
        size_t len = (signed char)s->text[at] > 0 ? 1 : text_utf8_length(s->text + at, s->to - at);

        if (len == 0)
            break;
        at += len;
    }
    if (at >= s->to)
        return 0;
    if (s->text[at] == '\0')
        return fail_at(s, at, "NUL byte in SQL text", err);
    fail_at(s, at, "invalid UTF-8", err);
    err_hint(err, "Save the file in the encoding UTF-8.");
    return -1;
}

/* --- statements ----------------------------------------------------------------------------- */

static void begin_statement(struct scan *s, size_t start)
{
    s->open = true;
    s->statement = (struct sql_statement){.start = start, .line = line_of(s, start)};
}

static void add_statement(struct scan *s)
{
    mem_grow(s->parent, &s->script->statements, &s->capacity, s->script->count + 1);
    s->script->statements[s->script->count++] = s->statement;
    s->open = false;
    s->routine = ROUTINE_START;
}

/* From the line behind the semicolon to the line "\.". */
static int read_copy_data(struct scan *s, struct err *err)
{
    size_t semicolon = s->pos - 1;
    struct sql_token token;
    size_t at;

    while (s->pos < s->to && s->text[s->pos] != '\n' && strchr(" \t\r", s->text[s->pos]))
        s->pos++;
    token = sql_token_next(s->text, s->pos, s->to);
    if (token.kind == SQL_TOKEN_LINE_COMMENT)
        s->pos = token.end;
    if (s->pos < s->to && s->text[s->pos] != '\n') {
        fail_at(s, s->pos, "text behind COPY ... FROM stdin on the same line", err);
        err_hint(err,
                 "The data begins on the next line; the next statement behind the line \"\\.\".");
        return -1;
    }
    at = s->pos + 1;
    s->statement.copy_start = at;
    s->statement.copy_line = line_of(s, semicolon) + 1;
    while (at < s->to) {
        const char *found = memchr(s->text + at, '\n', s->to - at);
        size_t end = found ? (size_t)(found - s->text) : s->to;
        size_t len = end > at && s->text[end - 1] == '\r' ? end - 1 - at : end - at;

        if (len == 2 && s->text[at] == '\\' && s->text[at + 1] == '.') {
            s->statement.copy_end = at;
            s->pos = end;
            return 0;
        }
        at = end + 1;
    }
    fail_at(s, s->statement.start, "COPY ... FROM stdin without the end of its data", err);
    err_hint(err, "Write the data lines below it and behind them a line \"\\.\".");
    return -1;
}

/* `semicolon`: s->pos is behind one; else the text ends here. */
static int end_statement(struct scan *s, bool semicolon, struct err *err)
{
    s->statement.flags = sql_words_flags(s->text, s->statement.start, s->statement.end);
    if (s->statement.flags & SQL_COPY_STDIN) {
        if (!semicolon) {
            fail_at(s, s->statement.start, "COPY ... FROM stdin without its data", err);
            err_hint(err, "End it with a semicolon, write the data lines below it and behind them "
                          "a line \"\\.\".");
            return -1;
        }
        if (read_copy_data(s, err) < 0)
            return -1;
    }
    add_statement(s);
    return 0;
}

/* --- tokens --------------------------------------------------------------------------------- */

static enum routine next_routine(enum routine routine, const char *text,
                                 const struct sql_token *token)
{
    bool names_one =
        sql_token_is_word(text, token, "function") || sql_token_is_word(text, token, "procedure");

    switch (routine) {
    case ROUTINE_START:
        return sql_token_is_word(text, token, "create") ? ROUTINE_CREATE : ROUTINE_NO;
    case ROUTINE_CREATE:
        return names_one                              ? ROUTINE_YES
               : sql_token_is_word(text, token, "or") ? ROUTINE_OR
                                                      : ROUTINE_NO;
    case ROUTINE_OR:
        return sql_token_is_word(text, token, "replace") ? ROUTINE_REPLACE : ROUTINE_NO;
    case ROUTINE_REPLACE:
        return names_one ? ROUTINE_YES : ROUTINE_NO;
    case ROUTINE_YES:
    case ROUTINE_NO:
        break;
    }
    return routine;
}

/* BEGIN and END of a routine's body; CASE has an END too. */
static void track_word(struct scan *s, const struct sql_token *token)
{
    if (s->paren_depth > 0)
        return;
    if (s->routine == ROUTINE_YES) {
        bool begins = sql_token_is_word(s->text, token, "begin");

        if (begins && s->begin_depth == 0)
            s->begin_at = token->start;
        if (begins || (s->begin_depth > 0 && sql_token_is_word(s->text, token, "case")))
            s->begin_depth++;
        else if (s->begin_depth > 0 && sql_token_is_word(s->text, token, "end"))
            s->begin_depth--;
    }
    s->routine = next_routine(s->routine, s->text, token);
}

static void track_parenthesis(struct scan *s, const struct sql_token *token)
{
    if (sql_token_is_char(s->text, token, '(')) {
        if (s->paren_depth++ == 0)
            s->paren_at = token->start;
    } else if (sql_token_is_char(s->text, token, ')') && s->paren_depth > 0) {
        s->paren_depth--;
    }
}

static int take_code(struct scan *s, const struct sql_token *token, struct err *err)
{
    bool ends =
        s->paren_depth == 0 && s->begin_depth == 0 && sql_token_is_char(s->text, token, ';');

    if (token->kind == SQL_TOKEN_BACKSLASH)
        return fail_backslash(s, token->start, err);
    if (ends) {
        s->routine = ROUTINE_START;
        return s->open ? end_statement(s, true, err) : 0;
    }
    if (!s->open)
        begin_statement(s, token->start);
    s->statement.end = token->end;
    if (token->kind == SQL_TOKEN_WORD)
        track_word(s, token);
    else if (token->kind == SQL_TOKEN_PUNCTUATION)
        track_parenthesis(s, token);
    return 0;
}

static enum sql_comment_verdict take_comment(struct scan *s, const struct sql_token *token,
                                             struct err *err)
{
    struct sql_comment comment = {
        .start = token->start,
        .end = token->end,
        .line = line_of(s, token->start),
        .first_column = token->start == 0 || s->text[token->start - 1] == '\n',
        .count = s->script->count,
        .inside = s->open,
    };

    return s->on_comment ? s->on_comment(s->arg, &comment, err) : SQL_COMMENT_PASS;
}

static int end_of_text(struct scan *s, struct err *err)
{
    if (s->paren_depth > 0)
        return fail_at(s, s->paren_at, "unterminated parenthesis", err);
    if (s->begin_depth > 0)
        return fail_at(s, s->begin_at, "BEGIN without its END", err);
    return s->open ? end_statement(s, false, err) : 0;
}

static int scan_tokens(struct scan *s, struct err *err)
{
    for (;;) {
        struct sql_token token = sql_token_next(s->text, s->pos, s->to);
        int status = 0;

        if (token.kind == SQL_TOKEN_END)
            return end_of_text(s, err);
        if (token.unterminated)
            return fail_unterminated(s, &token, err);
        s->pos = token.end;
        if (token.kind == SQL_TOKEN_LINE_COMMENT) {
            enum sql_comment_verdict verdict = take_comment(s, &token, err);

            if (verdict == SQL_COMMENT_FAIL)
                return -1;
            if (verdict == SQL_COMMENT_ENDS) {
                s->pos = s->to = token.start;
                return end_of_text(s, err);
            }
        } else if (token.kind != SQL_TOKEN_SPACE && token.kind != SQL_TOKEN_BLOCK_COMMENT) {
            status = take_code(s, &token, err);
        }
        if (status < 0)
            return -1;
    }
}

int sql_scan(void *parent, const char *file, const char *text, size_t from, size_t to,
             sql_comment_fn *on_comment, void *arg, struct sql_script *ret, struct err *err)
{
    struct sql_script script = {.text = text, .len = to};
    struct scan s = {
        .parent = parent,
        .file = file,
        .text = text,
        .pos = from,
        .to = to,
        .line = 1,
        .script = &script,
        .on_comment = on_comment,
        .arg = arg,
    };

    if (check_bytes(&s, err) < 0 || scan_tokens(&s, err) < 0) {
        talloc_free(script.statements);
        return -1;
    }
    script.end = s.pos;
    *ret = script;
    return 0;
}
