/*
 * arena.c: chunks of talloc memory, handed out from front (structures, aligned) and from behind
 * (text, not aligned), so that short texts cost their bytes and no more.
 */
#include "common/arena.h"

#include "common/mem.h"

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1024 * 1024 };

struct arena {
    char *front; /* next free byte from below, always aligned */
    char *back;  /* one after the last free byte */
    size_t next_chunk;
};

struct arena *arena_new(const void *parent)
{
    struct arena *arena = mem_new(parent, struct arena);

    arena->next_chunk = FIRST_CHUNK;
    return arena;
}

/* Makes sure of `size` free bytes; what is left of the chunk before is given up. */
static void make_room(struct arena *arena, size_t size)
{
    size_t chunk = arena->next_chunk;

    if ((size_t)(arena->back - arena->front) >= size)
        return;
    if (arena->next_chunk < LARGEST_CHUNK)
        arena->next_chunk *= 2;
    if (chunk < size)
        chunk = size;
    arena->front = mem_zeroed(arena, 1, chunk, "arena chunk");
    arena->back = arena->front + chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    void *block;

    if (size > SIZE_MAX / 4)
        mem_die(size);
    size = (size / align + (size % align != 0)) * align;
    make_room(arena, size ? size : align);
    block = arena->front;
    arena->front += size;
    return block;
}

char *arena_strndup(struct arena *arena, const char *bytes, size_t len)
{
    if (len > SIZE_MAX / 4)
        mem_die(len);
    make_room(arena, len + 1);
    arena->back -= len + 1;
    if (len)
        memcpy(arena->back, bytes, len);
    arena->back[len] = '\0';
    return arena->back;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}
