/*
 * pool.c: exact start and stop of the worker threads.
 *
 * DESIGN. A thread's whole life is take, process, give back. It ends when queue_take returns NULL,
 * which every thread finds out for itself once the queue is closed; nothing is ever cancelled or
 * detached. The threads only read struct pool, but for `running`, a semaphore.
 */
#include "worker/pool.h"

#include "common/mem.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

#define STACK_BYTES (256 * 1024)

struct pool {
    struct queue *queue;
    pool_process_fn *process;
    pthread_t *threads;
    int count;
    sem_t running; /* posted by each thread as it begins */
};

/* Written by tests only, while no pool is being started. */
static pool_create_fn *create_thread = pthread_create;

void pool_replace_create(pool_create_fn *create)
{
    create_thread = create ? create : pthread_create;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    void *item;

    sem_post(&pool->running);
    while ((item = queue_take(pool->queue))) {
        pool->process(item);
        queue_give_back(pool->queue, item);
    }
    return NULL;
}

/* All that can wait. A blocked fault would end the process without a core or a sanitizer's word. */
static void all_but_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

    sigfillset(set);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        sigdelset(set, faults[i]);
}

/* Starts up to `wanted` threads; 0, or the errno of the first start that failed. */
static int start_threads(struct pool *pool, int wanted)
{
    pthread_attr_t attributes;
    sigset_t blocked;
    sigset_t before;
    int error = 0;

    all_but_faults(&blocked);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_BLOCK, &blocked, &before); /* the threads inherit it */
    while (pool->count < wanted && error == 0) {
        error = create_thread(&pool->threads[pool->count], &attributes, work, pool);
        if (error == 0)
            pool->count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    for (int i = 0; i < pool->count; i++) {
        while (sem_wait(&pool->running) < 0 && errno == EINTR)
            continue;
    }
    return error;
}

int pool_start(void *parent, struct queue *queue, int threads, pool_process_fn *process,
               struct pool **ret, struct err *err)
{
    struct pool *pool = mem_new(parent, struct pool);
    int error;

    pool->queue = queue;
    pool->process = process;
    pool->threads = mem_array(pool, pthread_t, (size_t)threads);
    sem_init(&pool->running, 0, 0);
    error = start_threads(pool, threads);
    if (pool->count == 0) {
        sem_destroy(&pool->running);
        talloc_free(pool);
        err_set(err, ERR_INTERNAL, "could not start a worker thread: %s", strerror(error));
        err_hint(err, "The machine or this user is at its limit of processes or memory; see "
                      "\"ulimit -u\" and \"free\".");
        return -1;
    }
    *ret = pool;
    return 0;
}

int pool_threads(const struct pool *pool)
{
    return pool->count;
}

void pool_stop(struct pool *pool)
{
    if (!pool)
        return;
    queue_close(pool->queue);
    for (int i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    sem_destroy(&pool->running);
    talloc_free(pool);
}
