/*
 * proxy_stream.h: one direction of a proxied connection: bytes that wait for their moment.
 */
#ifndef TESTS_HARNESS_PROXY_STREAM_H
#define TESTS_HARNESS_PROXY_STREAM_H

#include "common/base.h"

struct proxy_chunk;

struct proxy_stream {
    struct proxy_chunk *first;
    struct proxy_chunk *last;
    size_t queued;  /* bytes */
    bool ended;     /* the sender has closed ... */
    int64_t end_us; /* ... which is passed on then */
};

/* Microseconds of the monotonic clock. */
int64_t proxy_stream_now_us(void);

/* To be written at `due_us` at the earliest. */
void proxy_stream_push(struct proxy_stream *stream, const char *bytes, size_t len, int64_t due_us);

/* Nothing more comes; tell the receiver at `due_us`. */
void proxy_stream_end(struct proxy_stream *stream, int64_t due_us);

/* Writes what is due to `fd`. False: the connection is over, by an error or as the sender ended. */
bool proxy_stream_write(struct proxy_stream *stream, int fd);

/* The earlier of `due_us` and when this stream has something to do; INT64_MAX = never. */
int64_t proxy_stream_due(const struct proxy_stream *stream, int64_t due_us);

/* Whether there is something to write now. */
bool proxy_stream_is_due(const struct proxy_stream *stream);

void proxy_stream_clear(struct proxy_stream *stream);

#endif
