/*
 * catalog_formats.c: pairs of files, and one form for the whole catalog.
 */
#include "catalog/catalog_formats.h"

#include "catalog/foreign.h"
#include "common/mem.h"

void catalog_formats_add(struct catalog *catalog, struct catalog_way_backs *way_backs,
                         const struct migration *way_back)
{
    mem_grow(catalog, &way_backs->items, &way_backs->capacity, way_backs->count + 1);
    way_backs->items[way_backs->count++] = *way_back;
}

/* --- one form ------------------------------------------------------------------------------- */

/* Files by form; those with errors of their own do not count, as they may not have been read far
 * enough. */
struct census {
    size_t counts[MIGRATION_FORMATS];
    const char *examples[MIGRATION_FORMATS]; /* the first file of each */
    enum migration_format most;
    struct err_list *errors;
};

static void count_file(struct census *census, const struct migration *m)
{
    if (m->checksum && census->counts[m->format]++ == 0)
        census->examples[m->format] = m->file;
}

static void check_file(struct census *census, const struct migration *m)
{
    enum migration_format most = census->most;
    const char *marker = m->format == MIGRATION_PGTIDE ? foreign_up_marker(most) : NULL;
    struct err *err;

    if (!m->checksum || m->format == most)
        return;
    err = err_list_add(census->errors);
    err_set_at(err, ERR_DATA, m->file, 0, 0, "a file of %s among files of %s such as \"%s\"",
               foreign_tool(m->format), foreign_tool(most), census->examples[most]);
    if (marker)
        err_hint(err,
                 "All files of a catalog are of one tool. It has no line \"%s\": write it, if "
                 "it was forgotten.",
                 marker);
    else
        err_hint(err, "All files of a catalog are of one tool. Bring this one into the form of the "
                      "others.");
}

/* As many of another tool's as of pgtide's own: then more likely a marker was forgotten. */
static enum migration_format most_frequent(const struct census *census)
{
    enum migration_format most = MIGRATION_PGTIDE;

    for (enum migration_format format = most + 1; format < MIGRATION_FORMATS; format++) {
        size_t count = census->counts[format];

        if (count > census->counts[most] ||
            (count > 0 && count == census->counts[most] && most == MIGRATION_PGTIDE))
            most = format;
    }
    return most;
}

static void each_file(struct census *census, const struct catalog *c,
                      const struct catalog_way_backs *way_backs,
                      void (*visit)(struct census *census, const struct migration *m))
{
    for (size_t i = 0; i < c->count; i++)
        visit(census, &c->migrations[i]);
    for (size_t i = 0; i < c->repeatable_count; i++)
        visit(census, &c->repeatables[i]);
    for (size_t i = 0; i < way_backs->count; i++)
        visit(census, &way_backs->items[i]);
}

void catalog_formats_check(const struct catalog *catalog, const struct catalog_way_backs *way_backs,
                           struct err_list *errors)
{
    struct census census = {.errors = errors};

    each_file(&census, catalog, way_backs, count_file);
    census.most = most_frequent(&census);
    each_file(&census, catalog, way_backs, check_file);
}

/* --- pairs ---------------------------------------------------------------------------------- */

static struct migration *find_version(const struct catalog *c, int64_t version)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->migrations[i].version == version)
            return &c->migrations[i];
    }
    return NULL;
}

static void fail_alone(const struct migration *way_back, struct err_list *errors)
{
    struct err *err = err_list_add(errors);

    err_set_at(err, ERR_DATA, way_back->file, 0, 0,
               "the way back of version %lld, for which there is no way forward",
               (long long)way_back->version);
    err_hint(err, "Put the file of the change beside it, or move this one out of the folder.");
}

static void pair(struct catalog *c, const struct migration *way_back, struct err_list *errors)
{
    struct migration *migration = find_version(c, way_back->version);
    struct err *err;

    if (!migration) {
        fail_alone(way_back, errors);
    } else if (migration->sections[SECTION_DOWN].file) {
        err = err_list_add(errors);
        err_set_at(err, ERR_DATA, way_back->file, 0, 0,
                   "version %lld has a way back already, \"%s\"", (long long)way_back->version,
                   migration->sections[SECTION_DOWN].file);
        err_hint(err, "Put both into one file.");
    } else if (migration->checksum && way_back->checksum) {
        migration_add_way_back(c, migration, way_back);
    }
}

void catalog_formats_pair(struct catalog *catalog, const struct catalog_way_backs *way_backs,
                          struct err_list *errors)
{
    for (size_t i = 0; i < way_backs->count; i++)
        pair(catalog, &way_backs->items[i], errors);
}
