/*
 * wave_plan.c: dealing out.
 *
 * Each wave sorts those that are still to be had and fit it, takes from the front what its size
 * allows, and leaves the others to the waves behind it.
 */
#include "orchestrator/wave_plan.h"

#include "common/mem.h"
#include "common/strbuf.h"

enum { NAMES_SHOWN = 3 }; /* in the message about those left over */

/* --- orders ------------------------------------------------------------------------------ */

/* What a tenant is sorted by: text (NULL behind all others), then number, then its position. */
struct sort_key {
    const char *text;
    int64_t number;
    size_t job;
};

static int compare_keys(const void *left, const void *right)
{
    const struct sort_key *a = left;
    const struct sort_key *b = right;
    int texts = a->text && b->text ? strcmp(a->text, b->text) : (!a->text) - (!b->text);

    if (texts != 0)
        return texts;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->job < b->job ? -1 : a->job > b->job;
}

/* A number by seed and name alone (FNV-1a, then the finalizer of splitmix64), so that a tenant's
 * place among others does not depend on who else is selected. */
static int64_t drawn(int64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    hash += (uint64_t)seed * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return (int64_t)((hash ^ (hash >> 31)) >> 1);
}

static struct sort_key make_key(const struct wave *wave, const struct tenant *tenant, size_t job,
                                struct wave_history history)
{
    struct sort_key key = {.job = job};

    switch (wave ? wave->order : WAVE_ORDER_INVENTORY) {
    case WAVE_ORDER_INVENTORY:
        break;
    case WAVE_ORDER_NAME:
        key.text = tenant->name;
        break;
    case WAVE_ORDER_LABEL:
        key.text = name_values_get(&tenant->labels, wave->order_label);
        break;
    case WAVE_ORDER_LAST_DURATION:
        if (history.last_duration_ms && history.last_duration_ms[job] >= 0)
            key.number = -history.last_duration_ms[job];
        else
            key.number = INT64_MIN;
        break;
    case WAVE_ORDER_RANDOM:
        key.number = drawn(wave->order_seed ? wave->order_seed : history.seed, tenant->name);
        break;
    }
    return key;
}

/* --- taking ------------------------------------------------------------------------------ */

struct dealing {
    struct wave_plan *plan;
    size_t count; /* of tenants */
    size_t *group_of;
    struct wave_history history;
    struct sort_key *keys; /* of the wave that takes */
};

static bool fits_match(const struct wave_match *match, const struct tenant *tenant)
{
    const char *value = name_values_get(&tenant->labels, match->label);

    for (size_t i = 0; value && i < match->count; i++) {
        if (text_fits(match->globs[i], value))
            return true;
    }
    return false;
}

static bool fits(const struct wave *wave, const struct tenant *tenant)
{
    for (size_t i = 0; wave && i < wave->match_count; i++) {
        if (!fits_match(&wave->matches[i], tenant))
            return false;
    }
    return true;
}

static size_t room_of(const struct wave *wave, size_t dealt)
{
    return wave && wave->has_size ? (size_t)text_size_of(wave->size, (int64_t)dealt) : SIZE_MAX;
}

/* The first `count` keys, in order, are the group's. */
static void fill_group(struct dealing *dealing, size_t group, size_t count)
{
    size_t *jobs = mem_array(dealing->plan, size_t, count);

    for (size_t i = 0; i < count; i++) {
        jobs[i] = dealing->keys[i].job;
        dealing->group_of[jobs[i]] = group;
    }
    dealing->plan->groups[group].jobs = jobs;
    dealing->plan->groups[group].count = count;
}

/* Those of group `from` (WAVE_PLAN_NONE: those still to be had) that fit go to `group`. */
static void take(struct dealing *dealing, size_t group, size_t from)
{
    const struct wave *wave = dealing->plan->groups[group].wave;
    const struct tenant *const *tenants = dealing->plan->tenants;
    size_t room = from == WAVE_PLAN_NONE ? room_of(wave, dealing->plan->dealt) : SIZE_MAX;
    size_t count = 0;

    for (size_t job = 0; job < dealing->count; job++) {
        if (dealing->group_of[job] == from && tenants[job]->state != TENANT_SUSPENDED &&
            (from != WAVE_PLAN_NONE || fits(wave, tenants[job])))
            dealing->keys[count++] = make_key(wave, tenants[job], job, dealing->history);
    }
    qsort(dealing->keys, count, sizeof(*dealing->keys), compare_keys);
    fill_group(dealing, group, count < room ? count : room);
}

/* --- plans ------------------------------------------------------------------------------- */

static void begin(struct dealing *dealing, void *parent, const struct tenant *const *tenants,
                  size_t count, struct wave_history history)
{
    struct wave_plan *plan = mem_new(parent, struct wave_plan);

    plan->tenants = tenants;
    plan->seed = history.seed;
    for (size_t job = 0; job < count; job++)
        plan->dealt += tenants[job]->state != TENANT_SUSPENDED;
    *dealing = (struct dealing){.plan = plan, .count = count, .history = history};
    dealing->group_of = mem_array(plan, size_t, count);
    for (size_t job = 0; job < count; job++)
        dealing->group_of[job] = WAVE_PLAN_NONE;
    dealing->keys = mem_array(plan, struct sort_key, count);
    plan->group_of = dealing->group_of;
}

static void add_groups(struct dealing *dealing, const struct wave *waves, size_t count)
{
    struct wave_plan *plan = dealing->plan;

    plan->group_count = count > 0 ? count : 1;
    plan->groups = mem_array(plan, struct wave_group, plan->group_count);
    for (size_t i = 0; i < count; i++)
        plan->groups[i].wave = &waves[i];
}

static struct wave_plan *finish(struct dealing *dealing)
{
    talloc_free(dealing->keys);
    return dealing->plan;
}

/* Some fit no wave. */
static int refuse_left_over(const struct dealing *dealing, size_t left, const struct wave *last,
                            struct err *err)
{
    struct strbuf names;
    size_t shown = 0;

    strbuf_init(&names, NULL);
    for (size_t job = 0; job < dealing->count && shown < NAMES_SHOWN; job++) {
        const struct tenant *tenant = dealing->plan->tenants[job];

        if (dealing->group_of[job] == WAVE_PLAN_NONE && tenant->state != TENANT_SUSPENDED)
            strbuf_printf(&names, "%s\"%s\"", shown++ ? ", " : "", tenant->name);
    }
    if (left > shown)
        strbuf_printf(&names, " and %zu more", left - shown);
    err_set_at(err, ERR_CONFIG, NULL, last->line, last->column, "%s no wave: %s",
               left == 1 ? "one tenant fits" : "some tenants fit", names.text);
    err_hint(err, "Add a last wave that takes the rest: - {name: rest}");
    strbuf_release(&names);
    return -1;
}

int wave_plan_make(void *parent, const struct run_config *config,
                   const struct tenant *const *tenants, size_t count, struct wave_history history,
                   struct wave_plan **ret, struct err *err)
{
    struct dealing dealing;
    size_t left;

    begin(&dealing, parent, tenants, count, history);
    add_groups(&dealing, config->waves, config->wave_count);
    left = dealing.plan->dealt;
    for (size_t group = 0; group < dealing.plan->group_count; group++) {
        take(&dealing, group, WAVE_PLAN_NONE);
        left -= dealing.plan->groups[group].count;
    }
    *ret = finish(&dealing);
    if (left > 0)
        return refuse_left_over(&dealing, left, &config->waves[config->wave_count - 1], err);
    return 0;
}

struct wave_plan *wave_plan_given(void *parent, const struct run_config *config,
                                  const struct tenant *const *tenants, size_t count,
                                  struct wave_history history, const size_t *group_of)
{
    struct dealing dealing;

    begin(&dealing, parent, tenants, count, history);
    add_groups(&dealing, config->waves, config->wave_count);
    for (size_t job = 0; job < count; job++)
        dealing.group_of[job] = group_of[job];
    for (size_t group = 0; group < dealing.plan->group_count; group++)
        take(&dealing, group, group);
    dealing.plan->given = true;
    return finish(&dealing);
}

struct wave_plan *wave_plan_only(void *parent, const struct wave *wave,
                                 const struct tenant *const *tenants, size_t count,
                                 struct wave_history history)
{
    struct dealing dealing;
    struct wave *alone = NULL;

    begin(&dealing, parent, tenants, count, history);
    if (wave) {
        alone = mem_new(dealing.plan, struct wave);
        *alone = *wave;
        alone->depends_on_count = 0;
    }
    add_groups(&dealing, alone, alone ? 1 : 0);
    for (size_t job = 0; job < count; job++)
        dealing.group_of[job] = 0;
    take(&dealing, 0, 0);
    dealing.plan->given = true;
    return finish(&dealing);
}

/* --- questions about a plan -------------------------------------------------------------- */

size_t wave_plan_find(const struct wave_plan *plan, const struct wave *wave)
{
    for (size_t i = 0; i < plan->group_count; i++) {
        if (plan->groups[i].wave == wave)
            return i;
    }
    return WAVE_PLAN_NONE;
}

bool wave_plan_is_random(const struct wave_plan *plan)
{
    for (size_t i = 0; i < plan->group_count; i++) {
        const struct wave *wave = plan->groups[i].wave;

        if (wave && wave->order == WAVE_ORDER_RANDOM && wave->order_seed == 0)
            return true;
    }
    return false;
}

static void add_size(struct strbuf *out, const struct wave_plan *plan,
                     const struct wave_group *group)
{
    struct text_size size = group->wave->size;

    if (plan->given)
        strbuf_printf(out, "size %lld%s", (long long)size.value, size.percent ? "%" : "");
    else if (size.percent)
        strbuf_printf(out, "%zu of %zu (%lld%%)", group->count, plan->dealt, (long long)size.value);
    else
        strbuf_printf(out, "%zu of %zu", group->count, plan->dealt);
}

char *wave_plan_reason(void *parent, const struct wave_plan *plan, size_t job)
{
    const struct wave_group *group;
    struct strbuf out;

    if (plan->group_of[job] == WAVE_PLAN_NONE || !plan->groups[plan->group_of[job]].wave)
        return NULL;
    group = &plan->groups[plan->group_of[job]];
    strbuf_init(&out, parent);
    for (size_t i = 0; i < group->wave->match_count; i++) {
        const char *label = group->wave->matches[i].label;
        const char *value = name_values_get(&plan->tenants[job]->labels, label);

        strbuf_printf(&out, "%s%s=%s", i ? " " : "", label, value ? value : "");
    }
    if (group->wave->has_size) {
        strbuf_str(&out, out.len ? ", " : "");
        add_size(&out, plan, group);
    }
    if (out.len == 0)
        strbuf_str(&out, "the rest");
    return out.text;
}
