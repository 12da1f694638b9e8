/*
 * report_validate.c: conflicts and what could not be asked, by cause; totals.
 */
#include "orchestrator/report_validate.h"

#include "orchestrator/report_failures.h"
#include "orchestrator/report_text.h"

int report_validate(const struct report *report, FILE *out)
{
    struct strbuf text;
    int rc = 0;

    strbuf_init(&text, NULL);
    report_failures_text(&text, report);
    if (!report->quiet || text.len > 0) {
        report_text_bundle(&text, report->request->plan.catalog);
        report_text_totals(&text, report);
        rc = report_text_write(&text, out);
    }
    strbuf_release(&text);
    return rc;
}
