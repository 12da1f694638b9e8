/*
 * fields.c: one function for each kind of value, and the loop over a map's keys.
 */
#include "config/fields.h"

#include "common/mem.h"
#include "common/text.h"

/* PostgreSQL keeps its time-outs as 31 bits of milliseconds, about 24 days. */
static const int64_t longest_ms = INT32_MAX;

/* PostgreSQL cuts longer identifiers, and then two tenants may be one. */
enum { LONGEST_SQL_NAME = 63 };

typedef void (*reader_func)(struct reader *r, const struct field *field,
                            const struct yaml_node *node, void *place);

bool fields_check_name(struct reader *r, const char *key, const struct yaml_node *node,
                       const char *text)
{
    if (!*text)
        reader_error(r, node, "\"%s\" must not be empty", key);
    else if (reader_has_control(text))
        reader_error(r, node, "\"%s\" has a control character", key);
    else
        return true;
    return false;
}

bool fields_check_sql_name(struct reader *r, const char *key, const struct yaml_node *node,
                           const char *text)
{
    if (!fields_check_name(r, key, node, text))
        return false;
    if (strlen(text) <= LONGEST_SQL_NAME)
        return true;
    err_detail(reader_error(r, node, "\"%s\" is longer than PostgreSQL's limit of %d bytes", key,
                            LONGEST_SQL_NAME),
               "It has %zu bytes.", strlen(text));
    return false;
}

static void read_text(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    const char *text = reader_text(r, field->key, node);

    if (text && !*text)
        reader_error(r, node, "\"%s\" must not be empty", field->key);
    else if (text)
        *(const char **)place = text;
}

static void read_name(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    const char *text = reader_text(r, field->key, node);

    if (text && fields_check_name(r, field->key, node, text))
        *(const char **)place = text;
}

static void read_sql_name(struct reader *r, const struct field *field, const struct yaml_node *node,
                          void *place)
{
    const char *text = reader_text(r, field->key, node);

    if (text && fields_check_sql_name(r, field->key, node, text))
        *(const char **)place = text;
}

static void read_path(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    const char *text = reader_text(r, field->key, node);

    if (text && fields_check_name(r, field->key, node, text))
        *(const char **)place = reader_path(r, text);
}

static void read_int(struct reader *r, const struct field *field, const struct yaml_node *node,
                     void *place)
{
    const char *text = reader_text(r, field->key, node);
    int64_t value;

    if (!text)
        return;
    if (text_to_int64(text, field->min, field->max, &value))
        *(int *)place = (int)value;
    else
        reader_error(r, node, "\"%s\" must be a whole number from %d to %d, not %s", field->key,
                     field->min, field->max, reader_quote(r, node));
}

static void read_duration(struct reader *r, const struct field *field, const struct yaml_node *node,
                          void *place)
{
    const char *text = reader_text(r, field->key, node);
    int64_t value;

    if (!text)
        return;
    if (!text_to_duration(text, &value)) {
        struct err *err =
            reader_error(r, node, "\"%s\" must be a duration such as 500ms, 10s, 5m or 4h, not %s",
                         field->key, reader_quote(r, node));

        if (text_to_int64(text, 0, INT64_MAX, &value))
            err_hint(err, "Write the unit too: %ss for seconds, %sms for milliseconds.", text,
                     text);
    } else if (value > longest_ms) {
        reader_error(r, node, "\"%s\" must be at most 24d, not %s", field->key,
                     reader_quote(r, node));
    } else {
        *(int64_t *)place = value;
    }
}

static void read_size(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    const char *text = reader_text(r, field->key, node);
    struct text_size value;

    if (!text)
        return;
    if (text_to_size(text, &value)) {
        *(struct text_size *)place = value;
        if (field->has)
            *((bool *)((char *)place - field->offset + field->has)) = true;
        return;
    }
    reader_error(r, node, "\"%s\" must be a whole number such as 3, or a share such as 5%%, not %s",
                 field->key, reader_quote(r, node));
}

/* The position of the value in `choices`, or -1. */
static int choose(struct reader *r, const char *key, const struct yaml_node *node,
                  const char *const *choices)
{
    const char *text = reader_text(r, key, node);
    const char *list = "";
    int count = 0;

    if (!text)
        return -1;
    for (; choices[count]; count++) {
        if (strcmp(choices[count], text) == 0)
            return count;
    }
    for (int i = 0; i < count; i++)
        list = mem_printf(r->scratch, "%s%s%s", list,
                          i == 0           ? ""
                          : i == count - 1 ? " or "
                                           : ", ",
                          choices[i]);
    reader_suggest(
        reader_error(r, node, "\"%s\" must be %s, not %s", key, list, reader_quote(r, node)), text,
        choices, (size_t)count);
    return -1;
}

static void read_choice(struct reader *r, const struct field *field, const struct yaml_node *node,
                        void *place)
{
    int choice = choose(r, field->key, node, field->choices);

    if (choice >= 0)
        *(int *)place = choice;
}

static void read_allow(struct reader *r, const struct field *field, const struct yaml_node *node,
                       void *place)
{
    static const char *const words[] = {"refuse", "allow", NULL};
    int choice = choose(r, field->key, node, words);

    if (choice >= 0)
        *(bool *)place = choice == 1;
}

static void read_bool(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    static const char *const words[] = {"false", "true", NULL};
    int choice = choose(r, field->key, node, words);

    if (choice >= 0)
        *(bool *)place = choice == 1;
}

static void read_map(struct reader *r, const struct field *field, const struct yaml_node *node,
                     void *place)
{
    if (reader_expect(r, field->key, node, NODE_MAP))
        fields_read(r, node, field->table, (char *)place - field->offset);
}

static void keep_map(struct reader *r, const struct field *field, const struct yaml_node *node,
                     void *place)
{
    if (reader_expect(r, field->key, node, NODE_MAP))
        *(const struct yaml_node **)place = node;
}

static void keep_list(struct reader *r, const struct field *field, const struct yaml_node *node,
                      void *place)
{
    if (reader_expect(r, field->key, node, NODE_LIST))
        *(const struct yaml_node **)place = node;
}

static void keep_node(struct reader *r UNUSED, const struct field *field UNUSED,
                      const struct yaml_node *node, void *place)
{
    if (node->type != NODE_BROKEN)
        *(const struct yaml_node **)place = node;
}

static const reader_func readers[] = {
    [FIELD_TEXT] = read_text, [FIELD_NAME] = read_name,     [FIELD_SQL_NAME] = read_sql_name,
    [FIELD_PATH] = read_path, [FIELD_INT] = read_int,       [FIELD_DURATION] = read_duration,
    [FIELD_SIZE] = read_size, [FIELD_CHOICE] = read_choice, [FIELD_ALLOW] = read_allow,
    [FIELD_MAP] = read_map,   [FIELD_MAP_NODE] = keep_map,  [FIELD_LIST_NODE] = keep_list,
    [FIELD_NODE] = keep_node, [FIELD_BOOL] = read_bool,
};

static const struct field *find_field(const struct field_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->fields[i].key, key) == 0)
            return &table->fields[i];
    }
    return NULL;
}

void fields_unknown_key(struct reader *r, const struct yaml_node *key, const char *section,
                        const char *const *known, size_t count)
{
    struct err *err = reader_error(r, key, "unknown key %s in %s", reader_quote(r, key), section);

    reader_suggest(err, key->text, known, count);
}

/* A key that is right elsewhere beats one that is spelled nearly so here. */
static void report_unknown(struct reader *r, const struct yaml_node *key,
                           const struct field_table *table)
{
    const char **known = mem_array(r->scratch, const char *, table->count);

    for (size_t i = 0; i < table->count; i++)
        known[i] = table->fields[i].key;
    fields_unknown_key(r, key, table->name, known, table->count);
    talloc_free(known);
    for (size_t i = 0; table->others && table->others[i]; i++) {
        if (find_field(table->others[i], key->text))
            err_hint(&r->errors->items[r->errors->count - 1], "It belongs under \"%s:\".",
                     table->others[i]->name);
    }
}

void fields_read_one(struct reader *r, const struct field *field, const struct yaml_node *value,
                     void *target)
{
    readers[field->kind](r, field, value, (char *)target + field->offset);
}

void fields_read(struct reader *r, const struct yaml_node *map, const struct field_table *table,
                 void *target)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        const struct field *field = find_field(table, pair->key->text);

        if (!field)
            report_unknown(r, pair->key, table);
        else if (field->kind == FIELD_LATER)
            err_hint(reader_error(r, pair->key, "\"%s\" is not supported yet", field->key),
                     "Leave \"%s\" out.", field->key);
        else
            fields_read_one(r, field, pair->value, target);
    }
}
