/*
 * pg_pooler.h: PgBouncer in front of a throwaway server, for all its databases, as "postgres".
 */
#ifndef TESTS_HARNESS_PG_POOLER_H
#define TESTS_HARNESS_PG_POOLER_H

#include "common/base.h"
#include "tests/harness/pg_server.h"

struct pg_pooler {
    const char *host; /* "127.0.0.1" */
    int port;
    struct process *process;
};

/* Starts it with `pool_mode` "session", "transaction" or "statement"; stopped when freed. */
struct pg_pooler *pg_pooler_new(void *parent, const struct pg_server *server,
                                const char *pool_mode);

#endif
