/*
 * test_fleet_example.c: the example works, and the schema for editors knows all it shows. Run
 * from the top of the source tree, as the Makefile does.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "config/fleet.h"
#include "config/yaml_tree.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <unistd.h>

static const char example[] = "config/fleet.example.yaml";
static const char schema[] = "config/fleet.schema.json";

static const char *read_example(void)
{
    FILE *file = fopen(example, "r");
    struct strbuf text;
    int c;

    cr_assert_not_null(file, "run from the top of the source tree");
    strbuf_init(&text, NULL);
    while ((c = getc(file)) != EOF)
        strbuf_char(&text, (char)c);
    fclose(file);
    return text.text;
}

Test(fleet_example, loads_without_errors)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;

    cr_assert_eq(fleet_load(NULL, example, &fleet, &errors), 0);
    cr_expect_eq(fleet->tenant_count, 4);
    cr_expect_eq(fleet->warning_count, 0);
    talloc_free(fleet);
}

/* What it shows as the default is the default. */
Test(fleet_example, shows_the_true_defaults)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;
    struct fleet *bare;
    const struct settings *shown;
    const struct settings *real;
    static const char text[] = "tenants: [{name: a, dsn: 'dbname=d'}]";

    cr_assert_eq(fleet_load(NULL, example, &fleet, &errors), 0);
    cr_assert_eq(fleet_parse(NULL, "f", text, strlen(text), false, &bare, &errors), 0);
    shown = fleet->tenants[0].settings;
    real = bare->tenants[0].settings;
    cr_expect_str_eq(shown->history_table, real->history_table);
    cr_expect_eq(shown->lock_wait_ms, real->lock_wait_ms);
    cr_expect_eq(shown->lock_timeout_ms, real->lock_timeout_ms);
    cr_expect_eq(shown->statement_timeout_ms, real->statement_timeout_ms);
    cr_expect_eq(shown->tenant_deadline_ms, real->tenant_deadline_ms);
    cr_expect_eq(shown->out_of_order_allow, real->out_of_order_allow);
    cr_expect_eq(shown->nonempty_allow, real->nonempty_allow);
    cr_expect_eq(shown->create, real->create);
    cr_expect_eq(shown->retry.attempts, real->retry.attempts);
    cr_expect_eq(shown->retry.base_ms, real->retry.base_ms);
    cr_expect_eq(shown->retry.cap_ms, real->retry.cap_ms);
    cr_expect_eq(fleet->run.workers, bare->run.workers);
    cr_expect_eq(fleet->run.per_server, bare->run.per_server);
    cr_expect_eq(fleet->run.max_failures.value, bare->run.max_failures.value);
    talloc_free(fleet);
    talloc_free(bare);
}

/* Follows a reference, given directly or through allOf. */
static json_t *resolve(json_t *root, json_t *node)
{
    json_t *all = json_object_get(node, "allOf");
    const char *ref;

    if (all)
        node = json_array_get(all, 0);
    ref = json_string_value(json_object_get(node, "$ref"));
    if (!ref)
        return node;
    cr_assert_eq(strncmp(ref, "#/definitions/", 14), 0);
    node = json_object_get(json_object_get(root, "definitions"), ref + 14);
    cr_assert_not_null(node, "%s", ref);
    return node;
}

/* Every key of the tree has its place in the schema, with a description. */
static void check_node(json_t *root, json_t *where, const struct yaml_node *node)
{
    where = resolve(root, where);
    for (uint32_t i = 0; node->type == NODE_LIST && i < node->count; i++) {
        cr_assert_not_null(json_object_get(where, "items"));
        check_node(root, json_object_get(where, "items"), node->items[i]);
    }
    for (uint32_t i = 0; node->type == NODE_MAP && i < node->count; i++) {
        const char *key = node->pairs[i].key->text;
        json_t *place = json_object_get(json_object_get(where, "properties"), key);

        if (!place)
            place = json_object_get(where, "additionalProperties");
        cr_assert(json_is_object(place), "line %d: \"%s\" is not in the schema",
                  node->pairs[i].key->line, key);
        check_node(root, place, node->pairs[i].value);
    }
}

Test(fleet_example, is_covered_by_the_schema)
{
    json_error_t problem;
    json_t *root = json_load_file(schema, 0, &problem);
    const char *text = read_example();
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *tree;
    void *mem = mem_context(NULL);

    cr_assert_not_null(root, "%s", problem.text);
    cr_assert_eq(yaml_tree_parse(mem, "f", text, strlen(text), &tree, &errors), 0);
    check_node(root, root, tree);
    json_decref(root);
    talloc_free(mem);
}
