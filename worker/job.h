/*
 * job.h: what crosses between the coordinator and a worker: down with a tenant and what to do, up
 * with what came of it.
 *
 * A job belongs to one thread at a time: the coordinator's, then, between queue_put and the
 * return, one worker's. `plan` is constant and shared by all jobs of a run. There is one job a
 * tenant and run; the coordinator may send it down several times (attempts).
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"

enum job_action {
    JOB_INSPECT, /* read only: compare the history with the catalog; no lock, nothing written */
    JOB_MIGRATE, /* lock, migrate, seed where asked */
};

/* What to do, the same for all tenants of a run. */
struct job_plan {
    enum job_action action;
    const struct catalog *catalog;
    const char *run_id;
    int64_t to_version; /* INT64_MAX = the head; below the head neither repeatables nor seeds run */
    bool ask_require;   /* JOB_INSPECT: run the require queries of pending migrations, read only */
    bool seed;
    bool reseed;                  /* also seeds that are there with the same checksum */
    const char *const *seed_sets; /* --seed-set: instead of the tenants' own */
    size_t seed_set_count;
    int cancel_fd; /* readable = cancel running statements; -1 = none */
};

enum outcome {
    OUTCOME_NONE, /* not ended yet */
    OUTCOME_MIGRATED,
    OUTCOME_CURRENT,
    OUTCOME_PENDING, /* read-only commands only, like the next */
    OUTCOME_CONFLICT,
    OUTCOME_FAILED,
    OUTCOME_HELD,
    OUTCOME_UNREACHABLE,
    OUTCOME_LOCKED,
    OUTCOME_UNKNOWN,
    OUTCOME_CANCELLED,
    OUTCOME_COUNT
};

const char *outcome_name(enum outcome outcome); /* "migrated" */

/* One piece of work of a tenant: done (JOB_MIGRATE) or pending (JOB_INSPECT). */
struct job_step {
    const struct migration *migration; /* of the catalog; NULL for a seed */
    const struct seed_file *seed;      /* NULL for a migration */
    int64_t duration_ms;               /* of its transaction, by the server's clock */
    int statements;
    int64_t rows; /* of a seed: rows in its file */
    bool skipped; /* its `when` was false */
    bool held;    /* pending, and its `require` is not true */
};

struct job {
    /* set by the coordinator */
    const struct job_plan *plan;
    const struct tenant *tenant;
    int attempt; /* 1, 2, ...; counted by the coordinator before each hand-out */
    void *mem;   /* talloc root of the fields below; made by job_init, freed by job_release */

    /* set by the worker: what this attempt found and did. Across attempts `steps` grows: work that
     * an earlier attempt of this run did is in it too. */
    struct err err;    /* kind ERR_NONE: the attempt reached its aim */
    bool changed;      /* JOB_MIGRATE: at least one row with this run's id is in the history */
    bool sent_changes; /* something that changes the tenant was sent in any attempt */
    bool has_history;  /* there was a history when the tenant was first looked at */
    int64_t initial_version; /* highest applied version before this run, 0 = none; valid if
                                `inspected` */
    int64_t version;         /* highest applied version now */
    bool inspected;          /* the history has been read in some attempt */
    size_t applied_count;    /* versioned rows applied (not reverted), now */
    struct job_step *steps;
    size_t step_count;
    size_t step_capacity;
    int backend_pid;
    const char *lock_holder; /* ERR_LOCKED: who has it, for people; or NULL */

    /* kept by the coordinator; a worker does not read them */
    enum outcome outcome;
    int64_t started_wall_ms; /* first hand-out; 0 = never started */
    int64_t duration_ms;     /* from the first hand-out to the end */
};

void job_init(struct job *job, const struct job_plan *plan, const struct tenant *tenant);
void job_release(struct job *job);

/* Appends a zeroed step. */
struct job_step *job_add_step(struct job *job);

/* "0039", or "-" for none: a version for people and JSON. Owned by `parent`. */
char *job_version_text(void *parent, int64_t version);

#endif
