/*
 * ledger_json.h: the JSON that a ledger keeps in text columns, written and read again. What is
 * missing or of another type reads as absent: a ledger may have been written by an older pgtide.
 */
#ifndef ORCHESTRATOR_LEDGER_JSON_H
#define ORCHESTRATOR_LEDGER_JSON_H

#include "common/base.h"

#include <jansson.h>

/* Writes and frees `value`. Owned by `parent`. */
char *ledger_json_write(void *parent, json_t *value);

/* The tree lives as long as `parent`. NULL: `text` is NULL or no JSON. */
const json_t *ledger_json_read(void *parent, const char *text);

/* Of an object, which may be NULL. Text is lent by the tree, or NULL. */
const char *ledger_json_text(const json_t *object, const char *key);
int64_t ledger_json_int(const json_t *object, const char *key, int64_t otherwise);
bool ledger_json_bool(const json_t *object, const char *key);

/* An array of texts, owned by `parent`. */
const char **ledger_json_texts(void *parent, const json_t *object, const char *key,
                               size_t *ret_count);

#endif
