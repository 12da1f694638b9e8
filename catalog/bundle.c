/*
 * bundle.c: opens and checks a sealed bundle.
 *
 * The seal comes first: it is computed over plain bytes, so a damaged bundle never reaches the
 * reader of tar files. What does reach it was written with a right seal, though perhaps not by us,
 * so it must be exactly one header block and the content for each file of the manifest, in order,
 * and nothing else.
 */
#include "catalog/bundle.h"

#include "catalog/archive_library.h"
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static int fail_read(const struct bundle *b, struct err *err)
{
    return err_set_at(err, ERR_NOINPUT, b->file, 0, 0, "cannot read the bundle: %s",
                      strerror(errno));
}

static int fail_damaged(const struct bundle *b, struct err *err)
{
    err_set_at(err, ERR_DATA, b->file, 0, 0,
               "the bundle is damaged, or was changed after it was built");
    err_hint(err, "Copy it again from where it was built, or build it again: the same files give "
                  "the same bundle.");
    return -1;
}

/* The seal is right, but what is sealed is not what "pgtide build" writes. */
static PRINTF_LIKE(3, 4) int fail_form(const struct bundle *b, struct err *err, const char *format,
                                       ...)
{
    va_list args;
    char *what;

    va_start(args, format);
    what = mem_vprintf(NULL, format, args);
    va_end(args);
    err_set_at(err, ERR_DATA, b->file, 0, 0, "not a bundle that pgtide has built: %s", what);
    err_hint(err, "\"pgtide build -o FILE\" makes one from a folder of migrations.");
    talloc_free(what);
    return -1;
}

bool bundle_is(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool bundle_is_name(const char *path)
{
    size_t top = strcspn(path, "/");
    bool known = strncmp(path, BUNDLE_MIGRATIONS "/", sizeof(BUNDLE_MIGRATIONS)) == 0 ||
                 strncmp(path, BUNDLE_SEEDS "/", sizeof(BUNDLE_SEEDS)) == 0;

    if (!known)
        return false;
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return false;
    }
    for (const char *at = path + top; at; at = strchr(at + 1, '/')) {
        if (at[1] == '\0' || at[1] == '/' || at[1] == '.')
            return false;
    }
    return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Exactly `len` bytes at `offset`. False: with errno, 0 = the file ends before. */
static bool read_at(int fd, void *buffer, size_t len, int64_t offset)
{
    char *to = buffer;

    while (len > 0) {
        ssize_t got = pread(fd, to, len, offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : 0;
            return false;
        }
        to += got;
        offset += got;
        len -= (size_t)got;
    }
    return true;
}

/* Sums up the first `size` bytes, and of these the first `sealed`. */
static int sum_up(struct bundle *b, int64_t size, int64_t sealed, char **ret_seal, struct err *err)
{
    char *piece = mem_array(b, char, PIECE);
    struct sha256 whole;
    struct sha256 seal;
    int rc = 0;

    sha256_init(&whole);
    sha256_init(&seal);
    for (int64_t at = 0; rc == 0 && at < size; at += PIECE) {
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
        int64_t left = sealed - at;

        if (read_at(b->fd, piece, len, at)) {
            sha256_add(&whole, piece, len);
            sha256_add(&seal, piece, left <= 0 ? 0 : left < (int64_t)len ? (size_t)left : len);
        } else {
            rc = errno ? fail_read(b, err) : fail_damaged(b, err);
        }
    }
    b->checksum = sha256_end_text(&whole, b);
    *ret_seal = sha256_end_text(&seal, b);
    talloc_free(piece);
    return rc;
}

static int check_seal(struct bundle *b, int64_t size, struct err *err)
{
    const int64_t least = 3 * BUNDLE_BLOCK + BUNDLE_TAIL; /* the manifest, the seal's header */
    char start[sizeof(BUNDLE_MANIFEST)] = {0};
    char expected[BUNDLE_TAIL] = {0};
    char tail[BUNDLE_TAIL];
    char *seal;

    if (!read_at(b->fd, start, sizeof(start), 0) && errno)
        return fail_read(b, err);
    if (memcmp(start, BUNDLE_MANIFEST, sizeof(start)) != 0)
        return fail_form(b, err, "it does not begin with \"%s\"", BUNDLE_MANIFEST);
    if (size < least)
        return fail_damaged(b, err);
    if (sum_up(b, size, size - BUNDLE_TAIL, &seal, err) < 0)
        return -1;
    memcpy(expected, seal, BUNDLE_SEAL_LEN - 1);
    expected[BUNDLE_SEAL_LEN - 1] = '\n';
    talloc_free(seal);
    if (!read_at(b->fd, tail, sizeof(tail), size - BUNDLE_TAIL) ||
        memcmp(tail, expected, sizeof(tail)) != 0)
        return fail_damaged(b, err);
    return 0;
}

/* --- the manifest ----------------------------------------------------------------------------- */

static bool take_file(struct bundle *b, const json_t *item)
{
    struct bundle_file *file = &b->files[b->count];
    json_int_t size;
    const char *path;
    const char *sum;

    if (json_unpack((json_t *)(uintptr_t)item, "{s:s, s:I, s:s !}", "path", &path, "size", &size,
                    "sha256", &sum) < 0 ||
        size < 0 || !bundle_is_name(path))
        return false;
    if (b->count > 0 && strcmp(b->files[b->count - 1].path, path) >= 0)
        return false;
    *file = (struct bundle_file){
        .path = mem_strdup(b, path), .checksum = mem_printf(b, "sha256:%s", sum), .size = size};
    b->count++;
    return true;
}

static bool take_manifest(struct bundle *b, json_t *root)
{
    const char *head;
    const char *checksum;
    json_t *files;
    json_int_t format;

    if (json_unpack(root, "{s:I, s:s, s:s, s:o !}", "format", &format, "head", &head, "checksum",
                    &checksum, "files", &files) < 0 ||
        !text_to_int64(head, 0, INT64_MAX, &b->head) || !json_is_array(files))
        return false;
    b->catalog_checksum = mem_strdup(b, checksum);
    b->files = mem_array(b, struct bundle_file, json_array_size(files));
    for (size_t i = 0; i < json_array_size(files); i++) {
        if (!take_file(b, json_array_get(files, i)))
            return false;
    }
    return true;
}

static int parse_manifest(struct bundle *b, const char *text, size_t len, struct err *err)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    json_int_t format = json_integer_value(json_object_get(root, "format"));
    bool good = format == BUNDLE_FORMAT && take_manifest(b, root);

    json_decref(root);
    if (good)
        return 0;
    if (format <= BUNDLE_FORMAT)
        return fail_form(b, err, "its \"%s\" is not in order", BUNDLE_MANIFEST);
    err_set_at(err, ERR_DATA, b->file, 0, 0, "the bundle was built by a newer pgtide (format %lld)",
               (long long)format);
    err_hint(err, "Use that pgtide here too, or build the bundle with this one.");
    return -1;
}

/* --- the entries ------------------------------------------------------------------------------ */

struct reading {
    struct bundle *bundle;
    struct archive_library lib;
    struct archive *archive;
    int64_t size; /* of the bundle */
    int64_t at;   /* where the next header must stand */
};

/* The next entry must be the file `name`; *ret_size is its size, *ret_offset that of its content.
 */
static int next_entry(struct reading *r, const char *name, int64_t *ret_size, int64_t *ret_offset,
                      struct err *err)
{
    struct archive_entry *entry;
    const char *found;

    if (r->lib.archive_read_next_header(r->archive, &entry) != ARCHIVE_OK)
        return fail_form(r->bundle, err, "\"%s\" is missing", name);
    found = r->lib.archive_entry_pathname(entry);
    if (!found || strcmp(found, name) != 0)
        return fail_form(r->bundle, err, "an entry stands where \"%s\" should", name);
    if (r->lib.archive_entry_filetype(entry) != AE_IFREG || r->lib.archive_entry_hardlink(entry) ||
        r->lib.archive_entry_symlink(entry) ||
        r->lib.archive_read_header_position(r->archive) != r->at)
        return fail_form(r->bundle, err, "\"%s\" is not a plain file", name);
    *ret_size = r->lib.archive_entry_size(entry);
    *ret_offset = r->at + BUNDLE_BLOCK;
    if (*ret_size < 0 || *ret_size > r->size)
        return fail_form(r->bundle, err, "\"%s\" cannot be that large", name);
    r->at = *ret_offset + (*ret_size + BUNDLE_BLOCK - 1) / BUNDLE_BLOCK * BUNDLE_BLOCK;
    return 0;
}

static int read_manifest(struct reading *r, struct err *err)
{
    void *mem = mem_context(NULL);
    int64_t size = 0;
    int64_t offset = 0;
    char *text;
    int rc = next_entry(r, BUNDLE_MANIFEST, &size, &offset, err);

    if (rc == 0)
        rc = text_file_check_size(size, r->bundle->file, err);
    if (rc == 0) {
        text = mem_array(mem, char, (size_t)size);
        if (read_at(r->bundle->fd, text, (size_t)size, offset))
            rc = parse_manifest(r->bundle, text, (size_t)size, err);
        else
            rc = fail_damaged(r->bundle, err);
    }
    talloc_free(mem);
    return rc;
}

static int check_content(struct reading *r, const struct bundle_file *file, struct err *err)
{
    char *piece = mem_array(r->bundle, char, PIECE);
    int64_t left = file->size;
    struct sha256 sum;
    bool same = true;
    char *checksum;

    sha256_init(&sum);
    while (same && left > 0) {
        size_t len = left < PIECE ? (size_t)left : PIECE;

        same = read_at(r->bundle->fd, piece, len, file->offset + file->size - left);
        sha256_add(&sum, piece, same ? len : 0);
        left -= (int64_t)len;
    }
    checksum = sha256_end_text(&sum, piece);
    same = same && strcmp(checksum, file->checksum) == 0;
    talloc_free(piece);
    return same ? 0 : fail_form(r->bundle, err, "\"%s\" is not what the manifest says", file->path);
}

static int read_entries(struct reading *r, struct err *err)
{
    struct bundle *b = r->bundle;
    int64_t size = 0;
    int64_t offset = 0;

    if (read_manifest(r, err) < 0)
        return -1;
    for (size_t i = 0; i < b->count; i++) {
        struct bundle_file *file = &b->files[i];

        if (next_entry(r, file->path, &size, &file->offset, err) < 0)
            return -1;
        if (size != file->size)
            return fail_form(b, err, "\"%s\" has another size than in the manifest", file->path);
        if (check_content(r, file, err) < 0)
            return -1;
    }
    if (next_entry(r, BUNDLE_SEAL, &size, &offset, err) < 0)
        return -1;
    if (size != BUNDLE_SEAL_LEN || offset + BUNDLE_TAIL != r->size)
        return fail_form(b, err, "something stands behind its files");
    return 0;
}

static int read_archive(struct bundle *b, int64_t size, struct err *err)
{
    struct reading r = {.bundle = b, .size = size};
    int rc;

    if (archive_library_load(&r.lib, err) < 0)
        return -1;
    r.archive = r.lib.archive_read_new();
    if (!r.archive)
        mem_die(0);
    if (r.lib.archive_read_support_format_tar(r.archive) != ARCHIVE_OK ||
        lseek(b->fd, 0, SEEK_SET) < 0 ||
        r.lib.archive_read_open_fd(r.archive, b->fd, PIECE) != ARCHIVE_OK)
        rc = fail_form(b, err, "it is no tar file");
    else
        rc = read_entries(&r, err);
    r.lib.archive_read_free(r.archive);
    return rc;
}

/* --- open and read ---------------------------------------------------------------------------- */

static int close_bundle(struct bundle *b)
{
    if (b->fd >= 0)
        close(b->fd);
    return 0;
}

static int check(struct bundle *b, struct err *err)
{
    struct stat st;

    if (b->fd < 0 || fstat(b->fd, &st) < 0)
        return fail_read(b, err);
    if (!S_ISREG(st.st_mode))
        return err_set_at(err, ERR_DATA, b->file, 0, 0, "neither a folder nor a bundle");
    if (check_seal(b, st.st_size, err) < 0)
        return -1;
    return read_archive(b, st.st_size, err);
}

int bundle_open(void *parent, const char *path, const char *file, struct bundle **ret,
                struct err *err)
{
    struct bundle *b = mem_new(parent, struct bundle);

    b->path = mem_strdup(b, path);
    b->file = mem_strdup(b, file);
    b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    talloc_set_destructor(b, close_bundle);
    if (check(b, err) < 0) {
        talloc_free(b);
        return -1;
    }
    *ret = b;
    return 0;
}

int bundle_read(void *parent, const struct bundle *bundle, const struct bundle_file *file,
                const char *shown, char **ret_bytes, size_t *ret_len, struct err *err)
{
    char *bytes;
    char *checksum;
    bool same;

    if (text_file_check_size(file->size, shown, err) < 0)
        return -1;
    bytes = mem_array(parent, char, (size_t)file->size + 1);
    if (!read_at(bundle->fd, bytes, (size_t)file->size, file->offset)) {
        talloc_free(bytes);
        return errno ? fail_read(bundle, err) : fail_damaged(bundle, err);
    }
    checksum = sha256_text(NULL, bytes, (size_t)file->size);
    same = strcmp(checksum, file->checksum) == 0;
    talloc_free(checksum);
    if (!same) {
        talloc_free(bytes);
        return fail_damaged(bundle, err);
    }
    *ret_bytes = bytes;
    *ret_len = (size_t)file->size;
    return 0;
}
