/*
 * mem.h: talloc, checked.
 *
 * All memory is talloc's: every block has a parent, and freeing the parent frees it. The
 * functions here never return NULL: being out of memory ends the process with a message
 * (a SIGKILL at any moment must be harmless anyway, so this is one more case of that).
 *
 * Threads: a talloc tree belongs to one thread at a time. What crosses to another thread must
 * be a root (parent NULL), or constant.
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include "common/base.h"

#include <talloc.h>

/* A block of `type` (zeroed), or an array of `count` of them (zeroed), owned by `parent`. */
#define mem_new(parent, type) ((type *)mem_zeroed((parent), sizeof(type), 1, #type))
#define mem_array(parent, type, count) ((type *)mem_zeroed((parent), sizeof(type), (count), #type))

/*
 * Room for `count` elements in a growing array: doubles `*capacity` where needed.
 *     mem_grow(ctx, &list->items, &list->capacity, list->count + 1);
 * The new elements are not zeroed. `array` is a pointer to the array's pointer.
 */
#define mem_grow(parent, array, capacity, count)                                                   \
    mem_room((parent), (void **)(void *)(array), (capacity), (count), sizeof(**(array)))

/* An empty context below `parent`; NULL makes a new root. */
void *mem_context(const void *parent);

/* Copies of text, owned by `parent`. mem_strndup copies at most `len` bytes; both end in NUL. */
char *mem_strdup(const void *parent, const char *text);
char *mem_strndup(const void *parent, const char *text, size_t len);

/* Formatted text, owned by `parent`. */
char *mem_printf(const void *parent, const char *format, ...) PRINTF_LIKE(2, 3);
char *mem_vprintf(const void *parent, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* The workers of the macros above. */
void *mem_zeroed(const void *parent, size_t size, size_t count, const char *name);
void mem_grow_bytes(const void *parent, void **array, size_t *capacity, size_t count, size_t size);

static inline void mem_room(const void *parent, void **array, size_t *capacity, size_t count,
                            size_t size)
{
    if (!*array || count > *capacity)
        mem_grow_bytes(parent, array, capacity, count, size);
}

/* Ends the process: message to stderr, abort(). */
NORETURN void mem_die(size_t size);

#endif
