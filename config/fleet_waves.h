/*
 * fleet_waves.h: the waves of run:, and what is wrong with them.
 */
#ifndef CONFIG_FLEET_WAVES_H
#define CONFIG_FLEET_WAVES_H

#include "config/fleet.h"
#include "config/reader.h"

/* Reads the list `node` into run->waves; run->ramp_up is known. */
void fleet_waves_read(struct reader *r, const struct yaml_node *node, struct run_config *run);

/* Adds a warning for each wave that wants a label which no tenant has. All tenants are known. */
void fleet_waves_check_labels(struct fleet *fleet);

#endif
