/*
 * markup.h: text made fit for XML and HTML.
 */
#ifndef ORCHESTRATOR_MARKUP_H
#define ORCHESTRATOR_MARKUP_H

#include "common/strbuf.h"

/* Appends untrusted text as character data, its white space as it stands: escaped, valid UTF-8,
 * control characters as \xHH (XML 1.0, 2.2: they are no characters of it). */
void markup_text(struct strbuf *out, const char *text);

/* The same as one line, fit for an attribute's value in double quotes, too. */
void markup_line(struct strbuf *out, const char *text);

#endif
