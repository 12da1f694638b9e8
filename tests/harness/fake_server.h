/*
 * fake_server.h: a server that knows just enough of the PostgreSQL protocol for psql to send it a
 * file, and that remembers what was sent. It runs nothing.
 *
 *     struct fake_server *server = fake_server_open(ctx);
 *     ... start psql against 127.0.0.1, fake_server_port(server) ...
 *     fake_server_serve(server, ctx, &recording);
 *
 * One connection after the other, in the calling thread. What goes wrong ends the test program.
 */
#ifndef HARNESS_FAKE_SERVER_H
#define HARNESS_FAKE_SERVER_H

#include "common/base.h"
#include "common/strbuf.h"

/* One Query message. */
struct fake_query {
    const char *sql;
    bool copy;               /* it was answered as COPY ... FROM STDIN: */
    struct strbuf copy_data; /* what came then */
};

struct fake_recording {
    struct fake_query *queries;
    size_t count;
    size_t capacity;
};

struct fake_server;

/* Listens on a free port of 127.0.0.1. Owned by `parent`, closed when it is freed. */
struct fake_server *fake_server_open(void *parent);
int fake_server_port(const struct fake_server *server);

/*
 * Waits for one client (10 seconds at most), answers it until it leaves, and gives what it sent,
 * owned by `parent`. False: nobody came, or the client broke the protocol.
 */
bool fake_server_serve(struct fake_server *server, void *parent, struct fake_recording *ret);

#endif
