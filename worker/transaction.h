/*
 * transaction.h: the SQL that stands around every migration and seed: BEGIN, the tenant's settings
 * and the guard before, the history row and COMMIT behind.
 *
 * The guard makes the server itself refuse, within the transaction, when: another session holds the
 * tenant's lock; the history's newest row is not the one this attempt knows; this migration is
 * there already; the schema is not the tenant's. The end of a transaction checks that it is still
 * the one that was begun (a token set with SET LOCAL). See ARCHITECTURE.md.
 *
 * PL/pgSQL would make these checks prettier, but loading it costs a new connection half as much
 * again as the whole look at the history, so they are plain SQL: what must not be is cast to
 * integer, and the text that cannot be cast carries the attempt's token and a code.
 * transaction_explain() turns such an error into words.
 *
 * From the second transaction of an attempt on they are executed as prepared statements, where the
 * session allows it (prepared.h).
 *
 * A struct transactions lives as long as one attempt, on the worker's thread.
 */
#ifndef WORKER_TRANSACTION_H
#define WORKER_TRANSACTION_H

#include "catalog/migration.h"
#include "common/base.h"
#include "config/fleet.h"
#include "worker/script.h"

/* The comment on a history table. */
#define TRANSACTION_LAYOUT "pgtide history, layout 1"

/* A setting that is the same for every file of a tenant. */
struct transaction_setting {
    const char *name;
    const char *literal; /* its value for set_config */
    const char *set;     /* name and value for SET: pgtide."user" = 'x' */
};

struct transactions {
    void *mem;
    const struct tenant *tenant;
    struct session *session; /* for quoting and running */
    const char *run_id;
    const char *bundle;      /* checksum for the detail of history rows; NULL: of no bundle */
    const char *token;       /* random, of this attempt: marks errors that the guard raised */
    const char *history;     /* quoted, qualified name of the history table */
    const char *run_literal; /* run_id, quoted */
    struct transaction_setting *settings; /* see transaction_setting_list */
    size_t setting_count;
    const char *history_literal; /* the same as an SQL literal, for to_regclass */
    const char *schema_literal;  /* the schema's quoted name as an SQL literal */
    const char *unique_index;    /* name of the index on (version, name) */
    const char *lock_key;        /* SQL expression of the tenant's lock */
    bool history_exists;         /* false: the next transaction_begin makes it */
    bool schema_exists;          /* false: the next transaction_begin makes it */
    bool nonempty_allowed;       /* objects without a history are no conflict */
    bool may_prepare;            /* the session ends with the attempt: see prepared.h */
    int prepared;                /* number in the names of what is prepared; 0 = nothing */
    int prepared_count;          /* numbers used so far */
    bool prepared_dropped;       /* a file dropped what was prepared: the attempt does without */
    int64_t known_rank;          /* highest rank read, 0 = none; counts while known_row is NULL */
    int64_t known_reverted;      /* reverted rows, where others may revert between the look and a
                                    transaction (a pooler); -1: not looked at */
    const char *known_row;       /* what the row that this attempt wrote last is known by, or NULL:
                                    see guard_row */
};

/* The history row that ends a transaction. */
struct history_entry {
    const char *kind; /* "versioned", "repeatable", "seed", "baseline" */
    bool has_version;
    int64_t version;
    const char *name;
    const char *checksum;
    const char *code_checksum; /* or NULL */
    const char *state;         /* "applied", "skipped", "started" */
    int statements_done;
    int statements_total;
    const char *detail; /* JSON text, or NULL */
    bool keeps_session; /* nothing in it can change the session's role, drop what is prepared, or
                           leave something behind */
};

/*
 * `session` is the attempt's; everything is allocated below `parent`. Whether history and schema
 * exist, the rank known and the bundle are the caller's to fill in.
 */
void transaction_init(struct transactions *tx, void *parent, struct session *session,
                      const struct tenant *tenant, const char *run_id);

/*
 * Appends: BEGIN (READ COMMITTED), SET LOCAL of search_path, role, time-outs and variables, the
 * guard, the history table where it is missing. `directives` may be NULL (a seed).
 */
void transaction_begin(struct transactions *tx, struct script *script,
                       const struct directives *directives);

/* Appends, within a transaction: names and operators are PostgreSQL's own, whatever the database's
 * search_path. For looks, which come before the tenant's settings. */
void transaction_own_path(struct script *script);

/* Appends the file's own lock_timeout, where it has one: behind guard_begin, which sets the
 * tenant's, and before anything that waits for a table. */
void transaction_own_lock_timeout(struct script *script, const struct directives *own);

/*
 * Appends: the check that the transaction is still ours, the history row, COMMIT, and RESET of what
 * files may leave behind. Returns the step that inserts the row; it returns (rank, duration_ms).
 */
struct script_step *transaction_end(struct transactions *tx, struct script *script,
                                    const struct history_entry *entry);

/* The INSERT of a history row; `values` are those of kind, version, name, checksum, code_checksum,
 * state, statements_done, statements_total, detail. */
char *transaction_row_statement(struct transactions *tx, const char *values);

/* Appends a history row before the one of transaction_end. */
void transaction_add_row(struct transactions *tx, struct script *script,
                         const struct history_entry *entry);

/* A history row that a transaction reverts. */
struct history_revert {
    int64_t rank;
    const char *state;  /* that the server must find it in: "applied", "skipped", "started" */
    bool keeps_session; /* as above */
};

/*
 * The same around a way back. The guard checks that the newest row is the known one and that the
 * row to be reverted is still as it was read; the end makes it `reverted`, its detail says by whom,
 * when, in which run, and after which row. Returns the step that does; it returns (duration_ms).
 */
void transaction_begin_revert(struct transactions *tx, struct script *script,
                              const struct directives *directives,
                              const struct history_revert *revert);
struct script_step *transaction_end_revert(struct transactions *tx, struct script *script,
                                           const struct history_revert *revert);

/* How far a data migration came, by its `started` row. */
struct history_batch {
    int64_t rank;
    int64_t batches; /* that have changed rows */
    int64_t rows;    /* that these have changed */
    bool last;       /* there is nothing more to change; its verify queries are still to be asked */
};

/*
 * The same around one batch of a data migration. The guard checks that the row stands at `before`;
 * the end puts it to `after`. Returns the step that does; it returns nothing.
 */
void transaction_begin_batch(struct transactions *tx, struct script *script,
                             const struct migration *migration, const struct history_batch *before);
struct script_step *transaction_end_batch(struct transactions *tx, struct script *script,
                                          const struct migration *migration,
                                          const struct history_batch *after);

/* search_path, role, variables; made when first asked for: most attempts find nothing to do. */
const struct transaction_setting *transaction_setting_list(struct transactions *tx);

/* How long what transaction_settings sets holds: SET LOCAL, or SET until transaction_reset. */
enum transaction_scope { TRANSACTION_LOCAL, TRANSACTION_SESSION };

/* Appends the settings of the tenant: search_path, role, time-outs, variables. */
void transaction_settings(struct transactions *tx, struct script *script,
                          const struct directives *directives, enum transaction_scope scope);
void transaction_reset(struct script *script);

/* Appends what keeps a session of our own (no transaction pooler's) from being ended by the
 * server's idle_session_timeout while pgtide waits for something else; until the next RESET ALL. */
void transaction_stay(struct transactions *tx, struct script *script);

/*
 * Appends a query of a require or verify section so that the server raises an error unless it
 * is true. `number` counts the section's queries from 1.
 */
void transaction_check(struct transactions *tx, struct script *script,
                       const struct migration *migration, enum section_kind section, size_t number);

/*
 * After a failed script: when the error was raised by a guard or check of this attempt, replaces it
 * by what it means (ERR_LOCKED, ERR_TRANSIENT when the history moved on, ERR_HELD, ERR_SQL). Else
 * leaves it alone. Notes in `prepared_dropped` that it was about a prepared statement.
 */
void transaction_explain(struct transactions *tx, struct err *err);

#endif
