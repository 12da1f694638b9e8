/*
 * fleet_settings.c: the table of settings and their defaults.
 */
#include "config/fleet_settings.h"

static const struct settings defaults = {
    .history_table = "pgtide_history",
    .lock_wait_ms = 10000,
    .lock_timeout_ms = 5000,
    .retry = {.attempts = 3, .base_ms = 500, .cap_ms = 30000},
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct field history_fields[] = {
    {.key = "schema", .kind = FIELD_SQL_NAME, AT(history_schema)},
    {.key = "table", .kind = FIELD_SQL_NAME, AT(history_table)},
    {.key = "dialect", .kind = FIELD_LATER},
};

static const struct field retry_fields[] = {
    {.key = "attempts", .kind = FIELD_INT, AT(retry.attempts), .min = 1, .max = 100},
    {.key = "base", .kind = FIELD_DURATION, AT(retry.base_ms)},
    {.key = "cap", .kind = FIELD_DURATION, AT(retry.cap_ms)},
};

static const struct field_table history_table = {
    .name = "history", .fields = history_fields, .count = ARRAY_LEN(history_fields)};
static const struct field_table retry_table = {
    .name = "retry", .fields = retry_fields, .count = ARRAY_LEN(retry_fields)};

/* In the order of enum create_mode. */
static const char *const create_words[] = {"none", "schema", "database", NULL};

static const struct field setting_fields[] = {
    {.key = "history", .kind = FIELD_MAP, .table = &history_table},
    {.key = "role", .kind = FIELD_SQL_NAME, AT(role)},
    {.key = "lock_wait", .kind = FIELD_DURATION, AT(lock_wait_ms)},
    {.key = "lock_timeout", .kind = FIELD_DURATION, AT(lock_timeout_ms)},
    {.key = "statement_timeout", .kind = FIELD_DURATION, AT(statement_timeout_ms)},
    {.key = "tenant_deadline", .kind = FIELD_DURATION, AT(tenant_deadline_ms)},
    {.key = "out_of_order", .kind = FIELD_ALLOW, AT(out_of_order_allow)},
    {.key = "nonempty", .kind = FIELD_ALLOW, AT(nonempty_allow)},
    {.key = "create", .kind = FIELD_CHOICE, AT(create), .choices = create_words},
    {.key = "retry", .kind = FIELD_MAP, .table = &retry_table},
};

const struct field_table fleet_settings_table = {
    .name = "settings",
    .fields = setting_fields,
    .count = ARRAY_LEN(setting_fields),
};

const struct settings *fleet_settings_default(void)
{
    return &defaults;
}

const struct settings *fleet_settings_read(struct reader *r, const struct yaml_node *node,
                                           const struct settings *base)
{
    struct settings *own;

    if (!node || node->count == 0)
        return base;
    own = arena_alloc(r->arena, sizeof(*own));
    *own = *base;
    fields_read(r, node, &fleet_settings_table, own);
    return own;
}
