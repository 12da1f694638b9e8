/*
 * schedule_heap.c: a binary heap.
 */
#include "orchestrator/schedule_heap.h"

#include "common/clock.h"
#include "common/mem.h"

static bool earlier(const struct schedule_retry *a, const struct schedule_retry *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->job < b->job;
}

void schedule_heap_push(const void *parent, struct schedule_heap *heap, struct schedule_retry retry)
{
    struct schedule_retry *items;
    size_t i = heap->count++;

    mem_grow(parent, &heap->items, &heap->capacity, heap->count);
    items = heap->items;
    while (i > 0 && earlier(&retry, &items[(i - 1) / 2])) {
        items[i] = items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    items[i] = retry;
}

struct schedule_retry schedule_heap_pop(struct schedule_heap *heap)
{
    struct schedule_retry *items = heap->items;
    struct schedule_retry first = items[0];
    struct schedule_retry moved = items[--heap->count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap->count && earlier(&items[child + 1], &items[child]))
            child++;
        if (child >= heap->count || !earlier(&items[child], &moved))
            break;
        items[i] = items[child];
        i = child;
    }
    items[i] = moved;
    return first;
}

int64_t schedule_heap_due_ms(const struct schedule_heap *heap)
{
    return heap->count > 0 ? heap->items[0].at_ms : CLOCK_NEVER;
}
