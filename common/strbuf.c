/*
 * strbuf.c: a growing text on talloc.
 */
#include "common/strbuf.h"

#include "common/mem.h"

void strbuf_reserve(struct strbuf *buf, size_t more)
{
    if (more < buf->capacity - buf->len)
        return;
    if (more > SIZE_MAX / 4 - buf->len)
        mem_die(more);
    mem_grow(buf->parent, &buf->text, &buf->capacity, buf->len + more + 1);
}

void strbuf_init(struct strbuf *buf, const void *parent)
{
    *buf = (struct strbuf){.parent = parent};
    strbuf_reserve(buf, 127);
    buf->text[0] = '\0';
}

void strbuf_release(struct strbuf *buf)
{
    talloc_free(buf->text);
    *buf = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    buf->text[0] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *bytes, size_t len)
{
    strbuf_reserve(buf, len);
    if (len)
        memcpy(buf->text + buf->len, bytes, len);
    buf->len += len;
    buf->text[buf->len] = '\0';
}

void strbuf_str(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

/* Without printf, which would cost ten times as much. */
void strbuf_int(struct strbuf *buf, int64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--first] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        digits[--first] = '-';
    strbuf_add(buf, digits + first, sizeof(digits) - first);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(buf->text + buf->len, buf->capacity - buf->len, format, args);
    if (len < 0)
        mem_die(strlen(format));
    if ((size_t)len >= buf->capacity - buf->len) {
        strbuf_reserve(buf, (size_t)len);
        vsnprintf(buf->text + buf->len, buf->capacity - buf->len, format, again);
    }
    buf->len += (size_t)len;
    va_end(again);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_vprintf(buf, format, args);
    va_end(args);
}
