/*
 * revert.h: runs the way back of a tenant's migrations.
 *
 * As with apply.h: the transactional down sections go out together in one Query, each in a
 * transaction of its own in which its history row becomes `reverted`; one that runs outside a
 * transaction is run by outside_down.h in its place.
 */
#ifndef WORKER_REVERT_H
#define WORKER_REVERT_H

#include "common/err.h"
#include "worker/apply.h"
#include "worker/revert_set.h"

/* Reverts them all, newest first. On failure what was committed before stays reverted and is in the
 * job's steps. */
int revert_apply(struct work *work, const struct revert_set *set, struct err *err) MUST_CHECK;

/* For outside_down.c: the entry of an item's row, found in `state`. */
struct history_revert revert_entry(const struct revert_item *item, const char *state);

/* Tells the job that the item is reverted. */
void revert_record(struct work *work, const struct revert_set *set, const struct revert_item *item,
                   int64_t duration_ms);

#endif
