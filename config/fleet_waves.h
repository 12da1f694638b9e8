/*
 * fleet_waves.h: the waves of run:, and what is wrong with them.
 */
#ifndef CONFIG_FLEET_WAVES_H
#define CONFIG_FLEET_WAVES_H

#include "config/fleet.h"
#include "config/reader.h"

/* Reads the list `node` into run->waves; run->ramp_up is known. */
void fleet_waves_read(struct reader *r, const struct yaml_node *node, struct run_config *run);

/* Whether the tenant's label is one that `match` wants. */
bool fleet_waves_fits(const struct wave_match *match, const struct tenant *tenant);

#endif
