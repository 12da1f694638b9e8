/*
 * test_sql_code.c: cosmetic changes keep the checksum, real ones do not.
 */
#include "catalog/sql_code.h"
#include "common/mem.h"

#include <criterion/criterion.h>

static bool same(const char *a, const char *b)
{
    void *mem = mem_context(NULL);
    bool equal = strcmp(sql_code_checksum(mem, a, 0, strlen(a)),
                        sql_code_checksum(mem, b, 0, strlen(b))) == 0;

    talloc_free(mem);
    return equal;
}

Test(sql_code, cosmetic_changes)
{
    static const char *const pairs[][2] = {
        {"SELECT 1;", "-- why\nSELECT\n\t1 /* one */ ;;\n"},
        {"SELECT 1;", "SELECT 1"},
        {"SELECT f(a);", "SELECT f ( a ) ;"},
        {"SELECT a+b;", "SELECT a + b;"},
        {"SELECT '\\';", " SELECT '\\';"},
        {"COPY t FROM stdin;\na b\n\\.\n", "COPY t\nFROM stdin; -- c\na b\n\\.\n-- d"},
        {"", " -- nothing\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        cr_expect(same(pairs[i][0], pairs[i][1]), "%s", pairs[i][0]);
}

Test(sql_code, real_changes)
{
    static const char *const pairs[][2] = {
        {"SELECT 1;", "SELECT 2;"},
        {"SELECT a b;", "SELECT ab;"},
        {"SELECT 1; SELECT 2;", "SELECT 1 SELECT 2;"},
        {"SELECT 'a b';", "SELECT 'a  b';"},
        {"SELECT '-- a';", "SELECT '-- b';"},
        {"SELECT $$ a$$;", "SELECT $$a$$;"},
        {"SELECT a <= b;", "SELECT a < = b;"},
        {"SELECT 1.5;", "SELECT 1 .5;"},
        {"SELECT 1e-5;", "SELECT 1e -5;"},
        {"SELECT a::b;", "SELECT a: :b;"},
        {"SELECT \"a\";", "SELECT a;"},
        {"COPY t FROM stdin;\na b\n\\.\n", "COPY t FROM stdin;\na  b\n\\.\n"},
        {"COPY t FROM stdin;\n-- a\n\\.\n", "COPY t FROM stdin;\n\\.\n"},
        {"SELECT 'open", "SELECT 'open "},
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        cr_expect_not(same(pairs[i][0], pairs[i][1]), "%s", pairs[i][0]);
}

Test(sql_code, form)
{
    void *mem = mem_context(NULL);
    char *sum = sql_code_checksum(mem, "SELECT 1", 0, 8);

    cr_expect_eq(strncmp(sum, "sha256:", 7), 0);
    cr_expect_eq(strlen(sum), 7 + 64);
    talloc_free(mem);
}
