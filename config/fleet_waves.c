/*
 * fleet_waves.c: waves one by one, then what they are to each other.
 */
#include "config/fleet_waves.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/strmap.h"
#include "config/fields.h"
#include "config/fleet_hooks.h"
#include "config/fleet_labels.h"

/* One of run.waves, before its parts are put together. */
struct entry {
    struct wave wave;
    const struct yaml_node *node; /* all of it */
    const struct yaml_node *match;
    const struct yaml_node *order_by;
    const struct yaml_node *gate;
    const struct yaml_node *depends_on;
};

struct waves {
    struct reader *r;
    struct entry *entries;
    size_t count;
    struct strmap *by_name; /* to entries */
};

#define AT(member) .offset = offsetof(struct entry, member)
#define HAS(member) .has = offsetof(struct entry, member)

static const struct field wave_fields[] = {
    {.key = "name", .kind = FIELD_NAME, AT(wave.name)},
    {.key = "match", .kind = FIELD_MAP_NODE, AT(match)},
    {.key = "size", .kind = FIELD_SIZE, AT(wave.size), HAS(wave.has_size)},
    {.key = "order_by", .kind = FIELD_NODE, AT(order_by)},
    {.key = "workers", .kind = FIELD_INT, AT(wave.workers), .min = 1, .max = 1024},
    {.key = "per_server", .kind = FIELD_INT, AT(wave.per_server), .min = 1, .max = 1024},
    {.key = "ramp_up", .kind = FIELD_BOOL, AT(wave.ramp_up)},
    {.key = "max_failures", .kind = FIELD_SIZE, AT(wave.max_failures), HAS(wave.has_max_failures)},
    {.key = "max_unreachable",
     .kind = FIELD_SIZE,
     AT(wave.max_unreachable),
     HAS(wave.has_max_unreachable)},
    {.key = "soak", .kind = FIELD_DURATION, AT(wave.soak_ms)},
    {.key = "gate", .kind = FIELD_MAP_NODE, AT(gate)},
    {.key = "confirm", .kind = FIELD_BOOL, AT(wave.confirm)},
    {.key = "depends_on", .kind = FIELD_LIST_NODE, AT(depends_on)},
};

static const struct field_table wave_table = {
    .name = "a wave", .fields = wave_fields, .count = ARRAY_LEN(wave_fields)};

/* --- who belongs to it ------------------------------------------------------------------------ */

static void read_one_match(struct reader *r, const struct yaml_pair *pair, struct wave_match *match)
{
    const struct yaml_node *value = pair->value;
    bool list = value->type == NODE_LIST;
    const char **globs = arena_alloc(r->arena, (list ? value->count : 1) * sizeof(*globs));

    if (list && value->count == 0)
        reader_error(r, value, "the label %s is to match nothing", reader_quote(r, pair->key));
    *match = (struct wave_match){.label = arena_strdup(r->arena, pair->key->text), .globs = globs};
    for (uint32_t i = 0; i < (list ? value->count : 1); i++) {
        globs[match->count] = reader_text(r, pair->key->text, list ? value->items[i] : pair->value);
        match->count += globs[match->count] != NULL;
    }
}

static void read_match(struct reader *r, const struct yaml_node *node, struct wave *wave)
{
    struct wave_match *matches = arena_alloc(r->arena, node->count * sizeof(*matches));

    for (uint32_t i = 0; i < node->count; i++) {
        if (fleet_labels_check_name(r, node->pairs[i].key))
            read_one_match(r, &node->pairs[i], &matches[wave->match_count++]);
    }
    wave->matches = matches;
}

/* --- in which order --------------------------------------------------------------------------- */

struct order {
    int word;
    const char *label;
    const struct yaml_node *seed;
};

static const char *const order_words[] = {"name", "last_duration", "random", NULL};
static const enum wave_order orders[] = {WAVE_ORDER_NAME, WAVE_ORDER_LAST_DURATION,
                                         WAVE_ORDER_RANDOM};

static const struct field order_word = {.key = "order_by",
                                        .kind = FIELD_CHOICE,
                                        .offset = offsetof(struct order, word),
                                        .choices = order_words};

static const struct field order_fields[] = {
    {.key = "label", .kind = FIELD_NAME, .offset = offsetof(struct order, label)},
    {.key = "random", .kind = FIELD_NODE, .offset = offsetof(struct order, seed)},
};

static const struct field_table order_table = {
    .name = "order_by", .fields = order_fields, .count = ARRAY_LEN(order_fields)};

static void read_seed(struct reader *r, const struct yaml_node *node, struct wave *wave)
{
    const char *text = reader_text(r, "random", node);

    if (text && !text_to_int64(text, 1, INT64_MAX, &wave->order_seed))
        reader_error(r, node, "\"random\" must be a whole number of at least 1, not %s",
                     reader_quote(r, node));
}

static void read_order(struct reader *r, const struct yaml_node *node, struct wave *wave)
{
    struct order order = {.word = -1};

    if (node->type != NODE_MAP) {
        fields_read_one(r, &order_word, node, &order);
        if (order.word >= 0)
            wave->order = orders[order.word];
        return;
    }
    fields_read(r, node, &order_table, &order);
    if (node->count != 1)
        err_hint(reader_error(r, node, "\"order_by\" must have one key, not %u", node->count),
                 "Write {label: NAME} or {random: SEED}.");
    else if (order.label)
        wave->order = WAVE_ORDER_LABEL;
    else if (order.seed)
        wave->order = WAVE_ORDER_RANDOM;
    wave->order_label = order.label;
    if (order.seed)
        read_seed(r, order.seed, wave);
}

/* --- one wave --------------------------------------------------------------------------------- */

static void check_size(struct reader *r, const struct entry *entry)
{
    if (entry->wave.has_size && entry->wave.size.value == 0)
        err_hint(reader_error(r, yaml_tree_find(entry->node, "size")->value,
                              "a wave of size 0 never gets a tenant"),
                 "Give it a size such as 10 or 5%%, or take the wave out.");
}

static void check_name(struct waves *w, struct entry *entry)
{
    const struct yaml_pair *pair = yaml_tree_find(entry->node, "name");
    const struct entry *first;

    if (!pair) {
        err_hint(reader_error(w->r, entry->node, "the wave has no \"name\""),
                 "Give every wave a name of its own.");
        return;
    }
    if (!entry->wave.name)
        return;
    first = strmap_add(w->by_name, entry->wave.name, entry);
    if (first)
        err_detail(reader_error(w->r, pair->value, "duplicate wave \"%s\"", entry->wave.name),
                   "The first one is in line %d.", first->wave.line);
}

static void read_wave(struct waves *w, const struct yaml_node *node, struct entry *entry)
{
    struct wave *wave = &entry->wave;

    entry->node = node;
    wave->line = node->line;
    wave->column = node->column;
    if (node->type != NODE_MAP) {
        if (node->type != NODE_BROKEN)
            err_hint(reader_error(w->r, node, "a wave must be a map, not %s",
                                  yaml_tree_is_null(node) ? "nothing" : yaml_tree_type_name(node)),
                     "Write {name: ..., match: {LABEL: VALUE}} or {name: ..., size: 10%%}.");
        return;
    }
    fields_read(w->r, node, &wave_table, entry);
    check_name(w, entry);
    check_size(w->r, entry);
    if (entry->match)
        read_match(w->r, entry->match, wave);
    if (entry->order_by)
        read_order(w->r, entry->order_by, wave);
    if (entry->gate)
        fleet_hooks_read_gate(w->r, entry->gate, &wave->gate);
}

/* --- what they are to each other -------------------------------------------------------------- */

static bool takes_all(const struct entry *entry)
{
    const struct wave *wave = &entry->wave;

    if (entry->node->type != NODE_MAP || (entry->match && entry->match->count > 0))
        return false;
    return !yaml_tree_find(entry->node, "size") || (wave->size.percent && wave->size.value == 100);
}

/* The waves behind one that takes all the rest. */
static void check_reachable(struct waves *w)
{
    const struct entry *all = NULL;

    for (size_t i = 0; i < w->count; i++) {
        const struct entry *entry = &w->entries[i];

        if (all && entry->wave.name && all->wave.name)
            err_hint(reader_error(w->r, entry->node,
                                  "the wave \"%s\" can never get a tenant: \"%s\" before it takes "
                                  "the rest",
                                  entry->wave.name, all->wave.name),
                     "Put \"%s\" last, or give it match: or size:.", all->wave.name);
        if (!all && takes_all(entry))
            all = entry;
    }
}

static void report_no_wave(struct waves *w, const struct yaml_node *node, const char *name)
{
    const char **names = mem_array(w->r->scratch, const char *, w->count);
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++) {
        if (w->entries[i].wave.name)
            names[count++] = w->entries[i].wave.name;
    }
    reader_suggest(reader_error(w->r, node, "no wave %s in waves", reader_quote(w->r, node)), name,
                   names, count);
    talloc_free(names);
}

static void read_depends_on(struct waves *w, struct entry *entry)
{
    const struct yaml_node *node = entry->depends_on;
    size_t position = (size_t)(entry - w->entries);
    bool usual = !node && position > 0; /* the wave before it */
    size_t *list = arena_alloc(w->r->arena, (node ? node->count : 1) * sizeof(*list));

    entry->wave.depends_on = list;
    if (usual)
        list[entry->wave.depends_on_count++] = position - 1;
    for (uint32_t i = 0; node && i < node->count; i++) {
        const char *name = reader_text(w->r, "depends_on", node->items[i]);
        const struct entry *other = name ? strmap_get(w->by_name, name) : NULL;

        if (other == entry)
            reader_error(w->r, node->items[i], "the wave \"%s\" waits for itself", name);
        else if (other)
            list[entry->wave.depends_on_count++] = (size_t)(other - w->entries);
        else if (name)
            report_no_wave(w, node->items[i], name);
    }
}

/* The first wave that `entry` waits for and that is not among the `passed`; NULL: none. */
static const struct entry *waits_for(const struct waves *w, const struct entry *entry,
                                     const bool *passed)
{
    for (size_t i = 0; i < entry->wave.depends_on_count; i++) {
        if (!passed[entry->wave.depends_on[i]])
            return &w->entries[entry->wave.depends_on[i]];
    }
    return NULL;
}

/* `entry` can never start: it waits for a circle, or is of one. */
static void report_circle(struct waves *w, const struct entry *entry, const bool *passed)
{
    const struct entry *first;
    struct strbuf text;

    for (size_t i = 0; i < w->count; i++) /* so many steps end within the circle */
        entry = waits_for(w, entry, passed);
    first = entry;
    strbuf_init(&text, w->r->scratch);
    do {
        strbuf_printf(&text, "\"%s\" -> ", entry->wave.name);
        entry = waits_for(w, entry, passed);
    } while (entry != first);
    err_hint(reader_error(w->r, first->node, "waves wait for each other: %s\"%s\"", text.text,
                          first->wave.name),
             "A wave without depends_on waits for the one before it; \"depends_on: []\" waits for "
             "none.");
    strbuf_release(&text);
}

/* Lets waves pass until none is left or all that are left wait. */
static void check_circles(struct waves *w)
{
    bool *passed = mem_array(w->r->scratch, bool, w->count);
    const struct entry *stuck;
    bool moved;

    do {
        moved = false;
        stuck = NULL;
        for (size_t i = 0; i < w->count; i++) {
            if (passed[i])
                continue;
            passed[i] = waits_for(w, &w->entries[i], passed) == NULL;
            moved = moved || passed[i];
            if (!passed[i] && !stuck)
                stuck = &w->entries[i];
        }
    } while (moved && stuck);
    if (stuck)
        report_circle(w, stuck, passed);
    talloc_free(passed);
}

void fleet_waves_read(struct reader *r, const struct yaml_node *node, struct run_config *run)
{
    struct waves w = {.r = r, .count = node->count, .by_name = strmap_new(r->scratch)};
    struct wave *waves = arena_alloc(r->arena, node->count * sizeof(*waves));
    size_t errors = r->errors->count;

    w.entries = mem_array(r->scratch, struct entry, node->count);
    for (size_t i = 0; i < w.count; i++) {
        w.entries[i].wave.ramp_up = run->ramp_up;
        read_wave(&w, node->items[i], &w.entries[i]);
    }
    for (size_t i = 0; i < w.count; i++)
        read_depends_on(&w, &w.entries[i]);
    check_reachable(&w);
    if (r->errors->count == errors)
        check_circles(&w);
    for (size_t i = 0; i < w.count; i++)
        waves[i] = w.entries[i].wave;
    run->waves = waves;
    run->wave_count = w.count;
}

/* --- labels that nobody has ------------------------------------------------------------------- */

static bool label_fits(const struct wave_match *match, const struct tenant *tenant)
{
    const char *value = name_values_get(&tenant->labels, match->label);

    for (size_t i = 0; value && i < match->count; i++) {
        if (text_fits(match->globs[i], value))
            return true;
    }
    return false;
}

static void warn_label(struct fleet *fleet, const struct wave *wave, const struct wave_match *match)
{
    size_t capacity = fleet->warning_count;
    struct strbuf text;

    strbuf_init(&text, fleet);
    strbuf_printf(&text, "%s:%d: no tenant has what wave \"%s\" matches: %s = ", fleet->file,
                  wave->line, wave->name, match->label);
    for (size_t i = 0; i < match->count; i++)
        strbuf_printf(&text, "%s%s", i > 0 ? " or " : "", match->globs[i]);
    mem_grow(fleet, &fleet->warnings, &capacity, fleet->warning_count + 1);
    fleet->warnings[fleet->warning_count++] = text.text;
}

void fleet_waves_check_labels(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->run.wave_count; i++) {
        const struct wave *wave = &fleet->run.waves[i];

        for (size_t j = 0; j < wave->match_count; j++) {
            size_t k = 0;

            while (k < fleet->tenant_count && !label_fits(&wave->matches[j], &fleet->tenants[k]))
                k++;
            if (k == fleet->tenant_count)
                warn_label(fleet, wave, &wave->matches[j]);
        }
    }
}
