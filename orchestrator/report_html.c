/*
 * report_html.c: the blocks of a document in HTML.
 */
#include "orchestrator/report_html.h"

#include "common/mem.h"
#include "orchestrator/markup.h"
#include "orchestrator/report_document.h"
#include "orchestrator/report_text.h"

static const char style[] =
    "  :root { color-scheme: light dark; }\n"
    "  body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 78em;\n"
    "         padding: 0 1em; }\n"
    "  h1 { font-size: 1.5em; margin: 0; }\n"
    "  .totals { font-size: 1.2em; margin: .25em 0 1em; }\n"
    "  .totals span { margin-right: 1em; white-space: nowrap; }\n"
    "  pre { background: #8881; overflow-wrap: anywhere; overflow-x: auto; padding: 1em;\n"
    "        white-space: pre-wrap; }\n"
    "  pre > span { display: block; padding-left: 7ch; text-indent: -7ch; }\n"
    "  pre > .row { white-space: pre; }\n"
    "  table { border-collapse: collapse; margin: 1em 0; }\n"
    "  th, td { border-bottom: 1px solid #8884; padding: .25em .6em; text-align: left;\n"
    "           vertical-align: top; white-space: nowrap; }\n"
    "  td:first-child, td:last-child { overflow-wrap: anywhere; white-space: normal; }\n"
    "  .wide { font-size: .9em; overflow-x: auto; }\n"
    "  .wide td:first-child { min-width: 10em; }\n"
    "  .wide td:last-child { min-width: 18em; }\n"
    "  summary { cursor: pointer; }\n"
    "  .good { color: #1a7f37; } .warn { color: #9a6700; } .bad { color: #cf222e; }\n"
    "  .bad, .bold { font-weight: 600; } .dim { opacity: .7; }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    .good { color: #3fb950; } .warn { color: #d29922; } .bad { color: #ff7b72; }\n"
    "  }\n";

static void begin(struct strbuf *out, const char *title, bool bad)
{
    strbuf_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    markup_line(out, title);
    strbuf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1%s>", style,
                  bad ? " class=\"bad\"" : "");
    markup_line(out, title);
    strbuf_str(out, "</h1>\n");
}

/* --- text as on a terminal ---------------------------------------------------------------- */

/* The class of the ink whose code, without its first byte, *text begins with, and steps over it. */
static const char *take_ink(const char **text)
{
    static const char *const classes[] = {
        [INK_BAD] = "bad", [INK_WARN] = "warn", [INK_GOOD] = "good",
        [INK_DIM] = "dim", [INK_BOLD] = "bold",
    };

    for (enum report_ink ink = INK_OFF; ink < ARRAY_LEN(classes); ink++) {
        const char *code = report_text_ink(true, ink) + 1;

        if (strncmp(*text, code, strlen(code)) != 0)
            continue;
        *text += strlen(code);
        return classes[ink];
    }
    return NULL;
}

/* What stands in columns is not wrapped; in other text no two blanks follow each other. */
static bool is_row(const char *line)
{
    return strstr(line + strspn(line, " "), "  ") != NULL;
}

/* Its end stands within the block, for readers without style sheets and for copies. */
static void add_line(struct strbuf *out, char *line)
{
    const char *ink = NULL;

    strbuf_str(out, is_row(line) ? "<span class=\"row\">" : "<span>");
    markup_text(out, strsep(&line, "\033"));
    while (line) {
        const char *piece = strsep(&line, "\033");

        if (ink)
            strbuf_str(out, "</span>");
        ink = take_ink(&piece);
        if (ink)
            strbuf_printf(out, "<span class=\"%s\">", ink);
        markup_text(out, piece);
    }
    strbuf_printf(out, "%s\n</span>", ink ? "</span>" : "");
}

static void verbatim(struct strbuf *out, const char *text)
{
    char *copy = mem_strdup(NULL, text);
    char *next = copy;

    strbuf_str(out, "<pre>");
    while (next && *next)
        add_line(out, strsep(&next, "\n"));
    strbuf_str(out, "</pre>\n");
    talloc_free(copy);
}

/* --- tables ------------------------------------------------------------------------------- */

/* "" for what is only pending. */
static const char *class_of(enum outcome outcome)
{
    if (outcome_is_problem(outcome))
        return " class=\"bad\"";
    return outcome == OUTCOME_PENDING ? "" : " class=\"good\"";
}

static void totals(struct strbuf *out, const char *const *texts, const enum outcome *outcomes,
                   size_t count)
{
    strbuf_str(out, "<p class=\"totals\">\n");
    for (size_t i = 0; i < count; i++)
        strbuf_printf(out, "<span%s>%s</span>\n", class_of(outcomes[i]), texts[i]);
    strbuf_str(out, "</p>\n");
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
    strbuf_str(out, table->titles ? "<div class=\"wide\">\n<table>\n" : "<table>\n");
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
    if (table->titles)
        strbuf_str(out, "</div>\n");
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
        .color = true,
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
