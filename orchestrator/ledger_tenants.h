/*
 * ledger_tenants.h: what is in a recorded run: its tenants in their frozen order, the attempts at
 * them, its waves. What writes adds one statement to a batch. Main thread.
 */
#ifndef ORCHESTRATOR_LEDGER_TENANTS_H
#define ORCHESTRATOR_LEDGER_TENANTS_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_batch.h"
#include "orchestrator/ledger_db.h"
#include "worker/job.h"

enum ledger_state { LEDGER_READY, LEDGER_IN_WORK, LEDGER_WAITING, LEDGER_ENDED };

/* A row of pgtide_tenant. Numbers: -1 = NULL. */
struct ledger_tenant {
    int64_t tenant; /* position in the frozen list */
    const char *name;
    const char *server;
    const char *database;
    const char *schema; /* or NULL */
    int64_t wave;       /* position in the run's plan; 0 for a fleet without waves */
    int64_t wave_order; /* within it */
    enum ledger_state state;
    enum outcome outcome;
    int64_t attempts;
    int64_t started_ms;
    int64_t duration_ms;
    int64_t initial_version; /* -1: its history was not read */
    int64_t version;
    int64_t backend_pid;
    enum err_kind error_kind;
    const char *result; /* JSON: of its object in the report, what has no column; or NULL */
    const char *detail; /* JSON: what only reports for people say; or NULL */
    const char *owner;  /* who has it in work; or NULL */
};

struct ledger_attempt {
    int64_t tenant;
    int64_t number; /* 1, 2, ... */
    int64_t started_ms;
    int64_t ended_ms;     /* -1: it has not */
    const char *kind;     /* err_kind_name(); NULL: no error */
    const char *sqlstate; /* or NULL */
    const char *message;  /* or NULL */
    const char *owner;    /* or NULL */
};

/* A row of pgtide_wave. */
struct ledger_wave {
    int64_t wave;
    const char *name; /* NULL: the fleet has no waves */
    const char *state;
    int64_t tenants;
    int64_t started_ms;
    int64_t finished_ms;
    const char *detail; /* JSON, or NULL */
};

/* A tenant of the frozen list, as it stands before the run. */
void ledger_tenants_add(struct ledger_batch *batch, const char *run,
                        const struct ledger_tenant *tenant);

/* Sets everything from `state` on. */
void ledger_tenants_set(struct ledger_batch *batch, const char *run,
                        const struct ledger_tenant *tenant);

/* In the order of the list. Owned by `parent`. */
int ledger_tenants_read(void *parent, struct ledger_db *db, const char *run,
                        struct ledger_tenant **ret, size_t *ret_count, struct err *err) MUST_CHECK;

/* Adds it, or sets how it has ended. */
void ledger_tenants_put_attempt(struct ledger_batch *batch, const char *run,
                                const struct ledger_attempt *attempt);

/* By tenant and number. */
int ledger_tenants_attempts(void *parent, struct ledger_db *db, const char *run,
                            struct ledger_attempt **ret, size_t *ret_count,
                            struct err *err) MUST_CHECK;

/* Adds it, or sets how far it is. */
void ledger_tenants_put_wave(struct ledger_batch *batch, const char *run,
                             const struct ledger_wave *wave);

int ledger_tenants_waves(void *parent, struct ledger_db *db, const char *run,
                         struct ledger_wave **ret, size_t *ret_count, struct err *err) MUST_CHECK;

/* How many tenants a run has of each outcome; OUTCOME_NONE: not ended. */
int ledger_tenants_totals(struct ledger_db *db, const char *run, size_t totals[OUTCOME_COUNT],
                          struct err *err) MUST_CHECK;

/* Keeps how long the tenant of this name was migrated, unless a later time is known. */
void ledger_tenants_put_duration(struct ledger_batch *batch, const char *name, int64_t ended_ms,
                                 int64_t took_ms);

/*
 * How long each tenant took the last time it was migrated; -1: never, as far as the ledger knows.
 * By position in `tenants`, owned by `parent`.
 */
int ledger_tenants_last_durations(void *parent, struct ledger_db *db,
                                  const struct tenant *const *tenants, size_t count,
                                  const int64_t **ret, struct err *err) MUST_CHECK;

#endif
