/*
 * tenant_hooks.h: when the hooks of a tenant are run, and what their failure means.
 *
 * before_tenant: once an attempt that is about to change something, under the tenant's lock; when
 * it fails nothing is changed. after_tenant: at the end of each attempt in which before_tenant was
 * due, whatever came of it, also when the run is being cancelled; when it fails the tenant has
 * failed and is not tried again, as another attempt might find nothing to do and hide it.
 * on_failure: once, when the coordinator has given the tenant up.
 */
#ifndef WORKER_TENANT_HOOKS_H
#define WORKER_TENANT_HOOKS_H

#include "common/base.h"
#include "common/err.h"
#include "worker/hook.h"
#include "worker/job.h"
#include "worker/session.h"
#include "worker/transaction.h"

/* Of one attempt. */
struct tenant_hooks {
    bool begun;           /* before_tenant was due: after_tenant is too */
    int64_t version_from; /* when it began */
    int64_t version_to;   /* the aim; -1 = not known */
};

/* The attempt is about to change something. Does nothing the second time. */
int tenant_hooks_before(struct tenant_hooks *hooks, struct job *job, struct transactions *tx,
                        struct session_limits limits, int64_t version_to,
                        struct err *err) MUST_CHECK;

/*
 * The attempt is over, `err` says how: extended or filled where after_tenant fails. `session` may
 * be broken.
 */
void tenant_hooks_after(struct tenant_hooks *hooks, struct job *job, struct transactions *tx,
                        struct err *err);

/* Is on_failure due for a job with this outcome? */
bool tenant_hooks_wants_failure(const struct job *job);

/* Runs on_failure for a job that has ended; job->err and outcome stay. On a worker's thread. */
void tenant_hooks_on_failure(struct job *job);

#endif
