/*
 * bundle.h: a sealed bundle: a catalog's files in one plain tar file that `tar tf` reads.
 *
 *     manifest.json          what is in it: path, size and SHA-256 of each file; the catalog's
 *                            head and checksum
 *     migrations/...         in byte order of their paths
 *     seeds/<set>/...
 *     seal                   SHA-256 of every byte before this text
 *
 * Same files, same bundle, byte for byte: nothing in it depends on the machine, the time, the
 * user or the order of a folder. Opening one checks every byte before any of it is used: the seal
 * first, over all that stands before it, then each file by the manifest. Links, devices, extended
 * headers, further or double entries and paths that lead anywhere else are refused, so that what
 * `tar` shows is what pgtide runs.
 *
 * Constant once opened; the files are read again, and checked again, when they are asked for.
 */
#ifndef CATALOG_BUNDLE_H
#define CATALOG_BUNDLE_H

#include "common/base.h"
#include "common/err.h"

#define BUNDLE_FORMAT 1
#define BUNDLE_MANIFEST "manifest.json"
#define BUNDLE_SEAL "seal"
#define BUNDLE_MIGRATIONS "migrations"
#define BUNDLE_SEEDS "seeds"

enum {
    BUNDLE_BLOCK = 512,                                      /* of tar */
    BUNDLE_SEAL_LEN = sizeof("sha256:") - 1 + 64 + 1,        /* with its line end */
    BUNDLE_TAIL = BUNDLE_BLOCK /* the seal's text */ + 1024, /* the tar's end: two empty blocks */
};

struct bundle_file {
    const char *path;     /* in the bundle: "migrations/1.20.0/0039_handles.sql" */
    const char *checksum; /* "sha256:<hex>" of its bytes */
    int64_t size;
    int64_t offset; /* of its first byte in the bundle */
};

struct bundle {
    int fd;
    const char *path;          /* to open */
    const char *file;          /* for people */
    const char *checksum;      /* "sha256:<hex>" of the whole file, as sha256sum gives it */
    struct bundle_file *files; /* in byte order of their paths */
    size_t count;
    int64_t head; /* of the catalog that was sealed */
    const char *catalog_checksum;
};

/* Whether `path` is to be taken for a bundle: something that is there and no folder. */
bool bundle_is(const char *path);

/*
 * Opens and checks the bundle `path`, `file` to people; closed when it or its parent is freed.
 * ERR_NOINPUT: it cannot be read; ERR_DATA: it is no bundle, or not as it was built.
 */
int bundle_open(void *parent, const char *path, const char *file, struct bundle **ret,
                struct err *err) MUST_CHECK;

/* One file's bytes, owned by `parent`, a NUL behind them; `shown` is its path for messages. */
int bundle_read(void *parent, const struct bundle *bundle, const struct bundle_file *file,
                const char *shown, char **ret_bytes, size_t *ret_len, struct err *err) MUST_CHECK;

/* Whether a file may be called that in a bundle. Pure; for the writer too. */
bool bundle_is_name(const char *path);

#endif
