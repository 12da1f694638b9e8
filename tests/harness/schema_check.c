/*
 * schema_check.c: a value against a schema, recursively.
 */
#include "tests/harness/schema_check.h"

#include "common/mem.h"

struct check {
    void *mem;
    json_t *root;
};

static const char *type_name(json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        return "null";
    default:
        return "number";
    }
}

/* `allowed` is one value or an array of them. */
static bool among(json_t *allowed, json_t *value)
{
    size_t i;
    json_t *one;

    if (!json_is_array(allowed))
        return json_equal(allowed, value);
    json_array_foreach(allowed, i, one)
    {
        if (json_equal(one, value))
            return true;
    }
    return false;
}

/* "/properties/fleet" in `root`. */
static json_t *walk(void *mem, json_t *root, const char *pointer)
{
    char *rest = mem_strdup(mem, pointer + strspn(pointer, "/"));
    char *key;

    while (root && (key = strsep(&rest, "/")))
        root = json_object_get(root, key);
    return root;
}

static char *check_value(const struct check *check, json_t *schema, json_t *value,
                         const char *path);

/* "#/$defs/time", or "report.schema.json#/$defs/hook" of another file in docs/. */
static char *check_ref(const struct check *check, const char *ref, json_t *value, const char *path)
{
    const char *pointer = strchrnul(ref, '#');
    char *file = mem_printf(check->mem, "docs/%.*s", (int)(pointer - ref), ref);
    struct check there = *check;
    json_t *schema;
    char *wrong;

    if (pointer > ref)
        there.root = json_load_file(file, 0, NULL);
    schema = *pointer ? walk(check->mem, there.root, pointer + 1) : NULL;
    wrong = schema ? check_value(&there, schema, value, path)
                   : mem_printf(check->mem, "%s: there is no %s", path, ref);
    if (pointer > ref)
        json_decref(there.root);
    return wrong;
}

static char *check_members(const struct check *check, json_t *schema, json_t *object,
                           const char *path)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(required, i, value)
    {
        if (!json_object_get(object, json_string_value(value)))
            return mem_printf(check->mem, "%s lacks %s", path, json_string_value(value));
    }
    json_object_foreach(object, key, value)
    {
        char *below = mem_printf(check->mem, "%s.%s", path, key);
        json_t *known = json_object_get(properties, key);
        char *wrong;

        if (!known && json_is_false(json_object_get(schema, "additionalProperties")))
            return mem_printf(check->mem, "%s is not in the schema", below);
        wrong = known ? check_value(check, known, value, below) : NULL;
        if (wrong)
            return wrong;
    }
    return NULL;
}

static char *check_value(const struct check *check, json_t *schema, json_t *value, const char *path)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    json_t *type = json_object_get(schema, "type");
    json_t *name;
    bool fits;
    size_t i;
    json_t *item;

    if (ref)
        return check_ref(check, ref, value, path);
    name = json_string(type_name(value));
    fits = !type || among(type, name);
    json_decref(name);
    if (!fits)
        return mem_printf(check->mem, "%s must not be of type %s", path, type_name(value));
    if (json_object_get(schema, "enum") && !among(json_object_get(schema, "enum"), value))
        return mem_printf(check->mem, "%s has a value that is not allowed", path);
    if (json_is_object(value))
        return check_members(check, schema, value, path);
    json_array_foreach(value, i, item)
    {
        char *below = mem_printf(check->mem, "%s[%zu]", path, i);
        char *wrong = check_value(check, json_object_get(schema, "items"), item, below);

        if (wrong)
            return wrong;
    }
    return NULL;
}

char *schema_check(void *parent, json_t *schema, json_t *value)
{
    struct check check = {.mem = parent, .root = schema};

    return check_value(&check, schema, value, "$");
}
