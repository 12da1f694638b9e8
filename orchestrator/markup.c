/*
 * markup.c: text made fit for XML and HTML.
 */
#include "orchestrator/markup.h"

#include "common/mem.h"
#include "orchestrator/report_text.h"

static void add_escaped(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            strbuf_str(out, "&amp;");
        else if (*text == '<')
            strbuf_str(out, "&lt;");
        else if (*text == '>')
            strbuf_str(out, "&gt;");
        else if (*text == '"')
            strbuf_str(out, "&quot;");
        else
            strbuf_char(out, *text);
    }
}

void markup_text(struct strbuf *out, const char *text)
{
    char *clean = report_text_verbatim(NULL, text, strlen(text));

    add_escaped(out, clean);
    talloc_free(clean);
}

void markup_line(struct strbuf *out, const char *text)
{
    char *clean = report_text_line(NULL, text, 0);

    add_escaped(out, clean);
    talloc_free(clean);
}
