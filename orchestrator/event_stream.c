/*
 * event_stream.c: lines to a file, pipe or terminal that somebody may be reading, or not.
 *
 * DESIGN. poll(2) says whether a pipe has room; it promises PIPE_BUF bytes then, so a write of no
 * more than that does not block, and no O_NONBLOCK is needed on a standard output that others
 * share. A file is never waited for, so it is written to at once; where that was cut short (a full
 * disk) the next line begins with a line end, so that only the one before it is torn.
 */
#include "orchestrator/event_stream.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MOST ((size_t)8 * 1024 * 1024)

struct event_stream {
    const char *path; /* "-": standard output */
    int fd;
    bool is_file;          /* never waited for */
    bool torn;             /* a file's last line has no end */
    bool warned;           /* once is enough */
    struct strbuf pending; /* lines that wait; of the first, some may be written already */
    size_t lost;
};

/* --- opening --------------------------------------------------------------------------------- */

static int close_stream(struct event_stream *stream)
{
    if (stream->fd > STDERR_FILENO)
        close(stream->fd);
    return 0;
}

static int open_path(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

    if (fd >= 0)
        return fd;
    if (errno == ENXIO) {
        err_set(err, ERR_NOINPUT, "nobody reads the pipe \"%s\" that events shall go to", path);
        err_hint(err, "Start its reader first.");
        return -1;
    }
    return err_set(err, ERR_NOINPUT, "events file \"%s\" cannot be opened: %s", path,
                   strerror(errno));
}

/* A process that was killed, or a full disk, may have left half a line. */
static bool ends_torn(const char *path, off_t size)
{
    char last = '\n';
    int fd = size > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return false;
    if (pread(fd, &last, 1, size - 1) != 1)
        last = '\n';
    close(fd);
    return last != '\n';
}

int event_stream_open(void *parent, const char *path, struct event_stream **ret, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDOUT_FILENO : open_path(path, err);
    struct event_stream *stream;
    struct stat status;

    if (fd < 0)
        return -1;
    stream = mem_new(parent, struct event_stream);
    stream->path = path;
    stream->fd = fd;
    strbuf_init(&stream->pending, stream);
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        stream->is_file = true;
        stream->torn = !standard && ends_torn(path, status.st_size);
    }
    talloc_set_destructor(stream, close_stream);
    *ret = stream;
    return 0;
}

/* --- losses ---------------------------------------------------------------------------------- */

/* A reader that has left is no error; anything else is said, once. */
static void lose(struct event_stream *stream, size_t lines, int reason)
{
    stream->lost += lines;
    if (reason != EPIPE && !stream->warned) {
        stream->warned = true;
        message_warning("events are lost: could not write them to \"%s\": %s", stream->path,
                        reason == EAGAIN ? "its reader is too slow" : strerror(reason));
    }
}

/* All that waits, the rest of a line that is half written too. */
static void lose_pending(struct event_stream *stream, int reason)
{
    size_t lines = 0;

    for (size_t i = 0; i < stream->pending.len; i++)
        lines += stream->pending.text[i] == '\n';
    strbuf_reset(&stream->pending);
    lose(stream, lines, reason);
}

size_t event_stream_take_lost(struct event_stream *stream)
{
    size_t lost = stream->pending.len == 0 ? stream->lost : 0;

    stream->lost -= lost;
    return lost;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_file(struct event_stream *stream, const char *line, size_t len)
{
    struct strbuf out;
    ssize_t written;

    strbuf_init(&out, stream);
    if (stream->torn)
        strbuf_char(&out, '\n');
    strbuf_add(&out, line, len);
    strbuf_char(&out, '\n');
    do
        written = write(stream->fd, out.text, out.len);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)out.len)
        lose(stream, 1, written < 0 ? errno : ENOSPC);
    if (written > 0)
        stream->torn = written != (ssize_t)out.len;
    strbuf_release(&out);
}

/* Takes what was written away from the front. */
static void advance(struct event_stream *stream, size_t written)
{
    struct strbuf *pending = &stream->pending;

    memmove(pending->text, pending->text + written, pending->len - written);
    pending->len -= written;
    pending->text[pending->len] = '\0';
}

/* One write of what fits without waiting: whole lines as far as possible. 0: nothing fits now. */
static size_t write_some(struct event_stream *stream)
{
    struct pollfd room = {.fd = stream->fd, .events = POLLOUT};
    size_t len = stream->pending.len < PIPE_BUF ? stream->pending.len : PIPE_BUF;
    const char *end = memrchr(stream->pending.text, '\n', len);
    ssize_t written;

    if (poll(&room, 1, 0) != 1)
        return 0;
    if (end)
        len = (size_t)(end - stream->pending.text) + 1;
    written = write(stream->fd, stream->pending.text, len);
    if (written >= 0)
        return (size_t)written;
    if (errno != EAGAIN && errno != EINTR)
        lose_pending(stream, errno);
    return 0;
}

void event_stream_flush(struct event_stream *stream)
{
    while (stream->pending.len > 0) {
        size_t written = write_some(stream);

        if (written == 0)
            return;
        advance(stream, written);
    }
}

void event_stream_line(struct event_stream *stream, const char *line, size_t len)
{
    struct strbuf *pending = &stream->pending;

    if (stream->is_file) {
        write_file(stream, line, len);
        return;
    }
    if (pending->len + len >= PENDING_MOST) {
        lose(stream, 1, EAGAIN);
        return;
    }
    strbuf_add(pending, line, len);
    strbuf_char(pending, '\n');
    event_stream_flush(stream);
}

void event_stream_drain(struct event_stream *stream, int64_t ms)
{
    int64_t deadline = clock_deadline(ms);

    event_stream_flush(stream);
    while (stream->pending.len > 0 && clock_now_ms() < deadline) {
        struct pollfd room = {.fd = stream->fd, .events = POLLOUT};

        if (poll(&room, 1, clock_poll_timeout(deadline)) < 0 && errno != EINTR)
            break;
        event_stream_flush(stream);
    }
    if (stream->pending.len > 0)
        lose_pending(stream, EAGAIN);
}
