/*
 * foreign.h: what the files of other migration tools say in comments, and in placeholders. Pure.
 *
 * The files of a goose or dbmate folder are told by their markers; those of golang-migrate and
 * Flyway by their names (migration_parse_name). Markers of tools that pgtide does not read are
 * known as well, so that nothing is run as what it is not: a way back as part of the way forward,
 * above all.
 */
#ifndef CATALOG_FOREIGN_H
#define CATALOG_FOREIGN_H

#include "catalog/migration.h"
#include "catalog/sql_scan.h"
#include "common/base.h"
#include "common/err.h"

/* "goose"; of the native format "pgtide". */
const char *foreign_tool(enum migration_format format);

/* The line that begins the up section in a file of this format, "-- +goose Up"; NULL: none. */
const char *foreign_up_marker(enum migration_format format);

/* What to type so that the file runs outside a transaction: a whole sentence. */
const char *foreign_outside_hint(enum migration_format format);

/* How far the markers of one file have been read. */
struct foreign_reading {
    enum migration_format format; /* MIGRATION_PGTIDE: no foreign marker yet */
    bool marked;                  /* a section was begun by a marker of whatever tool */
    int block_line;               /* of a goose StatementBegin that is open; 0: none is */
    bool no_transaction;          /* goose said so for the whole file */
};

enum foreign_verdict {
    FOREIGN_NONE,    /* no marker of any tool */
    FOREIGN_PASS,    /* read; it changes nothing in the text */
    FOREIGN_SECTION, /* a section begins */
    FOREIGN_CUT,     /* a statement ends or begins here, with or without a semicolon */
    FOREIGN_FAIL     /* `err` says why, without a place */
};

/* What begins with FOREIGN_SECTION. */
struct foreign_section {
    enum section_kind kind;
    bool no_transaction;
};

/*
 * Reads one comment; `text` is what stands behind its dashes. `reading` goes on from comment to
 * comment of one file.
 */
enum foreign_verdict foreign_read(struct foreign_reading *reading,
                                  const struct sql_comment *comment, const char *text, size_t len,
                                  struct foreign_section *ret, struct err *err);

/*
 * Adds an error for each placeholder (${name}) that Flyway would have replaced in a statement or
 * its data.
 */
void foreign_refuse_placeholders(const struct migration *migration, const struct section *section,
                                 struct err_list *errors);

#endif
