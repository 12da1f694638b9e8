/*
 * sha256.h: SHA-256 by libcrypto, in the form pgtide writes it.
 */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include "common/base.h"

/* A running sum. sha256_init, any number of sha256_add, then one of the two ends. */
struct sha256 {
    void *state;
};

void sha256_init(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *bytes, size_t len);

/* Ends the sum and frees its state: the 32 bytes, or "sha256:<64 hex digits>" owned by `parent`. */
void sha256_end(struct sha256 *sum, unsigned char bytes[32]);
char *sha256_end_text(struct sha256 *sum, const void *parent);

/* The whole in one call. */
char *sha256_text(const void *parent, const void *bytes, size_t len);

#endif
