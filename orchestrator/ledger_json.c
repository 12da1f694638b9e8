/*
 * ledger_json.c: jansson's trees as talloc blocks.
 */
#include "orchestrator/ledger_json.h"

#include "common/mem.h"

struct tree {
    json_t *root;
};

static int free_tree(struct tree *tree)
{
    json_decref(tree->root);
    return 0;
}

char *ledger_json_write(void *parent, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    char *copy;

    if (!text)
        mem_die(0);
    copy = mem_strdup(parent, text);
    free(text);
    json_decref(value);
    return copy;
}

const json_t *ledger_json_read(void *parent, const char *text)
{
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    struct tree *tree;

    if (!root)
        return NULL;
    tree = mem_new(parent, struct tree);
    tree->root = root;
    talloc_set_destructor(tree, free_tree);
    return root;
}

const char *ledger_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t ledger_json_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool ledger_json_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const char **ledger_json_texts(void *parent, const json_t *object, const char *key,
                               size_t *ret_count)
{
    const json_t *list = json_object_get(object, key);
    const char **texts = mem_array(parent, const char *, json_array_size(list));
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (text)
            texts[count++] = text;
    }
    *ret_count = count;
    return texts;
}
