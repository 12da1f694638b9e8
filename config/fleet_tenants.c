/*
 * fleet_tenants.c: tenants, and that no two are the same.
 */
#include "config/fleet_tenants.h"

#include "common/mem.h"
#include "config/fields.h"
#include "config/fleet_labels.h"
#include "config/fleet_places.h"
#include "config/fleet_seeds.h"
#include "config/fleet_settings.h"

struct tenants {
    struct reader *r;
    struct fleet_connections *c;
    struct fleet_servers *s;
    struct fleet_places *places;
};

/* One entry of tenants:, before its parts are put together. */
struct entry {
    const char *name;
    const char *server;
    const char *database;
    const char *schema;
    const char *dsn;
    const char *direct_dsn;
    enum tenant_state state;
    const struct yaml_node *labels;
    const struct yaml_node *vars;
    const struct yaml_node *seeds;
    const struct yaml_node *settings;
    const struct yaml_node *connection;
};

#define AT(member) .offset = offsetof(struct entry, member)

/* In the order of enum tenant_state. */
static const char *const state_words[] = {"active", "suspended", NULL};

static const struct field tenant_fields[] = {
    {.key = "name", .kind = FIELD_NAME, AT(name)},
    {.key = "server", .kind = FIELD_NAME, AT(server)},
    {.key = "database", .kind = FIELD_SQL_NAME, AT(database)},
    {.key = "schema", .kind = FIELD_SQL_NAME, AT(schema)},
    {.key = "dsn", .kind = FIELD_TEXT, AT(dsn)},
    {.key = "direct_dsn", .kind = FIELD_TEXT, AT(direct_dsn)},
    {.key = "state", .kind = FIELD_CHOICE, AT(state), .choices = state_words},
    {.key = "labels", .kind = FIELD_MAP_NODE, AT(labels)},
    {.key = "vars", .kind = FIELD_MAP_NODE, AT(vars)},
    {.key = "seeds", .kind = FIELD_LIST_NODE, AT(seeds)},
    {.key = "settings", .kind = FIELD_MAP_NODE, AT(settings)},
    {.key = "connection", .kind = FIELD_MAP_NODE, AT(connection)},
};

static const struct field_table *const others[] = {&fleet_settings_table, &fleet_connection_table,
                                                   NULL};

static const struct field_table tenant_table = {.name = "a tenant",
                                                .fields = tenant_fields,
                                                .count = ARRAY_LEN(tenant_fields),
                                                .others = others};

/* --- where it is ------------------------------------------------------------------------------ */

/* Says what is missing or too much in how the tenant names its place. */
static bool check_place_keys(struct tenants *t, const struct yaml_node *node)
{
    const struct yaml_pair *dsn = yaml_tree_find(node, "dsn");
    const struct yaml_pair *server = yaml_tree_find(node, "server");
    const struct yaml_pair *database = yaml_tree_find(node, "database");

    if (dsn && (server || database))
        err_hint(reader_error(t->r, dsn->key, "\"dsn\" and \"%s\" cannot both be given",
                              (server ? server : database)->key->text),
                 "Give either dsn, or server and database.");
    else if (!dsn && !server && !database)
        err_hint(reader_error(t->r, node, "the tenant has no place"),
                 "Give it server and database, or dsn.");
    else if (!dsn && !server)
        err_hint(reader_error(t->r, node, "the tenant has no \"server\""),
                 "Give it one of servers:, or dsn instead of database.");
    else if (!dsn && !database)
        reader_error(t->r, node, "the tenant has no \"database\"");
    else
        return true;
    return false;
}

/* A connection string over the fleet's parameters, or those of the listed server it leads to. */
static const struct fleet_server *place_by_dsn(struct tenants *t, const struct yaml_node *node,
                                               const struct entry *entry,
                                               struct fleet_params *params)
{
    const struct yaml_node *at = yaml_tree_find(node, "dsn")->value;
    const struct fleet_server *server;

    *params = *fleet_servers_params(t->s);
    if (!fleet_connection_read_dsn(t->c, "dsn", at, entry->dsn, params))
        return NULL;
    if (!fleet_connection_get(t->c, params, "dbname")) {
        err_hint(reader_error(t->r, at, "\"dsn\" names no database"),
                 "Write postgresql://HOST:PORT/DATABASE.");
        return NULL;
    }
    server = fleet_servers_reach(t->s, params);
    if (server->shown.listed) {
        *params = server->params;
        if (!fleet_connection_read_dsn(t->c, "dsn", at, entry->dsn, params))
            return NULL;
    }
    return server;
}

static const struct fleet_server *place_by_server(struct tenants *t, const struct yaml_node *node,
                                                  const struct entry *entry,
                                                  struct fleet_params *params)
{
    const struct fleet_server *server = NULL;

    if (entry->server)
        server = fleet_servers_find(t->s, yaml_tree_find(node, "server")->value, entry->server);
    if (!server || !entry->database)
        return NULL;
    *params = server->params;
    fleet_connection_set(t->c, params, "dbname", entry->database);
    return server;
}

/* The direct connection: as the tenant's other one, but where direct_dsn says. */
static struct name_values direct_connection(struct tenants *t, const struct yaml_node *node,
                                            const struct entry *entry,
                                            const struct fleet_params *tenant_params)
{
    struct fleet_params params = *tenant_params;
    const struct yaml_node *at = yaml_tree_find(node, "direct_dsn")->value;

    fleet_connection_set(t->c, &params, "port",
                         fleet_connection_get(t->c, fleet_servers_params(t->s), "port"));
    if (!fleet_connection_read_dsn(t->c, "direct_dsn", at, entry->direct_dsn, &params))
        return (struct name_values){0};
    return fleet_connection_list(t->c, &params);
}

/* --- no two the same -------------------------------------------------------------------------- */

static void check_name(struct tenants *t, const struct yaml_node *node, struct tenant *tenant)
{
    const struct yaml_pair *pair = yaml_tree_find(node, "name");
    const struct tenant *first;

    if (!pair) {
        err_hint(reader_error(t->r, node, "the tenant has no \"name\""),
                 "Give every tenant a name of its own.");
        return;
    }
    if (!tenant->name)
        return;
    first = fleet_places_add_name(t->places, tenant);
    if (first)
        err_detail(reader_error(t->r, pair->value, "duplicate tenant \"%s\"", tenant->name),
                   "The first one is in line %d.", first->line);
}

static const char *shown_name(const struct tenant *tenant)
{
    return tenant->name ? tenant->name : "(no name)";
}

/* Two tenants in one place, or two that would share one history table, undo each other's work. */
static void check_place(struct tenants *t, const struct yaml_node *node, struct tenant *tenant)
{
    const struct tenant *first = fleet_places_add(t->places, tenant);

    if (first) {
        err_detail(reader_error(t->r, node, "tenants \"%s\" and \"%s\" are the same %s",
                                shown_name(first), shown_name(tenant),
                                tenant->schema ? "database and schema" : "database"),
                   "The first one is in line %d.", first->line);
        return;
    }
    first = fleet_places_add_history(t->places, tenant);
    if (first)
        err_detail(reader_error(t->r, node,
                                "tenants \"%s\" and \"%s\" would share the history table "
                                "\"%s.%s\" of one database",
                                shown_name(first), shown_name(tenant), tenant->history_schema,
                                tenant->settings->history_table),
                   "The first one is in line %d.", first->line);
}

/* --- one tenant ------------------------------------------------------------------------------- */

/* Where the tenant is, and the parameters to get there; NULL: reported, `params` are the fleet's.
 */
static const struct fleet_server *find_server(struct tenants *t, const struct yaml_node *node,
                                              const struct entry *entry,
                                              struct fleet_params *params)
{
    const struct fleet_server *server = NULL;
    size_t errors = t->r->errors->count;

    if (check_place_keys(t, node) && yaml_tree_find(node, "dsn"))
        server = entry->dsn ? place_by_dsn(t, node, entry, params) : NULL;
    else if (t->r->errors->count == errors)
        server = place_by_server(t, node, entry, params);
    if (!server)
        *params = *fleet_servers_params(t->s);
    return server;
}

/* Everything that depends on the server. Without one the rest is read to find its errors. */
static void settle(struct tenants *t, const struct yaml_node *node, const struct entry *entry,
                   struct tenant *tenant)
{
    struct fleet_params params;
    const struct fleet_server *server = find_server(t, node, entry, &params);

    fleet_connection_read(t->c, entry->connection, LEVEL_TENANT, &params);
    if (entry->direct_dsn)
        tenant->direct_connection = direct_connection(t, node, entry, &params);
    tenant->settings = fleet_settings_read(t->r, entry->settings,
                                           server ? server->settings : fleet_settings_default());
    tenant->labels =
        fleet_labels_read(t->r, entry->labels, LABELS, server ? &server->shown.labels : NULL);
    if (!server)
        return;
    tenant->server = &server->shown;
    tenant->database = fleet_connection_get(t->c, &params, "dbname");
    tenant->history_schema = fleet_places_history_schema(tenant->schema, tenant->settings);
    tenant->pooler = params.pooler;
    tenant->connection = fleet_connection_list(t->c, &params);
    check_place(t, node, tenant);
}

static void read_tenant(struct tenants *t, const struct yaml_node *node, struct tenant *tenant)
{
    struct entry entry = {.state = TENANT_ACTIVE};

    if (node->type != NODE_MAP) {
        if (node->type != NODE_BROKEN)
            err_hint(reader_error(t->r, node, "a tenant must be a map, not %s",
                                  yaml_tree_is_null(node) ? "nothing" : yaml_tree_type_name(node)),
                     "Write {name: ..., server: ..., database: ...}.");
        return;
    }
    fields_read(t->r, node, &tenant_table, &entry);
    tenant->name = entry.name;
    tenant->line = node->line;
    tenant->column = node->column;
    tenant->state = entry.state;
    if (entry.schema && strcmp(entry.schema, "public") != 0)
        tenant->schema = entry.schema;
    tenant->vars = fleet_labels_read(t->r, entry.vars, VARS, NULL);
    tenant->seeds = fleet_seeds_read(t->r, entry.seeds, &tenant->seed_count);
    check_name(t, node, tenant);
    settle(t, node, &entry, tenant);
}

void fleet_tenants_read(struct reader *r, struct fleet_connections *c, struct fleet_servers *s,
                        const struct yaml_node *node)
{
    struct fleet *fleet = r->fleet;
    struct tenants t = {.r = r, .c = c, .s = s, .places = fleet_places_new(r->scratch)};

    fleet->tenant_count = node->count;
    fleet->tenants = mem_array(fleet, struct tenant, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        fleet->tenants[i].index = i;
        read_tenant(&t, node->items[i], &fleet->tenants[i]);
    }
}

void fleet_tenants_finish(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        struct tenant *tenant = &fleet->tenants[i];

        if (tenant->server)
            tenant->server = &fleet->servers[tenant->server->index];
    }
}
