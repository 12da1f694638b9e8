/*
 * report_markdown.c: the blocks of a document in Markdown.
 */
#include "orchestrator/report_markdown.h"

#include "common/mem.h"
#include "orchestrator/report_document.h"
#include "orchestrator/report_text.h"

#include <ctype.h>

/* `_` begins an emphasis only where no word goes on. */
static bool has_meaning(const char *text, size_t i)
{
    if (text[i] == '_')
        return i == 0 || !isalnum((unsigned char)text[i - 1]) ||
               !isalnum((unsigned char)text[i + 1]);
    return strchr("\\`*[]<>|~&", text[i]) != NULL;
}

/* Untrusted text within a line. */
static void add_text(struct strbuf *out, const char *text)
{
    char *line = report_text_line(NULL, text, 0);

    for (size_t i = 0; line[i]; i++) {
        if (has_meaning(line, i))
            strbuf_char(out, '\\');
        strbuf_char(out, line[i]);
    }
    talloc_free(line);
}

static void begin(struct strbuf *out, const char *title, bool bad UNUSED)
{
    strbuf_str(out, "# ");
    add_text(out, title);
    strbuf_str(out, "\n\n");
}

static void totals(struct strbuf *out, const char *const *texts, const enum outcome *outcomes,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *strong = outcome_is_problem(outcomes[i]) ? "**" : "";

        strbuf_printf(out, "%s%s%s%s", i ? ", " : "", strong, texts[i], strong);
    }
    strbuf_str(out, "\n\n");
}

/* More backticks than stand in the text anywhere in a row. */
static size_t fence_of(const char *text)
{
    size_t longest = 2;

    for (size_t run = 0; *text; text++) {
        run = *text == '`' ? run + 1 : 0;
        if (run > longest)
            longest = run;
    }
    return longest + 1;
}

static void verbatim(struct strbuf *out, const char *text)
{
    size_t fence = fence_of(text);

    for (size_t i = 0; i < fence; i++)
        strbuf_char(out, '`');
    strbuf_printf(out, "text\n%s", text);
    for (size_t i = 0; i < fence; i++)
        strbuf_char(out, '`');
    strbuf_str(out, "\n\n");
}

static void add_row(struct strbuf *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_str(out, "| ");
        if (cells && cells[i])
            add_text(out, cells[i]);
        strbuf_char(out, ' ');
    }
    strbuf_str(out, "|\n");
}

static void table(struct strbuf *out, const struct report_document_table *table)
{
    add_row(out, table->titles, table->columns); /* there is no table without such a row */
    for (size_t i = 0; i < table->columns; i++)
        strbuf_str(out, "| --- ");
    strbuf_str(out, "|\n");
    for (size_t i = 0; i < table->rows; i++)
        add_row(out, &table->cells[i * table->columns], table->columns);
    strbuf_char(out, '\n');
}

static void fold(struct strbuf *out, const char *title)
{
    strbuf_str(out, "<details><summary>");
    add_text(out, title);
    strbuf_str(out, "</summary>\n\n");
}

static void unfold(struct strbuf *out)
{
    strbuf_str(out, "</details>\n\n");
}

static void end(struct strbuf *out UNUSED)
{
}

int report_markdown(const struct report *report, FILE *out)
{
    static const struct report_document_markup markup = {
        .begin = begin,
        .totals = totals,
        .verbatim = verbatim,
        .table = table,
        .fold = fold,
        .unfold = unfold,
        .end = end,
    };

    return report_document(report, &markup, out);
}
