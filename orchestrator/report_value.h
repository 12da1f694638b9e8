/*
 * report_value.h: JSON values by jansson that cannot fail: out of memory ends the process, text
 * that is not UTF-8 is repaired.
 */
#ifndef ORCHESTRATOR_REPORT_VALUE_H
#define ORCHESTRATOR_REPORT_VALUE_H

#include "common/base.h"

#include <jansson.h>

json_t *report_value_object(void);
json_t *report_value_array(void);

/* A string, or null for NULL. */
json_t *report_value_text(const char *text);

json_t *report_value_int(int64_t number);

/* Wall clock milliseconds as "2026-11-23T06:15:00.123Z"; null for 0. */
json_t *report_value_time(int64_t wall_ms);

/* Takes `value`. The key is repaired like a text. */
void report_value_set(json_t *object, const char *key, json_t *value);
void report_value_append(json_t *array, json_t *value);

/*
 * Writes `value` in one line and frees it. `flags` is for jansson: JSON_EMBED leaves the outer
 * brackets out. 0, or -1 with errno set.
 */
int report_value_write(json_t *value, size_t flags, FILE *out) MUST_CHECK;

#endif
