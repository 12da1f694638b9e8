/*
 * test_sha256.c: sums against published values.
 */
#include "common/mem.h"
#include "common/sha256.h"

#include <criterion/criterion.h>

#define OF_EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

Test(sha256, known_values)
{
    void *mem = mem_context(NULL);

    cr_expect_str_eq(sha256_text(mem, "", 0), OF_EMPTY);
    cr_expect_str_eq(sha256_text(mem, "abc", 3), OF_ABC);
    talloc_free(mem);
}

Test(sha256, parts_sum_up_to_the_whole)
{
    struct sha256 sum;
    char *text;

    sha256_init(&sum);
    sha256_add(&sum, "a", 1);
    sha256_add(&sum, "", 0);
    sha256_add(&sum, "bc", 2);
    text = sha256_end_text(&sum, NULL);
    cr_expect_str_eq(text, OF_ABC);
    talloc_free(text);
}

Test(sha256, bytes)
{
    unsigned char bytes[32];
    struct sha256 sum;

    sha256_init(&sum);
    sha256_add(&sum, "abc", 3);
    sha256_end(&sum, bytes);
    cr_expect_eq(bytes[0], 0xba);
    cr_expect_eq(bytes[31], 0xad);
}
