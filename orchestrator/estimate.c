/*
 * estimate.c: a running median.
 *
 * DESIGN. The durations of this run are in two heaps, the shorter half in one whose root is its
 * longest, the longer half in one whose root is its shortest; they differ by one at most. The
 * median is the root of the former. The shorter ones are kept negated, so one heap will do.
 */
#include "orchestrator/estimate.h"

#include "common/mem.h"

/* The smallest first. */
struct heap {
    int64_t *items;
    size_t count;
    size_t capacity;
};

struct estimate {
    const int64_t *expected_ms; /* NULL: of none */
    struct heap shorter;        /* negated */
    struct heap longer;
    int64_t known_left_ms; /* sum over those that the ledger knows and that have not ended */
    size_t unknown_left;   /* the others that have not */
};

static void heap_push(struct estimate *estimate, struct heap *heap, int64_t item)
{
    size_t i = heap->count++;

    mem_grow(estimate, &heap->items, &heap->capacity, heap->count);
    while (i > 0 && item < heap->items[(i - 1) / 2]) {
        heap->items[i] = heap->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->items[i] = item;
}

static int64_t heap_pop(struct heap *heap)
{
    int64_t *items = heap->items;
    int64_t first = items[0];
    int64_t moved = items[--heap->count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap->count && items[child + 1] < items[child])
            child++;
        if (child >= heap->count || items[child] >= moved)
            break;
        items[i] = items[child];
        i = child;
    }
    items[i] = moved;
    return first;
}

/* Through the other half first, so that each half keeps to its side. */
static void add(struct estimate *estimate, int64_t took_ms)
{
    struct heap *shorter = &estimate->shorter;
    struct heap *longer = &estimate->longer;

    heap_push(estimate, shorter, -took_ms);
    heap_push(estimate, longer, -heap_pop(shorter));
    if (longer->count > shorter->count)
        heap_push(estimate, shorter, -heap_pop(longer));
}

static int64_t median(const struct estimate *estimate)
{
    return estimate->shorter.count > 0 ? -estimate->shorter.items[0] : -1;
}

static int64_t by_ledger(const struct estimate *estimate, size_t job)
{
    return estimate->expected_ms ? estimate->expected_ms[job] : -1;
}

struct estimate *estimate_new(const void *parent, const int64_t *expected_ms, size_t count)
{
    struct estimate *estimate = mem_new(parent, struct estimate);

    estimate->expected_ms = expected_ms;
    for (size_t job = 0; job < count; job++) {
        int64_t known = by_ledger(estimate, job);

        if (known >= 0)
            estimate->known_left_ms += known;
        else
            estimate->unknown_left++;
    }
    return estimate;
}

void estimate_ended(struct estimate *estimate, size_t job, int64_t took_ms)
{
    int64_t known = by_ledger(estimate, job);

    if (known >= 0)
        estimate->known_left_ms -= known;
    else
        estimate->unknown_left--;
    if (took_ms >= 0)
        add(estimate, took_ms);
}

int64_t estimate_of(const struct estimate *estimate, size_t job)
{
    int64_t known = by_ledger(estimate, job);

    return known >= 0 ? known : median(estimate);
}

bool estimate_fits(const struct estimate *estimate, size_t job, int64_t left_ms)
{
    return left_ms > 0 && estimate_of(estimate, job) <= left_ms;
}

int64_t estimate_left_ms(const struct estimate *estimate, int workers)
{
    int64_t each = median(estimate);

    if (estimate->unknown_left > 0 && each < 0)
        return -1;
    return (estimate->known_left_ms + (int64_t)estimate->unknown_left * each) /
           (workers > 0 ? workers : 1);
}
