/*
 * strmap.c: open addressing with linear probing, at most half full, FNV-1a.
 */
#include "common/strmap.h"

#include "common/mem.h"

struct slot {
    const char *key; /* NULL: free */
    void *value;
    uint32_t hash;
};

struct strmap {
    struct slot *slots;
    size_t size; /* a power of two */
    size_t count;
};

static uint32_t hash_of(const char *key)
{
    uint32_t hash = 2166136261u;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

struct strmap *strmap_new(const void *parent)
{
    struct strmap *map = mem_new(parent, struct strmap);

    map->size = 16;
    map->slots = mem_array(map, struct slot, map->size);
    return map;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *find(const struct strmap *map, const char *key, uint32_t hash)
{
    size_t at = hash & (map->size - 1);

    while (map->slots[at].key &&
           (map->slots[at].hash != hash || strcmp(map->slots[at].key, key) != 0))
        at = (at + 1) & (map->size - 1);
    return &map->slots[at];
}

static void grow(struct strmap *map)
{
    struct slot *old = map->slots;
    size_t old_size = map->size;

    map->size *= 2;
    map->slots = mem_array(map, struct slot, map->size);
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].key)
            *find(map, old[i].key, old[i].hash) = old[i];
    }
    talloc_free(old);
}

/* The key's slot, made where there was none (its value is then NULL). */
static struct slot *reach(struct strmap *map, const char *key)
{
    uint32_t hash = hash_of(key);
    struct slot *slot;

    if (2 * (map->count + 1) > map->size)
        grow(map);
    slot = find(map, key, hash);
    if (!slot->key) {
        *slot = (struct slot){.key = key, .hash = hash};
        map->count++;
    }
    return slot;
}

void *strmap_get(const struct strmap *map, const char *key)
{
    return find(map, key, hash_of(key))->value;
}

void *strmap_add(struct strmap *map, const char *key, void *value)
{
    struct slot *slot = reach(map, key);

    if (slot->value)
        return slot->value;
    slot->value = value;
    return NULL;
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
    reach(map, key)->value = value;
}
