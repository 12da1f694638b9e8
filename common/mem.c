/*
 * mem.c: talloc with its failures turned into the end of the process.
 */
#include "common/mem.h"

void mem_die(size_t size)
{
    fprintf(stderr, "pgtide: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *mem_zeroed(const void *parent, size_t size, size_t count, const char *name)
{
    void *block;

    if (count > SIZE_MAX / 2 / size)
        mem_die(SIZE_MAX);
    block = talloc_zero_size(parent, size * count);
    if (!block)
        mem_die(size * count);
    talloc_set_name_const(block, name);
    return block;
}

void mem_grow_bytes(const void *parent, void **array, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity ? *capacity : 8;
    void *grown;

    while (wanted < count)
        wanted *= 2;
    if (wanted > SIZE_MAX / 2 / size)
        mem_die(SIZE_MAX);
    grown = talloc_realloc_size(parent, *array, wanted * size);
    if (!grown)
        mem_die(wanted * size);
    *array = grown;
    *capacity = wanted;
}

void *mem_context(const void *parent)
{
    void *context = talloc_new(parent);

    if (!context)
        mem_die(0);
    return context;
}

char *mem_strdup(const void *parent, const char *text)
{
    return mem_strndup(parent, text, strlen(text));
}

char *mem_strndup(const void *parent, const char *text, size_t len)
{
    char *copy = talloc_strndup(parent, text, len);

    if (!copy)
        mem_die(len);
    return copy;
}

/* talloc_vasprintf formats twice, once for the length; most texts are short enough to do without.
 */
char *mem_vprintf(const void *parent, const char *format, va_list args)
{
    char buffer[1024];
    va_list again;
    char *text;
    int len;

    va_copy(again, args);
    len = vsnprintf(buffer, sizeof(buffer), format, again);
    va_end(again);
    if (len >= 0 && (size_t)len < sizeof(buffer))
        text = talloc_memdup(parent, buffer, (size_t)len + 1); /* "%c" may have made a NUL */
    else
        text = talloc_vasprintf(parent, format, args);
    if (!text)
        mem_die(strlen(format));
    return text;
}

char *mem_printf(const void *parent, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = mem_vprintf(parent, format, args);
    va_end(args);
    return text;
}
