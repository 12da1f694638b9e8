/*
 * backoff.c: exponential backoff with jitter.
 */
#include "common/backoff.h"

int64_t backoff_delay(int failed, int64_t base_ms, int64_t cap_ms, uint32_t random)
{
    int64_t delay = base_ms;

    for (int i = 1; i < failed && delay < cap_ms; i++)
        delay *= 2;
    if (delay > cap_ms)
        delay = cap_ms;
    return delay - (int64_t)((double)(delay / 2) * (random / 4294967296.0));
}
