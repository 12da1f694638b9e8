/*
 * batch.h: data migrations (batch=N): one statement, repeated in transactions of its own until it
 * changes no row, with the progress in the history row, and going on from there at any time.
 */
#ifndef WORKER_BATCH_H
#define WORKER_BATCH_H

#include "worker/apply.h"

/*
 * Runs `item`, or goes on with it from its `started` row. Everything gathered before is sent first.
 * On failure the batches that were committed stay, and the row, still `started`, counts them.
 */
int batch_apply(struct work *work, const struct pending_item *item, struct err *err) MUST_CHECK;

#endif
