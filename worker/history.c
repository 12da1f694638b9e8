/*
 * history.c: the look at a tenant, in one Query.
 *
 * DESIGN
 * Four statements in one READ COMMITTED transaction, each with a snapshot of its own: the lock is
 * taken in one statement, the history is read in a later one. (In a single statement, or under
 * REPEATABLE READ, the history would be that of before the lock.) Facts come from the catalogs, so
 * a table that is there but may not be read is an error (42501), never "no history". The read of
 * the history is sent without waiting for the facts; where the table is missing it fails with
 * 42P01, and the facts, which have come before, say that this is all right.
 */
#include "worker/history.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/session.h"

#include <jansson.h>

enum { LAYOUT = 1 };

struct reading {
    struct transactions *tx;
    struct history *history;
    const char *comment; /* of the table: holds the layout */
};

/* --- the Query -------------------------------------------------------------------------------- */

/*
 * A session lock taken through a transaction pooler would stay behind on the pooler's connection,
 * so there only its transaction-scoped twin is tried; the guard of each migration is what protects
 * it.
 */
static char *lock_statement(struct transactions *tx)
{
    switch (tx->tenant->pooler) {
    case POOLER_TRANSACTION:
        return mem_printf(tx->mem, "SELECT pg_catalog.pg_try_advisory_xact_lock(%s)", tx->lock_key);
    case POOLER_NONE:
    case POOLER_SESSION:
        return mem_printf(tx->mem, "SELECT pg_catalog.pg_try_advisory_lock(%s)", tx->lock_key);
    case POOLER_AUTO:
        break;
    }
    return mem_printf(tx->mem,
                      "SELECT CASE WHEN pg_catalog.pg_backend_pid() = %d "
                      "THEN pg_catalog.pg_try_advisory_lock(%s) "
                      "ELSE pg_catalog.pg_try_advisory_xact_lock(%s) END",
                      session_backend_pid(tx->session), tx->lock_key, tx->lock_key);
}

static char *facts_statement(struct transactions *tx)
{
    const char *schema = session_literal(tx->mem, tx->session, tx->tenant->history_schema);
    const char *table = session_literal(tx->mem, tx->session, tx->tenant->settings->history_table);

    return mem_printf(
        tx->mem,
        "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), "
        "pg_catalog.current_setting('default_transaction_read_only')::bool, "
        "n.oid IS NOT NULL, c.oid IS NOT NULL, pg_catalog.obj_description(c.oid, 'pg_class'), "
        "CASE WHEN c.oid IS NULL THEN "
        "EXISTS (SELECT FROM pg_catalog.pg_class o WHERE o.relnamespace = n.oid AND NOT EXISTS "
        "(SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass "
        "AND d.objid = o.oid AND d.deptype = 'e')) OR "
        "EXISTS (SELECT FROM pg_catalog.pg_proc o WHERE o.pronamespace = n.oid AND NOT EXISTS "
        "(SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass "
        "AND d.objid = o.oid AND d.deptype = 'e')) OR "
        "EXISTS (SELECT FROM pg_catalog.pg_type o WHERE o.typnamespace = n.oid AND NOT EXISTS "
        "(SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_type'::regclass "
        "AND d.objid = o.oid AND d.deptype = 'e')) END "
        "FROM (VALUES (1)) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %s "
        "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = %s "
        "AND c.relkind IN ('r', 'p', 'v', 'f')",
        schema, table);
}

static char *rows_statement(struct transactions *tx)
{
    return mem_printf(tx->mem,
                      "SELECT rank, kind, state, version, name, checksum, code_checksum, "
                      "statements_done, statements_total, run_id, duration_ms, "
                      "CASE WHEN state = 'started' THEN detail END FROM %s ORDER BY rank",
                      tx->history);
}

/* --- the answers ------------------------------------------------------------------------------ */

static bool is_true(const PGresult *row, int column)
{
    return strcmp(PQgetvalue(row, 0, column), "t") == 0;
}

static int64_t number(const PGresult *row, int column)
{
    int64_t value = 0;

    (void)text_to_int64(PQgetvalue(row, 0, column), INT64_MIN, INT64_MAX, &value);
    return value;
}

static int take_lock(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reading *reading = arg;

    reading->history->locked = is_true(row, 0);
    return 0;
}

static int take_facts(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct reading *reading = arg;
    struct history *history = reading->history;
    const struct transactions *tx = reading->tx;

    history->pooled =
        tx->tenant->pooler == POOLER_TRANSACTION ||
        (tx->tenant->pooler == POOLER_AUTO && number(row, 0) != session_backend_pid(tx->session));
    history->standby = is_true(row, 1);
    history->read_only = is_true(row, 2);
    history->schema_exists = is_true(row, 3);
    history->exists = is_true(row, 4);
    reading->comment = mem_strdup(history->mem, PQgetvalue(row, 0, 5));
    history->has_objects = is_true(row, 6);
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

static void take_detail(struct history *history, struct history_row *row, const char *text)
{
    json_t *detail = json_loads(text, 0, NULL);
    const char *prefix = json_string_value(json_object_get(detail, "prefix"));
    const char *verify = json_string_value(json_object_get(detail, "verify"));

    row->running = (int)json_integer_value(json_object_get(detail, "running"));
    row->prefix = mem_strdup(history->mem, prefix ? prefix : "");
    row->verify_pending = verify && strcmp(verify, "pending") == 0;
    json_decref(detail);
}

static int take_row(void *arg, const PGresult *result, struct err *err UNUSED)
{
    struct reading *reading = arg;
    struct history *history = reading->history;
    struct history_row *row;

    mem_grow(history->mem, &history->rows, &history->capacity, history->count + 1);
    row = &history->rows[history->count++];
    *row = (struct history_row){
        .rank = number(result, 0),
        .kind = kind_of(PQgetvalue(result, 0, 1)),
        .state = state_of(PQgetvalue(result, 0, 2)),
        .has_version = !PQgetisnull(result, 0, 3),
        .version = number(result, 3),
        .name = mem_strdup(history->mem, PQgetvalue(result, 0, 4)),
        .checksum = mem_strdup(history->mem, PQgetvalue(result, 0, 5)),
        .code_checksum = mem_strdup(history->mem, PQgetvalue(result, 0, 6)),
        .statements_done = (int)number(result, 7),
        .statements_total = (int)number(result, 8),
        .this_run = strcmp(PQgetvalue(result, 0, 9), reading->tx->run_id) == 0,
        .duration_ms = number(result, 10),
        .prefix = "",
    };
    if (!PQgetisnull(result, 0, 11))
        take_detail(history, row, PQgetvalue(result, 0, 11));
    history->max_rank = row->rank;
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
    if (role)
        script_add(script, "SET LOCAL ROLE %s", session_identifier(tx->mem, role));
    if (lock)
        add_asking(script, take_lock, reading, lock_statement(tx));
    add_asking(script, take_facts, reading, facts_statement(tx));
    add_asking(script, take_row, reading, rows_statement(tx));
    script_add(script, "COMMIT");
}

static int check_layout(const struct reading *reading, struct err *err)
{
    const char *at = strstr(reading->comment, "layout ");
    long layout = at ? strtol(at + strlen("layout "), NULL, 10) : 0;

    if (!at) {
        err_set(err, ERR_SQL, "table %s is not a pgtide history", reading->tx->history);
        err_hint(err, "Name another table in settings.history.table.");
        return -1;
    }
    if (layout > LAYOUT) {
        err_set(err, ERR_SQL, "history %s has layout %ld, this pgtide knows up to %d",
                reading->tx->history, layout, LAYOUT);
        err_hint(err, "Use the newer pgtide that wrote it.");
        return -1;
    }
    return 0;
}

int history_read(void *parent, struct transactions *tx, bool lock, struct history **ret,
                 struct err *err)
{
    struct history *history = mem_new(parent, struct history);
    struct reading reading = {.tx = tx, .history = history};
    struct script script;
    int failed;

    history->mem = mem_context(history);
    history->locked = true;
    script_init(&script, history);
    build(&script, &reading, lock);
    failed = script_run(&script, tx->session, err) < 0;
    if (failed && reading.comment && !history->exists && strcmp(err->sqlstate, "42P01") == 0) {
        err_clear(err);
        failed = false;
    }
    talloc_free(script.mem);
    if (!failed && history->exists && history->locked)
        failed = check_layout(&reading, err) < 0;
    if (failed) {
        talloc_free(history);
        return -1;
    }
    *ret = history;
    return 0;
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
    step = script_add(
        &script,
        "SELECT pg_catalog.concat('pid ', l.pid, ', user ' || a.usename, ', ' || "
        "nullif(a.application_name, ''), ', from ' || pg_catalog.host(a.client_addr), "
        "', connected ' || pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD HH24:MI:SS') || ' UTC') "
        "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = "
        "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = "
        "pg_catalog.current_database()) AND "
        "(l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8 = %s",
        tx->lock_key);
    step->row = take_holder;
    step->arg = &holder;
    if (script_run(&script, tx->session, &err) < 0)
        strbuf_reset(&holder); /* a courtesy: without it the message is shorter */
    err_clear(&err);
    talloc_free(script.mem);
    return holder.len ? holder.text : NULL;
}
