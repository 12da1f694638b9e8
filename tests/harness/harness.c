/*
 * harness.c: how the harness gives up, and how it waits.
 */
#include "tests/harness/harness.h"

#include <errno.h>
#include <time.h>

void harness_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("harness: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void harness_pause(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}
