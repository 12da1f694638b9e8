/*
 * bundle_write.h: writes sealed bundles; bundle.h says what they are. Any thread.
 */
#ifndef CATALOG_BUNDLE_WRITE_H
#define CATALOG_BUNDLE_WRITE_H

#include "common/base.h"
#include "common/err.h"

/* One file that goes in. */
struct bundle_source {
    const char *name; /* in the bundle */
    const char *path; /* to open */
    const char *file; /* for people */
    const char *checksum;
    int64_t size;
};

struct bundle_sources {
    void *mem; /* owner of all of it */
    struct bundle_source *items;
    size_t count;
    size_t capacity;
};

/*
 * Adds the files of the folder `path`, shown as `file`, and of those in it, under `name`
 * ("migrations", "seeds/base"), with size and checksum. Links are followed; dot files, and
 * documents other than an UPGRADE.md, are left out. ERR_NOINPUT: something cannot be read;
 * ERR_DATA: a name that is not UTF-8 or has control characters.
 */
int bundle_write_collect(struct bundle_sources *sources, const char *path, const char *file,
                         const char *name, struct err *err) MUST_CHECK;

/*
 * Writes the bundle to `fd`, an empty file, for the catalog with this head and checksum; sorts
 * `sources`. `shown` is the bundle's path for messages. ERR_INTERNAL: it cannot be written;
 * ERR_DATA: a source has changed since it was collected, or its path is too long.
 */
int bundle_write(int fd, const char *shown, struct bundle_sources *sources, int64_t head,
                 const char *catalog_checksum, struct err *err) MUST_CHECK;

#endif
