/*
 * report_markdown.h: a report in Markdown with tables (GitHub Flavored Markdown).
 */
#ifndef ORCHESTRATOR_REPORT_MARKDOWN_H
#define ORCHESTRATOR_REPORT_MARKDOWN_H

#include "orchestrator/report.h"

int report_markdown(const struct report *report, FILE *out) MUST_CHECK;

#endif
