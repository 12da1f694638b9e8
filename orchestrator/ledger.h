/*
 * ledger.h: the record of runs: finding a run, listing runs, taking old ones out. What is in a run:
 * ledger_tenants.h; writing one as it happens: ledger_recorder.h; reports of one: ledger_replay.h.
 *
 * The tenants' histories are the truth and the ledger follows them: it may lag behind by a moment
 * when pgtide is killed, so that a tenant is still "in work" there that is done; it never says
 * done of one that is not.
 *
 * Main thread.
 */
#ifndef ORCHESTRATOR_LEDGER_H
#define ORCHESTRATOR_LEDGER_H

#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"
#include "orchestrator/ledger_batch.h"
#include "orchestrator/ledger_db.h"

/* A row of pgtide_run. Text that may be NULL is so marked; -1 where a number is not known yet. */
struct ledger_run {
    const char *id;
    const char *name; /* of a shared run; or NULL */
    const char *operation;
    bool ended; /* false: it goes on, or was killed */
    bool alive; /* it goes on */
    int64_t started_ms;
    int64_t finished_ms;
    int64_t duration_ms;
    const char *host;
    int64_t pid;
    const char *result; /* NULL until it has ended */
    int64_t exit_code;
    const char *origin;      /* the run that this one resumes or retries; or NULL */
    const char *origin_kind; /* "resume", "retry"; or NULL */
    const char *tool;        /* "pgtide 0.1.0" */
    const char *fleet_file;
    int64_t fleet_tenants; /* of the whole fleet */
    const char *fingerprint;
    int64_t suspended;
    const char *catalog; /* of pgtide_document */
    const char *catalog_checksum;
    int64_t tenants;
    const char *options; /* JSON, ledger_options.h */
    const char *detail;  /* JSON; NULL until it has ended */
};

/* An error of the ledger before a run: whatever its server said, it is none of a tenant's. -1, with
 * ERR_INTERNAL for those that would be. */
int ledger_refuse(struct err *err);

/*
 * Opens the ledger of `fleet`: the database that it names, or <state>/ledger.db, whose folder
 * must exist unless `read_only`. ERR_NOINPUT: read only, and nothing has been recorded yet;
 * ERR_INTERNAL otherwise, with what to do. *ret is owned by `parent`.
 */
int ledger_open(void *parent, const struct fleet *fleet, bool read_only, struct ledger_db **ret,
                struct err *err) MUST_CHECK;

/*
 * The run that a person means: its whole id, a beginning that no other has, the name of a shared
 * one, or "last". ERR_NOINPUT with what is near. *ret is owned by `parent`.
 */
int ledger_find(void *parent, struct ledger_db *db, const char *which, struct ledger_run *ret,
                struct err *err) MUST_CHECK;

/* All runs, the newest first; `limit` 0 = all. Owned by `parent`. */
int ledger_list(void *parent, struct ledger_db *db, int64_t limit, struct ledger_run **ret,
                size_t *ret_count, struct err *err) MUST_CHECK;

/* Adds a run that begins: what is known only when it has ended is left out. */
void ledger_add(struct ledger_batch *batch, const struct ledger_run *run);

/* Sets state, started_ms, finished_ms, duration_ms, result, exit_code and detail. */
void ledger_end(struct ledger_batch *batch, const struct ledger_run *run);

/* A text kept under its checksum, which is owned by `parent`. */
const char *ledger_keep_document(void *parent, struct ledger_batch *batch, const char *body);
int ledger_get_document(void *parent, struct ledger_db *db, const char *checksum,
                        const char **ret_body, struct err *err) MUST_CHECK;

/*
 * Takes out the runs that began before `before_ms` and are not going on, with all that belongs to
 * them, in one transaction. *ret_count: how many.
 */
int ledger_prune(struct ledger_db *db, int64_t before_ms, int64_t *ret_count,
                 struct err *err) MUST_CHECK;

#endif
