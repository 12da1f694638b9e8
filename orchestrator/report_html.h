/*
 * report_html.h: a report as one HTML file that needs nothing else: no script, no picture, no net.
 */
#ifndef ORCHESTRATOR_REPORT_HTML_H
#define ORCHESTRATOR_REPORT_HTML_H

#include "orchestrator/report.h"

int report_html(const struct report *report, FILE *out) MUST_CHECK;

#endif
