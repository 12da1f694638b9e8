/*
 * fleet_labels.h: labels: and vars: sections. Their values are the text as written: 01 stays "01",
 * yes stays "yes".
 */
#ifndef CONFIG_FLEET_LABELS_H
#define CONFIG_FLEET_LABELS_H

#include "config/fleet.h"
#include "config/reader.h"

enum fleet_labels_kind { LABELS, VARS };

/*
 * The pairs of `node` (a map, or NULL), after those of `base` (or NULL) that it does not override.
 * Without pairs of its own the result shares those of `base`.
 */
struct name_values fleet_labels_read(struct reader *r, const struct yaml_node *node,
                                     enum fleet_labels_kind kind, const struct name_values *base);

/* Whether the key can be the name of a label; if not, it is reported. */
bool fleet_labels_check_name(struct reader *r, const struct yaml_node *key);

/* The same of a label or variable that comes from elsewhere than the file; reports nothing. */
bool fleet_labels_is_name(enum fleet_labels_kind kind, const char *name);

#endif
