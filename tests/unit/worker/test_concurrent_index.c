/*
 * test_concurrent_index.c: which statements concern an index by name, and which one.
 */
#include "worker/concurrent_index.h"

#include "common/mem.h"

#include <criterion/criterion.h>

static const struct {
    const char *sql;
    const char *index; /* NULL: not such a statement, or unnamed */
    const char *table;
} cases[] = {
    {"CREATE INDEX CONCURRENTLY ix ON t (a)", "ix", "t"},
    {"create unique index concurrently Ix_A on only s . t(a)", "Ix_A", "s.t"},
    {"CREATE INDEX CONCURRENTLY IF NOT EXISTS \"My \"\"Ix\" ON \"S\".\"T.x\" USING gin (a)",
     "\"My \"\"Ix\"", "\"S\".\"T.x\""},
    {"/* why */ CREATE /* a */ INDEX\n  CONCURRENTLY -- b\n ix /* c */ ON t (a)", "ix", "t"},
    {"CREATE INDEX CONCURRENTLY on_hand ON t (a)", "on_hand", "t"},
    {"DROP INDEX CONCURRENTLY ix", "ix", NULL},
    {"drop index concurrently if exists s.\"Ix\" cascade", "s.\"Ix\"", NULL},
    {"CREATE INDEX CONCURRENTLY ON t (a)", NULL, NULL},
    {"CREATE INDEX ix ON t (a)", NULL, NULL},
    {"CREATE INDEX CONCURRENTLY ix", NULL, NULL},
    {"CREATE INDEX CONCURRENTLY ix ON", NULL, NULL},
    {"CREATE INDEX CONCURRENTLY IF ix ON t (a)", NULL, NULL},
    {"CREATE INDEX CONCURRENTLY", NULL, NULL},
    {"DROP INDEX ix", NULL, NULL},
    {"DROP INDEX CONCURRENTLY", NULL, NULL},
    {"REINDEX INDEX CONCURRENTLY ix", NULL, NULL},
    {"", NULL, NULL},
};

Test(concurrent_index, read)
{
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct concurrent_index names;
        bool read = concurrent_index_read(mem, cases[i].sql, strlen(cases[i].sql), &names);

        cr_assert_eq(read, cases[i].index != NULL, "%s", cases[i].sql);
        if (!read)
            continue;
        cr_assert_str_eq(names.index, cases[i].index, "%s", cases[i].sql);
        cr_assert_str_eq(names.table ? names.table : "-", cases[i].table ? cases[i].table : "-",
                         "%s", cases[i].sql);
    }
    talloc_free(mem);
}
