/*
 * attempt.c: the order of it all, for one tenant: connect, look (one round trip), then stop, or do
 * what is missing.
 *
 * Every path ends with job->err: empty, or the reason. The session, and with it the tenant's lock,
 * ends with the attempt.
 */
#include "worker/attempt.h"

#include "common/clock.h"
#include "common/mem.h"
#include "worker/apply.h"
#include "worker/baseline.h"
#include "worker/command_migration.h"
#include "worker/history.h"
#include "worker/inspect.h"
#include "worker/pending.h"
#include "worker/prepared.h"
#include "worker/query.h"
#include "worker/repair.h"
#include "worker/revert.h"
#include "worker/seed.h"
#include "worker/session.h"
#include "worker/tenant_env.h"
#include "worker/tenant_hooks.h"
#include "worker/transaction.h"
#include "worker/verify.h"

enum {
    LOCK_POLL_FIRST_MS = 40,
    LOCK_POLL_MOST_MS = 500,
};

struct attempt {
    void *mem;
    struct job *job;
    struct session_limits limits;
    int64_t lock_until; /* how long to wait for the tenant's lock */
    struct session *session;
    int last_pid; /* backend of the attempt before, which may have lost its client; 0 = none */
    struct transactions tx;
    struct tenant_hooks hooks;
    struct history *history;
};

/* --- connecting ------------------------------------------------------------------------------- */

static int open_session(struct attempt *attempt, const struct name_values *connection,
                        struct err *err)
{
    const struct job *job = attempt->job;
    char *name = mem_printf(attempt->mem, "pgtide %s %s", job->plan->run_id, job->tenant->name);

    return session_open(attempt->mem, connection, name, attempt->limits, &attempt->session, err);
}

/* The tenant's connection with the server's maintenance database in place of its own. */
static struct name_values maintenance_connection(void *mem, const struct name_values *connection)
{
    struct name_value *items = mem_array(mem, struct name_value, connection->count);

    for (size_t i = 0; i < connection->count; i++) {
        items[i] = connection->items[i];
        if (strcmp(items[i].name, "dbname") == 0)
            items[i].value = "postgres";
    }
    return (struct name_values){.items = items, .count = connection->count};
}

/* `create: database`, and it is missing. Another run may be doing the same (42P04): just as well.
 */
static int create_database(struct attempt *attempt, struct err *err)
{
    const struct tenant *tenant = attempt->job->tenant;
    struct name_values connection =
        maintenance_connection(attempt->mem, tenant_env_connection(tenant));
    char *sql = mem_printf(attempt->mem, "CREATE DATABASE %s",
                           session_identifier(attempt->mem, tenant->database));
    int result;

    if (open_session(attempt, &connection, err) < 0)
        return -1;
    attempt->job->sent_changes = true;
    result = session_query(attempt->session, sql, NULL, err);
    session_close(attempt->session);
    attempt->session = NULL;
    if (result < 0 && strcmp(err->sqlstate, "42P04") == 0) {
        err_clear(err);
        result = 0;
    }
    return result;
}

static int connect_tenant(struct attempt *attempt, struct err *err)
{
    const struct tenant *tenant = attempt->job->tenant;
    const struct name_values *connection = tenant_env_connection(tenant);
    const struct query *query = attempt->job->plan->query;

    if (query && query_wanted(query, err) < 0)
        return -1;
    if (open_session(attempt, connection, err) < 0) {
        bool missing = strcmp(err->sqlstate, "3D000") == 0;

        if (!missing || tenant->settings->create != CREATE_DATABASE ||
            attempt->job->plan->action != JOB_MIGRATE)
            return -1;
        err_clear(err);
        if (create_database(attempt, err) < 0 || open_session(attempt, connection, err) < 0)
            return -1;
    }
    attempt->last_pid = attempt->job->backend_pid;
    attempt->job->backend_pid = session_backend_pid(attempt->session);
    transaction_init(&attempt->tx, attempt->mem, attempt->session, tenant,
                     attempt->job->plan->run_id);
    attempt->tx.bundle = attempt->job->plan->catalog->bundle;
    return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static int locked_by_other(struct attempt *attempt, struct err *err)
{
    struct job *job = attempt->job;
    char *holder = history_lock_holder(job->mem, &attempt->tx);

    job->lock_holder = holder;
    err_set(err, ERR_LOCKED, "another session holds this tenant's pgtide lock");
    if (holder)
        err_detail(err, "held by %s", holder);
    err_hint(err,
             "Another pgtide is at work on it: run the same command again later. (Waited %s: "
             "settings.lock_wait.) Should it be dead, its machine lost: SELECT "
             "pg_terminate_backend(pid).",
             text_from_duration(job->mem, job->tenant->settings->lock_wait_ms));
    return -1;
}

/* The next pause between two looks at the lock: doubling, with jitter by the process's own clock.
 */
static int64_t next_pause(int64_t pause)
{
    int64_t doubled = pause * 2 < LOCK_POLL_MOST_MS ? pause * 2 : LOCK_POLL_MOST_MS;

    return doubled - clock_wall_ms() % (doubled / 4 + 1);
}

/* Reads the state, if it is to be changed under the tenant's lock, waiting for it up to lock_wait.
 */
static int look(struct attempt *attempt, struct err *err)
{
    bool lock = job_writes(attempt->job->plan->action);
    int64_t pause = LOCK_POLL_FIRST_MS;

    for (;;) {
        if (history_read(attempt->mem, &attempt->tx, lock, &attempt->history, err) < 0)
            return -1;
        if (attempt->history->locked)
            return 0;
        if (clock_now_ms() >= attempt->lock_until)
            return locked_by_other(attempt, err);
        talloc_free(attempt->history);
        attempt->history = NULL;
        if (attempt->last_pid)
            history_end_session(&attempt->tx, attempt->last_pid);
        attempt->last_pid = 0;
        if (attempt->job->taken_over)
            history_end_former(&attempt->tx);
        if (session_sleep(attempt->session, pause, err) < 0)
            return -1;
        pause = next_pause(pause);
    }
}

static int check_place(const struct attempt *attempt, struct err *err)
{
    const struct tenant *tenant = attempt->job->tenant;
    const struct history *history = attempt->history;

    if (history->standby && job_writes(attempt->job->plan->action)) {
        err_set(err, ERR_SQL, "the server is a standby (in recovery)");
        err_sqlstate(err, "25006");
        err_hint(err, "Name the primary in servers:, or list all hosts and add "
                      "target_session_attrs: primary to the connection.");
        return -1;
    }
    if (!history->schema_exists && tenant->settings->create == CREATE_NONE) {
        err_set(err, ERR_SQL, "schema \"%s\" does not exist", tenant->history_schema);
        err_sqlstate(err, "3F000");
        err_hint(err, "Create it, or set settings.create: schema.");
        return -1;
    }
    return 0;
}

static const struct migration *find_migration(const struct migration *list, size_t count,
                                              const struct history_row *row)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].version == row->version && strcmp(list[i].name, row->name) == 0)
            return &list[i];
    }
    return NULL;
}

static const struct seed_file *find_seed(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const struct seed_set *set = &catalog->seed_sets[i];

        for (size_t j = 0; j < set->count; j++) {
            if (strcmp(set->files[j].name, name) == 0)
                return &set->files[j];
        }
    }
    return NULL;
}

static void add_earlier_step(struct job *job, const struct catalog *catalog,
                             const struct history_row *row)
{
    struct job_step step = {.duration_ms = row->duration_ms,
                            .statements = row->statements_done,
                            .batches = row->batches,
                            .rows = row->rows,
                            .skipped = row->state == HISTORY_SKIPPED};

    if (row->kind == HISTORY_SEED)
        step.seed = find_seed(catalog, row->name);
    else if (row->kind == HISTORY_REPEATABLE)
        step.migration = find_migration(catalog->repeatables, catalog->repeatable_count, row);
    else
        step.migration = find_migration(catalog->migrations, catalog->count, row);
    if (step.seed || step.migration)
        *job_add_step(job) = step;
}

/* Newest first, as they were reverted. */
static void add_earlier_reverts(struct job *job, const struct catalog *catalog,
                                const struct history *history)
{
    for (size_t i = history->count; i > 0; i--) {
        const struct history_row *row = &history->rows[i - 1];
        const struct migration *migration;
        struct job_step *step;

        if (!row->reverted_now)
            continue;
        job->changed = true;
        migration = find_migration(catalog->migrations, catalog->count, row);
        if (!migration)
            continue;
        step = job_add_step(job);
        step->migration = migration;
        step->statements = (int)migration->sections[SECTION_DOWN].count;
    }
}

/* A run's own rows from an earlier attempt count as this run's work. */
static void take_earlier_work(struct attempt *attempt)
{
    const struct catalog *catalog = attempt->job->plan->catalog;
    struct job *job = attempt->job;

    job->step_count = 0;
    job->applied_count = 0;
    for (size_t i = 0; i < attempt->history->count; i++) {
        const struct history_row *row = &attempt->history->rows[i];

        if (row->has_version && row->state != HISTORY_REVERTED && row->state != HISTORY_STARTED)
            job->applied_count++;
        if (!row->this_run || row->state == HISTORY_STARTED)
            continue;
        job->changed = true;
        add_earlier_step(job, catalog, row);
    }
    add_earlier_reverts(job, catalog, attempt->history);
}

static void tell_state(struct attempt *attempt)
{
    struct job *job = attempt->job;
    const struct history *history = attempt->history;

    if (!job->inspected) {
        job->has_history = history->exists;
        job->initial_version = pending_version(history, true);
    }
    job->inspected = job->looked = true;
    job->version = pending_version(history, false);
    take_earlier_work(attempt);
}

static int find_pending(struct attempt *attempt, struct pending *pending, struct err *err)
{
    const struct job_plan *plan = attempt->job->plan;
    const struct tenant *tenant = attempt->job->tenant;
    const char *const *sets = plan->seed_set_count ? plan->seed_sets : tenant->seeds;
    size_t set_count = plan->seed_set_count ? plan->seed_set_count : tenant->seed_count;

    if (pending_compute(attempt->mem, plan->catalog, attempt->history, tenant, plan->to_version,
                        pending, err) < 0)
        return -1;
    if (plan->seed && plan->to_version >= plan->catalog->head)
        pending_add_seeds(attempt->mem, plan->catalog, attempt->history, sets, set_count,
                          plan->reseed, pending);
    return 0;
}

/* --- migrating -------------------------------------------------------------------------------- */

static void init_transactions(struct attempt *attempt)
{
    attempt->tx.history_exists = attempt->history->exists;
    attempt->tx.schema_exists = attempt->history->schema_exists;
    attempt->tx.known_rank = attempt->history->max_rank;
    attempt->tx.known_row = NULL;
    attempt->tx.may_prepare = !attempt->history->pooled && !attempt->tx.prepared_dropped &&
                              attempt->job->tenant->pooler != POOLER_SESSION;
    prepared_forget(&attempt->tx);
    attempt->tx.known_reverted = attempt->history->pooled ? 0 : -1;
    for (size_t i = 0; attempt->history->pooled && i < attempt->history->count; i++)
        attempt->tx.known_reverted += attempt->history->rows[i].state == HISTORY_REVERTED;
}

static struct work make_work(const struct attempt *attempt)
{
    return (struct work){.mem = attempt->mem,
                         .job = attempt->job,
                         .session = attempt->session,
                         .tx = attempt->tx,
                         .pooled = attempt->history->pooled};
}

static int check_writable(const struct attempt *attempt, struct err *err)
{
    if (!attempt->history->read_only)
        return 0;
    err_set(err, ERR_SQL, "the database is read only (default_transaction_read_only)");
    err_sqlstate(err, "25006");
    return -1;
}

/* A command may take longer than the server bears with an idle session, all the more with the
 * transaction that the look at a missing history has left open. */
static int settle_for_command(struct attempt *attempt, struct err *err)
{
    const struct hooks *hooks = attempt->job->plan->hooks;
    struct script script;
    int result = 0;

    if (!hook_given(hooks, HOOK_BEFORE_TENANT) || hooks->sql[HOOK_BEFORE_TENANT])
        return 0;
    script_init(&script, attempt->mem);
    if (session_in_transaction(attempt->session))
        script_add(&script, "ROLLBACK");
    if (!attempt->history->pooled)
        transaction_stay(&attempt->tx, &script);
    if (script.count > 0)
        result = script_run(&script, attempt->session, err);
    talloc_free(script.mem);
    return result;
}

/* From here on something is changed. */
static int begin_changes(struct attempt *attempt, int64_t version_to, struct err *err)
{
    if (check_writable(attempt, err) < 0 || settle_for_command(attempt, err) < 0)
        return -1;
    return tenant_hooks_before(&attempt->hooks, attempt->job, &attempt->tx, attempt->limits,
                               version_to, err);
}

static int64_t version_after(const struct job *job, const struct pending *pending)
{
    int64_t version = job->version;

    for (size_t i = 0; i < pending->count; i++) {
        if (pending->items[i].migration->version > version)
            version = pending->items[i].migration->version;
    }
    return version;
}

static int apply_seeds(struct attempt *attempt, const struct pending *pending, struct err *err)
{
    struct job *job = attempt->job;

    for (size_t i = 0; i < pending->seed_count; i++) {
        struct seed_counts counts = {0};
        struct job_step *step;

        job->sent_changes = true;
        if (seed_apply(&attempt->tx, pending->seeds[i], &counts, err) < 0) {
            transaction_explain(&attempt->tx, err);
            return -1;
        }
        step = job_add_step(job);
        step->seed = pending->seeds[i];
        step->duration_ms = counts.duration_ms;
        step->statements = counts.statements;
        step->rows = counts.rows;
        job->changed = true;
    }
    return 0;
}

static int migrate(struct attempt *attempt, const struct pending *pending, struct err *err)
{
    struct work work = make_work(attempt);
    int result;

    if (pending->count + pending->seed_count == 0)
        return 0;
    if (begin_changes(attempt, version_after(attempt->job, pending), err) < 0)
        return -1;
    apply_init(&work);
    result = apply_pending(&work, pending, err);
    attempt->tx = work.tx; /* the newest row that is known */
    return result < 0 ? -1 : apply_seeds(attempt, pending, err);
}

/* --- rolling back ----------------------------------------------------------------------------- */

static void tell_reverts(struct job *job, const struct revert_set *set)
{
    job->step_count = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct job_step *step = job_add_step(job);

        step->migration = set->items[i].migration;
        step->statements = (int)step->migration->sections[SECTION_DOWN].count;
        step->skipped = set->items[i].row->state == HISTORY_SKIPPED;
    }
}

/* Whatever has no way back is found before anything is touched. */
static int roll_back(struct attempt *attempt, struct err *err)
{
    struct work work = make_work(attempt);
    struct job *job = attempt->job;
    struct revert_set set;

    if (revert_set_compute(attempt->mem, job->plan, attempt->history, &set, err) < 0)
        return -1;
    if (job->plan->action == JOB_ROLLBACK_PLAN) {
        tell_reverts(job, &set);
        return 0;
    }
    if (set.count == 0)
        return 0;
    if (begin_changes(attempt, job->plan->steps > 0 ? -1 : job->plan->to_version, err) < 0)
        return -1;
    apply_init(&work);
    return revert_apply(&work, &set, err);
}

/* --- the history alone ------------------------------------------------------------------------ */

static int record_baseline(struct attempt *attempt, struct err *err)
{
    struct work work = make_work(attempt);

    if (attempt->job->plan->action == JOB_BASELINE && check_writable(attempt, err) < 0)
        return -1;
    work.tx.nonempty_allowed = true;
    apply_init(&work);
    return baseline_tenant(&work, attempt->history, err);
}

static int repair(struct attempt *attempt, struct err *err)
{
    struct work work = make_work(attempt);

    if (attempt->job->plan->action == JOB_REPAIR && check_writable(attempt, err) < 0)
        return -1;
    apply_init(&work);
    return repair_tenant(&work, attempt->history, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What the plan asks for, once the state is known. */
static int act(struct attempt *attempt, struct err *err)
{
    struct job *job = attempt->job;
    struct pending pending;

    if (job->plan->action == JOB_ROLLBACK || job->plan->action == JOB_ROLLBACK_PLAN)
        return roll_back(attempt, err);
    if (job->plan->action == JOB_BASELINE || job->plan->action == JOB_BASELINE_PLAN)
        return record_baseline(attempt, err);
    if (job->plan->action == JOB_REPAIR || job->plan->action == JOB_REPAIR_PLAN)
        return repair(attempt, err);
    if (job->plan->action == JOB_VERIFY)
        return verify_applied(job, &attempt->tx, attempt->history, err);
    if (find_pending(attempt, &pending, err) < 0)
        return -1;
    if (job->plan->action == JOB_INSPECT)
        return inspect_pending(job, &attempt->tx, &pending, err);
    return migrate(attempt, &pending, err);
}

/*
 * Behind a pooler only the guard can find the lock taken, after the look at it: then it is looked
 * at again, as long as lock_wait lasts.
 */
static bool look_again(struct attempt *attempt, struct err *err)
{
    if (err->kind != ERR_LOCKED || !attempt->history || !attempt->history->pooled ||
        clock_now_ms() >= attempt->lock_until)
        return false;
    err_clear(err);
    return session_sleep(attempt->session, LOCK_POLL_MOST_MS / 2, err) == 0;
}

/*
 * A file dropped what the attempt had prepared, and its transaction has failed and left nothing:
 * the attempt goes on from a new look, with plain statements.
 */
static bool go_on_unprepared(struct attempt *attempt, struct err *err)
{
    if (!attempt->tx.may_prepare || !attempt->tx.prepared_dropped)
        return false;
    err_clear(err);
    return session_query(attempt->session, "ROLLBACK", NULL, err) == 0;
}

static int work_on_tenant(struct attempt *attempt, struct err *err)
{
    int result;

    do {
        result = -1;
        if (look(attempt, err) < 0)
            continue;
        command_migration_recall(attempt->job, attempt->history);
        tell_state(attempt);
        init_transactions(attempt);
        if (check_place(attempt, err) == 0)
            result = act(attempt, err);
    } while (result < 0 && (go_on_unprepared(attempt, err) || look_again(attempt, err)));
    return result;
}

static int perform(struct attempt *attempt, struct err *err)
{
    if (attempt->job->plan->action == JOB_QUERY)
        return query_tenant(attempt->job, &attempt->tx, err);
    return work_on_tenant(attempt, err);
}

/* A read-only command at a database that `create: database` would make: everything is pending. */
static int inspect_missing_database(struct attempt *attempt, struct err *err)
{
    struct pending pending;

    err_clear(err);
    attempt->history = mem_new(attempt->mem, struct history);
    attempt->history->locked = true;
    tell_state(attempt);
    if (find_pending(attempt, &pending, err) < 0)
        return -1;
    return inspect_pending(attempt->job, NULL, &pending, err);
}

void attempt_run(struct job *job)
{
    const struct settings *settings = job->tenant->settings;
    struct attempt attempt = {.mem = mem_context(NULL), .job = job};
    struct err err = ERR_INIT;

    attempt.limits.deadline = clock_deadline(settings->tenant_deadline_ms);
    attempt.limits.cancel_fd = job->plan->cancel_fd;
    attempt.lock_until = clock_now_ms() + settings->lock_wait_ms;
    job->looked = false;
    err_clear(&job->err);
    if (connect_tenant(&attempt, &err) == 0)
        (void)perform(&attempt, &err);
    else if (strcmp(err.sqlstate, "3D000") == 0 && settings->create == CREATE_DATABASE &&
             job->plan->action == JOB_INSPECT)
        (void)inspect_missing_database(&attempt, &err);
    tenant_hooks_after(&attempt.hooks, job, &attempt.tx, &err);
    session_close(attempt.session);
    err_move(&job->err, &err);
    talloc_free(attempt.mem);
}
