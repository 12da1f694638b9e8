/*
 * selection.c: the filters, and what to say when they leave nothing.
 */
#include "orchestrator/selection.h"

#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"

/* How many names a hint lists before it says "and more" */
enum { HINT_NAMES = 8 };

/* A name fits itself, whatever characters it has, or a glob. */
static bool word_fits(const char *word, const char *name)
{
    return strcmp(word, name) == 0 || text_glob(word, name);
}

static bool any_fits(const struct words *words, const char *name)
{
    for (size_t i = 0; i < words->count; i++) {
        if (word_fits(words->items[i], name))
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

static bool fits(const struct selection *selection, const struct tenant *tenant)
{
    return (selection->tenants.count == 0 || any_fits(&selection->tenants, tenant->name)) &&
           labels_hold(&selection->labels, tenant) &&
           (!selection->server || strcmp(selection->server, tenant->server->name) == 0) &&
           !any_fits(&selection->excludes, tenant->name);
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
        err_hint(err, "List them under tenants: in that file.");
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

static int check_words(void *mem, const struct selection *selection, const struct fleet *fleet,
                       struct err *err)
{
    if (selection->server && check_server(mem, selection->server, fleet, err) < 0)
        return -1;
    return check_tenant_words(mem, &selection->tenants, fleet, err);
}

int selection_apply(void *parent, const struct selection *selection, const struct fleet *fleet,
                    bool keep_suspended, struct selected *ret, struct err *err)
{
    void *mem = mem_context(parent);
    const struct tenant **tenants = mem_array(mem, const struct tenant *, fleet->tenant_count);
    struct selected selected = {.tenants = tenants};
    size_t fitting = 0;

    if (check_words(mem, selection, fleet, err) < 0)
        goto failed;
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        const struct tenant *tenant = &fleet->tenants[i];
        bool suspended = tenant->state == TENANT_SUSPENDED;

        if (!fits(selection, tenant))
            continue;
        fitting++;
        selected.suspended += suspended;
        if (suspended && !keep_suspended)
            continue;
        if (selection->shards > 0 &&
            selection_shard_of(tenant->name, selection->shards) != selection->shard)
            continue;
        if (selection->limit == 0 || selected.count < (size_t)selection->limit)
            tenants[selected.count++] = tenant;
    }
    if (fitting == 0) {
        refuse_nothing(mem, selection, fleet, err);
        goto failed;
    }
    if (selected.suspended == fitting && !keep_suspended) {
        err_set(err, ERR_NOINPUT, "no tenant is selected: %s suspended",
                fitting == 1 ? "the one that fits is" : "all that fit are");
        err_hint(err, "Take \"state: suspended\" away in \"%s\" to have %s taken along again.",
                 fleet->file, fitting == 1 ? "it" : "them");
        goto failed;
    }
    talloc_steal(parent, tenants);
    talloc_free(mem);
    *ret = selected;
    return 0;

failed:
    talloc_free(mem);
    return -1;
}
