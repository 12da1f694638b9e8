/*
 * fleet_hooks.h: the hooks: section: what is run around a run and around each tenant.
 */
#ifndef CONFIG_FLEET_HOOKS_H
#define CONFIG_FLEET_HOOKS_H

#include "config/fleet.h"
#include "config/reader.h"

/* Its name in fleet.yaml: "before_tenant". */
const char *fleet_hooks_name(enum hook_point point);

/* Reads the section `node` (a map) into `hooks`. */
void fleet_hooks_read(struct reader *r, const struct yaml_node *node, struct hook *hooks);

/* Reads the gate of a wave, `node` (a map). */
void fleet_hooks_read_gate(struct reader *r, const struct yaml_node *node, struct hook *gate);

/* The list `node` as an argv that ends in NULL. */
const char *const *fleet_hooks_read_command(struct reader *r, const struct yaml_node *node);

#endif
