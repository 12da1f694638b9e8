/*
 * test_discover_row.c: the keys of what was found.
 */
#include "common/mem.h"
#include "orchestrator/discover_row.h"

#include <criterion/criterion.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(discover_row, .init = setup, .fini = teardown);

static void set(struct discover_row *row, const char *key, const char *value)
{
    struct err err = ERR_INIT;

    cr_assert_eq(discover_row_set(row, key, value, &err), 0, "%s", err.message);
}

static const char *refused(const char *key, const char *value)
{
    struct discover_row *row = discover_row_new(ctx);
    struct err err = ERR_INIT;

    set(row, "labels.ring", "early");
    cr_assert_eq(discover_row_set(row, key, value, &err), -1);
    cr_expect_eq(err.kind, ERR_DATA);
    talloc_steal(ctx, err.mem);
    return err.message;
}

Test(discover_row, texts_and_objects)
{
    struct discover_row *row = discover_row_new(ctx);
    const struct found_tenant *tenant;

    set(row, "name", "n");
    set(row, "server", "s");
    set(row, "database", "d");
    set(row, "schema", NULL);
    set(row, "state", "suspended");
    set(row, "labels", "{\"ring\": \"late\", \"n\": 3, \"on\": true, \"none\": null}");
    set(row, "labels.plan", "pro");
    set(row, "vars.tax", "7");
    set(row, "vars", NULL);
    tenant = discover_row_tenant(row);
    cr_expect_str_eq(tenant->name, "n");
    cr_expect_str_eq(tenant->server, "s");
    cr_expect_str_eq(tenant->database, "d");
    cr_expect_null(tenant->schema);
    cr_expect_str_eq(tenant->state, "suspended");
    cr_expect_eq(tenant->labels.count, 4);
    cr_expect_str_eq(name_values_get(&tenant->labels, "ring"), "late");
    cr_expect_str_eq(name_values_get(&tenant->labels, "n"), "3");
    cr_expect_str_eq(name_values_get(&tenant->labels, "on"), "true");
    cr_expect_str_eq(name_values_get(&tenant->labels, "plan"), "pro");
    cr_expect_str_eq(name_values_get(&tenant->vars, "tax"), "7");

    discover_row_begin(row);
    tenant = discover_row_tenant(row);
    cr_expect_null(tenant->name);
    cr_expect_eq(tenant->labels.count + tenant->vars.count, 0);
}

Test(discover_row, json)
{
    struct discover_row *row = discover_row_new(ctx);
    json_t *object = json_loads("{\"name\": 17, \"schema\": null, \"vars\": {\"a\": 1.5}, "
                                "\"labels.x\": false}",
                                0, NULL);
    const struct found_tenant *tenant;
    struct err err = ERR_INIT;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
        cr_assert_eq(discover_row_set_json(row, key, value, &err), 0);
    tenant = discover_row_tenant(row);
    cr_expect_str_eq(tenant->name, "17");
    cr_expect_null(tenant->schema);
    cr_expect_str_eq(name_values_get(&tenant->vars, "a"), "1.5");
    cr_expect_str_eq(name_values_get(&tenant->labels, "x"), "false");
    json_decref(object);
}

Test(discover_row, wrong_values)
{
    struct err err = ERR_INIT;
    json_t *list = json_array();

    cr_expect_str_eq(refused("labels", "[1]"), "\"labels\" must be a JSON object");
    cr_expect_str_eq(refused("labels", "{\"a\": {}}"),
                     "\"a\" must be text, a number, true or false");
    cr_expect(strstr(refused("vars", "{a}"), "\"vars\" is not JSON: "));
    cr_expect_str_eq(refused("labels.ring", "x"), "the label \"ring\" is given twice");
    cr_expect_str_eq(refused("labels", "{\"ring\": 1}"), "the label \"ring\" is given twice");
    cr_expect_eq(discover_row_set_json(discover_row_new(ctx), "name", list, &err), -1);
    cr_expect_str_eq(err.message, "\"name\" must be text, a number, true or false");
    err_clear(&err);
    json_decref(list);
}

Test(discover_row, keys)
{
    static const char *const good[] = {"name",   "server", "database", "schema",    "state",
                                       "labels", "vars",   "labels.a", "vars.tax_1"};
    static const char *const wrong[] = {"nam", "labels.", "labelsx", "id", "Name", ""};
    struct err err = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_expect_eq(discover_row_check_key(good[i], &err), 0, "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cr_expect_eq(discover_row_check_key(wrong[i], &err), -1, "%s", wrong[i]);
        cr_expect_not_null(err.hint);
        err_clear(&err);
    }
}
