/*
 * migration.h: one migration file: its name, sections, directives and checksums (SPEC section 4).
 *
 * Constant after catalog_load(); any thread may read it.
 */
#ifndef CATALOG_MIGRATION_H
#define CATALOG_MIGRATION_H

#include "catalog/sql_scan.h"
#include "common/base.h"
#include "common/err.h"

enum migration_kind { MIGRATION_VERSIONED, MIGRATION_REPEATABLE };

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
    int line;                         /* of its marker; 1 for an up section without one */
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

struct migration {
    enum migration_kind kind;
    int64_t version; /* 0 for repeatables */
    const char *name;
    const char *label;   /* the file name without its ending, for people: "0039_handles" */
    const char *file;    /* path for people: the catalog's path as configured + '/' + path in it */
    const char *release; /* name of the release folder, or NULL */
    const char *text;    /* the file with line ends turned to LF and without a byte order mark */
    size_t len;
    struct section sections[SECTION_KINDS];
    struct directives directives;
    const char *checksum;
    const char *code_checksum;
    bool mentions_role; /* the words ROLE or AUTHORIZATION stand in it: it may change the session's
                         */
    size_t index;       /* position in its catalog list */
};

/*
 * Takes the version and the name from a file name ("20261123061500_add_handle.sql", "R_views.sql").
 * -1 with ERR_DATA and a hint for any other.
 */
int migration_parse_name(void *parent, const char *base, struct migration *ret,
                         struct err *err) MUST_CHECK;

/*
 * Reads the content: normalises line ends, finds markers and directives, scans every section,
 * computes the checksums. `ret` has kind, version, name, file. `bytes` is copied. Every error of
 * the file is added to `errors` (ERR_DATA, file, line); -1 if there was one.
 */
int migration_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                    struct err_list *errors) MUST_CHECK;

/* The same for an SQL seed: all of it is the up section, markers and directives are refused. */
int migration_parse_seed(void *parent, const char *bytes, size_t len, struct migration *ret,
                         struct err_list *errors) MUST_CHECK;

#endif
