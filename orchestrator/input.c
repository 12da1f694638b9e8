/*
 * input.c: reads the migrations and seed sets that fleet.yaml names.
 */
#include "orchestrator/input.h"

#include "common/mem.h"
#include "orchestrator/message.h"
#include "worker/seed.h"

#include <dirent.h>
#include <sys/stat.h>

void input_warn(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->warning_count; i++)
        message_warning("%s", fleet->warnings[i]);
}

int input_require_migrations(const struct fleet *fleet, struct err_list *errors)
{
    struct err err = ERR_INIT;

    if (fleet->migrations)
        return 0;
    err_set_at(&err, ERR_CONFIG, fleet->file, 0, 0, "\"migrations\" is missing");
    err_hint(&err, "Add the folder of the migrations, as in \"migrations: migrations\".");
    return err_list_take(errors, &err);
}

int input_load_catalog(void *parent, const struct fleet *fleet, struct catalog **ret,
                       struct err_list *errors)
{
    if (input_require_migrations(fleet, errors) < 0)
        return -1;
    return catalog_load(parent, fleet->migrations, fleet->migrations, ret, errors);
}

/* ---- seeds ---- */

static void add_word(void *parent, struct words *words, const char *word)
{
    mem_grow(parent, &words->items, &words->capacity, words->count + 1);
    words->items[words->count++] = word;
}

static bool has_word(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0)
            return true;
    }
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The set that is there and nearest to `name`, or NULL. */
static const char *nearest_set(void *mem, const char *seeds, const char *name)
{
    DIR *dir = opendir(seeds);
    struct words sets = {0};
    struct dirent *entry;

    if (!dir)
        return NULL;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            add_word(mem, &sets, mem_strdup(mem, entry->d_name));
    }
    closedir(dir);
    return text_nearest(name, sets.items, sets.count);
}

/* `tenant` names the set; NULL: the command line does. */
static int require_set(const char *name, const struct fleet *fleet, const struct tenant *tenant,
                       struct err_list *errors)
{
    void *mem = mem_context(NULL);
    const char *path = mem_printf(mem, "%s/%s", fleet->seeds, name);
    struct err err = ERR_INIT;
    const char *nearest;
    int rc = 0;

    if (!is_folder(path)) {
        err_set(&err, ERR_NOINPUT, "there is no seed set \"%s\" in \"%s\"", name, fleet->seeds);
        if (tenant)
            err_place(&err, fleet->file, tenant->line, tenant->column);
        nearest = nearest_set(mem, fleet->seeds, name);
        if (nearest)
            err_hint(&err, "Did you mean \"%s\"?", nearest);
        else
            err_hint(&err, "A set is a folder: %s.", path);
        rc = err_list_take(errors, &err);
    }
    talloc_free(mem);
    return rc;
}

/* The sets that the tenants name, each once, in the order first named. */
static int named_sets(void *parent, const struct fleet *fleet, const struct tenant *const *tenants,
                      size_t count, struct words *ret, struct err_list *errors)
{
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tenants[i]->seed_count; j++) {
            const char *name = tenants[i]->seeds[j];

            if (has_word(ret, name))
                continue;
            add_word(parent, ret, name);
            if (require_set(name, fleet, tenants[i], errors) < 0)
                rc = -1;
        }
    }
    return rc;
}

static int given_sets(void *parent, const struct fleet *fleet, const struct words *sets,
                      struct words *ret, struct err_list *errors)
{
    int rc = 0;

    for (size_t i = 0; i < sets->count; i++) {
        add_word(parent, ret, sets->items[i]);
        if (require_set(sets->items[i], fleet, NULL, errors) < 0)
            rc = -1;
    }
    return rc;
}

/* SQL seeds were checked when they were read. */
static int check_seed_files(const struct catalog *catalog, struct err_list *errors)
{
    int rc = 0;

    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const struct seed_set *set = &catalog->seed_sets[i];

        for (size_t j = 0; j < set->count; j++) {
            struct err err = ERR_INIT;

            if (set->files[j].format != SEED_SQL && seed_check(&set->files[j], &err) < 0)
                rc = err_list_take(errors, &err);
        }
    }
    return rc;
}

int input_load_seeds(struct catalog *catalog, const struct fleet *fleet,
                     const struct tenant *const *tenants, size_t tenant_count,
                     const struct words *sets, struct err_list *errors)
{
    struct words names = {0};
    int rc;

    rc = sets->count > 0 ? given_sets(catalog, fleet, sets, &names, errors)
                         : named_sets(catalog, fleet, tenants, tenant_count, &names, errors);
    if (rc < 0 || names.count == 0)
        return rc;
    if (catalog_load_seeds(catalog, fleet->seeds, fleet->seeds, names.items, names.count, errors) <
        0)
        return -1;
    return check_seed_files(catalog, errors);
}
