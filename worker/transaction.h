/*
 * transaction.h: the SQL that stands around every migration and seed: BEGIN, the tenant's settings
 * and the guard before, the history row and COMMIT behind.
 *
 * The guard makes the server itself refuse, within the transaction, when: another session holds the
 * tenant's lock; the history's newest row is not the one this attempt knows; this migration is
 * there already; the schema is not the tenant's. The end of a transaction checks that it is still
 * the one that was begun (a token set with SET LOCAL). SPEC section 6.
 *
 * PL/pgSQL would make these checks prettier, but loading it costs a new connection half as much
 * again as the whole look at the history, so they are plain SQL: what must not be is cast to
 * integer, and the text that cannot be cast carries the attempt's token and a code.
 * transaction_explain() turns such an error into words.
 *
 * A struct transactions lives as long as one attempt, on the worker's thread.
 */
#ifndef WORKER_TRANSACTION_H
#define WORKER_TRANSACTION_H

#include "catalog/migration.h"
#include "common/base.h"
#include "config/fleet.h"
#include "worker/script.h"

struct transactions {
    void *mem;
    const struct tenant *tenant;
    struct session *session; /* for quoting and running */
    const char *run_id;
    const char *token;       /* random, of this attempt: marks errors that the guard raised */
    const char *history;     /* quoted, qualified name of the history table */
    const char *run_literal; /* run_id, quoted */
    const char *settings;    /* what TRANSACTION_LOCAL sets whatever the directives say, as SQL */
    const char *lock_key;    /* SQL expression of the tenant's lock */
    bool history_exists;     /* false: the next transaction_begin makes it */
    bool schema_exists;      /* false: the next transaction_begin makes it */
    int64_t known_rank;      /* highest rank read, 0 = none; counts while known_row is NULL */
    const char
        *known_row; /* SQL condition that holds for the row this attempt wrote last, or NULL */
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
    bool keeps_role;    /* nothing in it can change the session's role */
};

/*
 * `session` is the attempt's; everything is allocated below `parent`. Whether history and schema
 * exist and the rank known are the caller's to fill in.
 */
void transaction_init(struct transactions *tx, void *parent, struct session *session,
                      const struct tenant *tenant, const char *run_id);

/*
 * Appends: BEGIN (READ COMMITTED), SET LOCAL of search_path, role, time-outs and variables, the
 * guard, the history table where it is missing. `directives` may be NULL (a seed).
 * `entry` is what transaction_end will record.
 */
void transaction_begin(struct transactions *tx, struct script *script,
                       const struct directives *directives, const struct history_entry *entry);

/*
 * Appends: the check that the transaction is still ours, the history row, COMMIT, and RESET of what
 * files may leave behind. Returns the step that inserts the row; it returns (rank, duration_ms).
 */
struct script_step *transaction_end(struct transactions *tx, struct script *script,
                                    const struct history_entry *entry);

/* What transaction_settings sets its values for, and what else that statement does. */
enum transaction_scope {
    TRANSACTION_LOCAL,        /* SET LOCAL */
    TRANSACTION_LOCAL_LOCKED, /* the same, and fails unless the tenant's lock is ours */
    TRANSACTION_SESSION,      /* until transaction_reset */
};

/* Appends, as one statement, the settings of the tenant: search_path, role, time-outs, variables.
 */
void transaction_settings(struct transactions *tx, struct script *script,
                          const struct directives *directives, enum transaction_scope scope);
void transaction_reset(struct script *script);

/*
 * Appends a query of a require or verify section so that the server raises an error unless it
 * is true. `number` counts the section's queries from 1.
 */
void transaction_check(struct transactions *tx, struct script *script,
                       const struct migration *migration, enum section_kind section, size_t number);

/*
 * After a failed script: when the error was raised by a guard or check of this attempt, replaces it
 * by what it means (ERR_LOCKED, ERR_TRANSIENT when the history moved on, ERR_HELD, ERR_SQL). Else
 * leaves it alone.
 */
void transaction_explain(const struct transactions *tx, struct err *err);

#endif
