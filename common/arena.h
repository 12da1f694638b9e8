/*
 * arena.h: many small things that die together, with no overhead for each.
 *
 * For what comes in hundred thousands (the nodes of a YAML tree, the names of tenants), where a
 * talloc header for each would weigh more than the thing. An arena is a talloc block: it is freed
 * with its parent or by talloc_free(). What it hands out cannot be freed or be a parent.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/base.h"

struct arena;

struct arena *arena_new(const void *parent);

/* Zeroed room for any type; never NULL, also for a size of 0. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `len` bytes with a NUL after them; of a text. */
char *arena_strndup(struct arena *arena, const char *bytes, size_t len);
char *arena_strdup(struct arena *arena, const char *text);

#endif
