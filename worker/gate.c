/*
 * gate.c: one look of a gate.
 */
#include "worker/gate.h"

#include "common/backoff.h"
#include "common/clock.h"
#include "common/mem.h"
#include "worker/hook.h"
#include "worker/script.h"
#include "worker/session.h"
#include "worker/tenant_env.h"
#include "worker/transaction.h"

#include <poll.h>

/* --- before the run --------------------------------------------------------------------------- */

int gate_prepare(void *parent, const struct fleet *fleet, const struct wave *wave,
                 struct gate **ret, struct err_list *errors)
{
    struct gate *gate;
    size_t before = errors->count;

    *ret = NULL;
    if (!wave || (!wave->gate.command && !wave->gate.sql))
        return 0;
    gate = mem_new(parent, struct gate);
    gate->fleet = fleet;
    gate->wave = wave;
    gate->what = mem_printf(gate, "gate of wave \"%s\"", wave->name);
    if (wave->gate.sql)
        gate->sql = hook_cut_sql(gate, fleet, &wave->gate, gate->what, errors);
    *ret = gate;
    return errors->count > before ? -1 : 0;
}

/* --- a tenant is asked ------------------------------------------------------------------------ */

static int take_answer(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct gate_look *look = arg;
    const char *answer = PQgetvalue(row, 0, 0);

    if (!look->answer && strcmp(answer, "true") != 0)
        look->answer = mem_strdup(look->mem, answer);
    return 0;
}

/* All of its queries in one read-only transaction. */
static int ask(struct gate_look *look, void *mem, struct session *session, struct err *err)
{
    const struct section *queries = &look->gate->sql->sections[SECTION_UP];
    struct transactions tx;
    struct script script;

    transaction_init(&tx, mem, session, look->tenant, look->run_id);
    script_init(&script, mem);
    script_add(&script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(&tx, &script, NULL, TRANSACTION_LOCAL);
    for (size_t i = 0; i < queries->count; i++) {
        struct script_step *step = script_add_wrapped(
            &script,
            "SELECT CASE WHEN q.ok THEN 'true' ELSE coalesce(q.ok::"
            "pg_catalog.text, 'NULL or no row') END FROM (SELECT (",
            look->gate->sql, SECTION_UP, &queries->statements[i], "\n) AS ok) AS q");
        step->row = take_answer;
        step->arg = look;
    }
    script_add(&script, "ROLLBACK");
    return script_run(&script, session, err);
}

static void ask_once(struct gate_look *look, struct session_limits limits)
{
    void *mem = mem_context(NULL);
    char *name = mem_printf(mem, "pgtide %s %s", look->run_id, look->tenant->name);
    struct session *session = NULL;

    err_clear(&look->err);
    look->answer = NULL;
    if (session_open(mem, tenant_env_connection(look->tenant), name, limits, &session,
                     &look->err) == 0)
        (void)ask(look, mem, session, &look->err);
    session_close(session);
    talloc_free(mem);
}

/* False: the answer is not wanted any more. */
static bool wait_before_retry(const struct gate_look *look, int attempt, int64_t deadline)
{
    const struct settings *settings = look->tenant->settings;
    struct pollfd cancel = {.fd = look->cancel_fd, .events = POLLIN};
    int64_t until = clock_now_ms() + backoff_delay(attempt, settings->retry.base_ms,
                                                   settings->retry.cap_ms, UINT32_MAX / 2);

    if (until >= deadline)
        return false;
    return poll(&cancel, 1, clock_poll_timeout(until)) == 0;
}

static bool ask_tenant(struct gate_look *look)
{
    const struct hook *hook = &look->gate->wave->gate;
    struct session_limits limits = {.deadline = clock_deadline(hook->timeout_ms),
                                    .cancel_fd = look->cancel_fd};
    int attempt = 1;

    ask_once(look, limits);
    while (err_retryable(look->err.kind) && attempt < look->tenant->settings->retry.attempts &&
           wait_before_retry(look, attempt, limits.deadline)) {
        attempt++;
        ask_once(look, limits);
    }
    if (look->err.kind != ERR_NONE)
        look->answer = mem_strdup(look->mem, look->err.message);
    else if (look->answer)
        err_set(&look->err, ERR_CONFLICT, "%s: the answer is %s, not true", look->gate->what,
                look->answer);
    return look->err.kind == ERR_NONE;
}

/* --- a look ----------------------------------------------------------------------------------- */

struct gate_look *gate_look_new(const struct gate *gate, const struct tenant *tenant,
                                const char *run_id, int cancel_fd)
{
    struct gate_look *look = mem_new(NULL, struct gate_look);

    look->mem = look;
    look->gate = gate;
    look->tenant = tenant;
    look->run_id = run_id;
    look->cancel_fd = cancel_fd;
    if (!tenant)
        environment_init(&look->env, look);
    return look;
}

void gate_look_free(struct gate_look *look)
{
    err_clear(&look->err);
    talloc_free(look);
}

void gate_look_run(void *item)
{
    struct gate_look *look = item;
    const struct gate *gate = look->gate;
    struct hook_program program = {.hook = &gate->wave->gate,
                                   .what = gate->what,
                                   .file = gate->fleet->file,
                                   .folder = gate->fleet->directory};
    struct hook_limits limits = {.deadline = CLOCK_NEVER, .cancel_fd = look->cancel_fd};

    if (look->tenant)
        look->yes = ask_tenant(look);
    else
        look->yes =
            hook_run_program(look->mem, &program, &look->env, limits, &look->run, &look->err) == 0;
}
