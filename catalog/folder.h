/*
 * folder.h: what is in a folder, in a fixed order. Any thread.
 */
#ifndef CATALOG_FOLDER_H
#define CATALOG_FOLDER_H

#include "common/base.h"
#include "common/err.h"

#include <sys/types.h>

struct folder_entry {
    const char *name;
    const char *path; /* to open */
    const char *file; /* for people */
    bool is_folder;   /* links are followed */
    bool is_document; /* README*, *.md: may stand anywhere, says nothing to pgtide */
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
 * loop of links.
 */
int folder_list(void *parent, const char *path, const char *file, const struct folder *outer,
                struct folder *ret, struct err *err) MUST_CHECK;

#endif
