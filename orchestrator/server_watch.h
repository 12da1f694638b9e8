/*
 * server_watch.h: looks at the servers that have limits (max_replica_lag, max_connections_used)
 * every two seconds, on small threads of its own, one a server: one that is slow delays neither the
 * others nor the coordinator.
 *
 * Main thread. Every function takes NULL for a run in which no server is watched.
 */
#ifndef ORCHESTRATOR_SERVER_WATCH_H
#define ORCHESTRATOR_SERVER_WATCH_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/run.h"

struct server_watch;

/* What is new of a server. */
struct server_watch_news {
    size_t server;
    const char *waits_for; /* NULL: it needs not be waited for. Until the next call */
    const char *refusal;   /* what is asked for cannot be seen any more: not to be used */
};

/*
 * Starts the threads and has each server looked at that has tenants in the run; waits for these
 * first looks for a few seconds, unless `wake_fd` becomes readable (-1 = none). A server that has
 * not been seen by then is to be waited for until it is, or refuses. ERR_INTERNAL: no threads, or
 * a server does not let us see what is asked for: it, the role and the cure are named. *ret is
 * NULL when there is nothing to watch, or the run only reads or is outside its window. Stopped by
 * server_watch_stop().
 */
int server_watch_start(const struct run_request *request, int wake_fd, struct server_watch **ret,
                       struct err *err) MUST_CHECK;

/* For poll(2): readable, or the moment (clock_now_ms() scale), when server_watch_next() has
 * something to do; -1, CLOCK_NEVER for none. */
int server_watch_fd(const struct server_watch *watch);
int64_t server_watch_due_ms(const struct server_watch *watch);

/* Collects looks, begins those that are due; false: nothing is new (any more). */
bool server_watch_next(struct server_watch *watch, struct server_watch_news *ret);

/* Must a server be waited for? */
bool server_watch_holds(const struct server_watch *watch);

/* Ends the looks under way and the threads, frees the watch. */
void server_watch_stop(struct server_watch *watch);

#endif
