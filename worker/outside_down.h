/*
 * outside_down.h: a down section that cannot run in one transaction (transaction=none): statement
 * by statement, with the progress in the history row, and going on where an earlier rollback
 * stopped.
 */
#ifndef WORKER_OUTSIDE_DOWN_H
#define WORKER_OUTSIDE_DOWN_H

#include "worker/revert.h"

/*
 * Runs the way back of `item`, or goes on with it. Everything gathered before is sent first. On
 * failure the row stays `started`, its detail says how far the way back came; `migrate` refuses the
 * tenant until a rollback has finished it.
 */
int outside_down_revert(struct work *work, const struct revert_set *set,
                        const struct revert_item *item, struct err *err) MUST_CHECK;

#endif
