/*
 * fleet_seeds.c: names of seed sets.
 */
#include "config/fleet_seeds.h"

#include "config/fields.h"

static void check_set(struct reader *r, const struct yaml_node *node, const char *set,
                      const char *const *before, size_t count)
{
    if (!fields_check_name(r, "a seed set", node, set))
        return;
    if (strchr(set, '/') || strcmp(set, ".") == 0 || strcmp(set, "..") == 0)
        reader_error(r, node, "a seed set is the name of a folder in seeds, not %s",
                     reader_quote(r, node));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(before[i], set) == 0)
            reader_error(r, node, "the seed set \"%s\" is named twice", set);
    }
}

const char *const *fleet_seeds_read(struct reader *r, const struct yaml_node *node,
                                    size_t *ret_count)
{
    const char **sets;
    size_t count = 0;

    *ret_count = 0;
    if (!node)
        return NULL;
    sets = arena_alloc(r->arena, node->count * sizeof(*sets));
    for (uint32_t i = 0; i < node->count; i++) {
        const char *set = reader_text(r, "seeds", node->items[i]);

        if (set) {
            check_set(r, node->items[i], set, sets, count);
            sets[count++] = set;
        }
    }
    *ret_count = count;
    return sets;
}
