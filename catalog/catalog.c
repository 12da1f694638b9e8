/*
 * catalog.c: a folder or bundle of migration files, read into an ordered set.
 */
#include "catalog/catalog.h"

#include "catalog/catalog_formats.h"
#include "catalog/catalog_releases.h"
#include "catalog/folder.h"
#include "common/mem.h"
#include "common/sha256.h"

/* The catalog while its folders are being walked. */
struct walk {
    struct catalog *catalog; /* also owner of all that stays */
    size_t migration_capacity;
    size_t repeatable_capacity;
    struct catalog_way_backs way_backs;
    struct err_list *errors;
};

static void add_migration(struct walk *walk, const struct migration *migration)
{
    struct catalog *c = walk->catalog;

    if (migration->way_back) {
        catalog_formats_add(c, &walk->way_backs, migration);
    } else if (migration->kind == MIGRATION_REPEATABLE) {
        mem_grow(c, &c->repeatables, &walk->repeatable_capacity, c->repeatable_count + 1);
        c->repeatables[c->repeatable_count++] = *migration;
    } else {
        mem_grow(c, &c->migrations, &walk->migration_capacity, c->count + 1);
        c->migrations[c->count++] = *migration;
    }
}

/* What fails is in the list of errors; what has a name is added even so, to be compared. */
static void read_migration(struct walk *walk, const struct folder_entry *entry, const char *release)
{
    struct migration migration = {.file = mem_strdup(walk->catalog, entry->file)};
    struct err err = ERR_INIT;
    void *mem = mem_context(NULL);
    char *bytes;
    size_t len;

    migration.release = release;
    if (migration_parse_name(walk->catalog, entry->name, &migration, &err) < 0) {
        err_place(&err, entry->file, 0, 0);
        err_list_take(walk->errors, &err);
    } else if (folder_read(mem, entry, &bytes, &len, &err) < 0) {
        err_list_take(walk->errors, &err);
    } else {
        /* the result is in the list of errors */
        if (migration_parse(walk->catalog, bytes, len, &migration, walk->errors) < 0)
            migration.checksum = NULL;
        add_migration(walk, &migration);
    }
    talloc_free(mem);
}

static void walk_folder(struct walk *walk, const struct folder_entry *entry,
                        const struct folder *outer, const char *release)
{
    void *mem = mem_context(NULL);
    struct folder folder;
    struct err err = ERR_INIT;

    if (folder_open(mem, entry, outer, &folder, &err) < 0) {
        err_list_take(walk->errors, &err);
        talloc_free(mem);
        return;
    }
    if (outer && !release && catalog_releases_is_name(entry->name))
        release = catalog_releases_add(walk->catalog, entry->name);
    for (size_t i = 0; i < folder.count; i++) {
        const struct folder_entry *inner = &folder.entries[i];

        if (folder_check(inner, &err) < 0)
            err_list_take(walk->errors, &err);
        else if (inner->is_folder)
            walk_folder(walk, inner, &folder, release);
        else if (release && strcmp(inner->name, "UPGRADE.md") == 0)
            catalog_releases_read_guide(walk->catalog, release, inner, walk->errors);
        else if (!inner->is_document)
            read_migration(walk, inner, release);
    }
    talloc_free(mem);
}

static int compare_versioned(const void *a, const void *b)
{
    const struct migration *x = a;
    const struct migration *y = b;

    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct migration *)a)->name, ((const struct migration *)b)->name);
}

static void sort(struct migration *list, size_t count, int (*compare)(const void *, const void *))
{
    if (count > 0)
        qsort(list, count, sizeof(*list), compare);
    for (size_t i = 0; i < count; i++)
        list[i].index = i;
}

static void check_duplicates(const struct catalog *c, struct err_list *errors)
{
    for (size_t i = 1; i < c->count; i++) {
        if (c->migrations[i].version == c->migrations[i - 1].version) {
            struct err *err = err_list_add(errors);

            err_set_at(err, ERR_DATA, c->migrations[i].file, 0, 0,
                       "version %lld is also that of \"%s\"", (long long)c->migrations[i].version,
                       c->migrations[i - 1].file);
            err_hint(err, "Give the newer one a higher version.");
        }
    }
    for (size_t i = 1; i < c->repeatable_count; i++) {
        if (strcmp(c->repeatables[i].name, c->repeatables[i - 1].name) == 0)
            err_set_at(err_list_add(errors), ERR_DATA, c->repeatables[i].file, 0, 0,
                       "repeatable \"%s\" is also that of \"%s\"", c->repeatables[i].name,
                       c->repeatables[i - 1].file);
    }
}

static void add_checksum(struct sha256 *sum, const struct migration *m)
{
    char *line = mem_printf(NULL, "%lld %s %s\n", (long long)m->version, m->checksum, m->name);

    sha256_add(sum, line, strlen(line));
    talloc_free(line);
}

static char *checksum_of(struct catalog *c)
{
    struct sha256 sum;

    sha256_init(&sum);
    for (size_t i = 0; i < c->count; i++)
        add_checksum(&sum, &c->migrations[i]);
    for (size_t i = 0; i < c->repeatable_count; i++)
        add_checksum(&sum, &c->repeatables[i]);
    return sha256_end_text(&sum, c);
}

/* The folder to walk: `path`, or the one in the bundle that it is. */
static int find_root(struct catalog *c, const char *path, const char *shown,
                     struct folder_entry *ret, struct err_list *errors)
{
    struct err err = ERR_INIT;

    *ret = (struct folder_entry){.name = path, .path = path, .file = shown, .is_folder = true};
    if (!bundle_is(path))
        return 0;
    if (bundle_open(c, path, shown, &c->sealed, &err) < 0)
        return err_list_take(errors, &err);
    c->bundle = c->sealed->checksum;
    *ret = folder_of_bundle(c, c->sealed, BUNDLE_MIGRATIONS);
    return 0;
}

/* A pgtide that reads the files of a bundle otherwise than the one that built it is the wrong one.
 */
static int check_sealed(const struct catalog *c, struct err_list *errors)
{
    struct err *err;

    if (!c->sealed ||
        (c->head == c->sealed->head && strcmp(c->checksum, c->sealed->catalog_checksum) == 0))
        return 0;
    err = err_list_add(errors);
    err_set_at(err, ERR_DATA, c->source, 0, 0,
               "the bundle's manifest and its migrations do not agree");
    err_hint(err, "Build it again with this pgtide, " PGTIDE_VERSION ".");
    return -1;
}

int catalog_load(void *parent, const char *path, const char *shown, struct catalog **ret,
                 struct err_list *errors)
{
    struct catalog *c = mem_new(parent, struct catalog);
    struct walk walk = {.catalog = c, .errors = errors};
    struct folder_entry root;
    size_t before = errors->count;

    c->source = mem_strdup(c, shown);
    if (find_root(c, path, shown, &root, errors) == 0)
        walk_folder(&walk, &root, NULL, NULL);
    sort(c->migrations, c->count, compare_versioned);
    sort(c->repeatables, c->repeatable_count, compare_named);
    check_duplicates(c, errors);
    catalog_formats_check(c, &walk.way_backs, errors);
    catalog_formats_pair(c, &walk.way_backs, errors);
    catalog_releases_finish(c, errors);
    if (errors->count > before) {
        talloc_free(c);
        return -1;
    }
    c->head = c->count ? c->migrations[c->count - 1].version : 0;
    c->checksum = checksum_of(c);
    if (check_sealed(c, errors) < 0) {
        talloc_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}
