/*
 * fleet_hooks.c: commands and SQL by the moment they are for.
 */
#include "config/fleet_hooks.h"

#include "config/fields.h"

enum { USUAL_TIMEOUT_MS = 30000 };

static const char *const names[HOOK_POINTS] = {
    [HOOK_BEFORE_RUN] = "before_run",     [HOOK_AFTER_RUN] = "after_run",
    [HOOK_ON_HALT] = "on_halt",           [HOOK_BEFORE_TENANT] = "before_tenant",
    [HOOK_AFTER_TENANT] = "after_tenant", [HOOK_ON_FAILURE] = "on_failure",
};

const char *fleet_hooks_name(enum hook_point point)
{
    return names[point];
}

/* One hook, before its parts are put together. */
struct entry {
    const struct yaml_node *command;
    const char *sql;
    int64_t timeout_ms;
};

#define AT(member) .offset = offsetof(struct entry, member)

static const struct field hook_fields[] = {
    {.key = "command", .kind = FIELD_LIST_NODE, AT(command)},
    {.key = "sql", .kind = FIELD_TEXT, AT(sql)},
    {.key = "timeout", .kind = FIELD_DURATION, AT(timeout_ms)},
};

static const struct field_table hook_table = {
    .name = "a hook", .fields = hook_fields, .count = ARRAY_LEN(hook_fields)};

static const struct field_table gate_table = {
    .name = "a gate", .fields = hook_fields, .count = ARRAY_LEN(hook_fields)};

const char *const *fleet_hooks_read_command(struct reader *r, const struct yaml_node *node)
{
    const char **argv = arena_alloc(r->arena, (node->count + 1) * sizeof(char *));

    if (node->count == 0)
        reader_error(r, node, "\"command\" names no program");
    for (uint32_t i = 0; i < node->count; i++) {
        argv[i] = reader_text(r, "command", node->items[i]);
        if (i == 0 && argv[i] && !fields_check_name(r, "command", node->items[i], argv[i]))
            argv[i] = NULL;
    }
    return argv;
}

static bool has_session(enum hook_point point)
{
    return point == HOOK_BEFORE_TENANT || point == HOOK_AFTER_TENANT || point == HOOK_ON_FAILURE;
}

/* One of the two, and not both. `what` is for the message: "the hook". */
static void check_action(struct reader *r, const struct yaml_node *node, const char *what,
                         const char *name, bool sql_fits)
{
    const struct yaml_pair *command = yaml_tree_find(node, "command");
    const struct yaml_pair *sql = yaml_tree_find(node, "sql");

    if (command && sql)
        reader_error(r, sql->key, "\"sql\" and \"command\" cannot both be given");
    else if (!command && !sql)
        err_hint(reader_error(r, node, "%s \"%s\" does nothing", what, name),
                 "Give it command: [PROGRAM, ARGUMENT, ...]%s.",
                 sql_fits ? ", or sql: \"...\"" : "");
    else if (sql && !sql_fits)
        err_hint(reader_error(r, sql->key, "\"%s\" cannot be SQL: it belongs to no tenant", name),
                 "Give it command: instead, or use before_tenant, after_tenant or on_failure.");
}

static void read_action(struct reader *r, const struct yaml_node *node,
                        const struct field_table *table, struct hook *hook)
{
    struct entry entry = {.timeout_ms = USUAL_TIMEOUT_MS};
    const struct yaml_pair *sql = yaml_tree_find(node, "sql");

    fields_read(r, node, table, &entry);
    *hook = (struct hook){.sql = entry.sql, .timeout_ms = entry.timeout_ms, .line = node->line};
    if (sql)
        hook->line = sql->value->line + sql->value->block;
    if (entry.command)
        hook->command = fleet_hooks_read_command(r, entry.command);
}

static void read_hook(struct reader *r, const struct yaml_node *node, enum hook_point point,
                      struct hook *hook)
{
    if (!reader_expect(r, names[point], node, NODE_MAP))
        return;
    read_action(r, node, &hook_table, hook);
    check_action(r, node, "the hook", names[point], has_session(point));
}

void fleet_hooks_read_gate(struct reader *r, const struct yaml_node *node, struct hook *gate)
{
    read_action(r, node, &gate_table, gate);
    check_action(r, node, "the wave's", "gate", true);
}

void fleet_hooks_read(struct reader *r, const struct yaml_node *node, struct hook *hooks)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        enum hook_point point = 0;

        while (point < HOOK_POINTS && strcmp(names[point], key->text) != 0)
            point++;
        if (point < HOOK_POINTS)
            read_hook(r, node->pairs[i].value, point, &hooks[point]);
        else
            fields_unknown_key(r, key, "hooks", names, HOOK_POINTS);
    }
}
