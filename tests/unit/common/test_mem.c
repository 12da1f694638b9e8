/*
 * test_mem.c: checked talloc.
 */
#include "common/mem.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(mem, new_blocks_are_zeroed_and_owned)
{
    void *mem = mem_context(NULL);
    int *numbers = mem_array(mem, int, 100);

    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(numbers[i], 0);
    cr_expect_eq(talloc_parent(numbers), mem);
    talloc_free(mem);
}

Test(mem, an_array_of_none_is_there)
{
    int *none = mem_array(NULL, int, 0);

    cr_expect_not_null(none);
    talloc_free(none);
}

Test(mem, grow_keeps_what_is_there_and_doubles)
{
    void *mem = mem_context(NULL);
    int *items = NULL;
    size_t capacity = 0;
    size_t moves = 0;

    for (int i = 0; i < 1000; i++) {
        size_t before = capacity;

        mem_grow(mem, &items, &capacity, (size_t)i + 1);
        moves += capacity != before;
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(items[i], i);
    cr_expect_leq(moves, 8);
    cr_expect_eq(talloc_parent(items), mem);
    talloc_free(mem);
}

Test(mem, strndup_ends_at_the_length_or_the_nul)
{
    void *mem = mem_context(NULL);

    cr_expect_str_eq(mem_strndup(mem, "abcdef", 3), "abc");
    cr_expect_str_eq(mem_strndup(mem, "abc", 10), "abc");
    cr_expect_str_eq(mem_strdup(mem, ""), "");
    talloc_free(mem);
}

Test(mem, printf_formats)
{
    char *text = mem_printf(NULL, "%s-%04d", "store", 7);

    cr_expect_str_eq(text, "store-0007");
    talloc_free(text);
}

Test(mem, printf_keeps_a_nul_and_any_length)
{
    char *pair = mem_printf(NULL, "%s%c%s", "name", 0, "value");

    cr_expect_str_eq(pair + strlen("name") + 1, "value");
    talloc_free(pair);
    for (int len = 250; len < 260; len++) { /* around the end of the buffer */
        char *text = mem_printf(NULL, "%*s", len, "end");

        cr_expect_eq(strlen(text), (size_t)len);
        cr_expect_str_eq(text + len - 3, "end");
        talloc_free(text);
    }
}

Test(mem, too_much_ends_the_process, .signal = SIGABRT)
{
    mem_array(NULL, int64_t, SIZE_MAX / 4);
}
