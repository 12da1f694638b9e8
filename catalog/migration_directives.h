/*
 * migration_directives.h: the directives of a migration file: key=value words on a line
 * "-- pgtide: ..." at its top, or behind a marker. They hold for the whole file.
 */
#ifndef CATALOG_MIGRATION_DIRECTIVES_H
#define CATALOG_MIGRATION_DIRECTIVES_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"

#define MIGRATION_DIRECTIVES_KINDS 8

/* The reading of one file's directives. */
struct migration_directives {
    void *parent;     /* owner of texts in `ret` */
    const char *file; /* for messages */
    struct directives *ret;
    struct err_list *errors;
    int lines[MIGRATION_DIRECTIVES_KINDS]; /* where each was given, 0 = not yet */
};

/* Sets *ret to "nothing given" and makes a reader for it. */
struct migration_directives migration_directives_init(void *parent, const char *file,
                                                      struct directives *ret,
                                                      struct err_list *errors);

/*
 * Reads the words of text[0, len), which stand in `line`, at the top of the file (`section`
 * SECTION_KINDS) or behind the marker of a section. Errors are added to the list.
 */
void migration_directives_read(struct migration_directives *directives, const char *text,
                               size_t len, int line, enum section_kind section);

#endif
