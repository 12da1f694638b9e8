/*
 * migration.h: one migration file: its name, sections, directives and checksums
 * (docs/migrations.md).
 *
 * Constant after catalog_load(); any thread may read it.
 */
#ifndef CATALOG_MIGRATION_H
#define CATALOG_MIGRATION_H

#include "catalog/sql_scan.h"
#include "common/base.h"
#include "common/err.h"

enum migration_kind { MIGRATION_VERSIONED, MIGRATION_REPEATABLE };

/* Whose names and markers a file has (foreign.h). */
enum migration_format {
    MIGRATION_PGTIDE,
    MIGRATION_GOLANG_MIGRATE,
    MIGRATION_DBMATE,
    MIGRATION_GOOSE,
    MIGRATION_FLYWAY,
    MIGRATION_FORMATS
};

enum section_kind {
    SECTION_UP,
    SECTION_DOWN,
    SECTION_VERIFY,
    SECTION_REQUIRE,
    SECTION_WHEN,
    SECTION_KINDS
};

const char *section_name(enum section_kind kind); /* "up" */

struct section {
    bool present;
    int line;            /* of its marker; 1 for a section that is a whole file */
    bool no_transaction; /* up, down: runs outside one. A dbmate file, or a pair of files, may
                            differ in it from one way to the other */
    const char *file;    /* of a pair's way back: its own file; NULL: the migration's */
    struct sql_statement *statements; /* offsets into the migration's text */
    size_t count;
};

#define DIRECTIVE_UNSET (-1)

struct directives {
    bool transaction_none;
    bool verify_after_commit;
    int64_t lock_timeout_ms;      /* DIRECTIVE_UNSET: the tenant's setting */
    int64_t statement_timeout_ms; /* the same */
    int64_t batch;                /* rows a round; DIRECTIVE_UNSET: not a batched data migration */
    int64_t pause_ms;
    int64_t max_batches;
    const char *only_label; /* only=LABEL=VALUE; NULL: for every tenant */
    const char *only_value;
};

/* The program that a migration is, see migration_command.h. */
struct migration_command {
    const char *const *argv; /* ends in NULL */
    int64_t timeout_ms;      /* 0 = none */
    bool repeatable;
    int line; /* of argv */
};

struct migration {
    enum migration_kind kind;
    enum migration_format format;
    bool way_back;   /* a file that is the down section of another; never in a loaded catalog */
    int64_t version; /* 0 for repeatables */
    const char *name;
    const char *label;   /* the file name without its ending, for people: "0039_handles" */
    const char *file;    /* path for people: the catalog's path as configured + '/' + path in it */
    const char *release; /* name of the release folder, or NULL */
    const char *text;    /* the file with line ends turned to LF and without a byte order mark;
                            of a pair, both files, one behind the other */
    size_t len;
    struct section sections[SECTION_KINDS];
    struct directives directives;
    const struct migration_command *command; /* NULL: it is SQL */
    const char *checksum;
    const char *code_checksum;
    bool touches_session; /* it may change the session's role, drop its prepared statements, or
                             leave a temporary table: the words for that stand in it */
    size_t index;         /* position in its catalog list */
};

/*
 * Takes kind, format, version, name, label and direction from a file name: pgtide's own
 * ("20261123061500_add_handle.sql", "R_views.sql") or another tool's ("1_a.down.sql", "V1__a.sql").
 * -1 with ERR_DATA and a hint for any other.
 */
int migration_parse_name(void *parent, const char *base, struct migration *ret,
                         struct err *err) MUST_CHECK;

/*
 * Reads the content: normalises line ends, finds markers and directives, scans every section,
 * computes the checksums. `ret` has kind, version, name, file and what else its name says; the
 * format becomes that of the markers, if they are another tool's. `bytes` is copied. Every error of
 * the file is added to `errors` (ERR_DATA, file, line); -1 if there was one.
 */
int migration_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                    struct err_list *errors) MUST_CHECK;

/*
 * Makes a file that was parsed as a way back the down section of `migration`, whose checksum stays
 * as it is. `way_back` is not needed afterwards.
 */
void migration_add_way_back(void *parent, struct migration *migration,
                            const struct migration *way_back);

/* The file, for people, in which the section stands. */
const char *migration_section_file(const struct migration *migration, enum section_kind kind);

/* The same for an SQL seed: all of it is the up section, markers and directives are refused. */
int migration_parse_seed(void *parent, const char *bytes, size_t len, struct migration *ret,
                         struct err_list *errors) MUST_CHECK;

#endif
