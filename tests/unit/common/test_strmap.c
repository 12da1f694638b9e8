/*
 * test_strmap.c: the hash table.
 */
#include "common/mem.h"
#include "common/strmap.h"

#include <criterion/criterion.h>

Test(strmap, finds_what_was_added_and_nothing_else)
{
    struct strmap *map = strmap_new(NULL);
    int one = 1;

    cr_expect_null(strmap_get(map, "a"));
    cr_expect_null(strmap_add(map, "a", &one));
    cr_expect_eq(strmap_get(map, "a"), &one);
    cr_expect_null(strmap_get(map, "b"));
    cr_expect_null(strmap_get(map, ""));
    talloc_free(map);
}

Test(strmap, add_keeps_the_first_and_returns_it)
{
    struct strmap *map = strmap_new(NULL);
    int one = 1;
    int two = 2;

    strmap_add(map, "a", &one);
    cr_expect_eq(strmap_add(map, "a", &two), &one);
    cr_expect_eq(strmap_get(map, "a"), &one);
    talloc_free(map);
}

Test(strmap, set_replaces)
{
    struct strmap *map = strmap_new(NULL);
    int one = 1;
    int two = 2;

    strmap_set(map, "a", &one);
    strmap_set(map, "a", &two);
    cr_expect_eq(strmap_get(map, "a"), &two);
    talloc_free(map);
}

Test(strmap, keys_are_compared_by_their_text)
{
    struct strmap *map = strmap_new(NULL);
    char key[] = "store";
    int one = 1;

    strmap_add(map, "store", &one);
    cr_expect_eq(strmap_get(map, key), &one);
    talloc_free(map);
}

Test(strmap, holds_many)
{
    enum { MANY = 50000 };
    struct strmap *map = strmap_new(NULL);
    int *numbers = mem_array(map, int, MANY);

    for (int i = 0; i < MANY; i++) {
        numbers[i] = i;
        cr_assert_null(strmap_add(map, mem_printf(map, "tenant-%d", i), &numbers[i]));
    }
    for (int i = 0; i < MANY; i++) {
        char *key = mem_printf(NULL, "tenant-%d", i);

        cr_assert_eq(strmap_get(map, key), &numbers[i]);
        talloc_free(key);
    }
    cr_expect_null(strmap_get(map, "tenant-50000"));
    talloc_free(map);
}
