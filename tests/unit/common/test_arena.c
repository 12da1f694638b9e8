/*
 * test_arena.c: many small things that die together.
 */
#include "common/arena.h"
#include "common/mem.h"

#include <criterion/criterion.h>

Test(arena, blocks_are_zeroed_aligned_and_apart)
{
    struct arena *arena = arena_new(NULL);
    unsigned char *before = NULL;
    size_t sizes[] = {1, 7, 8, 24, 100, 5000, 3, 0, 2000000, 16};

    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            unsigned char *block = arena_alloc(arena, sizes[i]);

            cr_assert_eq((uintptr_t)block % _Alignof(max_align_t), 0);
            for (size_t j = 0; j < sizes[i]; j++)
                cr_assert_eq(block[j], 0);
            memset(block, 0xAB, sizes[i]);
            cr_assert(sizes[i] == 0 || block != before);
            before = block;
        }
    }
    talloc_free(arena);
}

Test(arena, texts_and_blocks_do_not_touch)
{
    struct arena *arena = arena_new(NULL);
    char *texts[2000];
    int *numbers[2000];

    for (int i = 0; i < 2000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        texts[i] = arena_strdup(arena, text);
        numbers[i] = arena_alloc(arena, sizeof(int));
        *numbers[i] = i;
    }
    for (int i = 0; i < 2000; i++) {
        cr_assert_eq(strtol(texts[i], NULL, 10), i);
        cr_assert_eq(*numbers[i], i);
    }
    talloc_free(arena);
}

Test(arena, strndup_cuts_and_ends)
{
    struct arena *arena = arena_new(NULL);

    cr_expect_str_eq(arena_strndup(arena, "abcdef", 3), "abc");
    cr_expect_str_eq(arena_strndup(arena, NULL, 0), "");
    talloc_free(arena);
}

Test(arena, dies_with_its_parent)
{
    void *mem = mem_context(NULL);
    struct arena *arena = arena_new(mem);

    arena_alloc(arena, 10);
    cr_expect_geq(talloc_total_size(mem), 4096);
    talloc_free(arena);
    cr_expect_lt(talloc_total_size(mem), 4096);
    talloc_free(mem);
}

/* A hundred thousand names of twelve bytes cost little more than their bytes. */
Test(arena, small_texts_have_no_overhead)
{
    struct arena *arena = arena_new(NULL);

    for (int i = 0; i < 100000; i++)
        arena_strdup(arena, "store-00000");
    cr_expect_lt(talloc_total_size(arena), 3 * 1024 * 1024);
    talloc_free(arena);
}
