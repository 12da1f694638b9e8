/*
 * fuzz_bundle.c: sealed bundles. Each input is tried as it is, and once more with a seal that
 * fits, as nothing gets past a wrong one. Whatever is accepted must be what the header says: plain
 * paths in order, each with the content that its checksum is of.
 */
#include "catalog/bundle.h"
#include "common/base.h"
#include "common/mem.h"
#include "common/sha256.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_files(void *mem, const struct bundle *bundle, const char *bytes, size_t len)
{
    struct err err = ERR_INIT;

    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_file *file = &bundle->files[i];
        char *content;
        size_t size;

        CHECK(bundle_is_name(file->path));
        CHECK(i == 0 || strcmp(bundle->files[i - 1].path, file->path) < 0);
        CHECK(file->size >= 0 && file->offset > 0 && file->offset + file->size < (int64_t)len);
        CHECK(bundle_read(mem, bundle, file, "f", &content, &size, &err) == 0);
        CHECK(size == (size_t)file->size && memcmp(content, bytes + file->offset, size) == 0);
        CHECK(strcmp(sha256_text(mem, content, size), file->checksum) == 0);
    }
}

/* Whether the bytes are accepted. */
static bool try(void *mem, const char *bytes, size_t len)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    const char *path = mem_printf(mem, "/proc/self/fd/%d", fd);
    struct err err = ERR_INIT;
    struct bundle *bundle;
    bool good;

    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    good = bundle_open(mem, path, "b.tar", &bundle, &err) == 0;
    if (good)
        check_files(mem, bundle, bytes, len);
    else
        CHECK(err.kind == ERR_DATA && err.message);
    err_clear(&err);
    close(fd);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *mem = mem_context(NULL);
    size_t whole = len / BUNDLE_BLOCK * BUNDLE_BLOCK;
    char *copy = mem_array(mem, char, len + 1);
    char *seal;

    memcpy(copy, bytes, len);
    try(mem, copy, len);
    if (whole > BUNDLE_TAIL) {
        char *tail = copy + whole - BUNDLE_TAIL;

        memset(tail, 0, BUNDLE_TAIL);
        seal = sha256_text(mem, copy, whole - BUNDLE_TAIL);
        memcpy(tail, seal, BUNDLE_SEAL_LEN - 1);
        tail[BUNDLE_SEAL_LEN - 1] = '\n';
        try(mem, copy, whole);
    }
    talloc_free(mem);
    return 0;
}
