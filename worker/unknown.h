/*
 * unknown.h: whether a migration outside a transaction that was broken off can go on: the statement
 * whose outcome nobody knows, since the connection ended while it was running, or since it may have
 * committed by itself before it failed. Pure.
 */
#ifndef WORKER_UNKNOWN_H
#define WORKER_UNKNOWN_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"
#include "worker/history.h"

/*
 * The statement of `row` (its way back, where it is half reverted) that was running, where a person
 * must say whether it was done: it is not safe to repeat. NULL: there is none.
 */
const struct sql_statement *unknown_statement(const struct migration *migration,
                                              const struct history_row *row);

/* Fills `err` with ERR_CONFLICT for that statement: where it is, and how to say what became of it.
 */
void unknown_explain(const struct migration *migration, const struct history_row *row,
                     struct err *err);

/*
 * Statement `index` of the section has failed, and the server has said so: may a part of it have
 * been committed (SQL_MAY_COMMIT)? Then `err` says that too and what to type, and is of a kind that
 * is not tried again. `fault` is that failure's.
 */
bool unknown_failed(const struct section *section, size_t index, const struct session_fault *fault,
                    struct err *err);

/*
 * Can the up section go on from its `started` row? ERR_CONFLICT when statements that were done have
 * changed in the file since, or when there is an unknown_statement().
 */
int unknown_check(const struct migration *migration, const struct history_row *row,
                  struct err *err) MUST_CHECK;

/* Checksum of the first `done` statements of a section; "" for none. Owned by `parent`. */
char *unknown_prefix(void *parent, const struct migration *migration, enum section_kind section,
                     size_t done);

#endif
