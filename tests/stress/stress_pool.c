/*
 * stress_pool.c: pool and queue started and stopped thousands of times, with failing thread starts,
 * full and empty queues; what was put must have been processed and come back, each item once.
 *
 * A plain program, for ThreadSanitizer. It needs no server. Usage: stress_pool [ROUNDS]
 */
#include "worker/pool.h"

#include "common/text.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum { MOST_ITEMS = 64, MOST_THREADS = 8, ROUNDS = 5000 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "stress_pool: %s:%d: %s\n", __FILE__, __LINE__, #condition);           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct item {
    int puts;      /* the coordinator's */
    int processed; /* the worker's, while it has the item */
};

static int starts_before_failure; /* of thread starts; read by the one thread that starts */
static atomic_int threads_alive;

struct thread {
    void *(*run)(void *);
    void *arg;
};

static void *counted(void *arg)
{
    struct thread thread = *(struct thread *)arg;

    free(arg);
    atomic_fetch_add(&threads_alive, 1);
    thread.run(thread.arg);
    atomic_fetch_sub(&threads_alive, 1);
    return NULL;
}

static int create_or_fail(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    struct thread *thread;
    int error;

    if (starts_before_failure-- <= 0)
        return EAGAIN;
    thread = malloc(sizeof(*thread));
    CHECK(thread);
    *thread = (struct thread){run, arg};
    error = pthread_create(id, attributes, counted, thread);
    if (error)
        free(thread);
    return error;
}

static void process(void *arg)
{
    struct item *item = arg;

    item->processed++;
}

/* Collects without blocking; how many came. What came back is the coordinator's again. */
static int collect(struct queue *queue)
{
    struct item *item;
    int count = 0;

    while ((item = queue_collect(queue))) {
        CHECK(item->processed == item->puts);
        count++;
    }
    return count;
}

/* As the coordinator does: sleeps until all items that are out came back. */
static void wait_for_all(struct queue *queue, int out)
{
    struct pollfd fd = {.fd = queue_event_fd(queue), .events = POLLIN};

    while (out > 0) {
        CHECK(poll(&fd, 1, 20000) == 1);
        out -= collect(queue);
    }
    CHECK(out == 0);
}

/* Puts all items `times` times; each must come back before it is put again. */
static void work(struct queue *queue, struct item *items, int count, int times)
{
    for (int time = 0; time < times; time++) {
        for (int i = 0; i < count; i++) {
            items[i].puts++;
            queue_put(queue, &items[i]);
        }
        wait_for_all(queue, count);
    }
}

static void one_round(unsigned *seed)
{
    struct item items[MOST_ITEMS] = {0};
    int threads = 1 + rand_r(seed) % MOST_THREADS;
    int count = rand_r(seed) % (MOST_ITEMS + 1);
    int last = count ? rand_r(seed) % count : 0; /* still out when the pool is stopped */
    struct queue *queue = NULL;
    struct pool *pool = NULL;
    struct err err = ERR_INIT;

    starts_before_failure = rand_r(seed) % (MOST_THREADS + 4);
    CHECK(queue_new(&queue, &err) == 0);
    if (pool_start(NULL, queue, threads, process, &pool, &err) < 0) {
        CHECK(err.kind == ERR_INTERNAL);
        err_clear(&err);
    } else {
        work(queue, items, count, rand_r(seed) % 3);
        for (int i = 0; i < last; i++) {
            items[i].puts++;
            queue_put(queue, &items[i]);
        }
        pool_stop(pool);
        CHECK(collect(queue) == last);
    }
    for (int i = 0; i < MOST_ITEMS; i++)
        CHECK(items[i].processed == items[i].puts);
    CHECK(atomic_load(&threads_alive) == 0);
    queue_free(queue);
}

int main(int argc, char **argv)
{
    int64_t rounds = ROUNDS;
    unsigned seed = 1;

    if (argc > 2 || (argc == 2 && !text_to_int64(argv[1], 1, INT32_MAX, &rounds))) {
        fprintf(stderr, "usage: stress_pool [ROUNDS]\n");
        return 64;
    }
    pool_replace_create(create_or_fail);
    for (int64_t i = 0; i < rounds; i++)
        one_round(&seed);
    printf("stress_pool: %lld rounds, every item taken came back\n", (long long)rounds);
    return 0;
}
