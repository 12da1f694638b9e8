/*
 * gate.h: what is asked of a wave before the next one begins: a command, or a query that must be
 * true on each of its tenants.
 *
 * One look of a gate is an item for the pool: made on the coordinator's thread, filled by
 * gate_look_run() on a worker's, read and freed by the coordinator again.
 */
#ifndef WORKER_GATE_H
#define WORKER_GATE_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/environment.h"
#include "common/err.h"
#include "config/fleet.h"
#include "worker/job.h"

/* Constant; any thread may read it. */
struct gate {
    const struct fleet *fleet;
    const struct wave *wave;
    const char *what;            /* in messages: gate of wave "canary" */
    const struct migration *sql; /* its queries, in SECTION_UP; NULL: it is a command */
};

/*
 * The gate of `wave`, with its SQL cut into statements. ERR_CONFIG for what cannot be cut or is no
 * query. *ret is owned by `parent` and points into `fleet`; it is NULL where the wave has none.
 */
int gate_prepare(void *parent, const struct fleet *fleet, const struct wave *wave,
                 struct gate **ret, struct err_list *errors) MUST_CHECK;

struct gate_look {
    /* set by the coordinator */
    void *mem; /* talloc root of all of it */
    const struct gate *gate;
    const struct tenant *tenant; /* who is asked; NULL: it is a command */
    const char *run_id;
    struct environment env; /* of the command */
    int cancel_fd;          /* readable: the answer is not wanted any more */
    size_t group;           /* which wave's, for the coordinator alone */

    /* set by gate_look_run() */
    bool yes;
    struct err err;      /* why not; ERR_CANCELLED: cancel_fd */
    struct hook_run run; /* of a command */
    const char
        *answer; /* of a tenant that did not say yes: "false", or why it could not be asked */
};

struct gate_look *gate_look_new(const struct gate *gate, const struct tenant *tenant,
                                const char *run_id, int cancel_fd);
void gate_look_free(struct gate_look *look);

/* A pool_process_fn. A tenant that cannot be reached is tried again as its settings say. */
void gate_look_run(void *look);

#endif
