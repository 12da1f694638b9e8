/*
 * catalog_seeds.c: the seed sets of a catalog.
 */
#include "catalog/catalog.h"

#include "catalog/folder.h"
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/text.h"

static const struct {
    const char *ending;
    enum seed_format format;
} formats[] = {{".json", SEED_JSON}, {".csv", SEED_CSV}, {".sql", SEED_SQL}};

static int fail_name(const struct folder_entry *entry, struct err *err)
{
    char *shown = text_printable(NULL, entry->name);

    err_set_at(err, ERR_DATA, entry->file, 0, 0, "\"%s\" is not the name of a seed", shown);
    err_hint(err, "Seeds are named \"NN_<name>.json\", \"NN_<table>.csv\" or \"NN_<name>.sql\", "
                  "for example \"10_regions.json\".");
    talloc_free(shown);
    return -1;
}

/* Format and table from "NN_<name>.<ending>". */
static int parse_name(struct catalog *c, const struct folder_entry *entry, struct seed_file *ret,
                      struct err *err)
{
    const char *ending = strrchr(entry->name, '.');
    const char *name = entry->name + strspn(entry->name, "0123456789");

    if (entry->is_folder || !ending || name == entry->name || *name != '_' || name + 1 >= ending)
        return fail_name(entry, err);
    if (!text_is_name(name))
        return fail_name(entry, err);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(ending, formats[i].ending) != 0)
            continue;
        ret->format = formats[i].format;
        if (ret->format == SEED_CSV)
            ret->table = mem_strndup(c, name + 1, (size_t)(ending - name) - 1);
        return 0;
    }
    return fail_name(entry, err);
}

static void read_sql(struct catalog *c, const struct folder_entry *entry, struct seed_file *seed,
                     struct err_list *errors)
{
    struct migration *sql = mem_new(c, struct migration);
    struct err err = ERR_INIT;
    char *bytes;
    size_t len;

    sql->kind = MIGRATION_REPEATABLE;
    sql->name = seed->name;
    sql->file = seed->file;
    if (folder_read(NULL, entry, &bytes, &len, &err) < 0) {
        err_list_take(errors, &err);
        return;
    }
    if (migration_parse_seed(sql, bytes, len, sql, errors) == 0)
        seed->sql = sql;
    talloc_free(bytes);
}

/* Where the bytes of a seed are, and their checksum; the manifest of a bundle knows it. */
static int find_content(struct catalog *c, const struct folder_entry *entry, struct seed_file *seed,
                        struct err *err)
{
    if (!entry->packed) {
        seed->path = mem_strdup(c, entry->path);
        return text_file_checksum(c, entry->path, entry->file, &seed->checksum, &seed->size, err);
    }
    seed->path = entry->bundle->path;
    seed->offset = entry->packed->offset;
    seed->size = entry->packed->size;
    seed->checksum = entry->packed->checksum;
    return 0;
}

static void read_seed(struct catalog *c, struct seed_set *set, const struct folder_entry *entry,
                      size_t *capacity, struct err_list *errors)
{
    struct seed_file seed = {
        .name = mem_printf(c, "%s/%s", set->name, entry->name),
        .file = mem_strdup(c, entry->file),
    };
    struct err err = ERR_INIT;

    if (parse_name(c, entry, &seed, &err) < 0 || find_content(c, entry, &seed, &err) < 0) {
        err_list_take(errors, &err);
        return;
    }
    if (seed.format == SEED_SQL)
        read_sql(c, entry, &seed, errors);
    mem_grow(c, &set->files, capacity, set->count + 1);
    set->files[set->count++] = seed;
}

/* The folder of the set `name`, or with NULL the one that all sets are in. */
static struct folder_entry folder_of_sets(void *mem, const struct catalog *c, const char *path,
                                          const char *shown, const char *name)
{
    const char *below = name ? mem_printf(mem, "/%s", name) : "";

    if (c->sealed)
        return folder_of_bundle(mem, c->sealed, mem_printf(mem, BUNDLE_SEEDS "%s", below));
    return (struct folder_entry){
        .name = name,
        .path = mem_printf(mem, "%s%s", path, below),
        .file = mem_printf(mem, "%s%s", shown, below),
        .is_folder = true,
    };
}

const char *const *catalog_list_seed_sets(void *parent, const struct catalog *catalog,
                                          const char *path, size_t *ret_count)
{
    void *mem = mem_context(NULL);
    struct folder_entry entry = folder_of_sets(mem, catalog, path, path, NULL);
    struct folder folder;
    struct err err = ERR_INIT;
    const char **names = NULL;

    *ret_count = 0;
    if (folder_open(mem, &entry, NULL, &folder, &err) == 0) {
        names = mem_array(parent, const char *, folder.count);
        for (size_t i = 0; i < folder.count; i++) {
            if (folder.entries[i].is_folder)
                names[(*ret_count)++] = mem_strdup(parent, folder.entries[i].name);
        }
    }
    err_clear(&err);
    talloc_free(mem);
    return names;
}

static void read_set(struct catalog *c, struct seed_set *set, const char *path, const char *shown,
                     struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct folder_entry entry = folder_of_sets(mem, c, path, shown, set->name);
    struct folder folder;
    struct err err = ERR_INIT;
    size_t capacity = 0;

    if (folder_open(mem, &entry, NULL, &folder, &err) < 0) {
        err_list_take(errors, &err);
        talloc_free(mem);
        return;
    }
    for (size_t i = 0; i < folder.count; i++) {
        const struct folder_entry *inner = &folder.entries[i];

        if (folder_check(inner, &err) < 0)
            err_list_take(errors, &err);
        else if (!inner->is_document || inner->is_folder)
            read_seed(c, set, inner, &capacity, errors);
    }
    talloc_free(mem);
}

static int compare_sets(const void *a, const void *b)
{
    return strcmp(((const struct seed_set *)a)->name, ((const struct seed_set *)b)->name);
}

/* A set is a folder right below `path`: its name is one step. */
static bool is_set_name(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/');
}

int catalog_load_seeds(struct catalog *catalog, const char *path, const char *shown,
                       const char *const *names, size_t count, struct err_list *errors)
{
    size_t before = errors->count;

    catalog->seed_sets = mem_array(catalog, struct seed_set, count);
    catalog->seed_set_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct seed_set *set = &catalog->seed_sets[catalog->seed_set_count];

        if (catalog_seed_set(catalog, names[i]))
            continue;
        if (!is_set_name(names[i])) {
            err_set(err_list_add(errors), ERR_NOINPUT, "\"%s\" is not the name of a seed set",
                    names[i]);
            continue;
        }
        set->name = mem_strdup(catalog, names[i]);
        catalog->seed_set_count++;
        read_set(catalog, set, path, shown, errors);
    }
    if (catalog->seed_set_count > 0)
        qsort(catalog->seed_sets, catalog->seed_set_count, sizeof(*catalog->seed_sets),
              compare_sets);
    return errors->count > before ? -1 : 0;
}

const struct seed_set *catalog_seed_set(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        if (strcmp(catalog->seed_sets[i].name, name) == 0)
            return &catalog->seed_sets[i];
    }
    return NULL;
}
