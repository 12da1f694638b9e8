/*
 * resume.c: what is left of a recorded run.
 */
#include "orchestrator/resume.h"

#include "common/mem.h"
#include "orchestrator/fleet_changes.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_catalog.h"
#include "orchestrator/ledger_tenants.h"

struct resume {
    enum resume_kind kind;
    struct ledger_run run;
    struct ledger_tenant *tenants;
    size_t count;
    struct ledger_wave *waves;
    size_t wave_count;
    struct catalog *catalog; /* as it was */
    struct strmap *rows;     /* of all its tenants, by name: struct ledger_tenant */
    struct strmap *wanted;   /* of those asked for */
    struct strmap *names;    /* of those to be taken */
    size_t taken;
};

/* --- which tenants ----------------------------------------------------------------------- */

/* A success, or a failure that the same again would only repeat. */
static bool is_wanted(const struct resume *resume, const struct ledger_tenant *tenant)
{
    switch (tenant->outcome) {
    case OUTCOME_UNREACHABLE:
    case OUTCOME_LOCKED:
    case OUTCOME_UNKNOWN:
        return true;
    case OUTCOME_NONE:
    case OUTCOME_CANCELLED:
        return resume->kind == RESUME_REST;
    case OUTCOME_FAILED:
    case OUTCOME_HELD:
    case OUTCOME_CONFLICT:
        return resume->kind == RESUME_FAILED;
    default:
        return false;
    }
}

static bool is_state(const struct ledger_wave *wave, const char *state)
{
    return strcmp(wave->state, state) == 0;
}

/* It has begun, and the next ones must not begin before its gate. */
static bool is_unfinished(const struct resume *resume, int64_t index)
{
    const struct ledger_wave *wave;

    if (index < 0 || (size_t)index >= resume->wave_count)
        return false;
    wave = &resume->waves[index];
    return !is_state(wave, "passed") && !is_state(wave, "waiting") && !is_state(wave, "confirming");
}

/* A soak time or a gate: what it has to go through whole. */
static bool is_looked_at(const struct fleet *fleet, const char *name)
{
    for (size_t i = 0; name && i < fleet->run.wave_count; i++) {
        const struct wave *wave = &fleet->run.waves[i];

        if (strcmp(wave->name, name) == 0)
            return wave->gate.command || wave->gate.sql || wave->soak_ms > 0;
    }
    return false;
}

static void choose(struct resume *resume, const struct fleet *fleet)
{
    resume->rows = strmap_new(resume);
    resume->wanted = strmap_new(resume);
    resume->names = strmap_new(resume);
    for (size_t i = 0; i < resume->count; i++) {
        struct ledger_tenant *tenant = &resume->tenants[i];
        bool again = resume->kind == RESUME_REST && is_unfinished(resume, tenant->wave) &&
                     is_looked_at(fleet, resume->waves[tenant->wave].name);

        strmap_add(resume->rows, tenant->name, tenant);
        if (is_wanted(resume, tenant))
            strmap_add(resume->wanted, tenant->name, tenant);
        if (is_wanted(resume, tenant) || again) {
            strmap_add(resume->names, tenant->name, tenant);
            resume->taken++;
        }
    }
}

/* --- reading ----------------------------------------------------------------------------- */

static int read_run(struct resume *resume, struct ledger_db *db, const char *which, struct err *err)
{
    const char *document;

    if (ledger_find(resume, db, which, &resume->run, err) < 0 ||
        ledger_tenants_read(resume, db, resume->run.id, &resume->tenants, &resume->count, err) <
            0 ||
        ledger_tenants_waves(resume, db, resume->run.id, &resume->waves, &resume->wave_count, err) <
            0 ||
        ledger_get_document(resume, db, resume->run.catalog, &document, err) < 0)
        return -1;
    return ledger_catalog_read(resume, document, &resume->catalog, err);
}

int resume_load(void *parent, const struct fleet *fleet, const char *which, enum resume_kind kind,
                struct resume **ret, struct err *err)
{
    struct resume *resume = mem_new(parent, struct resume);
    struct ledger_db *db;
    int rc = ledger_open(resume, fleet, true, &db, err);

    if (rc == 0) {
        resume->kind = kind;
        rc = read_run(resume, db, which, err);
        talloc_free(db);
    }
    if (rc < 0) {
        talloc_free(resume);
        return -1;
    }
    choose(resume, fleet);
    *ret = resume;
    return 0;
}

const char *resume_run(const struct resume *resume)
{
    return resume->run.id;
}

char *resume_title(const void *parent, const struct resume *resume)
{
    const struct ledger_run *run = &resume->run;

    if (!run->origin)
        return mem_printf(parent, "run %s", run->id);
    return mem_printf(parent, "run %s, the %s of run %s", run->id,
                      run->origin_kind ? run->origin_kind : "resume", run->origin);
}

const char *resume_operation(const struct resume *resume)
{
    return resume->run.operation;
}

const char *resume_options(const struct resume *resume)
{
    return resume->run.options;
}

size_t resume_count(const struct resume *resume)
{
    return resume->taken;
}

const struct strmap *resume_names(const struct resume *resume)
{
    return resume->names;
}

/* The position of the wave of that name in today's fleet, or the number of its waves. */
static size_t find_wave(const struct run_config *config, const char *name)
{
    size_t i = 0;

    while (i < config->wave_count && strcmp(config->waves[i].name, name) != 0)
        i++;
    return i;
}

static bool fits_config(const struct resume *resume, const struct run_config *config)
{
    bool named = resume->wave_count > 0 && resume->waves[0].name;

    if (named != (config->wave_count > 0))
        return false;
    for (size_t i = 0; named && i < resume->wave_count; i++) {
        const struct ledger_wave *wave = &resume->waves[i];

        if (!wave->name ||
            (wave->tenants > 0 && find_wave(config, wave->name) == config->wave_count))
            return false;
    }
    return true;
}

/* --- what has changed -------------------------------------------------------------------- */

static void add_file(struct name_values *files, struct name_value *items, const char *name,
                     const char *checksum)
{
    items[files->count++] = (struct name_value){name, checksum};
}

/* Seed files only of sets that both catalogs have: which are read depends on the tenants. */
static struct name_values files_of(void *parent, const struct catalog *catalog,
                                   const struct catalog *other)
{
    size_t most = catalog->count + catalog->repeatable_count;
    struct name_values files = {0};
    struct name_value *items;

    for (size_t i = 0; i < catalog->seed_set_count; i++)
        most += catalog->seed_sets[i].count;
    items = mem_array(parent, struct name_value, most);
    for (size_t i = 0; i < catalog->count; i++)
        add_file(&files, items, catalog->migrations[i].label, catalog->migrations[i].checksum);
    for (size_t i = 0; i < catalog->repeatable_count; i++)
        add_file(&files, items, catalog->repeatables[i].label, catalog->repeatables[i].checksum);
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const struct seed_set *set = &catalog->seed_sets[i];

        for (size_t j = 0; catalog_seed_set(other, set->name) && j < set->count; j++)
            add_file(&files, items, set->files[j].name, set->files[j].checksum);
    }
    files.items = items;
    return files;
}

static struct name_values tenants_then(void *parent, const struct resume *resume)
{
    struct name_value *items = mem_array(parent, struct name_value, resume->count);
    size_t count = 0;

    for (size_t i = 0; i < resume->count; i++) {
        const struct ledger_tenant *tenant = &resume->tenants[i];

        if (strmap_get(resume->wanted, tenant->name))
            items[count++] = (struct name_value){
                .name = tenant->name,
                .value =
                    fleet_changes_place(items, tenant->server, tenant->database, tenant->schema),
            };
    }
    return (struct name_values){items, count};
}

/* Of today's fleet, those that are asked for. */
static struct name_values tenants_now(void *parent, const struct resume *resume,
                                      const struct fleet *fleet, size_t *ret_suspended)
{
    const struct tenant **tenants = mem_array(parent, const struct tenant *, fleet->tenant_count);
    size_t count = 0;

    *ret_suspended = 0;
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        const struct tenant *tenant = &fleet->tenants[i];

        if (!strmap_get(resume->wanted, tenant->name))
            continue;
        tenants[count++] = tenant;
        *ret_suspended += tenant->state == TENANT_SUSPENDED;
    }
    return fleet_changes_tenants(parent, tenants, count);
}

static void add_line(void *parent, char ***lines, size_t *count, char *line)
{
    char **grown = mem_array(parent, char *, *count + 1);

    for (size_t i = 0; i < *count; i++)
        grown[i] = (*lines)[i];
    grown[(*count)++] = line;
    *lines = grown;
}

size_t resume_changes(void *parent, const struct resume *resume, const struct fleet *fleet,
                      const struct catalog *catalog, char ***ret)
{
    size_t suspended;
    struct fleet_look then = {
        .tenants = tenants_then(parent, resume),
        .files = files_of(parent, resume->catalog, catalog),
    };
    struct fleet_look now = {
        .tenants = tenants_now(parent, resume, fleet, &suspended),
        .files = files_of(parent, catalog, resume->catalog),
    };
    size_t count = fleet_changes_find(parent, &then, &now, ret);

    if (now.files.count == 0 && then.files.count > 0)
        add_line(parent, ret, &count, mem_strdup(parent, "all files of the catalog have vanished"));
    if (then.files.count == 0 && now.files.count > 0)
        add_line(parent, ret, &count, mem_strdup(parent, "the catalog was empty, and is not"));
    if (resume->wave_count > 0 && !fits_config(resume, &fleet->run))
        add_line(
            parent, ret, &count,
            mem_strdup(parent, "its waves are not those of today: tenants are dealt out anew"));
    if (suspended > 0)
        add_line(parent, ret, &count,
                 mem_printf(parent, "%zu %s suspended now", suspended,
                            suspended == 1 ? "tenant is" : "tenants are"));
    return count;
}

/* --- the waves --------------------------------------------------------------------------- */

/* One whose tenants had all been cancelled by its turn has passed unbegun: neither has it soaked,
 * nor was its gate or anybody asked. */
static bool is_behind(const struct ledger_wave *wave)
{
    return is_state(wave, "passed") && (wave->started_ms >= 0 || wave->tenants == 0);
}

/* Copies of today's waves; those that are behind keep nothing to wait for. */
static const struct wave *waves_left(void *parent, const struct resume *resume,
                                     const struct run_config *config)
{
    struct wave *waves = mem_array(parent, struct wave, config->wave_count);

    for (size_t i = 0; i < config->wave_count; i++)
        waves[i] = config->waves[i];
    for (size_t i = 0; i < resume->wave_count; i++) {
        size_t position = find_wave(config, resume->waves[i].name);

        if (position == config->wave_count || !is_behind(&resume->waves[i]))
            continue;
        waves[position].soak_ms = 0;
        waves[position].gate = (struct hook){0};
        waves[position].confirm = false;
    }
    return waves;
}

static size_t group_of(const struct resume *resume, const struct run_config *config,
                       const struct tenant *tenant)
{
    const struct ledger_tenant *row = strmap_get(resume->rows, tenant->name);

    if (config->wave_count == 0 || !row || (size_t)row->wave >= resume->wave_count)
        return 0;
    return find_wave(config, resume->waves[row->wave].name);
}

bool resume_deal(void *parent, const struct resume *resume, const struct selected *selected,
                 struct wave_history history, struct run_request *request)
{
    struct run_config *config = &request->config;
    size_t *groups;

    if (!fits_config(resume, config))
        return false;
    if (config->wave_count > 0)
        config->waves = waves_left(parent, resume, config);
    groups = mem_array(parent, size_t, selected->count);
    for (size_t i = 0; i < selected->count; i++)
        groups[i] = group_of(resume, config, selected->tenants[i]);
    request->waves =
        wave_plan_given(parent, config, selected->tenants, selected->count, history, groups);
    return true;
}
