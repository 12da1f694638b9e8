/*
 * selection.c: the filters, and what to say when they leave nothing.
 */
#include "orchestrator/selection.h"

#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"

/* How many names a hint lists before it says "and more" */
enum { HINT_NAMES = 8 };

static bool any_fits(const struct words *words, const char *name)
{
    for (size_t i = 0; i < words->count; i++) {
        if (text_fits(words->items[i], name))
            return true;
    }
    return false;
}

static bool labels_hold(const struct label_list *labels, const struct tenant *tenant)
{
    for (size_t i = 0; i < labels->count; i++) {
        const char *value = name_values_get(&tenant->labels, labels->items[i].name);

        if (!value || strcmp(value, labels->items[i].value) != 0)
            return false;
    }
    return true;
}

/* Who is in a wave does not depend on whom --exclude leaves out of it: that comes later. */
static bool fits(const struct selection *selection, const struct tenant *tenant)
{
    return (!selection->only || strmap_get(selection->only, tenant->name)) &&
           (selection->tenants.count == 0 || any_fits(&selection->tenants, tenant->name)) &&
           labels_hold(&selection->labels, tenant) &&
           (!selection->server || strcmp(selection->server, tenant->server->name) == 0) &&
           (selection->wave || !any_fits(&selection->excludes, tenant->name));
}

bool selection_parse_shard(const char *text, int64_t *ret_shard, int64_t *ret_shards)
{
    const char *slash = strchr(text, '/');
    void *mem = mem_context(NULL);
    int64_t shard;
    int64_t shards;
    bool ok;

    ok = slash && text_to_int64(slash + 1, 1, INT32_MAX, &shards) &&
         text_to_int64(mem_strndup(mem, text, (size_t)(slash - text)), 0, shards - 1, &shard);
    talloc_free(mem);
    if (ok) {
        *ret_shard = shard;
        *ret_shards = shards;
    }
    return ok;
}

int64_t selection_shard_of(const char *tenant_name, int64_t shards)
{
    struct sha256 sum;
    unsigned char bytes[32];
    uint64_t number = 0;

    sha256_init(&sum);
    sha256_add(&sum, tenant_name, strlen(tenant_name));
    sha256_end(&sum, bytes);
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return (int64_t)(number % (uint64_t)shards);
}

/* ---- what to say when nothing is left ---- */

static const char **tenant_names(void *parent, const struct fleet *fleet)
{
    const char **names = mem_array(parent, const char *, fleet->tenant_count);

    for (size_t i = 0; i < fleet->tenant_count; i++)
        names[i] = fleet->tenants[i].name;
    return names;
}

/* Adds `text` as `"text"` to a list that ends after HINT_NAMES entries. */
static void list_add(struct strbuf *list, size_t *count, const char *text)
{
    if (*count < HINT_NAMES)
        strbuf_printf(list, "%s\"%s\"", *count ? ", " : "", text);
    else if (*count == HINT_NAMES)
        strbuf_str(list, " and more");
    *count += 1;
}

static bool words_have(const struct words *words, const char *text)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], text) == 0)
            return true;
    }
    return false;
}

/*
 * Different texts of the fleet's labels: the values of label `name`, or (NULL) the names of all.
 * Stops early: a hint shows only the first few.
 */
static struct words known_labels(void *parent, const struct fleet *fleet, const char *name)
{
    struct words known = {0};

    for (size_t i = 0; i < fleet->tenant_count && known.count <= HINT_NAMES; i++) {
        const struct name_values *labels = &fleet->tenants[i].labels;

        for (size_t j = 0; j < labels->count; j++) {
            const struct name_value *label = &labels->items[j];
            const char *text = name ? label->value : label->name;

            if ((name && strcmp(label->name, name) != 0) || words_have(&known, text))
                continue;
            mem_grow(parent, &known.items, &known.capacity, known.count + 1);
            known.items[known.count++] = text;
        }
    }
    return known;
}

/* A label that no tenant has: says which values, or which labels, there are. */
static bool hint_label(void *mem, const struct fleet *fleet, const struct name_value *label,
                       struct err *err)
{
    struct words values = known_labels(mem, fleet, label->name);
    struct words names = known_labels(mem, fleet, NULL);
    const struct words *known = values.count > 0 ? &values : &names;
    struct strbuf list;
    size_t listed = 0;

    if (words_have(&values, label->value))
        return false;
    strbuf_init(&list, mem);
    for (size_t i = 0; i < known->count; i++)
        list_add(&list, &listed, known->items[i]);
    if (values.count > 0)
        err_hint(err, "Label \"%s\" has the values %s.", label->name, list.text);
    else if (names.count > 0)
        err_hint(err, "No tenant has a label \"%s\"; there are the labels %s.", label->name,
                 list.text);
    else
        err_hint(err, "No tenant of this fleet has a label.");
    return true;
}

static void hint_tenant(void *mem, const struct fleet *fleet, const char *word, struct err *err)
{
    const char *nearest = text_nearest(word, tenant_names(mem, fleet), fleet->tenant_count);

    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "\"pgtide list\" shows the tenants of the fleet.");
}

/* Nothing fitted: the most likely reason becomes the hint. */
static int refuse_nothing(void *mem, const struct selection *selection, const struct fleet *fleet,
                          struct err *err)
{
    if (fleet->tenant_count == 0) {
        err_set(err, ERR_NOINPUT, "there are no tenants in \"%s\"", fleet->file);
        err_hint(err, fleet->discovery_count > 0
                          ? "The entries of discover: in that file found none: check what they ask "
                            "for."
                          : "List them under tenants: in that file.");
        return -1;
    }
    err_set(err, ERR_NOINPUT, "no tenant is selected: none of %zu in \"%s\" fits",
            fleet->tenant_count, fleet->file);
    for (size_t i = 0; i < selection->labels.count; i++) {
        if (hint_label(mem, fleet, &selection->labels.items[i], err))
            return -1;
    }
    if (selection->tenants.count > 0)
        hint_tenant(mem, fleet, selection->tenants.items[0], err);
    else
        err_hint(err, "\"pgtide list\" shows the tenants of the fleet.");
    return -1;
}

/* ---- words that can only be a mistake ---- */

static bool is_glob(const char *word)
{
    return strpbrk(word, "*?[\\") != NULL;
}

/* A plain name that nobody has is refused even where other words select something. */
static int check_tenant_words(void *mem, const struct words *words, const struct fleet *fleet,
                              struct err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        bool found = is_glob(word);

        for (size_t j = 0; j < fleet->tenant_count && !found; j++)
            found = strcmp(word, fleet->tenants[j].name) == 0;
        if (!found) {
            err_set(err, ERR_NOINPUT, "there is no tenant \"%s\" in \"%s\"", word, fleet->file);
            hint_tenant(mem, fleet, word, err);
            return -1;
        }
    }
    return 0;
}

static int check_server(void *mem, const char *server, const struct fleet *fleet, struct err *err)
{
    const char **names = mem_array(mem, const char *, fleet->server_count);
    const char *nearest;
    struct strbuf list;
    size_t listed = 0;

    strbuf_init(&list, mem);
    for (size_t i = 0; i < fleet->server_count; i++) {
        names[i] = fleet->servers[i].name;
        if (strcmp(server, names[i]) == 0)
            return 0;
        list_add(&list, &listed, names[i]);
    }
    err_set(err, ERR_NOINPUT, "there is no server \"%s\" in \"%s\"", server, fleet->file);
    nearest = text_nearest(server, names, fleet->server_count);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else if (listed > 0)
        err_hint(err, "The servers are %s.", list.text);
    return -1;
}

/* ---- waves ---- */

static const struct wave *find_wave(const struct fleet *fleet, const char *name)
{
    for (size_t i = 0; i < fleet->run.wave_count; i++) {
        if (strcmp(fleet->run.waves[i].name, name) == 0)
            return &fleet->run.waves[i];
    }
    return NULL;
}

static int refuse_wave(void *mem, const char *wave, const struct fleet *fleet, struct err *err)
{
    size_t count = fleet->run.wave_count;
    const char **names = mem_array(mem, const char *, count);
    const char *nearest;
    struct strbuf list;
    size_t listed = 0;

    strbuf_init(&list, mem);
    for (size_t i = 0; i < count; i++) {
        names[i] = fleet->run.waves[i].name;
        list_add(&list, &listed, names[i]);
    }
    err_set(err, ERR_NOINPUT, "there is no wave \"%s\" in \"%s\"", wave, fleet->file);
    nearest = text_nearest(wave, names, count);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else if (count > 0)
        err_hint(err, "The waves are %s.", list.text);
    else
        err_hint(err, "It has no waves: list them under run: waves: in that file.");
    return -1;
}

/* Where chance decides anew in each run who is in a wave, nobody can ask for that wave. */
static int check_chance(const struct fleet *fleet, const struct wave *asked, struct err *err)
{
    for (const struct wave *wave = fleet->run.waves; wave <= asked; wave++) {
        if (wave->order != WAVE_ORDER_RANDOM || wave->order_seed != 0 || !wave->has_size)
            continue;
        err_set_at(err, ERR_CONFIG, fleet->file, wave->line, wave->column,
                   "wave \"%s\" is drawn anew in each run, so there is no way to tell who is in "
                   "wave \"%s\"",
                   wave->name, asked->name);
        err_hint(err, "Give its order a seed in \"%s\", then every run draws the same tenants.",
                 fleet->file);
        return -1;
    }
    return 0;
}

/* The durations known of these tenants. Owned by `parent`. */
static struct wave_history history_of(void *parent, const struct selection *selection,
                                      const struct tenant *const *tenants, size_t count)
{
    const int64_t *known = selection->history.last_duration_ms;
    int64_t *durations = known ? mem_array(parent, int64_t, count) : NULL;

    for (size_t i = 0; durations && i < count; i++)
        durations[i] = known[tenants[i]->index];
    return (struct wave_history){.last_duration_ms = durations, .seed = selection->history.seed};
}

static int deal(void *parent, const struct selection *selection, const struct fleet *fleet,
                const struct tenant *const *tenants, size_t count, struct wave_plan **ret,
                struct err *err)
{
    struct wave_history history = history_of(parent, selection, tenants, count);

    if (wave_plan_make(parent, &fleet->run, tenants, count, history, ret, err) == 0)
        return 0;
    err_place(err, fleet->file, err->line, err->column);
    return -1;
}

/* Leaves those of the wave asked for. */
static int keep_wave(void *mem, const struct selection *selection, const struct fleet *fleet,
                     const struct tenant **tenants, size_t *count, struct err *err)
{
    const struct wave *wave = find_wave(fleet, selection->wave);
    struct wave_plan *plan;
    size_t group, kept = 0;

    if (check_chance(fleet, wave, err) < 0 ||
        deal(mem, selection, fleet, tenants, *count, &plan, err) < 0)
        return -1;
    group = wave_plan_find(plan, wave);
    for (size_t i = 0; i < *count; i++) {
        if (plan->group_of[i] == group && !any_fits(&selection->excludes, tenants[i]->name))
            tenants[kept++] = tenants[i];
    }
    *count = kept;
    if (kept > 0)
        return 0;
    err_set(err, ERR_NOINPUT, "no tenant is selected: wave \"%s\" has none%s", wave->name,
            plan->groups[group].count > 0 ? " but those excluded" : "");
    err_hint(err, "\"pgtide list\" shows which tenants are in which wave.");
    return -1;
}

int selection_deal(void *parent, const struct selection *selection, const struct fleet *fleet,
                   const struct selected *selected, struct wave_plan **ret, struct err *err)
{
    const struct tenant *const *tenants = selected->tenants;

    if (!selection->wave)
        return deal(parent, selection, fleet, tenants, selected->count, ret, err);
    *ret = wave_plan_only(parent, find_wave(fleet, selection->wave), tenants, selected->count,
                          history_of(parent, selection, tenants, selected->count));
    return 0;
}

/* ---- the selection ---- */

static int check_words(void *mem, const struct selection *selection, const struct fleet *fleet,
                       struct err *err)
{
    if (selection->server && check_server(mem, selection->server, fleet, err) < 0)
        return -1;
    if (selection->wave && !find_wave(fleet, selection->wave))
        return refuse_wave(mem, selection->wave, fleet, err);
    return check_tenant_words(mem, &selection->tenants, fleet, err);
}

/* One shard, and of it the first few. */
static size_t keep_part(const struct selection *selection, const struct tenant **tenants,
                        size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (selection->shards > 0 &&
            selection_shard_of(tenants[i]->name, selection->shards) != selection->shard)
            continue;
        if (selection->limit == 0 || kept < (size_t)selection->limit)
            tenants[kept++] = tenants[i];
    }
    return kept;
}

static int refuse_suspended(const struct fleet *fleet, size_t fitting, struct err *err)
{
    err_set(err, ERR_NOINPUT, "no tenant is selected: %s suspended",
            fitting == 1 ? "the one that fits is" : "all that fit are");
    err_hint(err, "Take \"state: suspended\" away in \"%s\" to have %s taken along again.",
             fleet->file, fitting == 1 ? "it" : "them");
    return -1;
}

int selection_apply(void *parent, const struct selection *selection, const struct fleet *fleet,
                    bool keep_suspended, struct selected *ret, struct err *err)
{
    void *mem = mem_context(parent);
    const struct tenant **tenants = mem_array(mem, const struct tenant *, fleet->tenant_count);
    struct selected selected = {.tenants = tenants};
    size_t fitting = 0;
    int rc;

    keep_suspended = keep_suspended && !selection->wave;
    rc = check_words(mem, selection, fleet, err);
    for (size_t i = 0; rc == 0 && i < fleet->tenant_count; i++) {
        const struct tenant *tenant = &fleet->tenants[i];
        bool suspended = tenant->state == TENANT_SUSPENDED;

        if (!fits(selection, tenant))
            continue;
        fitting++;
        selected.suspended += suspended;
        if (!suspended || keep_suspended)
            tenants[selected.count++] = tenant;
    }
    if (rc == 0 && fitting == 0)
        rc = refuse_nothing(mem, selection, fleet, err);
    if (rc == 0 && selected.count == 0)
        rc = refuse_suspended(fleet, fitting, err);
    if (rc == 0 && selection->wave)
        rc = keep_wave(mem, selection, fleet, tenants, &selected.count, err);
    if (rc == 0) {
        selected.count = keep_part(selection, tenants, selected.count);
        talloc_steal(parent, tenants);
        *ret = selected;
    }
    talloc_free(mem);
    return rc;
}
