/*
 * proxy_wire.h: as much of PostgreSQL's protocol 3 as the proxy needs: where a message ends, what
 * kind it is, and when the server is ready again. Pure; one struct for each connection.
 */
#ifndef TESTS_HARNESS_PROXY_WIRE_H
#define TESTS_HARNESS_PROXY_WIRE_H

#include "common/base.h"
#include "common/strbuf.h"

struct proxy_wire {
    struct strbuf client;    /* what the client sent and nobody took yet */
    size_t taken;            /* bytes of it given out by proxy_wire_take */
    bool started;            /* the startup packet has passed */
    bool one_byte;           /* the server's next byte answers an encryption request */
    bool ready;              /* the server has been ready for a query once */
    unsigned char header[5]; /* of the server's message under way */
    size_t header_len;
    size_t body_left;
};

enum proxy_wire_kind {
    PROXY_WIRE_STARTUP,
    PROXY_WIRE_ENCRYPTION, /* SSLRequest, GSSENCRequest */
    PROXY_WIRE_CANCEL,
    PROXY_WIRE_QUERY, /* Query */
    PROXY_WIRE_PARSE,
    PROXY_WIRE_TERMINATE,
    PROXY_WIRE_OTHER,
};

struct proxy_wire_message {
    enum proxy_wire_kind kind;
    const char *bytes; /* the whole message; valid until the next call */
    size_t len;
};

void proxy_wire_init(struct proxy_wire *wire, const void *parent);

/* Bytes from the client; proxy_wire_take then gives out message by message. False: none whole. */
void proxy_wire_feed(struct proxy_wire *wire, const char *bytes, size_t len);
bool proxy_wire_take(struct proxy_wire *wire, struct proxy_wire_message *ret);

/* Bytes from the server. True: a ReadyForQuery ended in them. */
bool proxy_wire_server(struct proxy_wire *wire, const char *bytes, size_t len);

#endif
