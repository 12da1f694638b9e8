/*
 * schedule_heap.h: tenants that wait for their retry, the earliest first; of two that are due at
 * the same time, the one with the lower number. A call costs the logarithm of those waiting.
 */
#ifndef ORCHESTRATOR_SCHEDULE_HEAP_H
#define ORCHESTRATOR_SCHEDULE_HEAP_H

#include "common/base.h"

struct schedule_retry {
    int64_t at_ms;
    size_t job;
};

struct schedule_heap { /* {0}: empty */
    struct schedule_retry *items;
    size_t count;
    size_t capacity;
};

/* The heap's memory is owned by `parent`. */
void schedule_heap_push(const void *parent, struct schedule_heap *heap,
                        struct schedule_retry retry);

/* The earliest, taken out. The heap is not empty. */
struct schedule_retry schedule_heap_pop(struct schedule_heap *heap);

/* When the earliest is due; CLOCK_NEVER: none waits. */
int64_t schedule_heap_due_ms(const struct schedule_heap *heap);

#endif
