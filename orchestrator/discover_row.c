/*
 * discover_row.c: keys and values of one row.
 */
#include "orchestrator/discover_row.h"

#include "common/mem.h"

struct pairs {
    struct name_value *items;
    size_t count;
    size_t capacity;
};

struct discover_row {
    void *mem; /* of the values of one row */
    struct found_tenant tenant;
    struct pairs labels;
    struct pairs vars;
};

/* The keys whose value is one text, and where it goes. */
static const struct {
    const char *key;
    size_t offset;
} plain_keys[] = {
    {"name", offsetof(struct found_tenant, name)},
    {"server", offsetof(struct found_tenant, server)},
    {"database", offsetof(struct found_tenant, database)},
    {"schema", offsetof(struct found_tenant, schema)},
    {"state", offsetof(struct found_tenant, state)},
};

struct discover_row *discover_row_new(const void *parent)
{
    struct discover_row *row = mem_new(parent, struct discover_row);

    row->mem = mem_context(row);
    return row;
}

void discover_row_begin(struct discover_row *row)
{
    talloc_free_children(row->mem);
    row->tenant = (struct found_tenant){.name = NULL};
    row->labels.count = 0;
    row->vars.count = 0;
}

/* "labels.ring" is "ring" of the labels; NULL: of neither. */
static struct pairs *find_pairs(struct discover_row *row, const char *key, const char **ret_rest)
{
    struct pairs *pairs = NULL;
    size_t len = 0;

    if (strncmp(key, "labels", 6) == 0) {
        pairs = &row->labels;
        len = 6;
    } else if (strncmp(key, "vars", 4) == 0) {
        pairs = &row->vars;
        len = 4;
    }
    if (!pairs || (key[len] != '\0' && key[len] != '.'))
        return NULL;
    *ret_rest = key[len] == '.' ? key + len + 1 : NULL;
    return pairs;
}

int discover_row_check_key(const char *key, struct err *err)
{
    static const char *const known[] = {"name",  "server", "database", "schema",
                                        "state", "labels", "vars"};
    struct discover_row unused;
    const char *rest;
    const char *nearest;

    for (size_t i = 0; i < ARRAY_LEN(plain_keys); i++) {
        if (strcmp(plain_keys[i].key, key) == 0)
            return 0;
    }
    if (find_pairs(&unused, key, &rest) && (!rest || *rest))
        return 0;
    err_set(err, ERR_DATA, "unknown name \"%s\"", key);
    nearest = text_nearest(key, known, ARRAY_LEN(known));
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "There may be name, server, database, schema, state, labels, labels.NAME, "
                      "vars and vars.NAME.");
    return -1;
}

static int add_pair(struct discover_row *row, struct pairs *pairs, const char *name,
                    const char *value, struct err *err)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, name) == 0)
            return err_set(err, ERR_DATA, "the %s \"%s\" is given twice",
                           pairs == &row->labels ? "label" : "variable", name);
    }
    mem_grow(row, &pairs->items, &pairs->capacity, pairs->count + 1);
    pairs->items[pairs->count++] =
        (struct name_value){mem_strdup(row->mem, name), mem_strdup(row->mem, value)};
    return 0;
}

/* A value as text, owned by the row; *ret NULL: there is none. */
static int scalar_text(struct discover_row *row, const char *key, const json_t *value,
                       const char **ret, struct err *err)
{
    char *text;

    *ret = NULL;
    if (json_is_null(value))
        return 0;
    if (json_is_string(value)) {
        *ret = mem_strdup(row->mem, json_string_value(value));
        return 0;
    }
    if (json_is_object(value) || json_is_array(value))
        return err_set(err, ERR_DATA, "\"%s\" must be text, a number, true or false", key);
    text = json_dumps(value, JSON_ENCODE_ANY);
    *ret = mem_strdup(row->mem, text);
    free(text);
    return 0;
}

static int set_pairs(struct discover_row *row, struct pairs *pairs, const char *key,
                     const json_t *object, struct err *err)
{
    json_t *own = (json_t *)(uintptr_t)object; /* jansson iterates over what it could change */
    const char *name;
    const char *text;
    json_t *value;

    if (json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return err_set(err, ERR_DATA, "\"%s\" must be a JSON object", key);
    json_object_foreach(own, name, value)
    {
        if (scalar_text(row, name, value, &text, err) < 0 ||
            (text && add_pair(row, pairs, name, text, err) < 0))
            return -1;
    }
    return 0;
}

static void set_plain(struct discover_row *row, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(plain_keys); i++) {
        if (strcmp(plain_keys[i].key, key) == 0)
            *(const char **)(void *)((char *)&row->tenant + plain_keys[i].offset) = value;
    }
}

int discover_row_set_json(struct discover_row *row, const char *key, const json_t *value,
                          struct err *err)
{
    const char *rest;
    struct pairs *pairs = find_pairs(row, key, &rest);
    const char *text;

    if (pairs && !rest)
        return set_pairs(row, pairs, key, value, err);
    if (scalar_text(row, key, value, &text, err) < 0)
        return -1;
    if (text && pairs)
        return add_pair(row, pairs, rest, text, err);
    if (text)
        set_plain(row, key, text);
    return 0;
}

int discover_row_set(struct discover_row *row, const char *key, const char *value, struct err *err)
{
    const char *rest;
    struct pairs *pairs = find_pairs(row, key, &rest);
    json_error_t problem;
    json_t *object;
    int rc;

    if (!value)
        return 0;
    if (pairs && rest)
        return add_pair(row, pairs, rest, value, err);
    if (!pairs) {
        set_plain(row, key, mem_strdup(row->mem, value));
        return 0;
    }
    object = json_loads(value, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!object)
        return err_set(err, ERR_DATA, "\"%s\" is not JSON: %s", key, problem.text);
    rc = set_pairs(row, pairs, key, object, err);
    json_decref(object);
    return rc;
}

const struct found_tenant *discover_row_tenant(struct discover_row *row)
{
    row->tenant.labels = (struct name_values){row->labels.items, row->labels.count};
    row->tenant.vars = (struct name_values){row->vars.items, row->vars.count};
    return &row->tenant;
}
