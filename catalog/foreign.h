/*
 * foreign.h: tells files of other migration tools by their names and markers, so that none of them
 * is run as something that it is not (a way back as part of the way forward, above all). Pure.
 */
#ifndef CATALOG_FOREIGN_H
#define CATALOG_FOREIGN_H

#include "common/base.h"

/* The tool whose naming this file name follows ("Flyway"), or NULL. */
const char *foreign_name(const char *base);

/* The tool whose marker this comment is, or NULL. `text` is what stands behind the dashes. */
const char *foreign_marker(const char *text, size_t len);

#endif
