/*
 * report_document.h: a report for people in a file that is looked at elsewhere: in a browser
 * (.html), in a release's notes or a pull request (.md).
 *
 * What it says is told once, block by block; how a block is written is a markup's business.
 */
#ifndef ORCHESTRATOR_REPORT_DOCUMENT_H
#define ORCHESTRATOR_REPORT_DOCUMENT_H

#include "common/strbuf.h"
#include "orchestrator/report.h"

/* A table; its cells are untrusted text. */
struct report_document_table {
    const char *const *titles; /* of the columns; NULL: none, and the first column names the rest */
    size_t columns;
    const char **cells; /* row by row; NULL: an empty cell */
    size_t rows;
    const enum outcome
        *outcomes; /* by row: what outcome_column says; NULL: it has no such column */
    size_t outcome_column;
};

/* Each appends to `out`. The texts are untrusted. */
struct report_document_markup {
    bool color; /* verbatim() knows the inks of report_text.h */
    void (*begin)(struct strbuf *out, const char *title, bool bad);
    void (*totals)(struct strbuf *out, const char *const *texts, const enum outcome *outcomes,
                   size_t count);                           /* "20 migrated", "6 failed" */
    void (*verbatim)(struct strbuf *out, const char *text); /* as it would stand on a terminal */
    void (*table)(struct strbuf *out, const struct report_document_table *table);
    void (*fold)(struct strbuf *out, const char *title); /* what follows is long: shut at first */
    void (*unfold)(struct strbuf *out);
    void (*end)(struct strbuf *out);
};

/* Writes it all, what is most urgent first: how it ended, the report as text, every tenant, facts.
 */
int report_document(const struct report *report, const struct report_document_markup *markup,
                    FILE *out) MUST_CHECK;

#endif
