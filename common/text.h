/*
 * text.h: the small languages of option and configuration values. Pure, any thread.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/base.h"

/* Whole of `text` as a decimal number in [min, max]. False: not that. */
bool text_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* "500ms" "10s" "5m" "4h" "1d" or "0" (no unit) to milliseconds. False: not a duration. */
bool text_to_duration(const char *text, int64_t *ret_ms);

/* The other way, shortest exact form: 90000 -> "90s", 0 -> "0". Owned by `parent`. */
char *text_from_duration(const void *parent, int64_t ms);

/* For people: 830 -> "830ms", 41234 -> "41.2s", 200000 -> "3m20s". Owned by `parent`. */
char *text_elapsed(const void *parent, int64_t ms);

/* A count or a share: "10" or "10%" (0 to 100, whole). */
struct text_size {
    int64_t value;
    bool percent;
};

bool text_to_size(const char *text, struct text_size *ret);

/* What a size is of `whole` things: percent is rounded down. */
int64_t text_size_of(struct text_size size, int64_t whole);

/* Shell pattern (fnmatch(3) without flags) against the whole of `text`. */
bool text_glob(const char *pattern, const char *text);

/* Whether `word` is `text`, whatever characters it has, or a pattern of text_glob() for it. */
bool text_fits(const char *word, const char *text);

/*
 * The candidate nearest to `word` by edit distance, for "did you mean"; NULL when none is near
 * (more than a third of the word's letters differ, at least 1 may, at most 3), and for words of
 * one letter.
 */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Characters (not bytes) in UTF-8 `text`; columns it takes on a terminal by wcwidth(3). */
size_t text_chars(const char *text, size_t len);
size_t text_columns(const char *text);

/* How many bytes of UTF-8 `text` are at most `most` without cutting a character in two. */
size_t text_cut(const char *text, size_t most);

/* Bytes of the UTF-8 character that the `left` bytes of `text` begin with; 0: none that PostgreSQL
 * would take. */
size_t text_utf8_length(const char *text, size_t left);

/* Whether `text` can stand in a history, on a terminal and in JSON: UTF-8 without control
 * characters. */
bool text_is_name(const char *text);

/* A program's printable form of untrusted text: control characters, and bytes that are not UTF-8,
 * become \xHH. Owned by `parent`. */
char *text_printable(const void *parent, const char *text);

#endif
