/*
 * fleet_settings.h: the settings: section, for the fleet, a server or a tenant.
 */
#ifndef CONFIG_FLEET_SETTINGS_H
#define CONFIG_FLEET_SETTINGS_H

#include "config/fields.h"
#include "config/fleet.h"
#include "config/reader.h"

/* What holds where fleet.yaml says nothing. Constant. */
const struct settings *fleet_settings_default(void);

/*
 * `base` with what `node` (a map, or NULL) says laid over it. Where it says nothing the result is
 * `base` itself, so that tenants without settings of their own share one.
 */
const struct settings *fleet_settings_read(struct reader *r, const struct yaml_node *node,
                                           const struct settings *base);

/* Its keys, for hints. */
extern const struct field_table fleet_settings_table;

#endif
