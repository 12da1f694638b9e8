/*
 * sha256.c: SHA-256 by libcrypto.
 */
#include "common/sha256.h"

#include "common/mem.h"

#include <openssl/evp.h>

static void must(int ok)
{
    if (ok != 1) {
        fprintf(stderr, "pgtide: libcrypto refuses to compute SHA-256\n");
        abort();
    }
}

void sha256_init(struct sha256 *sum)
{
    sum->state = EVP_MD_CTX_new();
    if (!sum->state)
        mem_die(0);
    must(EVP_DigestInit_ex(sum->state, EVP_sha256(), NULL));
}

void sha256_add(struct sha256 *sum, const void *bytes, size_t len)
{
    must(EVP_DigestUpdate(sum->state, bytes, len));
}

void sha256_end(struct sha256 *sum, unsigned char bytes[32])
{
    must(EVP_DigestFinal_ex(sum->state, bytes, NULL));
    EVP_MD_CTX_free(sum->state);
    sum->state = NULL;
}

char *sha256_end_text(struct sha256 *sum, const void *parent)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[32];
    char digits[65];

    sha256_end(sum, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        digits[2 * i] = hex[bytes[i] >> 4];
        digits[2 * i + 1] = hex[bytes[i] & 15];
    }
    digits[64] = '\0';
    return mem_printf(parent, "sha256:%s", digits);
}

char *sha256_text(const void *parent, const void *bytes, size_t len)
{
    struct sha256 sum;

    sha256_init(&sum);
    sha256_add(&sum, bytes, len);
    return sha256_end_text(&sum, parent);
}
