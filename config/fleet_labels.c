/*
 * fleet_labels.c: labels and variables.
 */
#include "config/fleet_labels.h"

#include "config/fields.h"

static bool is_var_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

    return *name && strchr(first, *name) && name[strspn(name, rest)] == '\0';
}

static bool is_taken(const char *name)
{
    static const char *const taken[] = {"tenant",  "run",      "batch",     "token",
                                        "started", "seed_row", "seed_line", "seed_column"};

    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (strcmp(taken[i], name) == 0)
            return true;
    }
    return false;
}

bool fleet_labels_is_name(enum fleet_labels_kind kind, const char *name)
{
    if (kind == VARS)
        return is_var_name(name) && !is_taken(name);
    return *name && !strchr(name, '=') && !reader_has_control(name);
}

static bool check_var_name(struct reader *r, const struct yaml_node *key)
{
    if (!is_var_name(key->text)) {
        err_hint(reader_error(r, key, "%s is not a name for a variable", reader_quote(r, key)),
                 "Names of vars are made of a-z, 0-9 and _, and do not start with a digit.");
        return false;
    }
    if (!is_taken(key->text))
        return true;
    err_hint(reader_error(r, key, "the variable \"%s\" is set by pgtide", key->text),
             "Choose another name.");
    return false;
}

bool fleet_labels_check_name(struct reader *r, const struct yaml_node *key)
{
    if (!fields_check_name(r, "the name of a label", key, key->text))
        return false;
    if (!strchr(key->text, '='))
        return true;
    err_hint(reader_error(r, key, "the label %s has \"=\" in its name", reader_quote(r, key)),
             "Labels are selected by --label KEY=VALUE.");
    return false;
}

static bool check_key(struct reader *r, const struct yaml_node *key, enum fleet_labels_kind kind)
{
    return kind == VARS ? check_var_name(r, key) : fleet_labels_check_name(r, key);
}

struct name_values fleet_labels_read(struct reader *r, const struct yaml_node *node,
                                     enum fleet_labels_kind kind, const struct name_values *base)
{
    size_t base_count = base ? base->count : 0;
    struct name_value *items;
    size_t count = 0;

    if (!node || node->count == 0)
        return base ? *base : (struct name_values){0};
    items = arena_alloc(r->arena, (base_count + node->count) * sizeof(*items));
    for (size_t i = 0; i < base_count; i++) {
        if (!yaml_tree_find(node, base->items[i].name))
            items[count++] = base->items[i];
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        const char *value;

        if (!check_key(r, key, kind))
            continue;
        value = reader_text(r, key->text, node->pairs[i].value);
        if (value)
            items[count++] = (struct name_value){arena_strdup(r->arena, key->text), value};
    }
    return (struct name_values){items, count};
}
