/*
 * fleet_window.h: the window of run:, the hours in which tenants may be started.
 */
#ifndef CONFIG_FLEET_WINDOW_H
#define CONFIG_FLEET_WINDOW_H

#include "config/fleet.h"
#include "config/reader.h"

/* Reads the section `node` (a map). */
void fleet_window_read(struct reader *r, const struct yaml_node *node, struct run_window *window);

#endif
