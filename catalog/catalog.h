/*
 * catalog.h: what a run works from: the ordered set of migrations, the repeatables, the seed sets.
 *
 * Loaded once, before anything is connected to; constant from then on, any thread may read it.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "catalog/bundle.h"
#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"

struct release {
    const char *name;    /* the folder */
    const char *upgrade; /* text of its UPGRADE.md, or NULL */
    int64_t last_version;
};

enum seed_format { SEED_JSON, SEED_CSV, SEED_SQL };

struct seed_file {
    enum seed_format format;
    const char *name;     /* in history: "<set>/<file name>" */
    const char *file;     /* path for people */
    const char *path;     /* to open; of a seed in a bundle: the bundle */
    int64_t offset;       /* in a bundle: where its `size` bytes begin; 0: it is all of `path` */
    const char *table;    /* CSV: the table of its name; else NULL */
    const char *checksum; /* of the bytes as they are, "sha256:<hex>" */
    int64_t size;
    /* SEED_SQL only: read and scanned like a migration's up section */
    const struct migration *sql;
};

struct seed_set {
    const char *name;
    struct seed_file *files; /* in name order */
    size_t count;
};

struct catalog {
    const char *source;           /* the folder or bundle as configured, for people */
    const char *bundle;           /* "sha256:..." of the bundle it was read from; NULL: a folder */
    struct bundle *sealed;        /* that bundle; for catalog_load_seeds */
    struct migration *migrations; /* by version, then name */
    size_t count;
    struct migration *repeatables; /* by name */
    size_t repeatable_count;
    struct release *releases; /* in order of their versions */
    size_t release_count;
    struct seed_set *seed_sets; /* by name; filled by catalog_load_seeds */
    size_t seed_set_count;
    int64_t head;   /* highest version, 0 = none */
    char *checksum; /* "sha256:..." over names and checksums */
};

/*
 * Reads the folder or sealed bundle `path` (docs/migrations.md): subfolders, releases, versions
 * unique and rising from release to release, nothing unknown in it. `shown` is the path for
 * messages; of a file in a bundle they say "shop.tar:migrations/0001_a.sql". On failure -1 with
 * every error of every file in `errors` (ERR_DATA; ERR_NOINPUT when the folder is not there or
 * something in it cannot be read).
 */
int catalog_load(void *parent, const char *path, const char *shown, struct catalog **ret,
                 struct err_list *errors) MUST_CHECK;

/*
 * The names of all seed sets that there are, in order, owned by `parent`: folders below `path`; of
 * a catalog from a bundle those in the bundle, whatever `path` says. A `path` that cannot be read
 * has none.
 */
const char *const *catalog_list_seed_sets(void *parent, const struct catalog *catalog,
                                          const char *path, size_t *ret_count);

/*
 * Reads the seed sets of the names given (each a folder below `path`, or in the bundle), with
 * checksums; JSON and CSV files are not read into memory. A set or folder that is missing:
 * ERR_NOINPUT. A bad file name or an SQL seed that does not scan: ERR_DATA.
 */
int catalog_load_seeds(struct catalog *catalog, const char *path, const char *shown,
                       const char *const *names, size_t count, struct err_list *errors) MUST_CHECK;

const struct seed_set *catalog_seed_set(const struct catalog *catalog, const char *name);

/*
 * --to: the version that a text means: a version number of the catalog, or a release's name (its
 * last version). -1 with ERR_USAGE and the nearest names otherwise.
 */
int catalog_resolve(const struct catalog *catalog, const char *text, int64_t *ret_version,
                    struct err *err) MUST_CHECK;

#endif
