/*
 * text_file.h: reads a text file whole, or sums it up without holding it. Any thread.
 */
#ifndef CATALOG_TEXT_FILE_H
#define CATALOG_TEXT_FILE_H

#include "common/base.h"
#include "common/err.h"

/* The largest file that is read whole, in bytes. */
#define TEXT_FILE_MOST ((int64_t)64 * 1024 * 1024)

/*
 * Reads the regular file `path` into *ret_bytes (owned by `parent`, a NUL behind it). `shown` is
 * the path for messages. ERR_NOINPUT: cannot be read; ERR_DATA: larger than TEXT_FILE_MOST.
 */
int text_file_read(void *parent, const char *path, const char *shown, char **ret_bytes,
                   size_t *ret_len, struct err *err) MUST_CHECK;

/* -1 with ERR_DATA for a size above TEXT_FILE_MOST. */
int text_file_check_size(int64_t size, const char *shown, struct err *err) MUST_CHECK;

/* The size of the file and the "sha256:<hex>" of its bytes (owned by `parent`); memory stays flat.
 */
int text_file_checksum(void *parent, const char *path, const char *shown, const char **ret_checksum,
                       int64_t *ret_size, struct err *err) MUST_CHECK;

/* A copy with line ends turned to LF and without a byte order mark, owned by `parent`. */
char *text_file_normalise(void *parent, const char *bytes, size_t len, size_t *ret_len);

#endif
