/*
 * fleet_places.c: three tables of tenants.
 */
#include "config/fleet_places.h"

#include "common/arena.h"
#include "common/mem.h"
#include "common/strmap.h"

struct fleet_places {
    struct arena *keys; /* texts for the tables below */
    struct strmap *by_name;
    struct strmap *by_place;
    struct strmap *by_history;
};

struct fleet_places *fleet_places_new(const void *parent)
{
    struct fleet_places *places = mem_new(parent, struct fleet_places);

    places->keys = arena_new(places);
    places->by_name = strmap_new(places);
    places->by_place = strmap_new(places);
    places->by_history = strmap_new(places);
    return places;
}

static const char *join(struct fleet_places *places, const char *const *parts, size_t count)
{
    size_t len = 0;
    char *text;
    char *end;

    for (size_t i = 0; i < count; i++)
        len += strlen(parts[i]) + 1;
    text = end = arena_alloc(places->keys, len);
    for (size_t i = 0; i < count; i++) { /* names have no control characters */
        end = stpcpy(end, parts[i]);
        *end++ = i + 1 < count ? '\n' : '\0';
    }
    return text;
}

struct tenant *fleet_places_add_name(struct fleet_places *places, struct tenant *tenant)
{
    return strmap_add(places->by_name, tenant->name, tenant);
}

struct tenant *fleet_places_add(struct fleet_places *places, struct tenant *tenant)
{
    const char *const parts[] = {tenant->server->place, tenant->database,
                                 tenant->schema ? tenant->schema : ""};

    return strmap_add(places->by_place, join(places, parts, ARRAY_LEN(parts)), tenant);
}

struct tenant *fleet_places_add_history(struct fleet_places *places, struct tenant *tenant)
{
    const char *const parts[] = {tenant->server->place, tenant->database, tenant->history_schema,
                                 tenant->settings->history_table};

    return strmap_add(places->by_history, join(places, parts, ARRAY_LEN(parts)), tenant);
}

const char *fleet_places_history_schema(const char *schema, const struct settings *settings)
{
    if (schema)
        return schema;
    return settings->history_schema ? settings->history_schema : "public";
}
