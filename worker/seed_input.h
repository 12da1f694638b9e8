/*
 * seed_input.h: the bytes of a seed file, read once from front to back, with the line they stand on
 * and the checksum of what went by. Knows nothing of the file's format.
 *
 * A byte order mark at the start is skipped (but counts in the checksum). Memory: 64 KiB.
 */
#ifndef WORKER_SEED_INPUT_H
#define WORKER_SEED_INPUT_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"

struct seed_input;

#define SEED_INPUT_END (-1)

/*
 * Opens the seed's file, or its part of the bundle; closed when the input or its parent is freed.
 * ERR_NOINPUT: it cannot be read.
 */
int seed_input_open(void *parent, const struct seed_file *seed, struct seed_input **ret,
                    struct err *err) MUST_CHECK;

/* The next byte, 0 to 255; SEED_INPUT_END at the end, and when reading failed. */
int seed_input_get(struct seed_input *input);

/* The same without taking it. */
int seed_input_peek(struct seed_input *input);

/* The line on which the next byte stands, from 1. */
int seed_input_line(const struct seed_input *input);

/* After SEED_INPUT_END: -1 with ERR_NOINPUT when it came from a failed read. */
int seed_input_status(const struct seed_input *input, struct err *err) MUST_CHECK;

const char *seed_input_file(const struct seed_input *input); /* for errors */

/*
 * Reads what is left and compares the checksum of the whole file ("sha256:...") with the one it had
 * when the catalog was read. Once. ERR_DATA: it has changed since.
 */
int seed_input_verify(struct seed_input *input, const char *checksum, struct err *err) MUST_CHECK;

/* That error. Always -1. */
int seed_input_changed(const char *file, struct err *err);

#endif
