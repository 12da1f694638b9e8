/*
 * fleet_discover.c: one entry is of one kind; which other keys fit depends on that.
 */
#include "config/fleet_discover.h"

#include "common/mem.h"
#include "config/fields.h"
#include "config/fleet_hooks.h"
#include "config/fleet_labels.h"
#include "config/fleet_seeds.h"

enum { USUAL_TIMEOUT_MS = 30000 };

/* One entry, before its parts are put together. */
struct entry {
    struct discovery discovery;
    const char *server;
    const char *databases;
    const char *schemas;
    const struct yaml_node *name;
    const struct yaml_node *command;
    const struct yaml_node *labels;
    const struct yaml_node *vars;
    const struct yaml_node *seeds;
};

#define AT(member) .offset = offsetof(struct entry, member)

static const struct field discover_fields[] = {
    {.key = "server", .kind = FIELD_NAME, AT(server)},
    {.key = "database", .kind = FIELD_SQL_NAME, AT(discovery.database)},
    {.key = "databases", .kind = FIELD_NAME, AT(databases)},
    {.key = "schemas", .kind = FIELD_NAME, AT(schemas)},
    {.key = "query", .kind = FIELD_TEXT, AT(discovery.query)},
    {.key = "file", .kind = FIELD_PATH, AT(discovery.file)},
    {.key = "command", .kind = FIELD_LIST_NODE, AT(command)},
    {.key = "timeout", .kind = FIELD_DURATION, AT(discovery.timeout_ms)},
    {.key = "name", .kind = FIELD_NODE, AT(name)},
    {.key = "labels", .kind = FIELD_MAP_NODE, AT(labels)},
    {.key = "vars", .kind = FIELD_MAP_NODE, AT(vars)},
    {.key = "seeds", .kind = FIELD_LIST_NODE, AT(seeds)},
};

static const struct field_table discover_table = {
    .name = "an entry of discover", .fields = discover_fields, .count = ARRAY_LEN(discover_fields)};

/* By enum discovery_kind: the key that makes it so, and what it needs. */
static const struct {
    const char *key;
    bool needs_server;
    bool needs_database;
} kinds[] = {
    [DISCOVER_DATABASES] = {"databases", true, false}, [DISCOVER_SCHEMAS] = {"schemas", true, true},
    [DISCOVER_QUERY] = {"query", true, true},          [DISCOVER_FILE] = {"file", false, false},
    [DISCOVER_COMMAND] = {"command", false, false},
};

/* The kind of the entry. False: none or several, which is reported. */
static bool find_kind(struct reader *r, const struct yaml_node *node, enum discovery_kind *ret)
{
    const struct yaml_pair *first = NULL;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct yaml_pair *pair = yaml_tree_find(node, kinds[i].key);

        if (pair && first) {
            reader_error(r, pair->key, "\"%s\" and \"%s\" cannot both be given", kinds[i].key,
                         first->key->text);
            return false;
        }
        if (pair) {
            first = pair;
            *ret = (enum discovery_kind)i;
        }
    }
    if (!first)
        err_hint(reader_error(r, node, "the entry does not say what to discover"),
                 "Give it databases:, schemas:, query:, file: or command:.");
    return first != NULL;
}

static void check_needs(struct reader *r, const struct yaml_node *node, enum discovery_kind kind)
{
    if (kinds[kind].needs_server && !yaml_tree_find(node, "server"))
        err_hint(reader_error(r, node, "\"%s\" needs a \"server\"", kinds[kind].key),
                 "Give it one of servers:.");
    if (kinds[kind].needs_database && !yaml_tree_find(node, "database"))
        err_hint(reader_error(r, node, "\"%s\" needs a \"database\"", kinds[kind].key),
                 "Name the database to look in.");
}

/* The length of the placeholder that `text` starts with; 0: it starts with none. */
static size_t placeholder(const char *text)
{
    static const char *const words[] = {"{name}", "{server}", "{database}", "{schema}"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    }
    return 0;
}

static void read_pattern(struct reader *r, const struct yaml_node *node,
                         struct discovery *discovery)
{
    const char *text = reader_text(r, "name", node);
    size_t len = 0;

    if (!text || !fields_check_name(r, "name", node, text))
        return;
    for (const char *at = strpbrk(text, "{}"); at; at = strpbrk(at + len, "{}")) {
        len = placeholder(at);
        if (len == 0) {
            err_hint(reader_error(r, node, "%s is no pattern for names", reader_quote(r, node)),
                     "Between { and } stands name, server, database or schema.");
            return;
        }
    }
    if (len == 0)
        err_hint(reader_error(r, node, "\"name\" would give all tenants found one name"),
                 "Put {database} or {schema} into it, such as \"{server}-{database}\".");
    else if (discovery->kind == DISCOVER_DATABASES && strstr(text, "{schema}"))
        err_hint(reader_error(r, node, "databases have no \"{schema}\""), "Write {database}.");
    discovery->name = text;
}

static void read_entry(struct reader *r, struct fleet_servers *s, const struct yaml_node *node,
                       struct discovery *ret)
{
    struct entry entry = {.discovery = {.timeout_ms = USUAL_TIMEOUT_MS}};
    struct discovery *discovery = &entry.discovery;
    const struct fleet_server *server = NULL;

    if (node->type != NODE_MAP) {
        if (node->type != NODE_BROKEN)
            err_hint(reader_error(r, node, "an entry of discover must be a map, not %s",
                                  yaml_tree_is_null(node) ? "nothing" : yaml_tree_type_name(node)),
                     "Write {server: ..., databases: \"store_*\"}.");
        return;
    }
    fields_read(r, node, &discover_table, &entry);
    discovery->line = node->line;
    discovery->column = node->column;
    if (find_kind(r, node, &discovery->kind))
        check_needs(r, node, discovery->kind);
    if (entry.server)
        server = fleet_servers_find(s, yaml_tree_find(node, "server")->value, entry.server);
    if (server)
        discovery->server = &server->shown;
    discovery->glob = entry.databases ? entry.databases : entry.schemas;
    if (entry.command)
        discovery->command = fleet_hooks_read_command(r, entry.command);
    if (entry.name)
        read_pattern(r, entry.name, discovery);
    discovery->labels = fleet_labels_read(r, entry.labels, LABELS, NULL);
    discovery->vars = fleet_labels_read(r, entry.vars, VARS, NULL);
    discovery->seeds = fleet_seeds_read(r, entry.seeds, &discovery->seed_count);
    *ret = *discovery;
}

void fleet_discover_read(struct reader *r, struct fleet_servers *s, const struct yaml_node *node)
{
    struct fleet *fleet = r->fleet;

    fleet->discovery_count = node->count;
    fleet->discoveries = mem_array(fleet, struct discovery, node->count);
    for (uint32_t i = 0; i < node->count; i++)
        read_entry(r, s, node->items[i], &fleet->discoveries[i]);
}

void fleet_discover_finish(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->discovery_count; i++) {
        struct discovery *discovery = &fleet->discoveries[i];

        if (discovery->server)
            discovery->server = &fleet->servers[discovery->server->index];
    }
}
