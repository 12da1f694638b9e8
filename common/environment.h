/*
 * environment.h: the environment of a program that is about to be run: ours, with changes. One
 * thread at a time.
 */
#ifndef COMMON_ENVIRONMENT_H
#define COMMON_ENVIRONMENT_H

#include "common/base.h"

struct environment {
    void *mem;          /* owner of all of it */
    const char **items; /* "NAME=value", ends in NULL: as execve(2) takes it */
    size_t count;
    size_t capacity;
};

/* A copy of our own. */
void environment_init(struct environment *env, void *parent);

/* NULL for a name that is not there. */
const char *environment_get(const struct environment *env, const char *name);

/* Sets or replaces; NULL takes it away. */
void environment_set(struct environment *env, const char *name, const char *value);
void environment_set_number(struct environment *env, const char *name, int64_t number);

/*
 * "<prefix><NAME>" with the letters of `name` in upper case and all but letters and digits as "_":
 * PGTIDE_LABEL_RING.
 */
void environment_set_named(struct environment *env, const char *prefix, const char *name,
                           const char *value);

#endif
