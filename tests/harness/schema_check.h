/*
 * schema_check.h: the part of JSON Schema that the schemas in docs/ use: type, enum, required,
 * properties, additionalProperties (false), items, $ref into the same file or another one there.
 */
#ifndef TESTS_SCHEMA_CHECK_H
#define TESTS_SCHEMA_CHECK_H

#include "common/base.h"

#include <jansson.h>

/* NULL when `value` fits the schema, else what does not and where. Owned by `parent`. */
char *schema_check(void *parent, json_t *schema, json_t *value);

#endif
