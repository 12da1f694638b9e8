/*
 * progress_block.h: what the screen shows of a run: a row a wave, a row a server that something is
 * the matter with, and below them the bar of the run. Pure: counts and a window's size in, rows
 * out.
 *
 *     canary  passed            4/4   [####################]  4 migrated
 *     early   soaking 2m left  41/41  [####################]  1 failed, 40 migrated
 *     rest    waiting           0/367 [--------------------]
 *     eu1: replica lag 14s (max_replica_lag 10s), 30 tenants wait
 *     45/412 [####--------------]  1 failed, 44 migrated, 0 in work, 12/s, 25m03s left
 */
#ifndef ORCHESTRATOR_PROGRESS_BLOCK_H
#define ORCHESTRATOR_PROGRESS_BLOCK_H

#include "orchestrator/progress_bar.h"

struct progress_rows {
    char **items; /* owned by whom progress_block_make was given */
    size_t count;
    size_t capacity;
};

struct progress_view {
    const struct run_request *request;
    const struct run_result *so_far;
    struct progress_bar bar; /* of the whole run */
    int64_t now_ms;
    size_t rows; /* at most so many, at least 1 */
    size_t columns;
};

/* Appends the rows of `view`; where there are too many, "and 12 more servers" stands for some. */
void progress_block_make(void *parent, const struct progress_view *view, struct progress_rows *ret);

#endif
