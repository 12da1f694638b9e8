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
    JOB_INSPECT,  /* read only: compare the history with the catalog; no lock, nothing written */
    JOB_MIGRATE,  /* lock, migrate, seed where asked */
    JOB_ROLLBACK, /* lock, run the down sections of what is above to_version, or of steps */
    JOB_ROLLBACK_PLAN, /* read only: what JOB_ROLLBACK would revert */
    JOB_VERIFY,        /* read only: ask the verify queries of what is applied */
    JOB_BASELINE,      /* lock, record migrations up to to_version as applied, run none */
    JOB_BASELINE_PLAN, /* read only: what JOB_BASELINE would record */
    JOB_REPAIR,        /* lock, put rows of the history right, drop invalid indexes */
    JOB_REPAIR_PLAN,   /* read only: what JOB_REPAIR would do */
    JOB_QUERY,         /* read only: gives the rows of job_plan.query */
};

/* Does it take the tenant's lock and change things? */
bool job_writes(enum job_action action);

/* Does it run what files say (and hooks around that)? */
bool job_runs_files(enum job_action action);

struct hooks;          /* hook.h */
struct repair_choices; /* repair_set.h */
struct query;          /* query.h */
struct query_rows;     /* query_rows.h */

/* What to do, the same for all tenants of a run. */
struct job_plan {
    enum job_action action;
    const struct catalog *catalog;
    const char *run_id;
    int64_t to_version; /* INT64_MAX = the head; below the head neither repeatables nor seeds run;
                           of a rollback: the version that stays */
    int64_t steps;      /* of a rollback: how many rows, whatever their versions; 0 = to_version */
    bool ask_require;   /* JOB_INSPECT: run the require queries of pending migrations, read only */
    bool seed;
    bool reseed;                  /* also seeds that are there with the same checksum */
    const char *const *seed_sets; /* --seed-set: instead of the tenants' own */
    size_t seed_set_count;
    const struct repair_choices *repair; /* of a repair; else NULL */
    struct query *query;                 /* of JOB_QUERY; else NULL */
    const struct hooks *hooks;           /* of an action that runs files; else NULL */
    int cancel_fd;                       /* readable = cancel running statements; -1 = none */
};

enum outcome {
    OUTCOME_NONE, /* not ended yet */
    OUTCOME_MIGRATED,
    OUTCOME_CURRENT,
    OUTCOME_PENDING,  /* read-only commands only */
    OUTCOME_CONFLICT, /* these, and repair where it cannot cure all */
    OUTCOME_FAILED,
    OUTCOME_HELD,
    OUTCOME_UNREACHABLE,
    OUTCOME_LOCKED,
    OUTCOME_UNKNOWN,
    OUTCOME_CANCELLED,
    OUTCOME_COUNT
};

const char *outcome_name(enum outcome outcome); /* "migrated" */
bool outcome_is_problem(enum outcome outcome);  /* not where it should be; pending is no problem */

/* One piece of work of a tenant: done, or by a read-only action to be done; asked by JOB_VERIFY. */
struct job_step {
    const struct migration *migration; /* of the catalog; NULL for a seed */
    const struct seed_file *seed;      /* NULL for a migration */
    int64_t duration_ms;               /* of its transaction, by the server's clock */
    int statements;
    int64_t rows;       /* of a seed: rows in its file; of batches: rows that they have changed */
    int64_t batches;    /* of a data migration: how many have changed rows */
    const char *output; /* of a migration that is a command; else NULL */
    bool skipped;       /* its `when` was false */
    bool held;          /* pending, and its `require` is not true */
    bool begun;         /* pending, and an earlier run has begun it: */
    int done;           /* so many of its statements are done */
};

/* A hook that was run. */
struct hook_run {
    enum hook_point point;
    int attempt;   /* in which; 0 for those of the run */
    int exit_code; /* of a command that ended by itself; -1 = none */
    int64_t duration_ms;
    const char *output; /* of a command, its end at least; NULL: it was SQL or did not start */
    bool output_cut;
    const char *problem; /* the message of its failure; NULL: it did what it should */
};

/* JOB_VERIFY: a verify query that is not true. */
struct job_mismatch {
    const struct migration *migration;
    const struct sql_statement *statement; /* the query */
    int line;
    char sqlstate[6];   /* "": it gave a result */
    const char *result; /* "false", "NULL or no row", or the server's message */
};

/* What a repair puts right. */
enum job_repair_kind {
    JOB_REPAIR_CHECKSUM, /* the file was changed after it was applied */
    JOB_REPAIR_NAME,     /* the file was renamed */
    JOB_REPAIR_DONE,     /* a statement whose outcome is not known counts as done, */
    JOB_REPAIR_NOT_DONE, /* or as not done */
    JOB_REPAIR_UNSKIP,   /* a skipped migration is pending again */
    JOB_REPAIR_FORGET,   /* the file is gone for good */
    JOB_REPAIR_INDEX,    /* an invalid index is dropped */
};

/* "checksum", for reports and the history. False: there is no such kind. */
const char *job_repair_name(enum job_repair_kind kind);
bool job_repair_kind_of(const char *name, enum job_repair_kind *ret);

/* JOB_REPAIR: one thing that was put right, or by JOB_REPAIR_PLAN would be. */
struct job_repair {
    enum job_repair_kind kind;
    int64_t rank;     /* of the row; 0: it is an index */
    int64_t version;  /* 0: none */
    const char *name; /* of the migration, now; or of the index */
    const char *was;  /* old checksum, old name, "statement 2", state */
    bool cosmetic;    /* of a checksum: only comments or white space differ */
};

/* The command of a migration that ended well in some attempt, whether or not its row could be told.
 */
struct job_command {
    int64_t rank; /* of its row; 0: none */
    const char *checksum;
    const char *output;
};

struct job {
    /* set by the coordinator */
    const struct job_plan *plan;
    const struct tenant *tenant;
    int attempt;     /* 1, 2, ...; counted by the coordinator before each hand-out */
    bool taken_over; /* of this run, from a machine that seemed dead: its session may be ended */
    void *mem;       /* talloc root of the fields below; made by job_init, freed by job_release */

    /* set by the worker: what this attempt found and did. Across attempts `steps` grows: work that
     * an earlier attempt of this run did is in it too. */
    struct err err;          /* kind ERR_NONE: the attempt reached its aim */
    bool changed;            /* at least one row of the history says that this run did something */
    bool sent_changes;       /* something that changes the tenant was sent in any attempt */
    bool has_history;        /* there was a history when the tenant was first looked at */
    int64_t initial_version; /* highest applied version before this run, 0 = none; valid if
                                `inspected` */
    int64_t version;         /* highest applied version now */
    bool inspected;          /* the history has been read in some attempt */
    bool looked;             /* and in this one: what earlier ones left is known */
    size_t applied_count;    /* versioned rows applied (not reverted), now */
    struct job_step *steps;
    size_t step_count;
    size_t step_capacity;
    struct hook_run *hooks; /* of all attempts */
    size_t hook_count;
    size_t hook_capacity;
    struct job_command command; /* the last */
    bool final; /* not to be tried again: another attempt would hide what went wrong */
    struct job_mismatch *mismatches;
    size_t mismatch_count;
    size_t mismatch_capacity;
    struct job_repair *repairs;
    size_t repair_count;
    size_t repair_capacity;
    struct query_rows *rows; /* JOB_QUERY: what it gave; NULL: nothing */
    int backend_pid;
    const char *lock_holder; /* ERR_LOCKED: who has it, for people; or NULL */

    /* Of the data migration that is at work, as committed; 0: none is. The only fields that the
     * coordinator may read while a worker has the job. */
    _Atomic int64_t batches;
    _Atomic int64_t batch_rows;

    /* kept by the coordinator; of these a worker reads only the outcome: once there is one, the job
     * is handed down a last time, for on_failure */
    enum outcome outcome;
    int excused;             /* attempts that do not count in retry.attempts (contact.h) */
    int64_t started_wall_ms; /* first hand-out; 0 = never started */
    const char *elsewhere;   /* host of the machine that has done it; NULL: this one */
    int64_t duration_ms;     /* from the first hand-out to the end */
};

void job_init(struct job *job, const struct job_plan *plan, const struct tenant *tenant);
void job_release(struct job *job);

/* Each appends one that is zeroed. */
struct job_step *job_add_step(struct job *job);
struct job_mismatch *job_add_mismatch(struct job *job);
struct job_repair *job_add_repair(struct job *job);
struct hook_run *job_add_hook(struct job *job);

/* Of its steps those that are seeds; the others are migrations. */
size_t job_seed_count(const struct job *job);

/* "0039", or "-" for none: a version for people and JSON. Owned by `parent`. */
char *job_version_text(void *parent, int64_t version);

#endif
