/*
 * folder.h: what is in a folder, in a fixed order: a real folder, or one in a sealed bundle. Who
 * goes through folder_open() and folder_read() need not know which. Any thread.
 */
#ifndef CATALOG_FOLDER_H
#define CATALOG_FOLDER_H

#include "catalog/bundle.h"
#include "common/base.h"
#include "common/err.h"

#include <sys/types.h>

struct folder_entry {
    const char *name;
    const char *path;            /* to open; in a bundle: the path in it */
    const char *file;            /* for people */
    bool is_folder;              /* links are followed */
    int problem;                 /* errno, where it is not known what it is; else 0 */
    bool is_document;            /* README*, *.md: may stand anywhere, says nothing to pgtide */
    const struct bundle *bundle; /* NULL: on disk */
    const struct bundle_file *packed; /* a file of a bundle */
};

/* An open folder and the ones it is in: how a loop of links is noticed. */
struct folder {
    const struct folder *outer; /* NULL: the first */
    dev_t device;
    ino_t inode;
    const char *path; /* to open */
    const char *file; /* for people */
    struct folder_entry *entries;
    size_t count;
};

/*
 * Lists the folder `path`, shown to people as `file`, into *ret: its files and folders but not
 * those that begin with a dot, in byte order of their names. All of it is owned by `parent`.
 * `outer` is the folder that it was found in, or NULL. ERR_NOINPUT: cannot be read; ERR_DATA: a
 * loop of links. One entry that cannot be looked at hides no other: folder_check() says so.
 */
int folder_list(void *parent, const char *path, const char *file, const struct folder *outer,
                struct folder *ret, struct err *err) MUST_CHECK;

/* ERR_NOINPUT: what `entry` is could not be seen, as with a link to nowhere. */
int folder_check(const struct folder_entry *entry, struct err *err) MUST_CHECK;

/* The folder `name` of a bundle ("migrations"), to be opened. Its texts are owned by `parent`. */
struct folder_entry folder_of_bundle(void *parent, const struct bundle *bundle, const char *name);

/* Lists the folder that `entry` is, wherever it stands; as folder_list. */
int folder_open(void *parent, const struct folder_entry *entry, const struct folder *outer,
                struct folder *ret, struct err *err) MUST_CHECK;

/* The file that `entry` is, read whole; as text_file_read. */
int folder_read(void *parent, const struct folder_entry *entry, char **ret_bytes, size_t *ret_len,
                struct err *err) MUST_CHECK;

#endif
