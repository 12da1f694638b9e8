/*
 * discover_row.h: one row of a query, line of a file or object of a program, key by key, as what
 * was found: name, server, database, schema, state, labels and vars (a JSON object each), labels.X
 * and vars.X.
 */
#ifndef ORCHESTRATOR_DISCOVER_ROW_H
#define ORCHESTRATOR_DISCOVER_ROW_H

#include "common/err.h"
#include "config/fleet_found.h"

#include <jansson.h>

struct discover_row;

struct discover_row *discover_row_new(const void *parent);

/* ERR_DATA with a suggestion where it is not one of the keys. */
int discover_row_check_key(const char *key, struct err *err) MUST_CHECK;

/* Makes it empty again. */
void discover_row_begin(struct discover_row *row);

/*
 * Sets one key, whose name is good. `value` NULL or JSON null: nothing is said. ERR_DATA for a
 * value of the wrong type, or a label that is there already.
 */
int discover_row_set(struct discover_row *row, const char *key, const char *value,
                     struct err *err) MUST_CHECK;
int discover_row_set_json(struct discover_row *row, const char *key, const json_t *value,
                          struct err *err) MUST_CHECK;

/* What was set. Valid until the next discover_row_begin. */
const struct found_tenant *discover_row_tenant(struct discover_row *row);

#endif
