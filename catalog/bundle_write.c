/*
 * bundle_write.c: writes sealed bundles.
 *
 * libarchive makes the headers of plain "ustar", with nothing in them but name, size and the same
 * mode for all. Every block goes through write_block(), unbuffered, so that the seal is the sum of
 * what really was written before it.
 */
#include "catalog/bundle_write.h"

#include "catalog/archive_library.h"
#include "catalog/bundle.h"
#include "catalog/folder.h"
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, MODE = 0644 };

/* --- what goes in ----------------------------------------------------------------------------- */

/* A name that JSON can hold, and that bundle_open() will accept. */
static bool is_name(const char *name)
{
    json_t *text = json_string(name);
    bool good = text && bundle_is_name(name);

    json_decref(text);
    return good;
}

static int add_source(struct bundle_sources *sources, const struct folder_entry *entry,
                      const char *name, struct err *err)
{
    struct bundle_source source = {
        .name = name,
        .path = mem_strdup(sources->mem, entry->path),
        .file = mem_strdup(sources->mem, entry->file),
    };

    if (!is_name(name))
        return err_set_at(err, ERR_DATA, entry->file, 0, 0,
                          "a name that is not UTF-8, or has a control character, cannot go into a "
                          "bundle");
    if (text_file_checksum(sources->mem, entry->path, entry->file, &source.checksum, &source.size,
                           err) < 0)
        return -1;
    mem_grow(sources->mem, &sources->items, &sources->capacity, sources->count + 1);
    sources->items[sources->count++] = source;
    return 0;
}

static int collect_folder(struct bundle_sources *sources, const struct folder *outer,
                          const struct folder_entry *entry, const char *name, struct err *err)
{
    void *mem = mem_context(NULL);
    struct folder folder;
    int rc = folder_open(mem, entry, outer, &folder, err);

    for (size_t i = 0; rc == 0 && i < folder.count; i++) {
        const struct folder_entry *inner = &folder.entries[i];
        char *path = mem_printf(sources->mem, "%s/%s", name, inner->name);

        rc = folder_check(inner, err);
        if (rc < 0)
            break;
        if (inner->is_folder)
            rc = collect_folder(sources, &folder, inner, path, err);
        else if (!inner->is_document || strcmp(inner->name, "UPGRADE.md") == 0)
            rc = add_source(sources, inner, path, err);
    }
    talloc_free(mem);
    return rc;
}

int bundle_write_collect(struct bundle_sources *sources, const char *path, const char *file,
                         const char *name, struct err *err)
{
    struct folder_entry entry = {.name = name, .path = path, .file = file, .is_folder = true};

    return collect_folder(sources, NULL, &entry, name, err);
}

/* --- the tar file ----------------------------------------------------------------------------- */

struct writing {
    int fd;
    const char *shown;
    struct archive_library lib;
    struct archive *archive;
    struct archive_entry *entry; /* used again for each */
    struct sha256 seal;
    bool sealed; /* seal has been ended */
};

/* A block on its way to the file: libarchive's callback. */
static la_ssize_t write_block(struct archive *archive, void *arg, const void *block, size_t len)
{
    struct writing *w = arg;
    const char *from = block;
    size_t left = len;

    while (left > 0) {
        ssize_t put = write(w->fd, from, left);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            w->lib.archive_set_error(archive, errno, "%s", strerror(errno));
            return -1;
        }
        from += put;
        left -= (size_t)put;
    }
    if (!w->sealed)
        sha256_add(&w->seal, block, len);
    return (la_ssize_t)len;
}

static int fail_write(struct writing *w, struct err *err)
{
    const char *why = w->lib.archive_error_string(w->archive);

    return err_set(err, ERR_INTERNAL, "could not write bundle \"%s\": %s", w->shown,
                   why ? why : strerror(errno));
}

static int begin_entry(struct writing *w, const char *name, int64_t size, struct err *err)
{
    w->lib.archive_entry_clear(w->entry);
    w->lib.archive_entry_set_pathname(w->entry, name);
    w->lib.archive_entry_set_filetype(w->entry, AE_IFREG);
    w->lib.archive_entry_set_perm(w->entry, MODE);
    w->lib.archive_entry_set_size(w->entry, size);
    w->lib.archive_entry_set_mtime(w->entry, 0, 0);
    if (w->lib.archive_write_header(w->archive, w->entry) == ARCHIVE_OK)
        return 0;
    if (w->lib.archive_errno(w->archive) == ENAMETOOLONG)
        return err_set(err, ERR_DATA, "\"%s\" is too long a path for a bundle", name);
    return fail_write(w, err);
}

static int add_bytes(struct writing *w, const char *bytes, size_t len, struct err *err)
{
    return w->lib.archive_write_data(w->archive, bytes, len) == (la_ssize_t)len
               ? 0
               : fail_write(w, err);
}

static int write_text(struct writing *w, const char *name, const char *text, size_t len,
                      struct err *err)
{
    if (begin_entry(w, name, (int64_t)len, err) < 0 || add_bytes(w, text, len, err) < 0)
        return -1;
    return w->lib.archive_write_finish_entry(w->archive) == ARCHIVE_OK ? 0 : fail_write(w, err);
}

static int fail_changed(const struct bundle_source *source, struct err *err)
{
    err_set_at(err, ERR_DATA, source->file, 0, 0, "the file has changed while it was read");
    err_hint(err, "Run the same command again.");
    return -1;
}

/* The open file's bytes, which must be those that were summed up. */
static int copy_bytes(struct writing *w, int fd, const struct bundle_source *source,
                      struct err *err)
{
    char *piece = mem_array(NULL, char, PIECE);
    int64_t left = source->size;
    struct sha256 sum;
    char *checksum;
    int rc = 0;

    sha256_init(&sum);
    while (rc == 0 && left > 0) {
        ssize_t got = read(fd, piece, left < PIECE ? (size_t)left : PIECE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        sha256_add(&sum, piece, (size_t)got);
        left -= got;
        rc = add_bytes(w, piece, (size_t)got, err);
    }
    checksum = sha256_end_text(&sum, piece);
    if (rc == 0 && strcmp(checksum, source->checksum) != 0)
        rc = fail_changed(source, err);
    talloc_free(piece);
    return rc;
}

static int write_source(struct writing *w, const struct bundle_source *source, struct err *err)
{
    int fd = open(source->path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_set_at(err, ERR_NOINPUT, source->file, 0, 0, "cannot read the file: %s",
                          strerror(errno));
    rc = begin_entry(w, source->name, source->size, err);
    if (rc == 0)
        rc = copy_bytes(w, fd, source, err);
    close(fd);
    if (rc == 0 && w->lib.archive_write_finish_entry(w->archive) != ARCHIVE_OK)
        rc = fail_write(w, err);
    return rc;
}

/* --- manifest and seal ------------------------------------------------------------------------ */

static void add_json(struct strbuf *out, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    if (!text)
        mem_die(0);
    strbuf_str(out, text);
    free(text);
    json_decref(value);
}

/* One file in a line, so that two manifests can be compared by diff(1). */
static char *manifest(void *mem, const struct bundle_sources *sources, int64_t head,
                      const char *catalog_checksum)
{
    struct strbuf out;

    strbuf_init(&out, mem);
    strbuf_printf(&out,
                  "{\n\"format\": %d,\n\"head\": \"%lld\",\n\"checksum\": \"%s\",\n\"files\": [",
                  BUNDLE_FORMAT, (long long)head, catalog_checksum);
    for (size_t i = 0; i < sources->count; i++) {
        const struct bundle_source *source = &sources->items[i];

        strbuf_str(&out, i ? ",\n" : "\n");
        add_json(&out, json_pack("{s:s, s:I, s:s}", "path", source->name, "size",
                                 (json_int_t)source->size, "sha256",
                                 source->checksum + strlen("sha256:")));
    }
    strbuf_str(&out, "\n]\n}\n");
    return out.text;
}

static int write_seal(struct writing *w, struct err *err)
{
    char *seal;
    char *line;
    int rc;

    if (begin_entry(w, BUNDLE_SEAL, BUNDLE_SEAL_LEN, err) < 0)
        return -1;
    seal = sha256_end_text(&w->seal, NULL);
    w->sealed = true;
    line = mem_printf(seal, "%s\n", seal);
    rc = add_bytes(w, line, BUNDLE_SEAL_LEN, err);
    talloc_free(seal);
    return rc;
}

static int compare_sources(const void *a, const void *b)
{
    return strcmp(((const struct bundle_source *)a)->name, ((const struct bundle_source *)b)->name);
}

static int write_all(struct writing *w, struct bundle_sources *sources, const char *text,
                     struct err *err)
{
    if (w->lib.archive_write_set_format_ustar(w->archive) != ARCHIVE_OK ||
        w->lib.archive_write_add_filter_none(w->archive) != ARCHIVE_OK ||
        w->lib.archive_write_set_bytes_per_block(w->archive, 0) != ARCHIVE_OK ||
        w->lib.archive_write_open(w->archive, w, NULL, write_block, NULL) != ARCHIVE_OK)
        return fail_write(w, err);
    if (write_text(w, BUNDLE_MANIFEST, text, strlen(text), err) < 0)
        return -1;
    for (size_t i = 0; i < sources->count; i++) {
        if (write_source(w, &sources->items[i], err) < 0)
            return -1;
    }
    if (write_seal(w, err) < 0)
        return -1;
    return w->lib.archive_write_close(w->archive) == ARCHIVE_OK ? 0 : fail_write(w, err);
}

int bundle_write(int fd, const char *shown, struct bundle_sources *sources, int64_t head,
                 const char *catalog_checksum, struct err *err)
{
    struct writing w = {.fd = fd, .shown = shown};
    unsigned char unused[32];
    char *text;
    int rc;

    if (archive_library_load(&w.lib, err) < 0)
        return -1;
    w.archive = w.lib.archive_write_new();
    w.entry = w.lib.archive_entry_new();
    if (!w.archive || !w.entry)
        mem_die(0);
    if (sources->count > 0)
        qsort(sources->items, sources->count, sizeof(*sources->items), compare_sources);
    sha256_init(&w.seal);
    text = manifest(NULL, sources, head, catalog_checksum);
    rc = write_all(&w, sources, text, err);
    if (!w.sealed)
        sha256_end(&w.seal, unused);
    w.sealed = true; /* what freeing an archive that failed still writes is nobody's */
    w.lib.archive_write_free(w.archive);
    w.lib.archive_entry_free(w.entry);
    talloc_free(text);
    return rc;
}
