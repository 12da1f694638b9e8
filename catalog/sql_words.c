/*
 * sql_words.c: what kind of statement it is, by its leading words: a small reader for each command
 * that matters.
 */
#include "catalog/sql_words.h"

#include "catalog/sql_scan.h"
#include "catalog/sql_token.h"

#include <strings.h>

/* A statement being read: `token` is what comes next. */
struct words {
    const char *text;
    size_t end;
    struct sql_token token;
};

static void step(struct words *w)
{
    w->token = sql_token_next_code(w->text, w->token.end, w->end);
}

static bool at_word(const struct words *w, const char *word)
{
    return sql_token_is_word(w->text, &w->token, word);
}

static bool at_char(const struct words *w, char c)
{
    return sql_token_is_char(w->text, &w->token, c);
}

static bool at_end(const struct words *w)
{
    return w->token.kind == SQL_TOKEN_END;
}

static bool take(struct words *w, const char *word)
{
    if (!at_word(w, word))
        return false;
    step(w);
    return true;
}

/* From an opening parenthesis to behind its closing one; nothing where there is none. */
static void skip_parentheses(struct words *w)
{
    int depth = 0;

    do {
        depth += at_char(w, '(');
        depth -= at_char(w, ')');
        if (depth == 0 && !at_char(w, ')'))
            return;
        step(w);
    } while (depth > 0 && !at_end(w));
}

/* A name with its qualifiers: a.b."c". */
static void skip_name(struct words *w)
{
    step(w);
    while (at_char(w, '.')) {
        step(w);
        step(w);
    }
}

static bool take_if_exists(struct words *w)
{
    return take(w, "if") && take(w, "exists");
}

static bool take_if_not_exists(struct words *w)
{
    return take(w, "if") && take(w, "not") && take(w, "exists");
}

/* Over the words that say what is created or dropped ("TEMP TABLE"), up to an IF. */
static void skip_to_if(struct words *w)
{
    for (int i = 0; i < 4 && w->token.kind == SQL_TOKEN_WORD && !at_word(w, "if"); i++)
        step(w);
}

static unsigned read_transaction(struct words *w UNUSED)
{
    return SQL_TRANSACTION;
}

static unsigned read_rollback(struct words *w)
{
    if (!take(w, "work"))
        take(w, "transaction");
    return at_word(w, "to") ? 0 : SQL_TRANSACTION;
}

static unsigned read_prepare(struct words *w)
{
    return take(w, "transaction") && w->token.kind == SQL_TOKEN_STRING ? SQL_TRANSACTION : 0;
}

static unsigned read_copy(struct words *w)
{
    take(w, "binary");
    if (at_char(w, '('))
        return 0; /* COPY (query) only goes out */
    skip_name(w);
    skip_parentheses(w);
    return take(w, "from") && (at_word(w, "stdin") || at_word(w, "stdout")) ? SQL_COPY_STDIN : 0;
}

static unsigned read_vacuum(struct words *w UNUSED)
{
    return SQL_NO_TRANSACTION | SQL_REPEATABLE;
}

static unsigned read_analyze(struct words *w UNUSED)
{
    return SQL_REPEATABLE;
}

/* Whether an option list has CONCURRENTLY, and not as "off". */
static bool take_concurrently_option(struct words *w)
{
    bool found = false;

    if (!at_char(w, '('))
        return false;
    while (!at_end(w) && !at_char(w, ')')) {
        step(w);
        if (take(w, "concurrently"))
            found = !at_word(w, "false") && !at_word(w, "off");
    }
    step(w);
    return found;
}

static unsigned read_reindex(struct words *w)
{
    bool concurrently = take_concurrently_option(w);
    bool alone = at_word(w, "schema") || at_word(w, "database") || at_word(w, "system");

    step(w);
    if (at_word(w, "concurrently"))
        concurrently = true;
    return SQL_REPEATABLE | (alone || concurrently ? SQL_NO_TRANSACTION : 0) |
           (concurrently ? SQL_CONCURRENTLY : 0);
}

static unsigned read_cluster(struct words *w)
{
    take(w, "verbose");
    skip_parentheses(w);
    return at_end(w) ? SQL_NO_TRANSACTION : 0; /* without a table: all of them */
}

static unsigned read_discard(struct words *w)
{
    return at_word(w, "all") ? SQL_NO_TRANSACTION | SQL_DISCARD_ALL : 0;
}

static unsigned read_call(struct words *w UNUSED)
{
    return SQL_MAY_COMMIT;
}

/* Whether the rest of the statement holds `text`, within strings too. */
static bool holds(const struct words *w, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = w->token.start; at + len <= w->end; at++) {
        if (strncasecmp(w->text + at, text, len) == 0)
            return true;
    }
    return false;
}

/* Every language has a word for it with one of these in it. Escapes may hide any word. */
static unsigned read_do(struct words *w)
{
    static const char *const means[] = {"commit", "call", "\\", "uescape"};

    for (size_t i = 0; i < ARRAY_LEN(means); i++) {
        if (holds(w, means[i]))
            return SQL_MAY_COMMIT;
    }
    return 0;
}

/* The name of a setting, in quotes or not. */
static bool at_setting(const struct words *w, const char *name)
{
    const struct sql_token *token = &w->token;
    size_t len = strlen(name);

    return at_word(w, name) ||
           ((token->kind == SQL_TOKEN_IDENTIFIER || token->kind == SQL_TOKEN_STRING) &&
            token->end - token->start == len + 2 &&
            strncasecmp(w->text + token->start + 1, name, len) == 0);
}

/* Of a statement that sets what stands next. */
static unsigned session_flags(const struct words *w)
{
    return SQL_SESSION | SQL_REPEATABLE | (at_setting(w, "lock_timeout") ? SQL_LOCK_TIMEOUT : 0);
}

static unsigned read_set(struct words *w)
{
    if (at_word(w, "local") || at_word(w, "transaction") || at_word(w, "constraints"))
        return 0;
    take(w, "session");
    return session_flags(w);
}

static unsigned read_reset(struct words *w)
{
    return session_flags(w);
}

static bool take_char(struct words *w, char c)
{
    if (!at_char(w, c))
        return false;
    step(w);
    return true;
}

static bool take_string(struct words *w)
{
    if (w->token.kind != SQL_TOKEN_STRING)
        return false;
    step(w);
    return true;
}

/* set_config with constants, and nothing else: then it does no more than SET. */
static unsigned read_select(struct words *w)
{
    unsigned flags;

    if (take(w, "pg_catalog") && !take_char(w, '.'))
        return 0;
    if (!take(w, "set_config") || !take_char(w, '('))
        return 0;
    flags = session_flags(w);
    if (take_string(w) && take_char(w, ',') && take_string(w) && take_char(w, ',') &&
        take(w, "false") && take_char(w, ')') && at_end(w))
        return flags;
    return 0;
}

static unsigned read_create(struct words *w)
{
    if (take(w, "database") || take(w, "tablespace"))
        return SQL_NO_TRANSACTION;
    take(w, "unique");
    if (take(w, "index") && take(w, "concurrently")) {
        /* without a name, running it again makes a second index */
        return SQL_NO_TRANSACTION | SQL_CONCURRENTLY | (at_word(w, "on") ? 0 : SQL_REPEATABLE);
    }
    skip_to_if(w);
    return take_if_not_exists(w) ? SQL_REPEATABLE : 0;
}

static unsigned read_drop(struct words *w)
{
    bool alone = at_word(w, "database") || at_word(w, "tablespace");

    if (take(w, "index") && take(w, "concurrently"))
        return SQL_NO_TRANSACTION | SQL_CONCURRENTLY | SQL_REPEATABLE;
    skip_to_if(w);
    return (alone ? SQL_NO_TRANSACTION : 0) | (take_if_exists(w) ? SQL_REPEATABLE : 0);
}

/* One action of ALTER TABLE that does nothing when it was done before. */
static bool take_repeatable_action(struct words *w)
{
    if (take(w, "add")) {
        take(w, "column");
        return take_if_not_exists(w);
    }
    if (take(w, "drop")) {
        if (!take(w, "column"))
            take(w, "constraint");
        return take_if_exists(w);
    }
    return false;
}

/* To the comma between two actions of ALTER TABLE, or the end. */
static void skip_action(struct words *w)
{
    while (!at_end(w) && !at_char(w, ',')) {
        if (at_char(w, '('))
            skip_parentheses(w);
        else
            step(w);
    }
}

static unsigned read_alter_table(struct words *w)
{
    bool repeatable = true;

    take_if_exists(w);
    take(w, "only");
    skip_name(w);
    if (w->token.kind == SQL_TOKEN_OPERATOR) /* the star behind a name */
        step(w);
    if (take(w, "detach") && take(w, "partition")) {
        skip_name(w);
        return at_word(w, "concurrently") ? SQL_NO_TRANSACTION | SQL_CONCURRENTLY : 0;
    }
    while (repeatable) {
        repeatable = take_repeatable_action(w);
        skip_action(w);
        if (at_end(w))
            break;
        step(w);
    }
    return repeatable ? SQL_REPEATABLE : 0;
}

static unsigned read_alter(struct words *w)
{
    if (take(w, "system"))
        return SQL_NO_TRANSACTION;
    if (take(w, "database")) {
        skip_name(w);
        return take(w, "set") && at_word(w, "tablespace") ? SQL_NO_TRANSACTION : 0;
    }
    if (take(w, "table"))
        return read_alter_table(w);
    if (take(w, "type")) {
        skip_name(w);
        return take(w, "add") && take(w, "value") && take_if_not_exists(w) ? SQL_REPEATABLE : 0;
    }
    return 0;
}

static const struct {
    const char *word;
    unsigned (*read)(struct words *w); /* stands behind the word */
} commands[] = {
    {"abort", read_transaction}, {"alter", read_alter},
    {"analyse", read_analyze},   {"analyze", read_analyze},
    {"begin", read_transaction}, {"call", read_call},
    {"cluster", read_cluster},   {"commit", read_transaction},
    {"copy", read_copy},         {"create", read_create},
    {"discard", read_discard},   {"do", read_do},
    {"drop", read_drop},         {"end", read_transaction},
    {"prepare", read_prepare},   {"reindex", read_reindex},
    {"reset", read_reset},       {"rollback", read_rollback},
    {"select", read_select},     {"set", read_set},
    {"start", read_transaction}, {"vacuum", read_vacuum},
};

static struct words words_of(const char *text, size_t start, size_t end)
{
    struct words w = {.text = text, .end = end};

    w.token = sql_token_next_code(text, start, end);
    return w;
}

unsigned sql_words_flags(const char *text, size_t start, size_t end)
{
    struct words w = words_of(text, start, end);

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (take(&w, commands[i].word))
            return commands[i].read(&w);
    }
    return 0;
}

bool sql_words_is_query(const char *text, size_t start, size_t end)
{
    struct words w = words_of(text, start, end);

    return at_char(&w, '(') || at_word(&w, "select") || at_word(&w, "with") ||
           at_word(&w, "values") || at_word(&w, "table");
}

static const char *const counting[] = {"insert", "update", "delete", "merge"};

static bool at_counting(const struct words *w)
{
    for (size_t i = 0; i < ARRAY_LEN(counting); i++) {
        if (at_word(w, counting[i]))
            return true;
    }
    return false;
}

/* Over the queries of a WITH, whose names may be any words, to the command that they stand before.
 */
static void skip_with(struct words *w)
{
    take(w, "recursive");
    step(w);
    while (!at_end(w) && !at_word(w, "select") && !at_counting(w)) {
        if (at_char(w, '(')) {
            skip_parentheses(w);
            continue;
        }
        if (at_char(w, ','))
            step(w);
        step(w);
    }
}

bool sql_words_counts_changes(const char *text, size_t start, size_t end)
{
    struct words w = words_of(text, start, end);

    if (take(&w, "with"))
        skip_with(&w);
    return at_counting(&w);
}
