/*
 * fleet_found.c: from what was found to tenants like those of the file.
 */
#include "config/fleet_found.h"

#include "common/arena.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "config/fleet_labels.h"
#include "config/fleet_places.h"
#include "config/fleet_waves.h"

enum {
    LONGEST_NAME = 63, /* of what PostgreSQL names, in bytes */
    REPORTED_MOST = 10,
    TENANTS_MOST = 500000, /* more is a mistake in what finds them, not a fleet */
};

struct fleet_found {
    struct fleet *fleet;
    struct arena *arena; /* lives as long as the fleet */
    struct tenant *tenants;
    size_t count;
    size_t capacity;
    struct strbuf text; /* scratch */
    size_t clashes;
};

struct fleet_found *fleet_found_start(void *parent, struct fleet *fleet)
{
    struct fleet_found *found = mem_new(parent, struct fleet_found);

    found->fleet = fleet;
    found->arena = arena_new(fleet);
    strbuf_init(&found->text, found);
    return found;
}

/* --- one tenant ------------------------------------------------------------------------------- */

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

static int refuse_server(const struct fleet *fleet, const char *name, struct err *err)
{
    const char **names = mem_array(NULL, const char *, fleet->server_count);
    const char *nearest;
    size_t count = 0;

    for (size_t i = 0; i < fleet->server_count; i++) {
        if (fleet->servers[i].listed)
            names[count++] = fleet->servers[i].name;
    }
    err_set(err, ERR_DATA, "there is no server \"%s\" in \"%s\"", name, fleet->file);
    nearest = text_nearest(name, names, count);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "List it under servers: there.");
    talloc_free(names);
    return -1;
}

static int find_server(const struct fleet *fleet, const struct discovery *discovery,
                       const char *name, const struct server **ret, struct err *err)
{
    *ret = discovery->server;
    if (!name && *ret)
        return 0;
    if (!name) {
        err_set(err, ERR_DATA, "no \"server\" is given");
        err_hint(err, "Give the entry of discover: a server, for all that name none.");
        return -1;
    }
    for (size_t i = 0; i < fleet->server_count; i++) {
        *ret = &fleet->servers[i];
        if ((*ret)->listed && strcmp((*ret)->name, name) == 0)
            return 0;
    }
    return refuse_server(fleet, name, err);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 32 || *text == 127)
            return true;
    }
    return false;
}

static int check_text(const char *what, const char *text, bool sql, struct err *err)
{
    if (text && has_control(text))
        return err_set(err, ERR_DATA, "\"%s\" has a control character", what);
    if (text && sql && strlen(text) > LONGEST_NAME)
        return err_set(err, ERR_DATA, "\"%s\" is longer than PostgreSQL's limit of %d bytes", what,
                       LONGEST_NAME);
    return 0;
}

static int read_state(const char *text, enum tenant_state *ret, struct err *err)
{
    *ret = text && strcmp(text, "suspended") == 0 ? TENANT_SUSPENDED : TENANT_ACTIVE;
    if (!text || *ret == TENANT_SUSPENDED || strcmp(text, "active") == 0)
        return 0;
    return err_set(err, ERR_DATA, "\"state\" must be active or suspended, not \"%s\"", text);
}

/* `own` laid over `base`, which is shared where there is nothing of its own. */
static struct name_values lay_over(struct arena *arena, const struct name_values *base,
                                   const struct name_values *own, bool copy)
{
    struct name_value *items;
    size_t count = 0;

    if (own->count == 0)
        return *base;
    if (base->count == 0 && !copy)
        return *own;
    items = arena_alloc(arena, (base->count + own->count) * sizeof(*items));
    for (size_t i = 0; i < base->count; i++) {
        if (!name_values_get(own, base->items[i].name))
            items[count++] = base->items[i];
    }
    for (size_t i = 0; i < own->count; i++) {
        items[count] = own->items[i];
        if (copy) {
            items[count].name = arena_strdup(arena, items[count].name);
            items[count].value = arena_strdup(arena, items[count].value);
        }
        count++;
    }
    return (struct name_values){items, count};
}

static int check_keys(const struct name_values *list, enum fleet_labels_kind kind, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!fleet_labels_is_name(kind, list->items[i].name))
            return err_set(err, ERR_DATA, "\"%s\" is not a name for a %s", list->items[i].name,
                           kind == VARS ? "variable" : "label");
    }
    return 0;
}

/* The server's, then the entry's, then its own. */
static int read_labels(struct fleet_found *found, const struct discovery *discovery,
                       const struct found_tenant *from, struct tenant *tenant, struct err *err)
{
    struct name_values below;

    if (check_keys(&from->labels, LABELS, err) < 0 || check_keys(&from->vars, VARS, err) < 0)
        return -1;
    below = lay_over(found->arena, &tenant->server->labels, &discovery->labels, false);
    tenant->labels = lay_over(found->arena, &below, &from->labels, true);
    tenant->vars = lay_over(found->arena, &discovery->vars, &from->vars, true);
    return 0;
}

/* The pattern with its placeholders filled in. A placeholder that has nothing is an error. */
static int expand(struct fleet_found *found, const char *pattern, const struct found_tenant *values,
                  struct err *err)
{
    const struct {
        const char *word;
        const char *value;
    } words[] = {{"{name}", values->name},
                 {"{server}", values->server},
                 {"{database}", values->database},
                 {"{schema}", values->schema}};

    strbuf_reset(&found->text);
    while (*pattern) {
        size_t plain = strcspn(pattern, "{");

        strbuf_add(&found->text, pattern, plain);
        pattern += plain;
        for (size_t i = 0; *pattern && i < ARRAY_LEN(words); i++) {
            if (strncmp(pattern, words[i].word, strlen(words[i].word)) != 0)
                continue;
            if (!words[i].value)
                return err_set(err, ERR_DATA, "it has nothing for the \"%s\" of its name",
                               words[i].word);
            strbuf_str(&found->text, words[i].value);
            pattern += strlen(words[i].word);
            break;
        }
    }
    return 0;
}

/* `schema` as given: "public" is a name to people. */
static int read_name(struct fleet_found *found, const struct discovery *discovery,
                     const struct found_tenant *from, struct tenant *tenant, struct err *err)
{
    const char *schema = given(from->schema);
    const char *name = given(from->name);

    if (!name)
        name = tenant->schema ? tenant->schema : tenant->database;
    if (discovery->name) {
        const struct found_tenant values = {.name = name,
                                            .server = tenant->server->name,
                                            .database = tenant->database,
                                            .schema = schema};

        if (expand(found, discovery->name, &values, err) < 0)
            return -1;
        name = found->text.text;
    }
    tenant->name = arena_strdup(found->arena, name);
    return 0;
}

/* As the server's, with the database. */
static struct name_values connect_to(struct arena *arena, const struct server *server,
                                     const char *database)
{
    const struct name_values *base = &server->connection;
    struct name_value *items = arena_alloc(arena, (base->count + 1) * sizeof(*items));

    if (base->count > 0)
        memcpy(items, base->items, base->count * sizeof(*items));
    items[base->count] = (struct name_value){"dbname", database};
    return (struct name_values){items, base->count + 1};
}

static int read_place(struct fleet_found *found, const struct discovery *discovery,
                      const struct found_tenant *from, struct tenant *tenant, struct err *err)
{
    const char *schema = given(from->schema);
    const char *database = given(from->database);

    if (!database && schema)
        database = discovery->database;
    if (!database) {
        err_set(err, ERR_DATA, "no \"database\" is given%s", schema ? "" : ", and no \"schema\"");
        return -1;
    }
    if (check_text("name", from->name, false, err) < 0 ||
        check_text("database", database, true, err) < 0 ||
        check_text("schema", schema, true, err) < 0)
        return -1;
    tenant->database = arena_strdup(found->arena, database);
    if (schema && strcmp(schema, "public") != 0)
        tenant->schema = arena_strdup(found->arena, schema);
    tenant->settings = tenant->server->settings;
    tenant->history_schema = fleet_places_history_schema(tenant->schema, tenant->settings);
    tenant->pooler = tenant->server->pooler;
    tenant->connection = connect_to(found->arena, tenant->server, tenant->database);
    return 0;
}

int fleet_found_add(struct fleet_found *found, const struct discovery *discovery,
                    const struct found_tenant *from, struct err *err)
{
    struct tenant tenant = {
        .discovery = discovery,
        .seeds = discovery->seeds,
        .seed_count = discovery->seed_count,
        .line = discovery->line,
        .column = discovery->column,
    };

    if (find_server(found->fleet, discovery, given(from->server), &tenant.server, err) < 0 ||
        read_place(found, discovery, from, &tenant, err) < 0 ||
        read_name(found, discovery, from, &tenant, err) < 0 ||
        read_state(given(from->state), &tenant.state, err) < 0 ||
        read_labels(found, discovery, from, &tenant, err) < 0)
        return -1;
    if (found->count == TENANTS_MOST)
        return err_set(err, ERR_DATA, "there are more than %d tenants", TENANTS_MOST);
    mem_grow(found, &found->tenants, &found->capacity, found->count + 1);
    found->tenants[found->count++] = tenant;
    return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int compare_text(const char *left, const char *right)
{
    return strcmp(left ? left : "", right ? right : "");
}

/* By the order of discover:, then name, then place. */
static int by_order(const void *left, const void *right)
{
    const struct tenant *a = left;
    const struct tenant *b = right;
    int order;

    if (a->discovery != b->discovery)
        return a->discovery < b->discovery ? -1 : 1;
    if ((order = strcmp(a->name, b->name)) != 0)
        return order;
    if (a->server->index != b->server->index)
        return a->server->index < b->server->index ? -1 : 1;
    if ((order = strcmp(a->database, b->database)) != 0)
        return order;
    return compare_text(a->schema, b->schema);
}

static char *place_text(const void *parent, const struct tenant *tenant)
{
    return mem_printf(parent, "\"%s%s%s\" on server \"%s\" (%s %d)", tenant->database,
                      tenant->schema ? "." : "", tenant->schema ? tenant->schema : "",
                      tenant->server->name, tenant->discovery ? "found by line" : "listed in line",
                      tenant->line);
}

enum clash { CLASH_OF_NAMES, CLASH_OF_PLACES, CLASH_OF_HISTORIES };

/* A pattern that tells both apart; NULL: there is none. */
static const char *pattern_for(const struct tenant *first, const struct tenant *second)
{
    if (!first->discovery || first->server != second->server)
        return "{server}-{name}";
    if (strcmp(first->database, second->database) != 0)
        return "{name}-{database}";
    return first->schema && second->schema ? "{name}-{schema}" : NULL;
}

static void tell_clash(const void *mem, const struct tenant *first, const struct tenant *second,
                       enum clash clash, struct err *err)
{
    const char *pattern;

    switch (clash) {
    case CLASH_OF_NAMES:
        pattern = pattern_for(first, second);
        err_set(err, ERR_DATA, "two tenants are named \"%s\": %s and %s", second->name,
                place_text(mem, first), place_text(mem, second));
        if (pattern)
            err_hint(err, "Give the entry of discover: a pattern for names, such as name: \"%s\".",
                     pattern);
        break;
    case CLASH_OF_PLACES:
        err_set(err, ERR_DATA, "tenants \"%s\" and \"%s\" are the same: %s", first->name,
                second->name, place_text(mem, second));
        err_hint(err, "Correct the database or schema of one of them, or take it out.");
        break;
    case CLASH_OF_HISTORIES:
        err_set(err, ERR_DATA,
                "tenants \"%s\" and \"%s\" would share the history table \"%s.%s\" of "
                "database \"%s\"",
                first->name, second->name, second->history_schema, second->settings->history_table,
                second->database);
        break;
    }
}

/* A clash of one tenant with another that came before. Of many the first few are told. */
static void report_clash(struct fleet_found *found, const struct tenant *first,
                         const struct tenant *second, enum clash clash, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct err *err;

    if (found->clashes++ < REPORTED_MOST) {
        err = err_list_add(errors);
        tell_clash(mem, first, second, clash, err);
        err_place(err, found->fleet->file, second->line, second->column);
    }
    talloc_free(mem);
}

/* Does one entry say two things of one place? Two entries may: the first one counts. */
static bool is_ambiguous(const struct tenant *first, const struct tenant *second)
{
    return first->discovery == second->discovery && strcmp(first->name, second->name) != 0;
}

/* Marks by a NULL name what is there already. */
static void check_tenants(struct fleet_found *found, struct err_list *errors)
{
    struct fleet_places *places = fleet_places_new(found);
    struct fleet *fleet = found->fleet;

    for (size_t i = 0; i < fleet->tenant_count; i++) {
        (void)fleet_places_add_name(places, &fleet->tenants[i]);
        (void)fleet_places_add(places, &fleet->tenants[i]);
        (void)fleet_places_add_history(places, &fleet->tenants[i]);
    }
    for (size_t i = 0; i < found->count; i++) {
        struct tenant *tenant = &found->tenants[i];
        const struct tenant *first;

        if ((first = fleet_places_add(places, tenant))) {
            if (is_ambiguous(first, tenant))
                report_clash(found, first, tenant, CLASH_OF_PLACES, errors);
            tenant->name = NULL;
            continue;
        }
        if ((first = fleet_places_add_name(places, tenant)))
            report_clash(found, first, tenant, CLASH_OF_NAMES, errors);
        if ((first = fleet_places_add_history(places, tenant)))
            report_clash(found, first, tenant, CLASH_OF_HISTORIES, errors);
    }
    talloc_free(places);
}

static void keep_tenants(struct fleet_found *found)
{
    struct fleet *fleet = found->fleet;
    struct tenant *all = mem_array(fleet, struct tenant, fleet->tenant_count + found->count);
    size_t count = fleet->tenant_count;

    if (count > 0)
        memcpy(all, fleet->tenants, count * sizeof(*all));
    for (size_t i = 0; i < found->count; i++) {
        if (found->tenants[i].name) {
            all[count] = found->tenants[i];
            all[count].index = count;
            count++;
        }
    }
    talloc_free(fleet->tenants);
    fleet->tenants = all;
    fleet->tenant_count = count;
}

int fleet_found_finish(struct fleet_found *found, struct err_list *errors)
{
    if (found->count > 0)
        qsort(found->tenants, found->count, sizeof(*found->tenants), by_order);
    check_tenants(found, errors);
    if (found->clashes > REPORTED_MOST)
        err_detail(&errors->items[errors->count - 1], "There are %zu more of these.",
                   found->clashes - REPORTED_MOST);
    if (found->clashes > 0)
        return -1;
    keep_tenants(found);
    fleet_waves_check_labels(found->fleet);
    fleet_make_fingerprint(found->fleet);
    return 0;
}
