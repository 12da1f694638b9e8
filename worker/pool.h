/*
 * pool.h: threads that take an item from a queue, process it, and give it back, until the queue is
 * closed.
 *
 * Processing cannot fail: errors live in the item. Every item taken is given back. Signals are
 * blocked in the threads, but for those of a fault (SIGSEGV and its like). Stacks are 256 KiB.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "common/base.h"
#include "common/err.h"
#include "worker/queue.h"

#include <pthread.h>

struct pool;

typedef void pool_process_fn(void *item);

/*
 * Starts `threads` threads; returns when all run. When fewer can be started but at least one, goes
 * on with those; pool_threads() says how many. ERR_INTERNAL when none can. The pool is owned by
 * `parent` and must be stopped before that is freed.
 */
int pool_start(void *parent, struct queue *queue, int threads, pool_process_fn *process,
               struct pool **ret, struct err *err) MUST_CHECK;

int pool_threads(const struct pool *pool);

/* Closes the queue, joins every thread, frees the pool. Items in work, and those put before, are
 * finished and given back first. NULL is allowed. */
void pool_stop(struct pool *pool);

/* For tests: threads are started by this function; NULL restores pthread_create(3). */
typedef int pool_create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
void pool_replace_create(pool_create_fn *create);

#endif
