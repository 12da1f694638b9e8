/*
 * fleet.c: fleet.yaml as a whole: the file, its top level, the order of reading, and what is known
 * when all is read.
 */
#include "config/fleet.h"

#include "common/mem.h"
#include "common/sha256.h"
#include "common/strmap.h"
#include "config/fields.h"
#include "config/fleet_connection.h"
#include "config/fleet_discover.h"
#include "config/fleet_hooks.h"
#include "config/fleet_run.h"
#include "config/fleet_servers.h"
#include "config/fleet_settings.h"
#include "config/fleet_tenants.h"
#include "config/fleet_waves.h"
#include "config/password.h"
#include "config/reader.h"
#include "config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PASSWORD_LIMIT_MS = 30000,
    LARGEST_FILE = 512 * 1024 * 1024,
};

/* The top level, before its parts are read. */
struct entry {
    const char *migrations;
    const char *seeds;
    const char *state;
    const struct yaml_node *ledger;
    const struct yaml_node *connection;
    const struct yaml_node *settings;
    const struct yaml_node *run;
    const struct yaml_node *hooks;
    const struct yaml_node *servers;
    const struct yaml_node *tenants;
    const struct yaml_node *discover;
};

#define AT(member) .offset = offsetof(struct entry, member)

static const struct field fleet_fields[] = {
    {.key = "migrations", .kind = FIELD_PATH, AT(migrations)},
    {.key = "seeds", .kind = FIELD_PATH, AT(seeds)},
    {.key = "state", .kind = FIELD_PATH, AT(state)},
    {.key = "ledger", .kind = FIELD_NODE, AT(ledger)},
    {.key = "connection", .kind = FIELD_MAP_NODE, AT(connection)},
    {.key = "settings", .kind = FIELD_MAP_NODE, AT(settings)},
    {.key = "run", .kind = FIELD_MAP_NODE, AT(run)},
    {.key = "hooks", .kind = FIELD_MAP_NODE, AT(hooks)},
    {.key = "servers", .kind = FIELD_MAP_NODE, AT(servers)},
    {.key = "tenants", .kind = FIELD_LIST_NODE, AT(tenants)},
    {.key = "discover", .kind = FIELD_LIST_NODE, AT(discover)},
};

static const struct field_table *const fleet_others[] = {&fleet_run_table, &fleet_settings_table,
                                                         &fleet_connection_table, NULL};

static const struct field_table fleet_table = {.name = "the top level",
                                               .fields = fleet_fields,
                                               .count = ARRAY_LEN(fleet_fields),
                                               .others = fleet_others};

/* --- reading ---------------------------------------------------------------------------------- */

const char *name_values_get(const struct name_values *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return list->items[i].value;
    }
    return NULL;
}

/* Checked as far as that goes without connecting. */
static void read_ledger(struct reader *r, struct fleet_connections *c, const struct yaml_node *node)
{
    struct fleet_params params = {0};
    const char *text = reader_text(r, "ledger", node);

    if (text && !*text)
        reader_error(r, node, "\"ledger\" must not be empty");
    else if (text && fleet_connection_read_dsn(c, "ledger", node, text, &params))
        r->fleet->ledger = text;
}

static void read_parts(struct reader *r, const struct entry *entry)
{
    struct fleet *fleet = r->fleet;
    struct fleet_connections *c = fleet_connection_start(r);
    struct fleet_params params = {.pooler = POOLER_AUTO};
    const struct settings *settings;
    struct fleet_servers *servers;

    fleet_run_read(r, entry->run, &fleet->run);
    if (entry->hooks)
        fleet_hooks_read(r, entry->hooks, fleet->hooks);
    fleet_connection_read(c, entry->connection, LEVEL_FLEET, &params);
    settings = fleet_settings_read(r, entry->settings, fleet_settings_default());
    servers = fleet_servers_start(r, c, settings, &params);
    if (entry->servers)
        fleet_servers_read(servers, entry->servers);
    if (entry->tenants)
        fleet_tenants_read(r, c, servers, entry->tenants);
    if (entry->discover)
        fleet_discover_read(r, servers, entry->discover);
    if (entry->ledger)
        read_ledger(r, c, entry->ledger);
    fleet_servers_finish(servers);
    fleet_tenants_finish(fleet);
    fleet_discover_finish(fleet);
}

/* Where the file names the migrations; the file itself where it does not. */
static void place_migrations(struct fleet *fleet, const struct yaml_node *root)
{
    const struct yaml_pair *pair = yaml_tree_find(root, "migrations");

    if (!pair)
        return;
    fleet->migrations_line = pair->value->line;
    fleet->migrations_column = pair->value->column;
}

static void read_root(struct reader *r, const struct yaml_node *root)
{
    struct fleet *fleet = r->fleet;
    struct entry entry = {.seeds = reader_path(r, "seeds"), .state = reader_path(r, ".pgtide")};

    if (root->type == NODE_BROKEN)
        return;
    if (yaml_tree_is_null(root)) {
        err_hint(reader_error(r, root, "the file is empty"),
                 "Type \"pgtide init\" for one to start from.");
        return;
    }
    if (root->type != NODE_MAP) {
        reader_error(r, root, "the file must hold a map such as \"tenants: [...]\", not %s",
                     yaml_tree_type_name(root));
        return;
    }
    fields_read(r, root, &fleet_table, &entry);
    if (!yaml_tree_find(root, "tenants") && !yaml_tree_find(root, "discover"))
        err_hint(reader_error(r, root, "the file has no \"tenants\""),
                 "List the databases: \"tenants: [{name: ..., server: ..., database: ...}]\".");
    fleet->migrations = entry.migrations;
    place_migrations(fleet, root);
    fleet->seeds = entry.seeds;
    fleet->state = entry.state;
    read_parts(r, &entry);
}

static int by_place(const void *left, const void *right)
{
    const struct err *a = left;
    const struct err *b = right;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->message, b->message);
}

/* In the order of the file, and once each: a part that aliases share is read several times. */
static void tidy_errors(struct err_list *errors, size_t from)
{
    size_t kept = from;

    qsort(errors->items + from, errors->count - from, sizeof(*errors->items), by_place);
    for (size_t i = from; i < errors->count; i++) {
        if (kept > from && by_place(&errors->items[kept - 1], &errors->items[i]) == 0)
            err_clear(&errors->items[i]);
        else
            errors->items[kept++] = errors->items[i];
    }
    errors->count = kept;
}

/* --- what is known when all is read ----------------------------------------------------------- */

static void add_text(struct sha256 *sum, const char *text)
{
    text = text ? text : "";
    sha256_add(sum, text, strlen(text) + 1);
}

void fleet_make_fingerprint(struct fleet *fleet)
{
    struct sha256 sum;

    sha256_init(&sum);
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        const struct tenant *tenant = &fleet->tenants[i];

        add_text(&sum, tenant->name);
        add_text(&sum, tenant->server->host);
        add_text(&sum, tenant->server->port);
        add_text(&sum, tenant->database);
        add_text(&sum, tenant->schema);
    }
    talloc_free(fleet->fingerprint);
    fleet->fingerprint = sha256_end_text(&sum, fleet);
}

static struct fleet *new_fleet(const char *path)
{
    struct fleet *fleet = mem_new(NULL, struct fleet);
    const char *slash = strrchr(path, '/');

    fleet->file = mem_strdup(fleet, path);
    if (!slash)
        fleet->directory = ".";
    else
        fleet->directory = mem_strndup(fleet, path, slash == path ? 1 : (size_t)(slash - path));
    return fleet;
}

int fleet_parse(void *parent, const char *path, const char *text, size_t len, bool shared,
                struct fleet **ret, struct err_list *errors)
{
    struct fleet *fleet = new_fleet(path);
    struct reader r = {
        .file = fleet->file,
        .directory = fleet->directory,
        .scratch = mem_context(NULL),
        .fleet = fleet,
        .arena = arena_new(fleet),
        .errors = errors,
    };
    size_t before = errors->count;
    const struct yaml_node *root;

    r.warned = strmap_new(r.scratch);
    if (yaml_tree_parse(r.scratch, fleet->file, text, len, &root, errors) == 0 || root)
        read_root(&r, root);
    if (r.secrets && shared)
        reader_warn(&r, "%s holds a password and others can read it; type: chmod 600 %s", path,
                    path);
    talloc_free(r.scratch);
    if (errors->count > before) {
        tidy_errors(errors, before);
        talloc_free(fleet);
        return -1;
    }
    fleet_make_fingerprint(fleet);
    if (fleet->discovery_count == 0)
        fleet_waves_check_labels(fleet);
    *ret = talloc_steal(parent, fleet);
    return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

static char *read_file(void *parent, int fd, size_t *ret_len)
{
    char *text = NULL;
    size_t capacity = 0;
    size_t len = 0;

    for (;;) {
        ssize_t got;

        mem_grow(parent, &text, &capacity, len + 65536);
        got = read(fd, text + len, capacity - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0 && len + (size_t)got > LARGEST_FILE)
            errno = EFBIG;
        if (got < 0 || len + (size_t)got > LARGEST_FILE) {
            talloc_free(text);
            return NULL;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *ret_len = len;
    return text;
}

static int report_file(struct err_list *errors, const char *path)
{
    int problem = errno;
    struct err *err = err_list_add(errors);
    bool missing = problem == ENOENT || problem == ENOTDIR;

    err_set(err, missing ? ERR_NOINPUT : ERR_CONFIG, "cannot read \"%s\": %s", path,
            strerror(problem));
    if (missing)
        err_hint(err, "Name the inventory with -f FILE, or type \"pgtide init\" for a new one.");
    return -1;
}

int fleet_load(void *parent, const char *path, struct fleet **ret, struct err_list *errors)
{
    void *scratch = mem_context(NULL);
    struct stat status = {0};
    char *text = NULL;
    size_t len = 0;
    int result;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &status) == 0)
        text = read_file(scratch, fd, &len);
    result = text ? 0 : report_file(errors, path);
    if (fd >= 0)
        close(fd);
    if (result == 0)
        result = fleet_parse(parent, path, text, len, (status.st_mode & (S_IRGRP | S_IROTH)) != 0,
                             ret, errors);
    talloc_free(scratch);
    return result;
}

/* --- the password command --------------------------------------------------------------------- */

static void give_password(struct arena *arena, struct name_values *connection, const char *password)
{
    struct name_value *items;

    if (name_values_get(connection, "password"))
        return;
    items = arena_alloc(arena, (connection->count + 1) * sizeof(*items));
    memcpy(items, connection->items, connection->count * sizeof(*items));
    items[connection->count] = (struct name_value){"password", password};
    *connection = (struct name_values){items, connection->count + 1};
}

int fleet_fetch_password(struct fleet *fleet, int cancel_fd, struct err *err)
{
    struct arena *arena;
    char *password;

    if (!fleet->password_command)
        return 0;
    if (password_run_command(fleet, fleet->password_command, PASSWORD_LIMIT_MS, cancel_fd,
                             &password, err) < 0)
        return -1;
    arena = arena_new(fleet);
    for (size_t i = 0; i < fleet->server_count; i++)
        give_password(arena, &fleet->servers[i].connection, password);
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        struct tenant *tenant = &fleet->tenants[i];

        give_password(arena, &tenant->connection, password);
        if (tenant->direct_connection.count > 0)
            give_password(arena, &tenant->direct_connection, password);
    }
    fleet->password_command = NULL;
    return 0;
}
