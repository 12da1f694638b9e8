/*
 * history.c: the look at a tenant, in one Query.
 *
 * DESIGN
 * Four statements in one READ COMMITTED transaction, each with a snapshot of its own: the lock is
 * taken in one statement, the history is read in a later one. (In a single statement, or under
 * REPEATABLE READ, the history would be that of before the lock.) Facts come from the catalogs, so
 * a table that is there but may not be read is an error (42501), never "no history". The read of
 * the history is sent without waiting for the facts; where the table is missing it fails with
 * 42P01, and the facts, which have come before, say that this is all right. A history that somebody
 * has locked is waited for as long as any other table: lock_timeout.
 */
#include "worker/history.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/guard.h"
#include "worker/job.h"
#include "worker/session.h"

#include <jansson.h>

struct reading {
    struct transactions *tx;
    struct history *history;
    bool answered;       /* the facts have come */
    const char *comment; /* of the table, which holds its layout; NULL: not asked */
};

/* --- the Query -------------------------------------------------------------------------------- */

/*
 * A session lock taken through a transaction pooler would stay behind on the pooler's connection,
 * so there only its transaction-scoped twin is tried; the guard of each migration is what protects
 * it.
 */
static char *lock_expression(struct transactions *tx)
{
    switch (tx->tenant->pooler) {
    case POOLER_TRANSACTION:
        return mem_printf(tx->mem, "pg_catalog.pg_try_advisory_xact_lock(%s)", tx->lock_key);
    case POOLER_NONE:
    case POOLER_SESSION:
        return mem_printf(tx->mem, "pg_catalog.pg_try_advisory_lock(%s)", tx->lock_key);
    case POOLER_AUTO:
        break;
    }
    return mem_printf(tx->mem,
                      "CASE WHEN pg_catalog.pg_backend_pid() = %d "
                      "THEN pg_catalog.pg_try_advisory_lock(%s) "
                      "ELSE pg_catalog.pg_try_advisory_xact_lock(%s) END",
                      session_backend_pid(tx->session), tx->lock_key, tx->lock_key);
}

/* Look-ups that go through the server's caches, not joins that it would have to plan: this runs on
 * every tenant of every run. What has no file of its own is no table: a view of the tenant's would
 * run its owner's functions. */
static char *facts_statement(struct transactions *tx, bool lock)
{
    return mem_printf(tx->mem,
                      "SELECT %s, pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), "
                      "pg_catalog.current_setting('default_transaction_read_only'), "
                      "pg_catalog.to_regnamespace(%s) IS NOT NULL, "
                      "CASE WHEN pg_catalog.to_regclass(%s) IS NULL THEN false "
                      "WHEN pg_catalog.pg_relation_filenode(pg_catalog.to_regclass(%s)) IS NULL "
                      "THEN %s IS NULL ELSE true END",
                      lock ? lock_expression(tx) : "true", tx->schema_literal, tx->history_literal,
                      tx->history_literal, guard_raise_plain(tx, GUARD_LAYOUT));
}

static char *rows_statement(struct transactions *tx)
{
    return mem_printf(tx->mem,
                      "SELECT rank, kind, state, version, name, checksum, code_checksum, "
                      "statements_done, statements_total, run_id, duration_ms, "
                      "CASE WHEN state IN ('started', 'reverted') OR run_id = %s THEN detail END "
                      "FROM %s ORDER BY rank",
                      tx->run_literal, tx->history);
}

/* --- the answers ------------------------------------------------------------------------------ */

static bool is_true(const PGresult *row, int column)
{
    return strcmp(PQgetvalue(row, 0, column), "t") == 0;
}

static int64_t number(const PGresult *result, int row, int column)
{
    int64_t value = 0;

    (void)text_to_int64(PQgetvalue(result, row, column), INT64_MIN, INT64_MAX, &value);
    return value;
}

static int take_facts(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reading *reading = arg;
    struct history *history = reading->history;
    const struct transactions *tx = reading->tx;

    reading->answered = true;
    history->locked = is_true(row, 0);
    history->pooled = tx->tenant->pooler == POOLER_TRANSACTION ||
                      (tx->tenant->pooler == POOLER_AUTO &&
                       number(row, 0, 1) != session_backend_pid(tx->session));
    history->standby = is_true(row, 2);
    history->read_only = strcmp(PQgetvalue(row, 0, 3), "on") == 0;
    history->schema_exists = is_true(row, 4);
    history->exists = is_true(row, 5);
    return 0;
}

static int take_comment(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reading *reading = arg;

    reading->comment = mem_strdup(reading->history->mem, PQgetvalue(row, 0, 0));
    return 0;
}

static int take_objects(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reading *reading = arg;

    reading->history->has_objects = is_true(row, 0);
    return 0;
}

static enum history_kind kind_of(const char *text)
{
    switch (text[0]) {
    case 'r':
        return HISTORY_REPEATABLE;
    case 's':
        return HISTORY_SEED;
    case 'b':
        return HISTORY_BASELINE;
    default:
        return HISTORY_VERSIONED;
    }
}

static enum history_state state_of(const char *text)
{
    if (strcmp(text, "started") == 0)
        return HISTORY_STARTED;
    if (strcmp(text, "skipped") == 0)
        return HISTORY_SKIPPED;
    return strcmp(text, "reverted") == 0 ? HISTORY_REVERTED : HISTORY_APPLIED;
}

static void take_detail(const struct reading *reading, struct history_row *row, const char *text)
{
    struct history *history = reading->history;
    json_t *detail = json_loads(text, 0, NULL);
    json_t *down = json_object_get(detail, "reverting");
    json_t *progress = down ? down : detail;
    const char *prefix = json_string_value(json_object_get(progress, "prefix"));
    const char *verify = json_string_value(json_object_get(detail, "verify"));
    json_t *reverted = json_object_get(detail, "reverted");
    const char *run = json_string_value(json_object_get(reverted, "run"));
    const char *repaired =
        json_string_value(json_object_get(json_object_get(detail, "repaired"), "what"));

    row->made_pending = repaired && strcmp(repaired, job_repair_name(JOB_REPAIR_UNSKIP)) == 0;
    row->batches = json_integer_value(json_object_get(detail, "batches"));
    row->rows = json_integer_value(json_object_get(detail, "rows"));
    row->reverting = down != NULL;
    row->down_done = (int)json_integer_value(json_object_get(down, "done"));
    row->reverted_now = run && strcmp(run, reading->tx->run_id) == 0;
    row->reverted_after = json_integer_value(json_object_get(reverted, "after"));
    row->running = (int)json_integer_value(json_object_get(progress, "running"));
    row->prefix = mem_strdup(history->mem, prefix ? prefix : "");
    row->verify_pending = verify && strcmp(verify, "pending") == 0;
    json_decref(detail);
}

static void take_row(struct reading *reading, const PGresult *result, int at)
{
    struct history *history = reading->history;
    struct history_row *row = &history->rows[history->count++];

    *row = (struct history_row){
        .rank = number(result, at, 0),
        .kind = kind_of(PQgetvalue(result, at, 1)),
        .state = state_of(PQgetvalue(result, at, 2)),
        .has_version = !PQgetisnull(result, at, 3),
        .version = number(result, at, 3),
        .name = mem_strdup(history->mem, PQgetvalue(result, at, 4)),
        .checksum = mem_strdup(history->mem, PQgetvalue(result, at, 5)),
        .code_checksum = mem_strdup(history->mem, PQgetvalue(result, at, 6)),
        .statements_done = (int)number(result, at, 7),
        .statements_total = (int)number(result, at, 8),
        .this_run = strcmp(PQgetvalue(result, at, 9), reading->tx->run_id) == 0,
        .duration_ms = number(result, at, 10),
        .prefix = "",
    };
    if (!PQgetisnull(result, at, 11))
        take_detail(reading, row, PQgetvalue(result, at, 11));
    history->max_rank = row->rank;
}

static int take_rows(void *arg, const PGresult *result, struct err *err UNUSED)
{
    struct reading *reading = arg;
    struct history *history = reading->history;
    int count = PQntuples(result);

    mem_grow(history->mem, &history->rows, &history->capacity, history->count + (size_t)count);
    for (int i = 0; i < count; i++)
        take_row(reading, result, i);
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void add_asking(struct script *script, script_row_fn *row, struct reading *reading,
                       const char *sql)
{
    struct script_step *step = script_add(script, "%s", sql);

    step->row = row;
    step->arg = reading;
}

static void build(struct script *script, struct reading *reading, bool lock)
{
    struct transactions *tx = reading->tx;
    const char *role = tx->tenant->settings->role;

    if (session_in_transaction(tx->session))
        script_add(script, "ROLLBACK");
    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_own_path(script);
    script_add(script, "SET LOCAL row_security = off"); /* hidden rows would be pending ones */
    script_add(script, "SET LOCAL lock_timeout = %lld",
               (long long)tx->tenant->settings->lock_timeout_ms);
    if (role)
        script_add(script, "SET LOCAL ROLE %s", session_identifier(tx->mem, role));
    add_asking(script, take_facts, reading, facts_statement(tx, lock));
    if (!lock) /* under the lock the first migration's guard looks at it */
        add_asking(script, take_comment, reading,
                   mem_printf(tx->mem,
                              "SELECT pg_catalog.obj_description(pg_catalog.to_regclass(%s), "
                              "'pg_class')",
                              tx->history_literal));
    add_asking(script, take_rows, reading, rows_statement(tx));
    script_add(script, "COMMIT");
}

static int check_layout(const struct reading *reading, struct err *err)
{
    if (!reading->comment || strcmp(reading->comment, TRANSACTION_LAYOUT) == 0)
        return 0;
    err_set(err, ERR_SQL, "table %s is not a history of a layout that this pgtide knows",
            reading->tx->history);
    err_detail(err, "its comment is \"%s\", not \"" TRANSACTION_LAYOUT "\"", reading->comment);
    err_hint(err, "Use the newer pgtide that wrote it; or, when it is not pgtide's at all, name "
                  "another table in settings.history.table.");
    return -1;
}

/* Without a history: is something else in the schema? Under the lock the guard asks that. */
static int ask_objects(struct reading *reading, struct err *err)
{
    struct transactions *tx = reading->tx;
    struct script script;
    int result;

    script_init(&script, reading->history);
    script_add(&script, "ROLLBACK");
    transaction_own_path(&script);
    add_asking(&script, take_objects, reading, mem_printf(tx->mem, "SELECT %s", guard_objects(tx)));
    result = script_run(&script, tx->session, err);
    talloc_free(script.mem);
    return result;
}

/* It failed before the first answer, where the role is set. */
static void hint_role(const struct reading *reading, struct err *err)
{
    const char *role = reading->tx->tenant->settings->role;

    if (!role || reading->answered)
        return;
    if (strcmp(err->sqlstate, "22023") == 0)
        err_hint(err, "It is settings.role of the inventory: correct its name, or CREATE ROLE.");
    if (strcmp(err->sqlstate, "42501") == 0)
        err_hint(err, "settings.role: GRANT \"%s\" TO the user that pgtide connects as.", role);
}

static int ask(struct reading *reading, bool lock, struct err *err)
{
    struct history *history = reading->history;
    struct script script;
    int failed;

    script_init(&script, history);
    script.together = true;
    build(&script, reading, lock);
    failed = script_run(&script, reading->tx->session, err) < 0;
    talloc_free(script.mem);
    if (failed && reading->answered && !history->exists && strcmp(err->sqlstate, "42P01") == 0) {
        err_clear(err);
        return lock ? 0 : ask_objects(reading, err);
    }
    if (failed) {
        hint_role(reading, err);
        transaction_explain(reading->tx, err);
    }
    return failed ? -1 : check_layout(reading, err);
}

int history_read(void *parent, struct transactions *tx, bool lock, struct history **ret,
                 struct err *err)
{
    struct history *history = mem_new(parent, struct history);
    struct reading reading = {.tx = tx, .history = history};

    history->mem = mem_context(history);
    if (ask(&reading, lock, err) < 0) {
        talloc_free(history);
        return -1;
    }
    *ret = history;
    return 0;
}

void history_end_session(struct transactions *tx, int pid)
{
    struct err err = ERR_INIT;
    struct script script;

    script_init(&script, tx->mem);
    if (session_in_transaction(tx->session))
        script_add(&script, "ROLLBACK");
    transaction_own_path(&script);
    script_add(&script,
               "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a "
               "WHERE a.pid = %d AND a.state <> 'active' AND a.usename = SESSION_USER "
               "AND a.application_name = pg_catalog.current_setting('application_name')",
               pid);
    if (script_run(&script, tx->session, &err) < 0)
        err_clear(&err);
    talloc_free(script.mem);
}

/* Of pg_locks l: it is the tenant's lock, whose key follows. */
#define HOLDS_LOCK                                                                                 \
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = "             \
    "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = "                               \
    "pg_catalog.current_database()) AND "                                                          \
    "(l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8 = %s"

/* What it runs is waited for, unless its answer is not read: then nobody is there to read it. */
void history_end_former(struct transactions *tx)
{
    char *prefix = mem_printf(tx->mem, "pgtide %s ", tx->run_id);
    struct err err = ERR_INIT;
    struct script script;

    script_init(&script, tx->mem);
    if (session_in_transaction(tx->session))
        script_add(&script, "ROLLBACK");
    transaction_own_path(&script);
    script_add(&script,
               "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_locks l "
               "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid " HOLDS_LOCK
               " AND a.pid <> pg_catalog.pg_backend_pid() AND a.usename = SESSION_USER "
               "AND (a.state <> 'active' OR a.wait_event = 'ClientWrite') "
               "AND pg_catalog.strpos(a.application_name, %s) = 1",
               tx->lock_key, session_literal(tx->mem, tx->session, prefix));
    if (script_run(&script, tx->session, &err) < 0)
        err_clear(&err);
    talloc_free(script.mem);
}

static int take_holder(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct strbuf *holder = arg;

    if (holder->len == 0)
        strbuf_str(holder, PQgetvalue(row, 0, 0));
    return 0;
}

char *history_lock_holder(void *parent, struct transactions *tx)
{
    struct err err = ERR_INIT;
    struct script script;
    struct script_step *step;
    struct strbuf holder;

    strbuf_init(&holder, parent);
    script_init(&script, parent);
    if (session_in_transaction(tx->session))
        script_add(&script, "ROLLBACK");
    transaction_own_path(&script);
    step =
        script_add(&script,
                   "SELECT pg_catalog.concat('pid ', l.pid, ', user ' || a.usename, ', ' || "
                   "nullif(a.application_name, ''), ', from ' || pg_catalog.host(a.client_addr), "
                   "', connected ' || pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
                   "'YYYY-MM-DD HH24:MI:SS') || ' UTC') "
                   "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = "
                   "l.pid " HOLDS_LOCK,
                   tx->lock_key);
    step->row = take_holder;
    step->arg = &holder;
    if (script_run(&script, tx->session, &err) < 0)
        strbuf_reset(&holder); /* a courtesy: without it the message is shorter */
    err_clear(&err);
    talloc_free(script.mem);
    return holder.len ? holder.text : NULL;
}
