/*
 * environment.c: a list of "NAME=value" that is searched from its beginning: it is short.
 */
#include "common/environment.h"

#include "common/mem.h"

#include <ctype.h>

extern char **environ;

static void add(struct environment *env, const char *item)
{
    mem_grow(env->mem, &env->items, &env->capacity, env->count + 2);
    env->items[env->count++] = item;
    env->items[env->count] = NULL;
}

void environment_init(struct environment *env, void *parent)
{
    *env = (struct environment){.mem = mem_context(parent)};
    mem_grow(env->mem, &env->items, &env->capacity, 1);
    env->items[0] = NULL;
    for (char **item = environ; *item; item++)
        add(env, mem_strdup(env->mem, *item));
}

/* Its place, or env->count. */
static size_t find(const struct environment *env, const char *name)
{
    size_t len = strlen(name);
    size_t at = 0;

    while (at < env->count &&
           !(strncmp(env->items[at], name, len) == 0 && env->items[at][len] == '='))
        at++;
    return at;
}

const char *environment_get(const struct environment *env, const char *name)
{
    size_t at = find(env, name);

    return at < env->count ? env->items[at] + strlen(name) + 1 : NULL;
}

void environment_set(struct environment *env, const char *name, const char *value)
{
    size_t at = find(env, name);

    if (value && at < env->count) {
        env->items[at] = mem_printf(env->mem, "%s=%s", name, value);
    } else if (value) {
        add(env, mem_printf(env->mem, "%s=%s", name, value));
    } else if (at < env->count) {
        env->items[at] = env->items[--env->count];
        env->items[env->count] = NULL;
    }
}

void environment_set_number(struct environment *env, const char *name, int64_t number)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    environment_set(env, name, text);
}

void environment_set_named(struct environment *env, const char *prefix, const char *name,
                           const char *value)
{
    char *full = mem_printf(env->mem, "%s%s", prefix, name);

    for (char *c = full + strlen(prefix); *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    environment_set(env, full, value);
    talloc_free(full);
}
