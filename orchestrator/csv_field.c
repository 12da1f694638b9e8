/*
 * csv_field.c: one field of a CSV file.
 */
#include "orchestrator/csv_field.h"

void csv_field(struct strbuf *out, const char *text, size_t len)
{
    if (len > 0 && !memchr(text, ',', len) && !memchr(text, '"', len) && !memchr(text, '\n', len) &&
        !memchr(text, '\r', len)) {
        strbuf_add(out, text, len);
        return;
    }
    strbuf_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            strbuf_char(out, '"');
        strbuf_char(out, text[i]);
    }
    strbuf_char(out, '"');
}
