/*
 * fleet_run.h: the run: section: how many at once, budgets, time, waves.
 */
#ifndef CONFIG_FLEET_RUN_H
#define CONFIG_FLEET_RUN_H

#include "config/fields.h"
#include "config/fleet.h"
#include "config/reader.h"

/* Reads the section `node` (a map, or NULL) over the defaults. */
void fleet_run_read(struct reader *r, const struct yaml_node *node, struct run_config *run);

/* Its keys, for hints. */
extern const struct field_table fleet_run_table;

#endif
