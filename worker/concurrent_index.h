/*
 * concurrent_index.h: CREATE INDEX CONCURRENTLY leaves an invalid index when it fails or is killed.
 * Before it is run (again), that one is dropped: with it the statement would fail (42P07), or, with
 * IF NOT EXISTS, count as done over a useless index.
 */
#ifndef WORKER_CONCURRENT_INDEX_H
#define WORKER_CONCURRENT_INDEX_H

#include "worker/apply.h"

/* Does nothing for any other statement. An index that is being built right now by somebody is left
 * alone. */
int concurrent_index_clear(struct work *work, const struct migration *migration,
                           const struct sql_statement *statement, struct err *err) MUST_CHECK;

/* The name in CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON ..., as the server stores
 * it; NULL for any other statement. Owned by `parent`. Public for its test. */
char *concurrent_index_name(void *parent, const char *sql, size_t len);

#endif
