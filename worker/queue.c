/*
 * queue.c: two lists under one mutex, a condition for the workers, an eventfd for the coordinator.
 *
 * DESIGN. `mutex` guards every field of struct queue but event_fd, which is constant. It is the
 * only mutex of the program, and nothing that waits is called under it: the condition is signalled
 * and the eventfd written after it is let go.
 *
 * Room for an item in `returned` is made when it is put, by the coordinator, so that a worker
 * never allocates memory of the queue.
 *
 * The eventfd is written only when `returned` was empty. queue_collect makes it quiet when it finds
 * the list empty, and then looks once more: an item that came in between is not slept over.
 */
#include "worker/queue.h"

#include "common/mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A circular list. */
struct ring {
    void **items;
    size_t first;
    size_t count;
    size_t capacity;
};

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t work_or_closed;
    struct ring work;
    struct ring returned;
    size_t in_work; /* taken and not given back */
    bool closed;
    int event_fd;
};

/* Makes the room at least `wanted` items. */
static void ring_reserve(struct ring *ring, const void *parent, size_t wanted)
{
    size_t capacity = ring->capacity ? ring->capacity : 16;
    void **items;

    if (wanted <= ring->capacity)
        return;
    while (capacity < wanted)
        capacity *= 2;
    items = mem_array(parent, void *, capacity);
    for (size_t i = 0; i < ring->count; i++) {
        assert(ring->capacity > 0);
        items[i] = ring->items[(ring->first + i) % ring->capacity];
    }
    talloc_free(ring->items);
    ring->items = items;
    ring->first = 0;
    ring->capacity = capacity;
}

static void ring_push(struct ring *ring, void *item)
{
    assert(ring->count < ring->capacity);
    ring->items[(ring->first + ring->count) % ring->capacity] = item;
    ring->count++;
}

static void *ring_pop(struct ring *ring)
{
    void *item;

    if (ring->count == 0)
        return NULL;
    item = ring->items[ring->first];
    ring->first = (ring->first + 1) % ring->capacity;
    ring->count--;
    return item;
}

int queue_new(struct queue **ret, struct err *err)
{
    struct queue *queue;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "could not create an eventfd: %s", strerror(errno));
    queue = mem_new(NULL, struct queue);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->work_or_closed, NULL);
    queue->event_fd = fd;
    *ret = queue;
    return 0;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    assert(queue->work.count == 0 && queue->in_work == 0 && queue->returned.count == 0);
    close(queue->event_fd);
    pthread_cond_destroy(&queue->work_or_closed);
    pthread_mutex_destroy(&queue->mutex);
    talloc_free(queue);
}

void queue_put(struct queue *queue, void *item)
{
    size_t items;

    pthread_mutex_lock(&queue->mutex);
    assert(!queue->closed);
    items = queue->work.count + queue->in_work + queue->returned.count + 1;
    ring_reserve(&queue->work, queue, items);
    ring_reserve(&queue->returned, queue, items);
    ring_push(&queue->work, item);
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_signal(&queue->work_or_closed);
}

static void *pop_returned(struct queue *queue)
{
    void *item;

    pthread_mutex_lock(&queue->mutex);
    item = ring_pop(&queue->returned);
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void *queue_collect(struct queue *queue)
{
    void *item = pop_returned(queue);
    eventfd_t ignored;

    if (item)
        return item;
    (void)eventfd_read(queue->event_fd, &ignored); /* EAGAIN: it was quiet */
    return pop_returned(queue);
}

int queue_event_fd(const struct queue *queue)
{
    return queue->event_fd;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_broadcast(&queue->work_or_closed);
}

void *queue_take(struct queue *queue)
{
    void *item;

    pthread_mutex_lock(&queue->mutex);
    while (queue->work.count == 0 && !queue->closed)
        pthread_cond_wait(&queue->work_or_closed, &queue->mutex);
    item = ring_pop(&queue->work);
    if (item)
        queue->in_work++;
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void queue_give_back(struct queue *queue, void *item)
{
    bool was_empty;

    pthread_mutex_lock(&queue->mutex);
    assert(queue->in_work > 0);
    was_empty = queue->returned.count == 0;
    ring_push(&queue->returned, item);
    queue->in_work--;
    pthread_mutex_unlock(&queue->mutex);
    if (was_empty)
        (void)eventfd_write(queue->event_fd, 1); /* fails only at 2^64 - 1 unread writes */
}
