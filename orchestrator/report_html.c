/*
 * report_html.c: the blocks of a document in HTML.
 */
#include "orchestrator/report_html.h"

#include "orchestrator/markup.h"
#include "orchestrator/report_document.h"

static const char style[] =
    "  :root { color-scheme: light dark; }\n"
    "  body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em;\n"
    "         padding: 0 1em; }\n"
    "  h1 { font-size: 1.5em; }\n"
    "  table { border-collapse: collapse; margin: 1em 0; }\n"
    "  th, td { border-bottom: 1px solid #8884; padding: .25em .75em; text-align: left;\n"
    "           vertical-align: top; overflow-wrap: anywhere; }\n"
    "  pre { background: #8881; padding: 1em; white-space: pre-wrap; overflow-wrap: anywhere; }\n"
    "  summary { cursor: pointer; }\n"
    "  .good { color: #1a7f37; } .bad { color: #cf222e; font-weight: 600; }\n"
    "  @media (prefers-color-scheme: dark) { .good { color: #3fb950; } .bad { color: #ff7b72; } "
    "}\n";

static void begin(struct strbuf *out, const char *title)
{
    strbuf_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    markup_line(out, title);
    strbuf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    markup_line(out, title);
    strbuf_str(out, "</h1>\n");
}

static void verbatim(struct strbuf *out, const char *text)
{
    strbuf_str(out, "<pre>\n");
    markup_text(out, text);
    strbuf_str(out, "</pre>\n");
}

/* "" for what is only pending. */
static const char *class_of(enum outcome outcome)
{
    if (outcome_is_problem(outcome))
        return " class=\"bad\"";
    return outcome == OUTCOME_PENDING ? "" : " class=\"good\"";
}

static void add_row(struct strbuf *out, const struct report_document_table *table, size_t row)
{
    strbuf_str(out, "<tr>");
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = table->cells[row * table->columns + i];
        bool is_outcome = table->outcomes && i == table->outcome_column;
        const char *tag = !table->titles && i == 0 ? "th" : "td";

        strbuf_printf(out, "<%s%s>", tag, is_outcome ? class_of(table->outcomes[row]) : "");
        if (cell)
            markup_line(out, cell);
        strbuf_printf(out, "</%s>", tag);
    }
    strbuf_str(out, "</tr>\n");
}

static void table(struct strbuf *out, const struct report_document_table *table)
{
    strbuf_str(out, "<table>\n");
    if (table->titles) {
        strbuf_str(out, "<thead><tr>");
        for (size_t i = 0; i < table->columns; i++)
            strbuf_printf(out, "<th>%s</th>", table->titles[i]);
        strbuf_str(out, "</tr></thead>\n");
    }
    strbuf_str(out, "<tbody>\n");
    for (size_t i = 0; i < table->rows; i++)
        add_row(out, table, i);
    strbuf_str(out, "</tbody>\n</table>\n");
}

static void fold(struct strbuf *out, const char *title)
{
    strbuf_str(out, "<details>\n<summary>");
    markup_line(out, title);
    strbuf_str(out, "</summary>\n");
}

static void unfold(struct strbuf *out)
{
    strbuf_str(out, "</details>\n");
}

static void end(struct strbuf *out)
{
    strbuf_str(out, "</body>\n</html>\n");
}

int report_html(const struct report *report, FILE *out)
{
    static const struct report_document_markup markup = {
        .begin = begin,
        .verbatim = verbatim,
        .table = table,
        .fold = fold,
        .unfold = unfold,
        .end = end,
    };

    return report_document(report, &markup, out);
}
