/*
 * test_queue.c: order, wake-up, closing of the queue.
 */
#include "worker/queue.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct queue *open_queue(void)
{
    struct queue *queue = NULL;
    struct err err = ERR_INIT;

    cr_assert(eq(int, queue_new(&queue, &err), 0));
    return queue;
}

static bool readable(struct queue *queue, int timeout_ms)
{
    struct pollfd fd = {.fd = queue_event_fd(queue), .events = POLLIN};

    return poll(&fd, 1, timeout_ms) == 1;
}

Test(queue, first_in_first_out_both_ways)
{
    struct queue *queue = open_queue();
    int items[3];

    for (size_t i = 0; i < 3; i++)
        queue_put(queue, &items[i]);
    for (size_t i = 0; i < 3; i++) {
        void *item = queue_take(queue);

        cr_expect(eq(ptr, item, &items[i]));
        queue_give_back(queue, item);
    }
    for (size_t i = 0; i < 3; i++)
        cr_expect(eq(ptr, queue_collect(queue), &items[i]));
    cr_expect(eq(ptr, queue_collect(queue), NULL));
    queue_free(queue);
}

Test(queue, grows_while_it_wraps_around)
{
    enum { ITEMS = 5000 };
    static int items[ITEMS];
    struct queue *queue = open_queue();
    size_t put = 0;
    size_t back = 0;

    while (back < ITEMS) { /* two in, one out, until all are in */
        for (int i = 0; i < 2 && put < ITEMS; i++)
            queue_put(queue, &items[put++]);
        queue_give_back(queue, queue_take(queue));
        cr_assert(eq(ptr, queue_collect(queue), &items[back]));
        back++;
    }
    queue_free(queue);
}

Test(queue, event_is_there_while_items_may_have_come_back)
{
    struct queue *queue = open_queue();
    int items[2];

    queue_put(queue, &items[0]);
    queue_put(queue, &items[1]);
    cr_expect(not(readable(queue, 0)));
    queue_give_back(queue, queue_take(queue));
    queue_give_back(queue, queue_take(queue));
    cr_expect(readable(queue, 0));
    queue_collect(queue);
    cr_expect(readable(queue, 0), "one is still there");
    queue_collect(queue);
    cr_expect(eq(ptr, queue_collect(queue), NULL));
    cr_expect(not(readable(queue, 0)), "collected to the end: quiet");
    queue_free(queue);
}

Test(queue, closed_gives_the_work_left_and_then_null)
{
    struct queue *queue = open_queue();
    int item;

    queue_put(queue, &item);
    queue_close(queue);
    cr_expect(eq(ptr, queue_take(queue), &item));
    queue_give_back(queue, &item);
    cr_expect(eq(ptr, queue_take(queue), NULL));
    cr_expect(eq(ptr, queue_take(queue), NULL), "for every worker that asks");
    cr_expect(eq(ptr, queue_collect(queue), &item));
    queue_free(queue);
}

static void *take_one(void *queue)
{
    return queue_take(queue);
}

Test(queue, closing_wakes_those_who_wait, .timeout = 20)
{
    struct queue *queue = open_queue();
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        cr_assert(eq(int, pthread_create(&threads[i], NULL, take_one, queue), 0));
    queue_close(queue);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *item = &threads;

        pthread_join(threads[i], &item);
        cr_expect(eq(ptr, item, NULL));
    }
    queue_free(queue);
}

static void *echo(void *queue)
{
    void *item;

    while ((item = queue_take(queue)))
        queue_give_back(queue, item);
    return NULL;
}

static struct queue *late_queue;

/* In place of the C library's, for this program: where late_queue is set, a worker gives its item
 * back right between the queue's look at its list and this call. */
int eventfd_read(int fd, eventfd_t *value)
{
    struct queue *queue = late_queue;

    late_queue = NULL;
    if (queue)
        queue_give_back(queue, queue);
    return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value) ? 0 : -1;
}

Test(queue, an_item_that_comes_while_the_event_is_made_quiet_is_seen)
{
    struct queue *queue = open_queue();

    queue_put(queue, queue);
    queue_take(queue);
    late_queue = queue;
    cr_expect(eq(ptr, queue_collect(queue), queue), "else it would be slept over");
    queue_free(queue);
}

static int collect_all(struct queue *queue)
{
    int count = 0;

    while (queue_collect(queue))
        count++;
    return count;
}

/* Items come back while the list is being found empty again and again: none may be slept over. */
Test(queue, no_wake_up_is_lost, .timeout = 60)
{
    struct queue *queue = open_queue();
    pthread_t thread;
    int item;

    cr_assert(eq(int, pthread_create(&thread, NULL, echo, queue), 0));
    for (int round = 0; round < 50000; round++) {
        int back = 0;

        queue_put(queue, &item);
        for (int i = 0; i < round % 64; i++)
            back += collect_all(queue);
        while (back < 1) {
            cr_assert(readable(queue, 5000), "round %d: nothing came back", round);
            back += collect_all(queue);
        }
    }
    queue_close(queue);
    pthread_join(thread, NULL);
    queue_free(queue);
}
