/*
 * strbuf.h: a growing text.
 *
 *     struct strbuf sql;
 *     strbuf_init(&sql, ctx);
 *     strbuf_printf(&sql, "SELECT %d", 1);
 *     use(sql.text, sql.len);
 *
 * `text` always ends in NUL (not counted in `len`), also right after strbuf_init. It is owned by
 * the context given to strbuf_init and dies with it; strbuf_release frees it earlier.
 */
#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include "common/base.h"

struct strbuf {
    const void *parent; /* owner of text */
    char *text;
    size_t len;
    size_t capacity;
};

void strbuf_init(struct strbuf *buf, const void *parent);
void strbuf_release(struct strbuf *buf);

/* Empties the text, keeps the room. */
void strbuf_reset(struct strbuf *buf);

/* Room for `more` bytes, in one go. */
void strbuf_reserve(struct strbuf *buf, size_t more);

void strbuf_add(struct strbuf *buf, const char *bytes, size_t len);
void strbuf_str(struct strbuf *buf, const char *text);
void strbuf_char(struct strbuf *buf, char c);
void strbuf_int(struct strbuf *buf, int64_t number);
void strbuf_printf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);

#endif
