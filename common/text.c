/*
 * text.c: durations, sizes, globs, the nearest word.
 */
#include "common/text.h"

#include "common/mem.h"
#include "common/strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <wchar.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

bool text_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    long long value;

    if (!isdigit((unsigned char)text[0]) && text[0] != '-')
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool text_to_duration(const char *text, int64_t *ret_ms)
{
    char *end;
    long long value;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno)
        return false;
    if (value == 0 && !*end) {
        *ret_ms = 0;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].name) == 0 && value <= INT64_MAX / 4 / units[i].ms) {
            *ret_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}

char *text_from_duration(const void *parent, int64_t ms)
{
    for (size_t i = 0; ms > 0 && i < ARRAY_LEN(units); i++) {
        if (ms % units[i].ms == 0)
            return mem_printf(parent, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
    }
    return mem_strdup(parent, "0");
}

char *text_elapsed(const void *parent, int64_t ms)
{
    long long seconds = ms / 1000;

    if (ms < 1000)
        return mem_printf(parent, "%lldms", (long long)ms);
    if (ms < 60000)
        return mem_printf(parent, "%lld.%llds", seconds, (long long)(ms % 1000 / 100));
    if (seconds < 3600)
        return mem_printf(parent, "%lldm%02llds", seconds / 60, seconds % 60);
    return mem_printf(parent, "%lldh%02lldm", seconds / 3600, seconds % 3600 / 60);
}

bool text_to_size(const char *text, struct text_size *ret)
{
    size_t len = strlen(text);
    char digits[24];
    bool percent = len > 0 && text[len - 1] == '%';
    int64_t value;

    if (percent)
        len--;
    if (len == 0 || len >= sizeof(digits) || text[0] == '-')
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!text_to_int64(digits, 0, percent ? 100 : INT32_MAX, &value))
        return false;
    *ret = (struct text_size){.value = value, .percent = percent};
    return true;
}

int64_t text_size_of(struct text_size size, int64_t whole)
{
    return size.percent ? whole * size.value / 100 : size.value;
}

bool text_glob(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

bool text_fits(const char *word, const char *text)
{
    return strcmp(word, text) == 0 || text_glob(word, text);
}

/* Levenshtein distance; words longer than the rows are not compared. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t row[MOST + 1];
    size_t len_a = strlen(a);
    size_t len_b = strlen(b);

    if (len_a > MOST || len_b > MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t changed =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = changed < shorter ? changed : shorter;
        }
    }
    return row[len_b];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t len = strlen(word);
    size_t limit = len < 3 ? 1 : len < 9 ? len / 3 : 3;
    const char *nearest = NULL;
    size_t best;

    if (limit >= len)
        return NULL; /* nothing of the word would have to be the same */
    best = limit + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, candidates[i]);

        if (d < best) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}

size_t text_chars(const char *text, size_t len)
{
    size_t chars = 0;

    for (size_t i = 0; i < len; i++)
        chars += ((unsigned char)text[i] & 0xC0) != 0x80;
    return chars;
}

size_t text_columns(const char *text)
{
    size_t columns = 0;
    mbstate_t state = {0};
    size_t left = strlen(text);

    while (left > 0) {
        wchar_t c;
        size_t used = mbrtowc(&c, text, left, &state);
        int width;

        if (used == (size_t)-1 || used == (size_t)-2 || used == 0) {
            memset(&state, 0, sizeof(state));
            used = 1;
            width = 1;
        } else {
            width = wcwidth(c);
        }
        columns += width > 0 ? (size_t)width : 0;
        text += used;
        left -= used;
    }
    return columns;
}

size_t text_cut(const char *text, size_t most)
{
    size_t len = strnlen(text, most + 1);

    if (len <= most)
        return len;
    len = most;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

size_t text_utf8_length(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len;

    if (left == 0 || p[0] == 0)
        return 0;
    len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] > 0xF4 || len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0; /* overlong, surrogate, beyond U+10FFFF */
    return len;
}

bool text_is_name(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t len = text_utf8_length(text, left);

        if (len == 0 || (unsigned char)*text < ' ' || *text == 0x7F)
            return false;
        text += len;
        left -= len;
    }
    return true;
}

char *text_printable(const void *parent, const char *text)
{
    size_t left = strlen(text);
    struct strbuf out;

    strbuf_init(&out, parent);
    while (left > 0) {
        unsigned char c = (unsigned char)*text;
        size_t len = text_utf8_length(text, left);

        if (c < 32 || c == 127 || len == 0)
            strbuf_printf(&out, "\\x%02X", c);
        else
            strbuf_add(&out, text, len);
        len = len > 0 ? len : 1;
        text += len;
        left -= len;
    }
    return out.text;
}
