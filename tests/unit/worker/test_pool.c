/*
 * test_pool.c: every item once, exact start and stop, failing thread starts.
 */
#include "worker/pool.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

static struct queue *open_queue(void)
{
    struct queue *queue = NULL;
    struct err err = ERR_INIT;

    cr_assert(eq(int, queue_new(&queue, &err), 0));
    return queue;
}

static struct pool *start(struct queue *queue, int threads, pool_process_fn *process)
{
    struct pool *pool = NULL;
    struct err err = ERR_INIT;

    cr_assert(eq(int, pool_start(NULL, queue, threads, process, &pool, &err), 0));
    return pool;
}

static void count_up(void *item)
{
    ++*(int *)item;
}

Test(pool, stop_finishes_all_that_was_put, .timeout = 30)
{
    enum { ITEMS = 2000 };
    static int items[ITEMS];
    struct queue *queue = open_queue();
    struct pool *pool = start(queue, 4, count_up);
    size_t back = 0;

    for (size_t i = 0; i < ITEMS; i++)
        queue_put(queue, &items[i]);
    pool_stop(pool);
    while (queue_collect(queue))
        back++;
    cr_expect(eq(sz, back, ITEMS), "every item taken is given back");
    for (size_t i = 0; i < ITEMS; i++)
        cr_assert(eq(int, items[i], 1), "item %zu", i);
    queue_free(queue);
}

struct seen {
    bool sigint_blocked;
    bool sigsegv_blocked;
    size_t stack_bytes;
};

static void look_around(void *item)
{
    struct seen *seen = item;
    pthread_attr_t attributes;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->sigint_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
    seen->sigsegv_blocked = sigismember(&mask, SIGSEGV) == 1;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &seen->stack_bytes);
    pthread_attr_destroy(&attributes);
}

Test(pool, threads_block_signals_and_have_small_stacks, .timeout = 30)
{
    struct queue *queue = open_queue();
    struct pool *pool = start(queue, 1, look_around);
    struct seen seen = {0};
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    cr_expect(eq(int, sigismember(&mask, SIGINT), 0), "the starter's own mask is as it was");
    queue_put(queue, &seen);
    pool_stop(pool);
    queue_collect(queue);
    cr_expect(seen.sigint_blocked);
    cr_expect(not(seen.sigsegv_blocked), "a fault is not swallowed");
    cr_expect(eq(sz, seen.stack_bytes, 256 * 1024));
    queue_free(queue);
}

static int starts_left;

static int create_some(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                       void *arg)
{
    if (starts_left-- <= 0)
        return EAGAIN;
    return pthread_create(thread, attributes, run, arg);
}

Test(pool, goes_on_with_fewer_threads, .timeout = 30)
{
    struct queue *queue = open_queue();
    struct pool *pool;
    int item = 0;

    starts_left = 3;
    pool_replace_create(create_some);
    pool = start(queue, 8, count_up);
    cr_expect(eq(int, pool_threads(pool), 3));
    queue_put(queue, &item);
    pool_stop(pool);
    queue_collect(queue);
    cr_expect(eq(int, item, 1));
    queue_free(queue);
}

Test(pool, no_thread_at_all_is_an_error)
{
    struct queue *queue = open_queue();
    struct pool *pool = NULL;
    struct err err = ERR_INIT;

    starts_left = 0;
    pool_replace_create(create_some);
    cr_expect(eq(int, pool_start(NULL, queue, 8, count_up, &pool, &err), -1));
    cr_expect(eq(int, err.kind, ERR_INTERNAL));
    cr_expect_str_eq(err.message,
                     "could not start a worker thread: Resource temporarily unavailable");
    cr_expect(eq(ptr, pool, NULL));
    err_clear(&err);
    queue_free(queue);
}

static atomic_int in_process;
static pthread_barrier_t all_in;

static void meet(void *item)
{
    atomic_fetch_add((atomic_int *)item, 1);
    pthread_barrier_wait(&all_in);
}

Test(pool, all_threads_work_at_once, .timeout = 30)
{
    enum { THREADS = 6 };
    struct queue *queue = open_queue();
    struct pool *pool = start(queue, THREADS, meet);

    pthread_barrier_init(&all_in, NULL, THREADS); /* opens only when every thread is in it */
    for (int i = 0; i < THREADS; i++)
        queue_put(queue, &in_process);
    pool_stop(pool);
    cr_expect(eq(int, in_process, THREADS));
    while (queue_collect(queue))
        continue;
    pthread_barrier_destroy(&all_in);
    queue_free(queue);
}
