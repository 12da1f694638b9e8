/*
 * sql_token.c: the next token of SQL text.
 *
 * What ends where decides which statements a file has, so every rule here is one of psql's
 * lexer. Only one thing is the server's rather than psql's: E'...' that goes on in another line
 * keeps its escapes (psql, which reads line by line, forgets them).
 */
#include "catalog/sql_token.h"

#include <strings.h>

#define NOWHERE SIZE_MAX

static const char operator_chars[] = "~!@#^&|`?+-*/%<>=";

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_variable_char(char c)
{
    return is_word_start(c) || is_digit(c);
}

static bool is_operator(char c)
{
    return c != '\0' && strchr(operator_chars, c) != NULL;
}

/* text[at], or NUL behind the end, which no rule takes for anything. */
static char peek(const char *text, size_t at, size_t to)
{
    return at < to ? text[at] : '\0';
}

static bool begins_comment(const char *text, size_t at, size_t to)
{
    char next = peek(text, at + 1, to);

    return (text[at] == '-' && next == '-') || (text[at] == '/' && next == '*');
}

static size_t space_end(const char *text, size_t at, size_t to)
{
    while (at < to && is_space(text[at]))
        at++;
    return at;
}

static size_t line_comment_end(const char *text, size_t at, size_t to)
{
    while (at < to && text[at] != '\n' && text[at] != '\r')
        at++;
    return at;
}

/* `at` is behind the opening slash and star. */
static size_t block_comment_end(const char *text, size_t at, size_t to)
{
    int depth = 1;

    while (at + 1 < to) {
        bool opens = text[at] == '/' && text[at + 1] == '*';
        bool closes = text[at] == '*' && text[at + 1] == '/';

        at += opens || closes ? 2 : 1;
        depth += opens;
        depth -= closes;
        if (depth == 0)
            return at;
    }
    return NOWHERE;
}

/* `at` is behind the opening quote; a doubled quote stands for itself. */
static size_t quote_end(const char *text, size_t at, size_t to, char quote)
{
    for (;;) {
        const char *found = at < to ? memchr(text + at, quote, to - at) : NULL;

        if (!found)
            return NOWHERE;
        at = (size_t)(found - text) + 1;
        if (peek(text, at, to) != quote)
            return at;
        at++;
    }
}

/*
 * Behind the quote at which a string goes on after its end at `at`: white space with at least one
 * line end, in which comments may stand, then a quote. NOWHERE where it does not go on.
 */
static size_t continued(const char *text, size_t at, size_t to)
{
    bool new_line = false;

    while (at < to) {
        if (is_space(text[at])) {
            new_line = new_line || text[at] == '\n' || text[at] == '\r';
            at++;
        } else if (text[at] == '-' && peek(text, at + 1, to) == '-') {
            at = line_comment_end(text, at, to);
        } else {
            break;
        }
    }
    return new_line && peek(text, at, to) == '\'' ? at + 1 : NOWHERE;
}

/* The end of an E'...' string, `at` is behind its opening quote. */
static size_t escape_string_end(const char *text, size_t at, size_t to)
{
    while (at < to) {
        if (text[at] == '\\') {
            at += 2;
        } else if (text[at] != '\'') {
            at++;
        } else if (peek(text, at + 1, to) == '\'') {
            at += 2;
        } else {
            size_t next = continued(text, at + 1, to);

            if (next == NOWHERE)
                return at + 1;
            at = next;
        }
    }
    return NOWHERE;
}

/* Length of the delimiter $tag$ at text[at], 0 where there is none. */
static size_t dollar_tag(const char *text, size_t at, size_t to)
{
    size_t end = at + 1;

    if (is_word_start(peek(text, end, to))) {
        while (is_variable_char(peek(text, end, to)))
            end++;
    }
    return peek(text, end, to) == '$' ? end + 1 - at : 0;
}

static size_t dollar_string_end(const char *text, size_t at, size_t to, size_t tag)
{
    const char *found = memmem(text + at + tag, to - at - tag, text + at, tag);

    return found ? (size_t)(found - text) + tag : NOWHERE;
}

static size_t word_end(const char *text, size_t at, size_t to)
{
    while (is_variable_char(peek(text, at, to)) || peek(text, at, to) == '$')
        at++;
    return at;
}

/*
 * Digits with points, an exponent with its sign, and a word that runs into them (which is an error,
 * but the server's to report).
 */
static size_t number_end(const char *text, size_t at, size_t to)
{
    for (;; at++) {
        char c = peek(text, at, to);
        char next = peek(text, at + 1, to);

        if ((c == 'e' || c == 'E') && (next == '+' || next == '-') &&
            is_digit(peek(text, at + 2, to)))
            at++;
        else if (is_word_start(c))
            return word_end(text, at, to);
        else if (c == '.' ? next == '.' : !is_digit(c))
            return at;
    }
}

/* A run of operator characters; a comment may begin right behind an operator. */
static size_t operator_end(const char *text, size_t at, size_t to)
{
    while (at < to && is_operator(text[at]) && !begins_comment(text, at, to))
        at++;
    return at;
}

static size_t punctuation_end(const char *text, size_t at, size_t to)
{
    char next = peek(text, at + 1, to);

    if (text[at] == ':' && (next == ':' || next == '='))
        return at + 2;
    if (text[at] == '.' && next == '.')
        return at + 2;
    at++;
    if (text[at - 1] == ':') { /* what psql may take for a variable is no key word to it */
        while (is_variable_char(peek(text, at, to)))
            at++;
    }
    return at;
}

static struct sql_token token_of(enum sql_token_kind kind, size_t start, size_t end, size_t to)
{
    bool open = end == NOWHERE;

    return (struct sql_token){
        .kind = kind, .unterminated = open, .start = start, .end = open ? to : end};
}

/* A string or quoted identifier with letters before its quote; kind END where it is none. */
static struct sql_token prefixed(const char *text, size_t at, size_t to)
{
    char next = peek(text, at + 1, to);

    if (next == '\'' && strchr("eE", text[at]))
        return token_of(SQL_TOKEN_STRING, at, escape_string_end(text, at + 2, to), to);
    if (next == '\'' && strchr("bBnNxX", text[at]))
        return token_of(SQL_TOKEN_STRING, at, quote_end(text, at + 2, to, '\''), to);
    if (next == '&' && strchr("uU", text[at])) {
        char quote = peek(text, at + 2, to);

        if (quote == '\'')
            return token_of(SQL_TOKEN_STRING, at, quote_end(text, at + 3, to, quote), to);
        if (quote == '"')
            return token_of(SQL_TOKEN_IDENTIFIER, at, quote_end(text, at + 3, to, quote), to);
        return token_of(SQL_TOKEN_PUNCTUATION, at, at + 1, to); /* as psql does: no word */
    }
    return token_of(SQL_TOKEN_END, at, at, to);
}

static struct sql_token word_or_prefixed(const char *text, size_t at, size_t to)
{
    struct sql_token token = prefixed(text, at, to);

    if (token.kind != SQL_TOKEN_END)
        return token;
    return token_of(SQL_TOKEN_WORD, at, word_end(text, at, to), to);
}

static struct sql_token dollar(const char *text, size_t at, size_t to)
{
    size_t tag = dollar_tag(text, at, to);

    if (tag)
        return token_of(SQL_TOKEN_DOLLAR_STRING, at, dollar_string_end(text, at, to, tag), to);
    if (is_digit(peek(text, at + 1, to))) {
        size_t end = at + 1;

        while (is_digit(peek(text, end, to)))
            end++;
        if (is_word_start(peek(text, end, to)))
            end = word_end(text, end, to);
        return token_of(SQL_TOKEN_NUMBER, at, end, to);
    }
    return token_of(SQL_TOKEN_PUNCTUATION, at, at + 1, to);
}

struct sql_token sql_token_next(const char *text, size_t from, size_t to)
{
    char c = peek(text, from, to);
    char next = peek(text, from + 1, to);

    if (from >= to)
        return token_of(SQL_TOKEN_END, to, to, to);
    if (is_space(c))
        return token_of(SQL_TOKEN_SPACE, from, space_end(text, from, to), to);
    if (c == '-' && next == '-')
        return token_of(SQL_TOKEN_LINE_COMMENT, from, line_comment_end(text, from, to), to);
    if (c == '/' && next == '*')
        return token_of(SQL_TOKEN_BLOCK_COMMENT, from, block_comment_end(text, from + 2, to), to);
    if (is_word_start(c))
        return word_or_prefixed(text, from, to);
    if (c == '\'')
        return token_of(SQL_TOKEN_STRING, from, quote_end(text, from + 1, to, c), to);
    if (c == '"')
        return token_of(SQL_TOKEN_IDENTIFIER, from, quote_end(text, from + 1, to, c), to);
    if (c == '$')
        return dollar(text, from, to);
    if (is_digit(c) || (c == '.' && is_digit(next)))
        return token_of(SQL_TOKEN_NUMBER, from, number_end(text, from, to), to);
    if (is_operator(c))
        return token_of(SQL_TOKEN_OPERATOR, from, operator_end(text, from, to), to);
    if (c == '\\')
        return token_of(SQL_TOKEN_BACKSLASH, from, from + 1, to);
    return token_of(SQL_TOKEN_PUNCTUATION, from, punctuation_end(text, from, to), to);
}

struct sql_token sql_token_next_code(const char *text, size_t from, size_t to)
{
    struct sql_token token = sql_token_next(text, from, to);

    while (token.kind == SQL_TOKEN_SPACE || token.kind == SQL_TOKEN_LINE_COMMENT ||
           token.kind == SQL_TOKEN_BLOCK_COMMENT)
        token = sql_token_next(text, token.end, to);
    return token;
}

bool sql_token_is_word(const char *text, const struct sql_token *token, const char *word)
{
    size_t len = token->end - token->start;

    return token->kind == SQL_TOKEN_WORD && strlen(word) == len &&
           strncasecmp(text + token->start, word, len) == 0;
}

bool sql_token_is_char(const char *text, const struct sql_token *token, char c)
{
    return token->kind == SQL_TOKEN_PUNCTUATION && token->end == token->start + 1 &&
           text[token->start] == c;
}
