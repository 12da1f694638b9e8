/*
 * proxy_stream.c: a queue of chunks with times.
 */
#include "tests/harness/proxy_stream.h"

#include "common/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

struct proxy_chunk {
    struct proxy_chunk *next;
    int64_t due_us;
    size_t len;
    size_t sent;
    char *bytes;
};

int64_t proxy_stream_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void proxy_stream_push(struct proxy_stream *stream, const char *bytes, size_t len, int64_t due_us)
{
    struct proxy_chunk *chunk = mem_new(NULL, struct proxy_chunk);

    *chunk = (struct proxy_chunk){.due_us = due_us, .len = len};
    chunk->bytes = mem_array(chunk, char, len);
    memcpy(chunk->bytes, bytes, len);
    if (stream->last)
        stream->last->next = chunk;
    else
        stream->first = chunk;
    stream->last = chunk;
    stream->queued += len;
}

void proxy_stream_end(struct proxy_stream *stream, int64_t due_us)
{
    stream->ended = true;
    stream->end_us = due_us;
}

static void pop(struct proxy_stream *stream)
{
    struct proxy_chunk *chunk = stream->first;

    stream->first = chunk->next;
    if (!stream->first)
        stream->last = NULL;
    stream->queued -= chunk->len;
    talloc_free(chunk);
}

bool proxy_stream_write(struct proxy_stream *stream, int fd)
{
    while (proxy_stream_is_due(stream)) {
        struct proxy_chunk *chunk = stream->first;
        ssize_t n = send(fd, chunk->bytes + chunk->sent, chunk->len - chunk->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        chunk->sent += (size_t)n;
        if (chunk->sent == chunk->len)
            pop(stream);
    }
    return stream->first || !stream->ended || stream->end_us > proxy_stream_now_us();
}

int64_t proxy_stream_due(const struct proxy_stream *stream, int64_t due_us)
{
    if (stream->first)
        return stream->first->due_us < due_us ? stream->first->due_us : due_us;
    return stream->ended && stream->end_us < due_us ? stream->end_us : due_us;
}

bool proxy_stream_is_due(const struct proxy_stream *stream)
{
    return stream->first && stream->first->due_us <= proxy_stream_now_us();
}

void proxy_stream_clear(struct proxy_stream *stream)
{
    while (stream->first)
        pop(stream);
}
