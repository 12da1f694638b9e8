/*
 * catalog_releases.c: releases are subfolders named by a version; and what --to may name.
 */
#include "catalog/catalog_releases.h"

#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/text.h"

#include <ctype.h>
#include <regex.h>

bool catalog_releases_is_name(const char *name)
{
    static const char pattern[] =
        "^[vV]?[0-9]+([.-][0-9]+)*([.-]?(alpha|beta|pre|rc)[.-]?[0-9]*)?$";
    regex_t regex;
    bool matches;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        mem_die(sizeof(pattern));
    matches = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static struct release *find(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->release_count; i++) {
        if (strcmp(c->releases[i].name, name) == 0)
            return &c->releases[i];
    }
    return NULL;
}

const char *catalog_releases_add(struct catalog *catalog, const char *name)
{
    struct release *release = find(catalog, name);
    size_t capacity = catalog->release_count; /* a short list: it is enlarged each time */

    if (release)
        return release->name;
    mem_grow(catalog, &catalog->releases, &capacity, catalog->release_count + 1);
    release = &catalog->releases[catalog->release_count++];
    *release = (struct release){.name = mem_strdup(catalog, name)};
    return release->name;
}

void catalog_releases_read_guide(struct catalog *catalog, const char *release,
                                 const struct folder_entry *entry, struct err_list *errors)
{
    struct release *found = find(catalog, release);
    struct err err = ERR_INIT;
    char *bytes;
    size_t len;

    if (!found)
        return;
    if (folder_read(NULL, entry, &bytes, &len, &err) < 0) {
        err_list_take(errors, &err);
        return;
    }
    found->upgrade = text_file_normalise(catalog, bytes, len, &len);
    talloc_free(bytes);
}

/* "1.20.0-rc1" comes before "1.20.0". */
static bool is_before_final(const char *name, const char *final)
{
    size_t len = strlen(final);

    return strncmp(name, final, len) == 0 && name[len] == '-' &&
           isalpha((unsigned char)name[len + 1]);
}

static int compare_releases(const void *a, const void *b)
{
    const char *x = ((const struct release *)a)->name;
    const char *y = ((const struct release *)b)->name;

    x += *x == 'v' || *x == 'V';
    y += *y == 'v' || *y == 'V';
    if (is_before_final(x, y))
        return -1;
    if (is_before_final(y, x))
        return 1;
    return strverscmp(x, y);
}

static void fail_order(const struct migration *first, const struct migration *before,
                       struct err_list *errors)
{
    struct err *err = err_list_add(errors);

    err_set_at(err, ERR_DATA, first->file, 0, 0,
               "version %lld of release \"%s\" is not above version %lld of the earlier release "
               "\"%s\"",
               (long long)first->version, first->release, (long long)before->version,
               before->release);
    err_hint(err, "Versions must rise from release to release; give the file a higher version or "
                  "move it.");
}

void catalog_releases_finish(struct catalog *catalog, struct err_list *errors)
{
    const struct migration *before = NULL; /* the last one of all earlier releases */

    if (catalog->release_count > 0)
        qsort(catalog->releases, catalog->release_count, sizeof(*catalog->releases),
              compare_releases);
    for (size_t i = 0; i < catalog->release_count; i++) {
        struct release *release = &catalog->releases[i];
        const struct migration *first = NULL;
        const struct migration *last = NULL;

        for (size_t j = 0; j < catalog->count; j++) {
            const struct migration *m = &catalog->migrations[j];

            if (!m->release || strcmp(m->release, release->name) != 0)
                continue;
            first = first ? first : m;
            last = m;
        }
        if (first && before && first->version <= before->version)
            fail_order(first, before, errors);
        before = last && (!before || last->version > before->version) ? last : before;
        release->last_version = before ? before->version : 0;
    }
}

/* --- what --to names ------------------------------------------------------------------------ */

static int fail_version(const struct catalog *c, int64_t version, const char *text, struct err *err)
{
    size_t above = 0;

    while (above < c->count && c->migrations[above].version < version)
        above++;
    err_set(err, ERR_USAGE, "there is no version %s in \"%s\"", text, c->source);
    if (c->count == 0)
        err_hint(err, "It has no versions at all.");
    else if (above == 0)
        err_hint(err, "The lowest version is %lld.", (long long)c->migrations[0].version);
    else if (above == c->count)
        err_hint(err, "The highest version is %lld.", (long long)c->migrations[above - 1].version);
    else
        err_hint(err, "The nearest versions are %lld and %lld.",
                 (long long)c->migrations[above - 1].version,
                 (long long)c->migrations[above].version);
    return -1;
}

static int fail_release(const struct catalog *c, const char *text, struct err *err)
{
    void *mem = mem_context(NULL);
    const char **names = mem_array(mem, const char *, c->release_count + 1);
    const char *nearest;

    for (size_t i = 0; i < c->release_count; i++)
        names[i] = c->releases[i].name;
    nearest = text_nearest(text, names, c->release_count);
    err_set(err, ERR_USAGE, "there is no version and no release \"%s\" in \"%s\"", text, c->source);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else if (c->release_count > 0)
        err_hint(err, "The releases go from \"%s\" to \"%s\"; a version is a number.", names[0],
                 names[c->release_count - 1]);
    else
        err_hint(err, "There are no releases; a version is a number, the highest is %lld.",
                 (long long)c->head);
    talloc_free(mem);
    return -1;
}

int catalog_resolve(const struct catalog *catalog, const char *text, int64_t *ret_version,
                    struct err *err)
{
    const struct release *release = find(catalog, text);
    int64_t version;
    bool is_version = text_to_int64(text, 0, INT64_MAX, &version);

    for (size_t i = 0; is_version && i < catalog->count; i++) {
        if (catalog->migrations[i].version == version) {
            *ret_version = version;
            return 0;
        }
    }
    if (release) {
        *ret_version = release->last_version;
        return 0;
    }
    return is_version ? fail_version(catalog, version, text, err)
                      : fail_release(catalog, text, err);
}
