/*
 * sql_token.h: the next token of SQL text, by the rules that psql's lexer and the server's share,
 * with standard_conforming_strings = on. Pure, any thread; allocates nothing.
 */
#ifndef CATALOG_SQL_TOKEN_H
#define CATALOG_SQL_TOKEN_H

#include "common/base.h"

enum sql_token_kind {
    SQL_TOKEN_END, /* of the text; empty */
    SQL_TOKEN_SPACE,
    SQL_TOKEN_LINE_COMMENT,  /* without its line end */
    SQL_TOKEN_BLOCK_COMMENT, /* with all that is nested in it */
    SQL_TOKEN_WORD,          /* a key word or an identifier without quotes */
    SQL_TOKEN_IDENTIFIER,    /* "..." U&"..." */
    SQL_TOKEN_STRING,        /* '...' and E N B X U& before it; continued E'' as one token */
    SQL_TOKEN_DOLLAR_STRING, /* $tag$...$tag$ */
    SQL_TOKEN_NUMBER,        /* also a parameter: $1 */
    SQL_TOKEN_OPERATOR,      /* a run of operator characters */
    SQL_TOKEN_PUNCTUATION,   /* one of ( ) [ ] , ; . : or something unknown; :: := :name as one */
    SQL_TOKEN_BACKSLASH      /* outside quotes: a psql command begins here */
};

struct sql_token {
    enum sql_token_kind kind;
    bool unterminated; /* the text ended within a quote or a comment */
    size_t start;
    size_t end; /* behind it */
};

/* The token that begins at text[from]; nothing at or behind text[to] is looked at. */
struct sql_token sql_token_next(const char *text, size_t from, size_t to);

/* The same, stepping over white space and comments. */
struct sql_token sql_token_next_code(const char *text, size_t from, size_t to);

/* Whether the token is this word (given in lower case, compared without regard to case). */
bool sql_token_is_word(const char *text, const struct sql_token *token, const char *word);

/* Whether the token is this one punctuation character. */
bool sql_token_is_char(const char *text, const struct sql_token *token, char c);

#endif
