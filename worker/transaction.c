/*
 * transaction.c: what stands around every migration and seed.
 */
#include "worker/transaction.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/guard.h"
#include "worker/pending.h"
#include "worker/prepared.h"

#include <sys/random.h>

enum {
    INDEX_NAME_MOST = 50, /* bytes of the table's name in that of its index */
    VERSION_IDLE_SESSION_TIMEOUT = 140000,
    VERSION_TRANSACTION_TIMEOUT = 170000, /* it would end the session in the middle of a file */
};

/* --- settings --------------------------------------------------------------------------------- */

/* `set` is how SET writes its name. */
static void add_setting(struct transactions *tx, const char *name, const char *set,
                        const char *value)
{
    const char *literal = session_literal(tx->mem, tx->session, value);

    tx->settings[tx->setting_count++] = (struct transaction_setting){
        .name = name, .literal = literal, .set = mem_printf(tx->mem, "%s = %s", set, literal)};
}

/* One of ours: a variable may be called "user", which SET takes for a word of its own. */
static void add_own_setting(struct transactions *tx, const char *name, const char *value)
{
    add_setting(tx, mem_printf(tx->mem, "pgtide.%s", name),
                mem_printf(tx->mem, "pgtide.\"%s\"", name), value);
}

static void add_search_path(struct transactions *tx, const char *schema)
{
    const char *quoted = session_identifier(tx->mem, schema);

    add_setting(tx, "search_path", "search_path", quoted);
    tx->settings[tx->setting_count - 1].set = /* a list of names, not a text */
        mem_printf(tx->mem, "search_path = %s", quoted);
}

const struct transaction_setting *transaction_setting_list(struct transactions *tx)
{
    const struct tenant *tenant = tx->tenant;

    if (tx->settings)
        return tx->settings;
    tx->settings = mem_array(tx->mem, struct transaction_setting, tenant->vars.count + 6);
    if (session_server_version(tx->session) >= VERSION_TRANSACTION_TIMEOUT)
        add_setting(tx, "transaction_timeout", "transaction_timeout", "0");
    add_own_setting(tx, "token", tx->token);
    add_own_setting(tx, "run", tx->run_id);
    add_own_setting(tx, "tenant", tenant->name);
    for (size_t i = 0; i < tenant->vars.count; i++)
        add_own_setting(tx, tenant->vars.items[i].name, tenant->vars.items[i].value);
    if (tenant->schema)
        add_search_path(tx, tenant->schema);
    if (tenant->settings->role)
        add_setting(tx, "role", "role", tenant->settings->role);
    return tx->settings;
}

static int64_t own_or(int64_t directive, int64_t setting)
{
    return directive == DIRECTIVE_UNSET ? setting : directive;
}

void transaction_settings(struct transactions *tx, struct script *script,
                          const struct directives *directives, enum transaction_scope scope)
{
    static const struct directives none = {.lock_timeout_ms = DIRECTIVE_UNSET,
                                           .statement_timeout_ms = DIRECTIVE_UNSET};
    const struct directives *own = directives ? directives : &none;
    const struct settings *settings = tx->tenant->settings;
    const char *set = scope == TRANSACTION_LOCAL ? "SET LOCAL" : "SET";
    const struct transaction_setting *list;

    script_add(script, "%s lock_timeout = %lld", set,
               (long long)own_or(own->lock_timeout_ms, settings->lock_timeout_ms));
    script_add(script, "%s statement_timeout = %lld", set,
               (long long)own_or(own->statement_timeout_ms, settings->statement_timeout_ms));
    if (own->batch > 0)
        script_add(script, "%s pgtide.batch = %lld", set, (long long)own->batch);
    list = transaction_setting_list(tx);
    for (size_t i = 0; i < tx->setting_count; i++)
        script_add(script, "%s %s", set, list[i].set);
}

static void reset_role(struct script *script)
{
    script_add(script, "RESET SESSION AUTHORIZATION");
    script_add(script, "RESET ROLE");
}

/* What a session keeps of a file besides its settings. */
static void discard(struct script *script)
{
    script_add(script, "DISCARD TEMP");
    script_add(script, "CLOSE ALL");
    script_add(script, "UNLISTEN *");
}

void transaction_reset(struct script *script)
{
    script_add(script, "RESET ALL");
    reset_role(script);
    discard(script);
}

void transaction_stay(struct transactions *tx, struct script *script)
{
    if (session_server_version(tx->session) >= VERSION_IDLE_SESSION_TIMEOUT)
        script_add(script, "SET idle_session_timeout = 0");
}

/* In several statements of one Query, too: they are one transaction. */
void transaction_own_path(struct script *script)
{
    script_add(script, "SET LOCAL search_path = pg_catalog, pg_temp");
}

/* --- init ------------------------------------------------------------------------------------- */

void transaction_init(struct transactions *tx, void *parent, struct session *session,
                      const struct tenant *tenant, const char *run_id)
{
    const char *table = tenant->settings->history_table;
    uint64_t random = 0;
    char *place;

    *tx = (struct transactions){.mem = mem_context(parent)};
    tx->tenant = tenant;
    tx->session = session;
    tx->run_id = run_id;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)(uintptr_t)tx; /* only has to differ from what SQL files contain */
    tx->token = mem_printf(tx->mem, "%016llx", (unsigned long long)random);
    tx->history = mem_printf(tx->mem, "%s.%s", session_identifier(tx->mem, tenant->history_schema),
                             session_identifier(tx->mem, table));
    tx->history_literal = session_literal(tx->mem, session, tx->history);
    tx->schema_literal =
        session_literal(tx->mem, session, session_identifier(tx->mem, tenant->history_schema));
    tx->unique_index =
        mem_printf(tx->mem, "%.*s_version", (int)text_cut(table, INDEX_NAME_MOST), table);
    place = mem_printf(tx->mem, "pgtide:%s.%s", tenant->history_schema, table);
    tx->lock_key = mem_printf(tx->mem, "pg_catalog.hashtextextended(%s, 0)",
                              session_literal(tx->mem, session, place));
    tx->run_literal = session_literal(tx->mem, session, run_id);
    tx->nonempty_allowed = tenant->settings->nonempty_allow;
    tx->known_reverted = -1;
}

/* --- begin ------------------------------------------------------------------------------------ */

static void make_schema(struct transactions *tx, struct script *script)
{
    script_add(script, "CREATE SCHEMA IF NOT EXISTS %s",
               session_identifier(tx->mem, tx->tenant->history_schema));
    tx->schema_exists = true;
}

static void make_history(struct transactions *tx, struct script *script)
{
    script_add(script,
               "CREATE TABLE %s ("
               "rank bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
               "kind text NOT NULL, version bigint, name text NOT NULL, "
               "checksum text, code_checksum text, state text NOT NULL, "
               "statements_done int NOT NULL, statements_total int NOT NULL, "
               "started_at timestamptz NOT NULL, finished_at timestamptz, duration_ms bigint, "
               "applied_by text NOT NULL, run_id text, tool text NOT NULL, detail jsonb)",
               tx->history);
    script_add(script,
               "CREATE UNIQUE INDEX %s ON %s (version, name) "
               "WHERE state OPERATOR(pg_catalog.<>) 'reverted' AND version IS NOT NULL",
               session_identifier(tx->mem, tx->unique_index), tx->history);
    script_add(script, "COMMENT ON TABLE %s IS '" TRANSACTION_LAYOUT "'", tx->history);
    tx->history_exists = true;
}

static void begin(struct script *script)
{
    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED");
}

void transaction_own_lock_timeout(struct script *script, const struct directives *own)
{
    if (own && own->lock_timeout_ms != DIRECTIVE_UNSET)
        script_add(script, "SET LOCAL lock_timeout = %lld", (long long)own->lock_timeout_ms);
}

/* Where the file wants something else than the tenant's settings. */
static void set_own(struct script *script, const struct directives *own)
{
    if (own && own->statement_timeout_ms != DIRECTIVE_UNSET)
        script_add(script, "SET LOCAL statement_timeout = %lld",
                   (long long)own->statement_timeout_ms);
    if (own && own->batch > 0)
        script_add(script, "SET LOCAL pgtide.batch = %lld", (long long)own->batch);
}

static void begin_plain(struct transactions *tx, struct script *script,
                        const struct directives *own)
{
    guard_begin(tx, script);
    transaction_own_lock_timeout(script, own);
    if (!tx->schema_exists)
        make_schema(tx, script);
    if (tx->history_exists) {
        guard_history(tx, script);
    } else {
        guard_no_history(tx, script);
        make_history(tx, script);
    }
}

void transaction_begin(struct transactions *tx, struct script *script,
                       const struct directives *directives)
{
    begin(script);
    if (prepared_usable(tx))
        prepared_begin(tx, script, directives);
    else
        begin_plain(tx, script, directives);
    set_own(script, directives);
}

void transaction_begin_revert(struct transactions *tx, struct script *script,
                              const struct directives *directives,
                              const struct history_revert *revert)
{
    begin(script);
    guard_begin(tx, script);
    transaction_own_lock_timeout(script, directives);
    guard_revert(tx, script, revert);
    set_own(script, directives);
}

void transaction_begin_batch(struct transactions *tx, struct script *script,
                             const struct migration *migration, const struct history_batch *before)
{
    void *mem = tx->mem;

    (void)transaction_setting_list(tx); /* they stay */
    tx->mem = mem_context(mem);         /* there may be very many batches */
    begin(script);
    guard_begin(tx, script);
    transaction_own_lock_timeout(script, &migration->directives);
    guard_batch(tx, script, before);
    set_own(script, &migration->directives);
    talloc_free(tx->mem);
    tx->mem = mem;
}

/* --- end -------------------------------------------------------------------------------------- */

/* The text as an SQL literal, NULL for NULL. */
static const char *literal(struct transactions *tx, const char *text)
{
    return text ? session_literal(tx->mem, tx->session, text) : "NULL";
}

#define STARTED                                                                                    \
    "(pg_catalog.current_setting('pgtide.started')::pg_catalog.float8 OPERATOR(pg_catalog./) "     \
    "1000000::pg_catalog.float8)"

/* The row's detail as SQL: what the entry says, and the bundle that the file came from. */
static const char *detail_of(struct transactions *tx, const struct history_entry *entry)
{
    const char *own = "NULL";
    const char *bundle;

    if (entry->detail)
        own = mem_printf(tx->mem, "%s::pg_catalog.jsonb", literal(tx, entry->detail));
    if (!tx->bundle)
        return own;
    bundle = mem_printf(tx->mem, "'{\"bundle\": \"%s\"}'::pg_catalog.jsonb", tx->bundle);
    return entry->detail ? mem_printf(tx->mem, "%s OPERATOR(pg_catalog.||) %s", own, bundle)
                         : bundle;
}

char *transaction_row_statement(struct transactions *tx, const char *values)
{
    return mem_printf(
        tx->mem,
        "INSERT INTO %s (kind, version, name, checksum, code_checksum, state, statements_done, "
        "statements_total, detail, started_at, finished_at, duration_ms, applied_by, run_id, tool) "
        "VALUES (%s, pg_catalog.to_timestamp(%s), pg_catalog.clock_timestamp(), "
        "(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) "
        "OPERATOR(pg_catalog.-) " STARTED ") OPERATOR(pg_catalog.*) 1000::pg_catalog.float8, "
        "SESSION_USER, %s, 'pgtide " PGTIDE_VERSION "') RETURNING rank, duration_ms",
        tx->history, values, guard_token(tx, STARTED), tx->run_literal);
}

/* The text as an SQL literal and a comma, NULL for NULL. */
static void add_literal(struct transactions *tx, struct strbuf *out, const char *text)
{
    if (text)
        session_add_literal(tx->session, out, text);
    else
        strbuf_str(out, "NULL");
    strbuf_str(out, ", ");
}

static void add_number(struct strbuf *out, int64_t number)
{
    strbuf_int(out, number);
    strbuf_str(out, ", ");
}

/* By pieces: it is made for every migration of every tenant. */
static void add_values(struct transactions *tx, struct strbuf *out,
                       const struct history_entry *entry)
{
    add_literal(tx, out, entry->kind);
    if (entry->has_version)
        add_number(out, entry->version);
    else
        strbuf_str(out, "NULL, ");
    add_literal(tx, out, entry->name);
    add_literal(tx, out, entry->checksum);
    add_literal(tx, out, entry->code_checksum);
    add_literal(tx, out, entry->state);
    add_number(out, entry->statements_done);
    add_number(out, entry->statements_total);
    strbuf_str(out, detail_of(tx, entry));
}

static void add_row_prepared(struct transactions *tx, struct script *script,
                             const struct history_entry *entry)
{
    prepared_begin_row(tx, script);
    add_values(tx, &script->sql, entry);
    strbuf_char(&script->sql, ')');
    (void)script_end(script);
}

void transaction_add_row(struct transactions *tx, struct script *script,
                         const struct history_entry *entry)
{
    struct strbuf values;
    char *sql;

    strbuf_init(&values, tx->mem);
    add_values(tx, &values, entry);
    sql = transaction_row_statement(tx, values.text);
    script_add_text(script, sql, strlen(sql));
}

/* The history is written by the role that owns it, and by statements that are there, whatever the
 * file did. Without settings.role that is the session's, which ALTER ROLE ... SET role may name. */
static void restore_session(struct transactions *tx, struct script *script)
{
    const char *role = tx->tenant->settings->role;

    reset_role(script);
    if (role)
        script_add(script, "SET LOCAL ROLE %s", session_identifier(tx->mem, role));
    prepared_forget(tx);
}

/* The role always: a function may have set it where no file shows it. */
static void commit(struct script *script, bool keeps_session)
{
    script_add(script, "COMMIT");
    script_add(script, "RESET ALL");
    if (keeps_session) {
        script_add(script, "RESET ROLE");
        return;
    }
    reset_role(script);
    discard(script);
}

struct script_step *transaction_end(struct transactions *tx, struct script *script,
                                    const struct history_entry *entry)
{
    size_t row_index;

    if (!entry->keeps_session)
        restore_session(tx, script);
    row_index = script->count;
    if (prepared_stands(tx))
        add_row_prepared(tx, script, entry);
    else
        transaction_add_row(tx, script, entry);
    commit(script, entry->keeps_session);
    tx->known_row = guard_row(tx, entry);
    return &script->steps[row_index];
}

static void revert_row(struct transactions *tx, struct script *script, int64_t rank)
{
    script_add(script,
               "UPDATE %s AS h SET state = 'reverted', "
               "detail = (coalesce(h.detail, '{}') OPERATOR(pg_catalog.-) "
               "'reverting'::pg_catalog.text) OPERATOR(pg_catalog.||) "
               "pg_catalog.jsonb_build_object('reverted', pg_catalog.jsonb_build_object("
               "'by', SESSION_USER, 'at', pg_catalog.to_char(t.now AT TIME ZONE 'UTC', "
               "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'run', %s::pg_catalog.text, 'after', %lld)) "
               "FROM (SELECT %s AS started, "
               "pg_catalog.clock_timestamp() AS now) AS t "
               "WHERE h.rank OPERATOR(pg_catalog.=) %lld "
               "RETURNING ((pg_catalog.date_part('epoch', t.now) OPERATOR(pg_catalog.-) t.started) "
               "OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)::pg_catalog.int8",
               tx->history, tx->run_literal, (long long)tx->known_rank, guard_token(tx, STARTED),
               (long long)rank);
}

struct script_step *transaction_end_revert(struct transactions *tx, struct script *script,
                                           const struct history_revert *revert)
{
    size_t row_index;

    if (!revert->keeps_session)
        restore_session(tx, script);
    row_index = script->count;
    revert_row(tx, script, revert->rank);
    commit(script, revert->keeps_session);
    if (tx->known_reverted >= 0)
        tx->known_reverted++;
    return &script->steps[row_index];
}

struct script_step *transaction_end_batch(struct transactions *tx, struct script *script,
                                          const struct migration *migration,
                                          const struct history_batch *after)
{
    bool keeps_session = !migration->touches_session;
    void *mem = tx->mem;
    size_t row_index;

    tx->mem = mem_context(mem);
    if (!keeps_session)
        restore_session(tx, script);
    row_index = script->count;
    script_add(
        script,
        "UPDATE %s SET statements_done = %d, statements_total = 1, "
        "detail = coalesce(detail, '{}') OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object("
        "'batches', %s, 'rows', %lld, 'verify', '%s') WHERE rank OPERATOR(pg_catalog.=) %lld",
        tx->history, after->last ? 1 : 0,
        guard_token(tx, mem_printf(tx->mem, "%lld", (long long)after->batches)),
        (long long)after->rows, after->last ? "pending" : "", (long long)after->rank);
    commit(script, keeps_session);
    talloc_free(tx->mem);
    tx->mem = mem;
    return &script->steps[row_index];
}

/* --- checks, and what their errors mean ------------------------------------------------------- */

void transaction_check(struct transactions *tx, struct script *script,
                       const struct migration *migration, enum section_kind section, size_t number)
{
    enum guard_code code = section == SECTION_REQUIRE ? GUARD_REQUIRE : GUARD_VERIFY;
    char *result = mem_printf(
        tx->mem, "'%zu:' OPERATOR(pg_catalog.||) coalesce(q.ok::pg_catalog.text, 'NULL or no row')",
        number);
    char *before = mem_printf(tx->mem, "SELECT CASE WHEN q.ok THEN 1 ELSE %s END FROM (SELECT (",
                              guard_raise(tx, code, result));

    script_add_wrapped(script, before, migration, section,
                       &migration->sections[section].statements[number - 1], "\n) AS ok) AS q");
}

static const struct {
    enum err_kind kind;
    const char *message;
    const char *detail;
    const char *hint;
} meanings[GUARD_CODES] = {
    [GUARD_LOCKED] = {ERR_LOCKED, "another session holds this tenant's pgtide lock", NULL, NULL},
    [GUARD_MOVED] =
        {ERR_TRANSIENT, "the history changed while this attempt was at work",
         "another run worked on this tenant at the same time; nothing was applied twice", NULL},
    [GUARD_LAYOUT] =
        {ERR_SQL, "the history table is not of a layout that this pgtide knows", NULL,
         "Use the newer pgtide that wrote it; or, when it is not pgtide's at all, name "
         "another table in settings.history.table."},
    [GUARD_SCHEMA] =
        {ERR_SQL, "current_schema() is not the tenant's schema", NULL,
         "Does the schema exist, and may the role use it? A pooler that drops SET LOCAL "
         "would show like this, too."},
    [GUARD_TOKEN] =
        {ERR_SQL, "the file ended pgtide's transaction or reset its settings",
         "the setting pgtide.token was gone at the end of the migration",
         "Leave out RESET ALL and DISCARD ALL; a file that must not run in a transaction "
         "begins with \"-- pgtide: transaction=none\"."},
    [GUARD_REQUIRE] = {ERR_HELD, "a require query of this migration is not true", NULL,
                       "Nothing of this migration was run. Mend the data it asks about, then run "
                       "the same command again."},
    [GUARD_VERIFY] = {ERR_SQL, "a verify query of this migration is not true", NULL,
                      "The migration was rolled back; the tenant is as it was before it."},
};

/* Replaces what is said, keeps place and statement. `tail` is what the check added, "2:false". */
static void reword(struct err *err, enum guard_code code, const char *tail)
{
    const char *result = code == GUARD_REQUIRE || code == GUARD_VERIFY ? strchr(tail, ':') : NULL;
    struct err new = ERR_INIT;

    err_set(&new, meanings[code].kind, "%s", meanings[code].message);
    err_place(&new, err->file, err->line, err->column);
    if (err->statement)
        err_statement(&new, err->statement, strlen(err->statement));
    if (result)
        err_detail(&new, "the query gave %.*s, not true", (int)strcspn(result + 1, "\""),
                   result + 1);
    else if (meanings[code].detail)
        err_detail(&new, "%s", meanings[code].detail);
    if (meanings[code].hint)
        err_hint(&new, "%s", meanings[code].hint);
    err_move(err, &new);
}

/* The unique index refused a version and name that is there already. */
static bool is_there_already(const struct transactions *tx, const struct err *err)
{
    const char *constraint = session_fault(tx->session)->constraint;

    return strcmp(err->sqlstate, "23505") == 0 && constraint &&
           strcmp(constraint, tx->unique_index) == 0;
}

void transaction_explain(struct transactions *tx, struct err *err)
{
    if (is_there_already(tx, err)) {
        reword(err, GUARD_MOVED, "");
        return;
    }
    if (tx->may_prepare && prepared_lost(err)) {
        tx->prepared_dropped = true;
        return;
    }
    for (enum guard_code code = 0; code < GUARD_CODES; code++) {
        const char *tail = guard_raised(tx, err, code);

        if (tail && code == GUARD_NONEMPTY)
            pending_nonempty(tx->tenant, err);
        else if (tail)
            reword(err, code, tail);
        if (tail)
            return;
    }
}
