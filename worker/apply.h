/*
 * apply.h: runs a tenant's pending migrations.
 *
 * Transactional ones go out together in one Query, each in a transaction of its own with guard and
 * history row; the Query is cut where it grows past 1 MiB, and where a file needs an answer first
 * (`when`) or cannot run in a transaction (outside.h).
 */
#ifndef WORKER_APPLY_H
#define WORKER_APPLY_H

#include "common/base.h"
#include "common/err.h"
#include "worker/job.h"
#include "worker/pending.h"
#include "worker/transaction.h"

/* One attempt's work on one tenant, on the worker's thread. */
struct work {
    void *mem;
    struct job *job; /* receives a step for each migration that was committed */
    struct session *session;
    struct transactions tx;
    bool pooled;
    bool unsure;            /* a command was killed: what it had done is not known */
    const char *output;     /* of the last command, owned by the job; or NULL */
    struct script script;   /* what has been gathered and not been sent */
    struct commit *commits; /* the transactions that `script` ends */
    size_t commit_count;
    size_t commit_capacity;
};

/* `work` has mem, job, session, tx and pooled set. */
void apply_init(struct work *work);

/* Runs them all, in order. On failure what was committed before stays and is in the job's steps. */
int apply_pending(struct work *work, const struct pending *pending, struct err *err) MUST_CHECK;

/*
 * For outside.c and revert.c. apply_gather appends the start of a migration's transaction: BEGIN,
 * guard, and (after asking its `when` queries) its `require` queries; *ret_skip says that a `when`
 * was false. apply_statements appends the section's statements, and sends what grows too large;
 * apply_commit appends the history row and COMMIT; apply_flush sends what was gathered.
 */
int apply_gather(struct work *work, const struct migration *migration, struct history_entry *entry,
                 bool *ret_skip, struct err *err) MUST_CHECK;
int apply_statements(struct work *work, const struct migration *migration,
                     enum section_kind section, struct err *err) MUST_CHECK;
void apply_commit(struct work *work, const struct migration *migration,
                  const struct history_entry *entry, int64_t *ret_rank);
int apply_flush(struct work *work, struct err *err) MUST_CHECK;

/* Calls `committed` once the transaction that has just been ended, `row` being the step before its
 * COMMIT, is known to be committed. `arg` is a talloc object; it is freed then. */
typedef void apply_committed_fn(struct work *work, void *arg);
void apply_expect(struct work *work, const struct script_step *row, apply_committed_fn *committed,
                  void *arg);

/* ERR_SQL for a migration outside a transaction where a pooler is in between. */
int apply_check_pooler(const struct work *work, const struct migration *migration,
                       enum section_kind section, struct err *err) MUST_CHECK;

/* The history row of a migration that is about to run; state "applied". */
struct history_entry apply_entry(const struct migration *migration);

/* Tells the job that `migration` is done. */
void apply_record(struct work *work, const struct migration *migration, int64_t duration_ms,
                  int statements, bool skipped);

#endif
