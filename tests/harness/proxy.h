/*
 * proxy.h: a TCP proxy between a PostgreSQL client and a server that counts round trips, delays,
 * and cuts connections at chosen moments.
 *
 *     struct proxy *proxy = proxy_new(ctx, server->host, server->port);
 *     proxy_on_query(proxy, "COMMIT", 0, PROXY_CUT_AFTER);
 *     ... run pgtide against 127.0.0.1, proxy_port(proxy) ...
 *     cr_assert(proxy_triggered(proxy));
 *
 * It runs as a thread of the test; every function may be called at any time from the test's thread.
 * Clients must not ask for TLS beyond trying it (sslmode=prefer is fine).
 */
#ifndef TESTS_HARNESS_PROXY_H
#define TESTS_HARNESS_PROXY_H

#include "common/base.h"

struct proxy;

/*
 * A round trip is a flight of messages from the client followed by an answer of the server.
 * Those of connecting (up to the first ReadyForQuery) are counted apart.
 */
struct proxy_stats {
    int64_t connections;   /* startup packets seen */
    int64_t connect_trips; /* round trips before the first ReadyForQuery */
    int64_t round_trips;   /* round trips after it */
    int64_t queries;       /* Query messages */
    int64_t cancels;       /* cancel requests */
    int64_t to_server;     /* bytes */
    int64_t to_client;
};

enum proxy_action {
    PROXY_CUT_BEFORE, /* the server never sees the Query; both sides are closed */
    PROXY_CUT_AFTER,  /* forwarded whole, then the client's side is closed at once */
    PROXY_CUT_DONE,   /* forwarded; client closed when the server has finished, seeing no answer */
    PROXY_LOSE,       /* the same, but the server's side stays open: it waits for the next Query */
    PROXY_STALL,      /* from the Query on nothing passes any more; both sides stay open */
};

/* Starts a proxy to `host`:`port` (an IPv4 address); ended and its connections cut when freed. */
struct proxy *proxy_new(void *parent, const char *host, int port);

/* Where it listens, on 127.0.0.1. */
int proxy_port(const struct proxy *proxy);

/* Everything that arrives from now on is passed on after `ms`, each way. 0 = at once. */
void proxy_delay(struct proxy *proxy, int ms);

/*
 * Does `action` once, to the connection that sends the first Query (or Parse) containing `text`
 * after `skip` others that contain it. Replaces what was set before; NULL takes it away.
 */
void proxy_on_query(struct proxy *proxy, const char *text, int skip, enum proxy_action action);

/* Whether that happened. For PROXY_CUT_*: that the client's side has been closed. */
bool proxy_triggered(struct proxy *proxy);
bool proxy_wait_triggered(struct proxy *proxy, int64_t timeout_ms);

/* While true, new connections are refused as by a host where nobody listens. */
void proxy_refuse(struct proxy *proxy, bool refuse);

/* While true, nothing passes on any connection, as when a cable is pulled. */
void proxy_stall(struct proxy *proxy, bool stall);

/*
 * Makes the clients of all connections there are now talk to a dead network: nothing comes any
 * more, not even the kernel's acknowledgements, so only keepalives and time-outs notice. The
 * server's side is closed. New connections are served.
 */
void proxy_unplug(struct proxy *proxy);

/* Whether the kernel lets us do that: some sandboxes keep socket filters for root. */
bool proxy_can_unplug(void);

/* Closes every connection, both sides. */
void proxy_cut_all(struct proxy *proxy);

void proxy_read_stats(struct proxy *proxy, struct proxy_stats *ret);
void proxy_reset_stats(struct proxy *proxy);

#endif
