/*
 * history.h: what a tenant's history table says, and the one Query that asks it: is the lock ours,
 * is this a standby, is a pooler in between, which schema and history are there, which rows has it.
 */
#ifndef WORKER_HISTORY_H
#define WORKER_HISTORY_H

#include "common/base.h"
#include "common/err.h"
#include "worker/transaction.h"

enum history_kind { HISTORY_VERSIONED, HISTORY_REPEATABLE, HISTORY_SEED, HISTORY_BASELINE };
enum history_state { HISTORY_APPLIED, HISTORY_STARTED, HISTORY_SKIPPED, HISTORY_REVERTED };

struct history_row {
    int64_t rank;
    enum history_kind kind;
    enum history_state state;
    bool has_version;
    int64_t version;
    const char *name;
    const char *checksum;
    const char *code_checksum; /* "" where there is none */
    int statements_done;
    int statements_total;
    bool this_run; /* run_id is this run's */
    int64_t duration_ms;
    int64_t batches; /* of a data migration that is started, or was done by this run */
    int64_t rows;    /* that these have changed */
    /* of `started` rows: what their detail says */
    int running;         /* number of the statement whose outcome is unknown, 0 = none */
    const char *prefix;  /* checksum of the statements done, or "" */
    bool verify_pending; /* all done, the after-commit verify was not true yet */
    bool reverting;      /* it is half reverted: running, prefix are of its down section */
    int down_done;       /* and so many statements of that are done */
    /* of `reverted` rows */
    bool reverted_now;      /* by this run */
    bool made_pending;      /* by a repair: it is never out of order then */
    int64_t reverted_after; /* the rank of the newest row then; 0 = not known */
};

struct history {
    bool locked;    /* the tenant's lock is ours (or was not asked for) */
    bool standby;   /* pg_is_in_recovery() */
    bool read_only; /* default_transaction_read_only */
    bool pooled;    /* the backend is not the one that the connection was made to */
    bool schema_exists;
    bool exists;
    bool has_objects;         /* only where no history exists: the schema is not empty */
    struct history_row *rows; /* by rank */
    size_t count;
    size_t capacity;
    int64_t max_rank; /* 0 = none */
    void *mem;
};

/*
 * Asks in one round trip. `lock`: try the tenant's lock too (session lock, or where a pooler is
 * known or noticed only a look at its transaction-scoped twin); when it is not ours the rest is not
 * to be trusted. A history that does not exist leaves the session in a failed transaction block, to
 * be ended by a ROLLBACK at the start of the next script; that saves asking first. *ret is owned by
 * `parent`. ERR_SQL 42501: a history is there but cannot be read; ERR_SQL: its layout is newer than
 * this program.
 */
int history_read(void *parent, struct transactions *tx, bool lock, struct history **ret,
                 struct err *err) MUST_CHECK;

/*
 * Ends the backend `pid` of an earlier attempt of this run, whose connection was lost, should it
 * sit there idle with the tenant's lock: over a dead network the server would notice in hours only.
 * One that is at work is waited for. What the server says to it does not matter.
 */
void history_end_session(struct transactions *tx, int pid);

/*
 * Ends the backend that holds the tenant's lock, if it is one of this run and not at work: that of
 * a machine that has lost the tenant to this one (job->taken_over). What it says does not matter.
 */
void history_end_former(struct transactions *tx);

/* Who holds the tenant's lock, for people: "pid 4711, user migrator, application ...". NULL: nobody
 * any more. */
char *history_lock_holder(void *parent, struct transactions *tx);

#endif
