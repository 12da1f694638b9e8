/*
 * tenant_hooks.c: the hooks of a tenant in their order.
 */
#include "worker/tenant_hooks.h"

#include "common/clock.h"
#include "common/mem.h"
#include "config/fleet_hooks.h"
#include "worker/tenant_env.h"

/* Where and how one of them is run. */
struct call {
    struct job *job;
    enum hook_point point;
    struct hook_limits limits;
    const char *outcome;                 /* or NULL */
    const struct err *reason;            /* what went wrong, or NULL */
    const struct tenant_hooks *versions; /* or NULL */
};

static const struct hook_limits own_time = {.deadline = CLOCK_NEVER, .cancel_fd = -1};

/* --- the command ------------------------------------------------------------------------------ */

static int run_command(const struct call *call, struct hook_run *ret, struct err *err)
{
    struct job *job = call->job;
    struct environment env;
    int result;

    environment_init(&env, NULL);
    tenant_env_set(&env, job);
    environment_set(&env, "PGTIDE_OUTCOME", call->outcome);
    if (call->reason && call->reason->kind != ERR_NONE) {
        environment_set(&env, "PGTIDE_ERROR", call->reason->message);
        environment_set(&env, "PGTIDE_SQLSTATE", call->reason->sqlstate);
    }
    if (call->versions) {
        environment_set_number(&env, "PGTIDE_VERSION_FROM", call->versions->version_from);
        if (call->versions->version_to >= 0)
            environment_set_number(&env, "PGTIDE_VERSION_TO", call->versions->version_to);
    }
    result = hook_command(job->mem, job->plan->hooks, call->point, &env, call->limits, ret, err);
    talloc_free(env.mem);
    return result;
}

/* --- SQL on a session of its own -------------------------------------------------------------- */

static int run_sql_anew(const struct call *call, struct hook_run *ret, struct err *err)
{
    struct job *job = call->job;
    const struct hooks *hooks = job->plan->hooks;
    void *mem = mem_context(NULL);
    struct session_limits limits = {.deadline = clock_deadline(hooks->list[call->point].timeout_ms),
                                    .cancel_fd = -1};
    char *name = mem_printf(mem, "pgtide %s %s", job->plan->run_id, job->tenant->name);
    struct session *session;
    struct transactions tx;
    int result = -1;

    *ret = (struct hook_run){.point = call->point, .exit_code = -1};
    if (session_open(mem, tenant_env_connection(job->tenant), name, limits, &session, err) == 0) {
        transaction_init(&tx, mem, session, job->tenant, job->plan->run_id);
        result = hook_sql(job->mem, hooks, call->point, &tx, own_time, ret, err);
        session_close(session);
    } else {
        err_prefix(err, "hook %s: ", fleet_hooks_name(call->point));
        ret->problem = mem_strdup(job->mem, err->message);
    }
    talloc_free(mem);
    return result;
}

/* --- either ----------------------------------------------------------------------------------- */

/* `tx`: SQL goes to its session where that can be used; NULL: to one of its own. */
static int run_hook(const struct call *call, struct transactions *tx, struct err *err)
{
    struct job *job = call->job;
    const struct hooks *hooks = job->plan->hooks;
    struct hook_run run;
    int result;

    if (!hooks->sql[call->point]) {
        result = run_command(call, &run, err);
    } else if (tx && session_usable(tx->session)) {
        result = hook_sql(job->mem, hooks, call->point, tx, call->limits, &run, err);
        if (result < 0 && err->kind == ERR_LOST && call->point == HOOK_AFTER_TENANT) {
            err_clear(err); /* it had been lost before, unnoticed */
            result = run_sql_anew(call, &run, err);
        }
    } else {
        result = run_sql_anew(call, &run, err);
    }
    run.attempt = job->attempt;
    *job_add_hook(job) = run;
    return result;
}

/* --- before and after ------------------------------------------------------------------------- */

int tenant_hooks_before(struct tenant_hooks *hooks, struct job *job, struct transactions *tx,
                        struct session_limits limits, int64_t version_to, struct err *err)
{
    struct call call = {.job = job,
                        .point = HOOK_BEFORE_TENANT,
                        .limits = {.deadline = limits.deadline, .cancel_fd = limits.cancel_fd},
                        .versions = hooks};

    if (hooks->begun)
        return 0;
    *hooks = (struct tenant_hooks){
        .begun = true, .version_from = job->version, .version_to = version_to};
    if (!hook_given(job->plan->hooks, HOOK_BEFORE_TENANT) || run_hook(&call, tx, err) == 0)
        return 0;
    if (!err->hint)
        err_hint(err, "Nothing was changed in this tenant. Mend the cause, then run the same "
                      "command again.");
    return -1;
}

/* As far as this attempt knows it: a retry may still change it. */
static enum outcome outcome_so_far(const struct job *job, const struct err *err)
{
    switch (err->kind) {
    case ERR_NONE:
        return job->changed ? OUTCOME_MIGRATED : OUTCOME_CURRENT;
    case ERR_HELD:
        return OUTCOME_HELD;
    case ERR_LOCKED:
        return OUTCOME_LOCKED;
    case ERR_UNREACHABLE:
    case ERR_FULL:
        return OUTCOME_UNREACHABLE;
    case ERR_LOST:
        return job->sent_changes ? OUTCOME_UNKNOWN : OUTCOME_UNREACHABLE;
    case ERR_CANCELLED:
        return OUTCOME_CANCELLED;
    default:
        return OUTCOME_FAILED;
    }
}

/* What the failure of after_tenant makes of the attempt's own end. */
static void after_failed(struct job *job, struct err *failure, struct err *err)
{
    job->final = true;
    if (err->kind == ERR_NONE) {
        failure->kind = ERR_HOOK;
        err_hint(failure, "The tenant is at its new version; that stays. Do by hand what this hook "
                          "should have done: the same command will find nothing to do, and not "
                          "run it again.");
        err_move(err, failure);
        return;
    }
    if (err->kind != ERR_LOST) /* whose outcome is told apart */
        err->kind = ERR_HOOK;
    err_detail(err, "%s%salso: %s%s%s", err->detail ? err->detail : "", err->detail ? "; " : "",
               failure->message, failure->detail ? ": " : "",
               failure->detail ? failure->detail : "");
    err_clear(failure);
}

void tenant_hooks_after(struct tenant_hooks *hooks, struct job *job, struct transactions *tx,
                        struct err *err)
{
    struct call call = {.job = job,
                        .point = HOOK_AFTER_TENANT,
                        .limits = own_time,
                        .outcome = outcome_name(outcome_so_far(job, err)),
                        .reason = err,
                        .versions = hooks};
    struct err failure = ERR_INIT;

    if (!hooks->begun || !hook_given(job->plan->hooks, HOOK_AFTER_TENANT))
        return;
    if (run_hook(&call, tx, &failure) < 0)
        after_failed(job, &failure, err);
}

/* --- on failure ------------------------------------------------------------------------------- */

bool tenant_hooks_wants_failure(const struct job *job)
{
    bool is_sql;

    if (!hook_given(job->plan->hooks, HOOK_ON_FAILURE))
        return false;
    is_sql = job->plan->hooks->sql[HOOK_ON_FAILURE] != NULL;
    switch (job->outcome) {
    case OUTCOME_FAILED:
    case OUTCOME_LOCKED:
        return true;
    case OUTCOME_UNREACHABLE:
    case OUTCOME_UNKNOWN:
        return !is_sql; /* there is no session to be had */
    default:
        return false;
    }
}

void tenant_hooks_on_failure(struct job *job)
{
    struct call call = {.job = job,
                        .point = HOOK_ON_FAILURE,
                        .limits = own_time,
                        .outcome = outcome_name(job->outcome),
                        .reason = &job->err};
    struct err failure = ERR_INIT;

    if (run_hook(&call, NULL, &failure) == 0)
        return;
    err_detail(&job->err, "%s%salso: %s%s%s", job->err.detail ? job->err.detail : "",
               job->err.detail ? "; " : "", failure.message, failure.detail ? ": " : "",
               failure.detail ? failure.detail : "");
    err_clear(&failure);
}
