/*
 * server_look.h: one look at a server as a whole, over a connection that is kept for the next one:
 * how far its replicas are behind, how many of its connections are in use.
 *
 * A look is an item of a queue: it belongs to one thread at a time, together with its session,
 * which the next look may take to another thread.
 */
#ifndef WORKER_SERVER_LOOK_H
#define WORKER_SERVER_LOOK_H

#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"
#include "worker/session.h"

struct server_facts {
    int64_t replicas;    /* that replay what they receive, or apply it: standbys and subscribers */
    int64_t lag_ms;      /* the longest that one of those that are behind has reported */
    char behind_at[24];  /* where the last one of those is, "" = none is behind */
    bool silent;         /* one of them has not reported by how much: it stands still, or has only
                            just been connected */
    int64_t connections; /* of clients, without that of the look */
    int64_t usable;      /* what max_connections leaves to those who are not superusers */
};

struct server_look {
    /* set before the first look, constant from then on */
    const struct server *server;
    const char *application_name;
    const char *const *databases; /* to look from where "postgres" will not do */
    size_t database_count;
    int cancel_fd; /* readable: give up */

    /* of the last look */
    struct server_facts facts; /* valid when err is ERR_NONE */
    struct err err;

    struct session *session; /* NULL: none is open */
    size_t database;         /* to open it in: 0 = "postgres", n = databases[n - 1] */
};

/*
 * Looks from the database "postgres" or, where that is not there or the role may not connect to
 * it, from the first of `databases` that does; they are lent. A talloc root, to be released with
 * server_look_free().
 */
struct server_look *server_look_new(const struct server *server, const char *const *databases,
                                    size_t database_count, const char *application_name,
                                    int cancel_fd);

/*
 * Looks: a pool_process_fn for a `struct server_look *`. Takes a few seconds at most, unless the
 * server's name cannot be resolved. err->kind ERR_SQL: another look would not see more, above all
 * 42501, the role may not see this (replicas would have no lag then, and nobody connections).
 * Everything else: the server does not answer now.
 */
void server_look_run(void *look);

void server_look_free(struct server_look *look);

#endif
