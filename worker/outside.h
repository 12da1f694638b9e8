/*
 * outside.h: migrations that cannot run in one transaction (transaction=none): statement by
 * statement, with the progress in the history row, and going on where an earlier attempt stopped.
 */
#ifndef WORKER_OUTSIDE_H
#define WORKER_OUTSIDE_H

#include "worker/apply.h"

/*
 * Runs `item`, or goes on with it from its `started` row. Everything gathered before is sent first.
 * On failure the row stays `started` and says how far it came.
 */
int outside_apply(struct work *work, const struct pending_item *item, struct err *err) MUST_CHECK;

/*
 * The beginning: asks its `when` (*ret_skip: one was false, the row says so) and `require` queries,
 * and writes its `started` row.
 */
int outside_begin(struct work *work, const struct migration *migration, int64_t *ret_rank,
                  bool *ret_skip, struct err *err) MUST_CHECK;

/*
 * The end of a migration whose statements are all done and committed: its verify queries, then the
 * row `rank` becomes `applied`. When a query is not true the row stays `started`, verify pending.
 */
int outside_finish(struct work *work, const struct migration *migration, int64_t rank,
                   struct err *err) MUST_CHECK;

/*
 * For whoever keeps books in a row, one UPDATE before and behind each statement. The statements of
 * a file may give up the tenant's lock (pg_advisory_unlock_all), so that another runner may come
 * in. outside_lock: an SQL condition that takes the lock again, false where somebody else has it;
 * owned by work->mem. outside_marked: ERR_TRANSIENT unless that UPDATE has changed its row.
 */
const char *outside_lock(const struct work *work);
int outside_marked(int64_t rows, struct err *err) MUST_CHECK;

/*
 * Appends the statements before number `done` of the section that only change the session
 * (SQL_SESSION): those behind, which go on in a new session, were written to find it so.
 */
void outside_settings(struct work *work, const struct migration *migration,
                      enum section_kind section, size_t done);

#endif
