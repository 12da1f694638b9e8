/*
 * input.c: reads the migrations and seed sets that fleet.yaml names.
 */
#include "orchestrator/input.h"

#include "common/mem.h"
#include "orchestrator/budget.h"
#include "orchestrator/message.h"
#include "worker/seed.h"

#include <errno.h>
#include <sys/stat.h>

void input_warn(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->warning_count; i++)
        message_warning("%s", fleet->warnings[i]);
}

static void warn_idle(const char *place, const char *what, const struct budget *own,
                      const struct budget *run)
{
    for (int i = 0; i < BUDGET_RULES; i++) {
        const struct budget_rule *rule = &own->rules[i];
        const struct budget_rule *first;

        if (budget_is_idle(own, i, run, &first))
            message_warning("%s: %s %lld%s of %s has no effect: the run has %s %lld, and halts "
                            "first\nRaise that of the run, or take this one out.",
                            place, rule->name, (long long)rule->limit.value,
                            rule->limit.percent ? "%" : "", what, first->name,
                            (long long)first->limit.value);
    }
}

void input_warn_budgets(const struct fleet *fleet, const struct run_config *config)
{
    void *mem = mem_context(NULL);
    struct budget run, own;

    budget_init(&run, config, 0);
    for (size_t i = 0; i < config->wave_count; i++) {
        const struct wave *wave = &config->waves[i];

        budget_init_wave(&own, wave, 0);
        warn_idle(mem_printf(mem, "%s:%d:%d", fleet->file, wave->line, wave->column),
                  mem_printf(mem, "wave \"%s\"", wave->name), &own, &run);
    }
    for (size_t i = 0; i < fleet->server_count; i++) {
        const struct server *server = &fleet->servers[i];

        budget_init_server(&own, server, 0);
        warn_idle(mem_printf(mem, "%s:%d:%d", fleet->file, server->line, server->column),
                  mem_printf(mem, "server \"%s\"", server->name), &own, &run);
    }
    talloc_free(mem);
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

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int check_sealed(const struct fleet *fleet, struct err_list *errors)
{
    struct err err = ERR_INIT;

    if (!fleet->run.require_bundle || !is_folder(fleet->migrations))
        return 0;
    err_set_at(&err, ERR_CONFIG, fleet->file, fleet->migrations_line, fleet->migrations_column,
               "\"%s\" is a folder, and \"require_bundle\" allows sealed bundles only",
               fleet->migrations);
    err_hint(&err, "Type \"pgtide build --dir %s -o FILE\", and name FILE under \"migrations:\".",
             fleet->migrations);
    return err_list_take(errors, &err);
}

static int check_there(const struct fleet *fleet, struct err_list *errors)
{
    struct err err = ERR_INIT;
    struct stat st;

    if (stat(fleet->migrations, &st) == 0 || errno != ENOENT)
        return 0;
    err_set_at(&err, ERR_NOINPUT, fleet->file, fleet->migrations_line, fleet->migrations_column,
               "there is no folder and no bundle \"%s\"", fleet->migrations);
    err_hint(&err, "Relative paths start at the folder of this file.");
    return err_list_take(errors, &err);
}

int input_load_catalog(void *parent, const struct fleet *fleet, struct catalog **ret,
                       struct err_list *errors)
{
    if (input_require_migrations(fleet, errors) < 0 || check_there(fleet, errors) < 0 ||
        check_sealed(fleet, errors) < 0)
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

/* What is looked into: the sets that there are, and where. */
struct sets {
    const struct catalog *catalog;
    const struct fleet *fleet;
    const char *const *names;
    size_t count;
    const char *place; /* for people */
};

static struct sets find_sets(void *mem, const struct catalog *catalog, const struct fleet *fleet)
{
    struct sets sets = {
        .catalog = catalog,
        .fleet = fleet,
        .place = catalog->sealed ? catalog->source : fleet->seeds,
    };

    sets.names = catalog_list_seed_sets(mem, catalog, fleet->seeds, &sets.count);
    return sets;
}

static bool set_exists(const struct sets *sets, const char *name)
{
    char *path;
    bool found = false;

    for (size_t i = 0; i < sets->count; i++)
        found = found || strcmp(sets->names[i], name) == 0;
    if (found || sets->catalog->sealed)
        return found;
    path = mem_printf(NULL, "%s/%s", sets->fleet->seeds, name);
    found = is_folder(path);
    talloc_free(path);
    return found;
}

/* `tenant` names the set; NULL: the command line does. */
static int require_set(const char *name, const struct sets *sets, const struct tenant *tenant,
                       struct err_list *errors)
{
    struct err err = ERR_INIT;
    const char *nearest;

    if (set_exists(sets, name))
        return 0;
    err_set(&err, ERR_NOINPUT, "there is no seed set \"%s\" in \"%s\"", name, sets->place);
    if (tenant)
        err_place(&err, sets->fleet->file, tenant->line, tenant->column);
    nearest = text_nearest(name, sets->names, sets->count);
    if (nearest)
        err_hint(&err, "Did you mean \"%s\"?", nearest);
    else if (sets->catalog->sealed)
        err_hint(&err, "A bundle holds the seed sets that were there when it was built; \"pgtide "
                       "build --seeds FOLDER\" takes them from a folder.");
    else
        err_hint(&err, "A set is a folder: %s/%s.", sets->place, name);
    return err_list_take(errors, &err);
}

/* The sets that the tenants name, each once, in the order first named. */
static int named_sets(void *parent, const struct sets *sets, const struct tenant *const *tenants,
                      size_t count, struct words *ret, struct err_list *errors)
{
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tenants[i]->seed_count; j++) {
            const char *name = tenants[i]->seeds[j];

            if (has_word(ret, name))
                continue;
            add_word(parent, ret, name);
            if (require_set(name, sets, tenants[i], errors) < 0)
                rc = -1;
        }
    }
    return rc;
}

static int given_sets(void *parent, const struct sets *sets, const struct words *given,
                      struct words *ret, struct err_list *errors)
{
    int rc = 0;

    for (size_t i = 0; i < given->count; i++) {
        add_word(parent, ret, given->items[i]);
        if (require_set(given->items[i], sets, NULL, errors) < 0)
            rc = -1;
    }
    return rc;
}

/* SQL seeds were checked when they were read. */
int input_check_seeds(const struct catalog *catalog, struct err_list *errors)
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
    void *mem = mem_context(NULL);
    struct sets there = find_sets(mem, catalog, fleet);
    struct words names = {0};
    int rc;

    rc = sets->count > 0 ? given_sets(catalog, &there, sets, &names, errors)
                         : named_sets(catalog, &there, tenants, tenant_count, &names, errors);
    talloc_free(mem);
    if (rc < 0 || names.count == 0)
        return rc;
    if (catalog_load_seeds(catalog, fleet->seeds, fleet->seeds, names.items, names.count, errors) <
        0)
        return -1;
    return input_check_seeds(catalog, errors);
}
