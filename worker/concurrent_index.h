/*
 * concurrent_index.h: what became of CREATE and DROP INDEX CONCURRENTLY.
 *
 * A CREATE that fails or is killed leaves an invalid index. With it the same statement would fail
 * (42P07), or, with IF NOT EXISTS, count as done over a useless index; so it is dropped before the
 * statement is run (again). And where a connection was lost the catalogs say whether the
 * statement had been done.
 */
#ifndef WORKER_CONCURRENT_INDEX_H
#define WORKER_CONCURRENT_INDEX_H

#include "worker/apply.h"

/* What the statement names, as it is written there: with qualifiers, quotes and all. */
struct concurrent_index {
    const char *index;
    const char *table; /* NULL: it is a DROP */
};

/*
 * Reads CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table, or DROP INDEX
 * CONCURRENTLY [IF EXISTS] name. False for any other statement, and where the server makes up the
 * name. Text owned by `parent`. Public for its test.
 */
bool concurrent_index_read(void *parent, const char *sql, size_t len, struct concurrent_index *ret);

/* Drops what an earlier try of this statement left. Nothing to do for any but a CREATE; an index
 * that somebody is building right now is left alone. */
int concurrent_index_clear(struct work *work, const struct migration *migration,
                           const struct sql_statement *statement, struct err *err) MUST_CHECK;

/* Whether the statement, whose outcome is unknown, has been done; false also where that cannot be
 * told. */
int concurrent_index_done(struct work *work, const struct migration *migration,
                          const struct sql_statement *statement, bool *ret,
                          struct err *err) MUST_CHECK;

/*
 * A query for the qualified names of invalid indexes where the tenant's names are looked up.
 * Whoever builds one holds a lock on its table, which everybody may see (the progress views show
 * other roles' builds to few); those are left out. Parents of partitioned indexes may be invalid
 * for good reasons.
 */
extern const char concurrent_index_invalid[];

/*
 * What a statement that failed has left: the invalid index it names, or where it names none
 * (REINDEX) all that query finds, "a, b"; NULL: nothing. Owned by `parent`.
 */
char *concurrent_index_left(void *parent, struct work *work, const struct migration *migration,
                            const struct sql_statement *statement);

#endif
