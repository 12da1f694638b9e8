/*
 * fleet_seeds.h: seeds: lists, the names of seed sets in the order to load them.
 */
#ifndef CONFIG_FLEET_SEEDS_H
#define CONFIG_FLEET_SEEDS_H

#include "config/fleet.h"
#include "config/reader.h"

/* The names in the list `node` (or NULL: none), in the arena. */
const char *const *fleet_seeds_read(struct reader *r, const struct yaml_node *node,
                                    size_t *ret_count);

#endif
