/*
 * test_concurrent_index.c: the index's name is found as the server would store it.
 */
#include "worker/concurrent_index.h"

#include "common/mem.h"

#include <criterion/criterion.h>

static const struct {
    const char *sql;
    const char *name; /* NULL: not such a statement, or unnamed */
} cases[] = {
    {"CREATE INDEX CONCURRENTLY ix ON t (a)", "ix"},
    {"create unique index concurrently Ix_A on t (a)", "ix_a"},
    {"CREATE INDEX CONCURRENTLY IF NOT EXISTS \"My \"\"Ix\" ON t (a)", "My \"Ix"},
    {"CREATE INDEX\n  CONCURRENTLY -- why\n ix ON t (a)", "ix"},
    {"CREATE INDEX CONCURRENTLY on_hand ON t (a)", "on_hand"},
    {"CREATE INDEX CONCURRENTLY ON t (a)", NULL},
    {"CREATE INDEX ix ON t (a)", NULL},
    {"DROP INDEX CONCURRENTLY ix", NULL},
    {"CREATE INDEX CONCURRENTLY", NULL},
    {"", NULL},
};

Test(concurrent_index, name)
{
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *name = concurrent_index_name(mem, cases[i].sql, strlen(cases[i].sql));

        if (cases[i].name)
            cr_assert_str_eq(name ? name : "(none)", cases[i].name, "%s", cases[i].sql);
        else
            cr_assert_null(name, "%s", cases[i].sql);
    }
    talloc_free(mem);
}
