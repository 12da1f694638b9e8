/*
 * sql_text.h: the little that the tests know of SQL text by themselves, so that what they compare
 * with does not come from the lexer under test; and a generator of nasty files.
 */
#ifndef HARNESS_SQL_TEXT_H
#define HARNESS_SQL_TEXT_H

#include "common/base.h"
#include "common/strbuf.h"

/* Behind the white space and comments that `sql` begins with. */
const char *sql_text_skip_blank(const char *sql);

/* Nothing but white space, comments and semicolons. */
bool sql_text_is_empty(const char *sql);

/* What a server would answer with CopyInResponse. */
bool sql_text_is_copy_from_stdin(const char *sql);

/* The next of a row of random numbers; *state must not be 0. */
uint32_t sql_text_random(uint64_t *state);

/*
 * Appends a file of a few statements made of what a lexer may stumble over. Most are well formed,
 * some are not. Kept out is what psql versions read differently: a number that runs into a word,
 * and E'' strings that go on in another line.
 */
void sql_text_generate(struct strbuf *out, uint64_t *random);

#endif
