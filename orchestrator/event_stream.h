/*
 * event_stream.h: lines to a file, pipe or terminal that somebody may be reading, or not.
 *
 * Nothing here ever makes the run wait, but for a moment at the end. Into a file every line is one
 * write(2). A pipe gets at most PIPE_BUF bytes a write, when it has room for them; what it has no
 * room for waits in memory, up to a limit. Lines above that limit, and those for which there is no
 * reader, are lost and counted.
 */
#ifndef ORCHESTRATOR_EVENT_STREAM_H
#define ORCHESTRATOR_EVENT_STREAM_H

#include "common/base.h"
#include "common/err.h"

struct event_stream;

/*
 * Appends to `path`, which is made where it is missing; "-" is standard output. A last line that
 * somebody left without its end gets one. ERR_NOINPUT: it cannot be opened, or it is a named pipe
 * that nobody reads. Owned by `parent`, and closed with it.
 */
int event_stream_open(void *parent, const char *path, struct event_stream **ret,
                      struct err *err) MUST_CHECK;

/* `line` is without its line end. */
void event_stream_line(struct event_stream *stream, const char *line, size_t len);

/* Writes what there is room for now. */
void event_stream_flush(struct event_stream *stream);

/* The same until all is written, at most `ms`; what is left is lost then. */
void event_stream_drain(struct event_stream *stream, int64_t ms);

/* How many lines were lost since this was asked last; 0 as long as none could be written. */
size_t event_stream_take_lost(struct event_stream *stream);

#endif
