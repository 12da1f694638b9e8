/*
 * strmap.h: a hash table from text to pointer, for finding things by name and for noticing
 * duplicates among many. Keys and values are lent: both must live as long as the table.
 */
#ifndef COMMON_STRMAP_H
#define COMMON_STRMAP_H

#include "common/base.h"

struct strmap;

struct strmap *strmap_new(const void *parent);

/* The value under `key`, or NULL. */
void *strmap_get(const struct strmap *map, const char *key);

/* Adds `value` (not NULL) unless the key is there: then that key's value is returned, else NULL. */
void *strmap_add(struct strmap *map, const char *key, void *value);

/* Adds or replaces. */
void strmap_set(struct strmap *map, const char *key, void *value);

#endif
