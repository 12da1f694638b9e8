/*
 * clock.c: the system's clocks, replaceable in tests.
 */
#include "common/clock.h"

#include "common/mem.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_now_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* Written by tests only, before any thread is started. */
static int64_t (*now_source)(void) = system_now_ms;
static int64_t (*wall_source)(void) = system_wall_ms;

int64_t clock_now_ms(void)
{
    return now_source();
}

int64_t clock_wall_ms(void)
{
    return wall_source();
}

int64_t clock_deadline(int64_t ms)
{
    int64_t now = clock_now_ms();

    return ms <= 0 || ms >= CLOCK_NEVER - now ? CLOCK_NEVER : now + ms;
}

int clock_poll_timeout(int64_t deadline)
{
    const int64_t most = 3600 * 1000;
    int64_t left;

    if (deadline == CLOCK_NEVER)
        return -1;
    left = deadline - clock_now_ms();
    return left <= 0 ? 0 : (int)(left < most ? left : most);
}

char *clock_iso(const void *parent, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char day[32];

    gmtime_r(&seconds, &parts);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    return mem_printf(parent, "%s.%03dZ", day, (int)(wall_ms % 1000));
}

void clock_replace(int64_t (*now_ms)(void), int64_t (*wall_ms)(void))
{
    now_source = now_ms ? now_ms : system_now_ms;
    wall_source = wall_ms ? wall_ms : system_wall_ms;
}
