/*
 * fleet_servers.c: servers by name and by place.
 */
#include "config/fleet_servers.h"

#include "common/mem.h"
#include "common/strmap.h"
#include "config/fields.h"
#include "config/fleet_labels.h"
#include "config/fleet_settings.h"

#include <ctype.h>

struct fleet_servers {
    struct reader *r;
    struct fleet_connections *c;
    const struct settings *settings;
    const struct fleet_params *params;
    struct strmap *by_name;
    struct strmap *by_place;
    struct fleet_server **items;
    size_t count;
    size_t capacity;
};

/* One entry of servers:, before its parts are put together. */
struct entry {
    const char *host;
    const struct yaml_node *port;
    struct server shown; /* what is read as it is */
    const struct yaml_node *labels;
    const struct yaml_node *settings;
    const struct yaml_node *connection;
};

#define AT(member) .offset = offsetof(struct entry, member)
#define HAS(member) .has = offsetof(struct entry, member)

static const struct field server_fields[] = {
    {.key = "host", .kind = FIELD_NAME, AT(host)},
    {.key = "port", .kind = FIELD_NODE, AT(port)},
    {.key = "per_server", .kind = FIELD_INT, AT(shown.per_server), .min = 1, .max = 1024},
    {.key = "max_failures",
     .kind = FIELD_SIZE,
     AT(shown.max_failures),
     HAS(shown.has_max_failures)},
    {.key = "max_replica_lag", .kind = FIELD_DURATION, AT(shown.max_replica_lag_ms)},
    {.key = "max_connections_used",
     .kind = FIELD_SIZE,
     AT(shown.max_connections_used),
     HAS(shown.has_max_connections_used)},
    {.key = "labels", .kind = FIELD_MAP_NODE, AT(labels)},
    {.key = "settings", .kind = FIELD_MAP_NODE, AT(settings)},
    {.key = "connection", .kind = FIELD_MAP_NODE, AT(connection)},
};

static const struct field_table *const others[] = {&fleet_settings_table, &fleet_connection_table,
                                                   NULL};

static const struct field_table server_table = {.name = "a server",
                                                .fields = server_fields,
                                                .count = ARRAY_LEN(server_fields),
                                                .others = others};

struct fleet_servers *fleet_servers_start(struct reader *r, struct fleet_connections *c,
                                          const struct settings *settings,
                                          const struct fleet_params *params)
{
    struct fleet_servers *s = mem_new(r->scratch, struct fleet_servers);

    s->r = r;
    s->c = c;
    s->settings = settings;
    s->params = params;
    s->by_name = strmap_new(s);
    s->by_place = strmap_new(s);
    return s;
}

const struct fleet_params *fleet_servers_params(const struct fleet_servers *s)
{
    return s->params;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* The port that will be connected to; "" where a service file decides. */
static const char *effective_port(const struct fleet_servers *s, const struct fleet_params *params)
{
    const char *port = fleet_connection_get(s->c, params, "port");

    if (port)
        return port;
    return fleet_connection_get(s->c, params, "service") ? "" : or_else(getenv("PGPORT"), "5432");
}

/* What tells one instance from another, as far as can be seen without connecting. */
static const char *place_of(struct fleet_servers *s, const struct fleet_params *params)
{
    const char *host = fleet_connection_get(s->c, params, "host");
    const char *hostaddr = fleet_connection_get(s->c, params, "hostaddr");
    const char *service = fleet_connection_get(s->c, params, "service");
    char *text;
    const char *place;

    if (!host && !hostaddr && !service)
        host = getenv("PGHOST");
    text = mem_printf(s->r->scratch, "%s %s %s", or_else(host, or_else(hostaddr, "")),
                      or_else(service, ""), effective_port(s, params));
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    place = arena_strdup(s->r->arena, text);
    talloc_free(text);
    return place;
}

static struct fleet_server *add_server(struct fleet_servers *s, const char *name,
                                       const struct fleet_params *params)
{
    struct fleet_server *server = mem_new(s, struct fleet_server);

    server->params = *params;
    server->reached = *params;
    server->settings = s->settings;
    server->shown = (struct server){
        .name = name,
        .host = or_else(fleet_connection_get(s->c, params, "host"),
                        or_else(fleet_connection_get(s->c, params, "hostaddr"), "")),
        .port = effective_port(s, params),
        .per_server = s->r->fleet->run.per_server,
        .index = s->count,
        .place = place_of(s, params),
    };
    mem_grow(s, &s->items, &s->capacity, s->count + 1);
    s->items[s->count++] = server;
    strmap_add(s->by_name, name, server);
    return server;
}

static void warn_same_place(struct fleet_servers *s, const struct fleet_server *server)
{
    const struct fleet_server *first = strmap_get(s->by_place, server->shown.place);

    if (first)
        reader_warn(s->r,
                    "%s:%d: servers \"%s\" and \"%s\" are the same host and port: per_server "
                    "holds for each of them",
                    s->r->file, server->shown.line, first->shown.name, server->shown.name);
}

static void read_port(struct fleet_servers *s, const struct yaml_node *node,
                      struct fleet_params *params)
{
    const char *port = node ? reader_text(s->r, "port", node) : NULL;

    if (port && *port && fleet_connection_check_port(s->r, node, port))
        fleet_connection_set(s->c, params, "port", port);
    else if (port && !*port)
        reader_error(s->r, node, "\"port\" must not be empty");
}

static void check_connections_used(struct fleet_servers *s, const struct yaml_node *node,
                                   const struct server *server)
{
    if (server->has_max_connections_used && server->max_connections_used.value == 0)
        err_hint(reader_error(s->r, yaml_tree_find(node, "max_connections_used")->value,
                              "\"max_connections_used\" must be more than 0"),
                 "Above it no tenant is started on the server: write 80%% or so.");
}

static void read_server(struct fleet_servers *s, const struct yaml_node *key,
                        const struct yaml_node *node)
{
    struct entry entry = {.shown = {.per_server = s->r->fleet->run.per_server}};
    struct fleet_params params = *s->params;
    struct fleet_server *server;

    if (!fields_check_name(s->r, "the name of a server", key, key->text))
        return;
    if (reader_expect(s->r, key->text, node, NODE_MAP))
        fields_read(s->r, node, &server_table, &entry);
    check_connections_used(s, node, &entry.shown);
    fleet_connection_read(s->c, entry.connection, LEVEL_SERVER, &params);
    if (entry.host)
        fleet_connection_set(s->c, &params, "host", entry.host);
    read_port(s, entry.port, &params);

    server = add_server(s, arena_strdup(s->r->arena, key->text), &params);
    server->settings = fleet_settings_read(s->r, entry.settings, s->settings);
    server->shown.per_server = entry.shown.per_server;
    server->shown.has_max_failures = entry.shown.has_max_failures;
    server->shown.max_failures = entry.shown.max_failures;
    server->shown.max_replica_lag_ms = entry.shown.max_replica_lag_ms;
    server->shown.has_max_connections_used = entry.shown.has_max_connections_used;
    server->shown.max_connections_used = entry.shown.max_connections_used;
    server->shown.listed = true;
    server->shown.line = key->line;
    server->shown.column = key->column;
    server->shown.labels = fleet_labels_read(s->r, entry.labels, LABELS, NULL);
    warn_same_place(s, server);
    strmap_add(s->by_place, server->shown.place, server);
}

void fleet_servers_read(struct fleet_servers *s, const struct yaml_node *node)
{
    for (uint32_t i = 0; i < node->count; i++)
        read_server(s, node->pairs[i].key, node->pairs[i].value);
}

const struct fleet_server *fleet_servers_find(struct fleet_servers *s, const struct yaml_node *node,
                                              const char *name)
{
    const struct fleet_server *server = strmap_get(s->by_name, name);
    const char **names;
    size_t count = 0;
    struct err *err;

    if (server && server->shown.listed)
        return server;
    names = mem_array(s->r->scratch, const char *, s->count + 1);
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i]->shown.listed)
            names[count++] = s->items[i]->shown.name;
    }
    err = reader_error(s->r, node, "no server %s in servers", reader_quote(s->r, node));
    if (count == 0)
        err_hint(err, "List it: \"servers: {%s: {host: ..., port: ...}}\".", name);
    else
        reader_suggest(err, name, names, count);
    talloc_free(names);
    return NULL;
}

/* "host:port", and unlike the name of any other server. */
static const char *made_name(struct fleet_servers *s, const struct fleet_params *params)
{
    const char *service = fleet_connection_get(s->c, params, "service");
    const char *host = or_else(fleet_connection_get(s->c, params, "host"),
                               fleet_connection_get(s->c, params, "hostaddr"));
    const char *port = effective_port(s, params);
    char *name;

    if (!host && service)
        name = mem_printf(s, "service=%s", service);
    else
        name = mem_printf(s, "%s%s%s", or_else(host, or_else(getenv("PGHOST"), "local")),
                          *port ? ":" : "", port);
    while (strmap_get(s->by_name, name))
        name = mem_printf(s, "%s (dsn)", name);
    return arena_strdup(s->r->arena, name);
}

const struct fleet_server *fleet_servers_reach(struct fleet_servers *s,
                                               const struct fleet_params *params)
{
    const char *place = place_of(s, params);
    struct fleet_server *server = strmap_get(s->by_place, place);

    if (server)
        return server;
    server = add_server(s, made_name(s, params), params);
    server->params = *s->params;
    fleet_connection_set(s->c, &server->reached, "dbname", NULL);
    strmap_add(s->by_place, server->shown.place, server);
    return server;
}

void fleet_servers_finish(struct fleet_servers *s)
{
    struct fleet *fleet = s->r->fleet;
    struct server *servers = mem_array(fleet, struct server, s->count);

    for (size_t i = 0; i < s->count; i++) {
        const struct fleet_server *server = s->items[i];

        servers[i] = server->shown;
        servers[i].settings = server->settings;
        servers[i].pooler = server->params.pooler;
        servers[i].connection = fleet_connection_list(s->c, &server->reached);
    }
    fleet->servers = servers;
    fleet->server_count = s->count;
}
