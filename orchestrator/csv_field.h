/*
 * csv_field.h: one field of a CSV file.
 */
#ifndef ORCHESTRATOR_CSV_FIELD_H
#define ORCHESTRATOR_CSV_FIELD_H

#include "common/strbuf.h"

/* Appends the field as RFC 4180 has it: in quotes where it must be, and where it is empty, so that
 * "" is a text and nothing at all is NULL. */
void csv_field(struct strbuf *out, const char *text, size_t len);

#endif
