/*
 * tmpdir.h: folders that last as long as the test that made them.
 */
#ifndef TESTS_HARNESS_TMPDIR_H
#define TESTS_HARNESS_TMPDIR_H

#include "common/base.h"

/*
 * A new folder below $TMPDIR or /tmp that other users may pass through; its path, owned by
 * `parent`. Removed with all that is in it when the path is freed, or when the process ends,
 * however it ends (see guardian.h).
 */
const char *tmpdir_new(void *parent);

/* "DIR/NAME", owned by `parent`. */
char *tmpdir_path(const void *parent, const char *dir, const char *name);

/* Writes DIR/NAME, making the folders in NAME; what was there is replaced. */
void tmpdir_write(const char *dir, const char *name, const char *text);
void tmpdir_write_bytes(const char *dir, const char *name, const void *bytes, size_t len);

/* Makes the folder DIR/NAME and those above it. */
void tmpdir_mkdir(const char *dir, const char *name);

/* The whole of DIR/NAME, owned by `parent`; NULL: it is not there. */
char *tmpdir_read(const void *parent, const char *dir, const char *name);

bool tmpdir_exists(const char *dir, const char *name);

/* Removes a file or a folder with all that is in it; one that is not there is fine. */
void tmpdir_remove(const char *path);

#endif
