/*
 * test_strbuf.c: the growing text.
 */
#include "common/mem.h"
#include "common/strbuf.h"

#include <criterion/criterion.h>

Test(strbuf, starts_as_empty_text)
{
    struct strbuf buf;

    strbuf_init(&buf, NULL);
    cr_expect_str_eq(buf.text, "");
    cr_expect_eq(buf.len, 0);
    strbuf_release(&buf);
    cr_expect_null(buf.text);
}

Test(strbuf, adds_in_order)
{
    struct strbuf buf;

    strbuf_init(&buf, NULL);
    strbuf_str(&buf, "SELECT ");
    strbuf_char(&buf, '1');
    strbuf_add(&buf, ", 2xxx", 3);
    strbuf_printf(&buf, " AS %s;", "two");
    cr_expect_str_eq(buf.text, "SELECT 1, 2 AS two;");
    cr_expect_eq(buf.len, strlen(buf.text));
    strbuf_release(&buf);
}

Test(strbuf, keeps_nul_bytes)
{
    struct strbuf buf;

    strbuf_init(&buf, NULL);
    strbuf_add(&buf, "a\0b", 3);
    cr_expect_eq(buf.len, 3);
    cr_expect_eq(buf.text[2], 'b');
    cr_expect_eq(buf.text[3], '\0');
    strbuf_release(&buf);
}

/* The text ends exactly at, one before, and one after the room there is. */
Test(strbuf, formats_across_the_edge_of_its_room)
{
    for (int len = 60; len <= 70; len++) {
        struct strbuf buf;

        strbuf_init(&buf, NULL);
        strbuf_printf(&buf, "%*d", len, 7);
        cr_expect_eq(buf.len, (size_t)len);
        cr_expect_eq(strlen(buf.text), (size_t)len);
        cr_expect_eq(buf.text[len - 1], '7');
        strbuf_release(&buf);
    }
}

Test(strbuf, grows_to_any_size)
{
    struct strbuf buf;

    strbuf_init(&buf, NULL);
    for (int i = 0; i < 100000; i++)
        strbuf_str(&buf, "0123456789");
    cr_expect_eq(buf.len, 1000000);
    cr_expect_eq(buf.text[999999], '9');
    strbuf_release(&buf);
}

Test(strbuf, reset_keeps_the_room)
{
    struct strbuf buf;
    size_t capacity;

    strbuf_init(&buf, NULL);
    strbuf_printf(&buf, "%200d", 1);
    capacity = buf.capacity;
    strbuf_reset(&buf);
    cr_expect_str_eq(buf.text, "");
    cr_expect_eq(buf.len, 0);
    cr_expect_eq(buf.capacity, capacity);
    strbuf_release(&buf);
}

Test(strbuf, dies_with_its_parent)
{
    void *mem = mem_context(NULL);
    struct strbuf buf;

    strbuf_init(&buf, mem);
    strbuf_printf(&buf, "%500d", 1);
    cr_expect_eq(talloc_parent(buf.text), mem);
    talloc_free(mem);
}

Test(strbuf, numbers_are_those_of_printf)
{
    static const int64_t numbers[] = {0, 7, -1, 10, 1234567890, INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct strbuf buf;
        char wanted[24];

        snprintf(wanted, sizeof(wanted), "%lld", (long long)numbers[i]);
        strbuf_init(&buf, NULL);
        strbuf_int(&buf, numbers[i]);
        cr_expect_str_eq(buf.text, wanted);
        cr_expect_eq(buf.len, strlen(wanted));
        strbuf_release(&buf);
    }
}
