/*
 * queue.h: the two-way road between the coordinator and the workers. The only thing they share.
 *
 * Items are opaque pointers, first in, first out. An item belongs to the worker between queue_take
 * and queue_give_back, and to the coordinator before queue_put and after queue_collect.
 */
#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include "common/base.h"
#include "common/err.h"

struct queue;

/* ERR_INTERNAL when the process is out of file descriptors. */
int queue_new(struct queue **ret, struct err *err) MUST_CHECK;

/* All items must have been collected, and all workers joined. NULL is allowed. */
void queue_free(struct queue *queue);

/* Coordinator. */
void queue_put(struct queue *queue, void *item);
void *queue_collect(struct queue *queue);      /* next item that came back, or NULL; never blocks */
int queue_event_fd(const struct queue *queue); /* readable (poll) while something may have come
                                                  back; queue_collect until NULL makes it quiet */
void queue_close(struct queue *queue); /* from now on queue_take returns NULL once no work is left;
                                          nothing may be put any more */

/* Workers. */
void *queue_take(struct queue *queue);                 /* blocks; NULL = closed: leave */
void queue_give_back(struct queue *queue, void *item); /* each item taken, exactly once */

#endif
