/*
 * transaction.c: what stands around every migration and seed.
 */
#include "worker/transaction.h"

#include "common/mem.h"
#include "worker/guard.h"

#include <sys/random.h>

/* --- settings --------------------------------------------------------------------------------- */

static void add_setting(struct transactions *tx, struct strbuf *sql, const char *name,
                        const char *value, enum transaction_scope scope)
{
    strbuf_printf(sql, ", pg_catalog.set_config(%s, %s, %s)",
                  session_literal(tx->mem, tx->session, name),
                  session_literal(tx->mem, tx->session, value),
                  scope == TRANSACTION_SESSION ? "false" : "true");
}

/* The settings that are the same for every file of this tenant. */
static char *tenant_settings(struct transactions *tx, enum transaction_scope scope)
{
    const struct tenant *tenant = tx->tenant;
    struct strbuf sql;

    strbuf_init(&sql, tx->mem);
    add_setting(tx, &sql, "pgtide.token", tx->token, scope);
    add_setting(tx, &sql, "pgtide.tenant", tenant->name, scope);
    add_setting(tx, &sql, "pgtide.run", tx->run_id, scope);
    for (size_t i = 0; i < tenant->vars.count; i++)
        add_setting(tx, &sql, mem_printf(tx->mem, "pgtide.%s", tenant->vars.items[i].name),
                    tenant->vars.items[i].value, scope);
    if (tenant->schema)
        add_setting(tx, &sql, "search_path", session_identifier(tx->mem, tenant->schema), scope);
    if (tenant->settings->role)
        add_setting(tx, &sql, "role", tenant->settings->role, scope);
    return sql.text;
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
    const char *local = scope == TRANSACTION_SESSION ? "false" : "true";
    struct strbuf sql;

    strbuf_init(&sql, tx->mem);
    strbuf_printf(&sql,
                  "SELECT pg_catalog.set_config('lock_timeout', '%lld', %s), "
                  "pg_catalog.set_config('statement_timeout', '%lld', %s), "
                  "pg_catalog.set_config('pgtide.started', "
                  "EXTRACT(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.text, %s)",
                  (long long)own_or(own->lock_timeout_ms, settings->lock_timeout_ms), local,
                  (long long)own_or(own->statement_timeout_ms, settings->statement_timeout_ms),
                  local, local);
    strbuf_str(&sql, scope == TRANSACTION_SESSION ? tenant_settings(tx, scope) : tx->settings);
    if (scope == TRANSACTION_LOCAL_LOCKED)
        strbuf_printf(&sql, ", %s", guard_lock(tx));
    script_add_text(script, sql.text, sql.len);
    strbuf_release(&sql);
}

static void reset_role(struct script *script)
{
    script_add(script, "RESET SESSION AUTHORIZATION");
    script_add(script, "RESET ROLE");
}

void transaction_reset(struct script *script)
{
    script_add(script, "RESET ALL");
    reset_role(script);
}

/* --- init ----------------------------------------------------------------------------------------
 */

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
    place = mem_printf(tx->mem, "pgtide:%s.%s", tenant->history_schema, table);
    tx->lock_key = mem_printf(tx->mem, "pg_catalog.hashtextextended(%s, 0)",
                              session_literal(tx->mem, session, place));
    tx->run_literal = session_literal(tx->mem, session, run_id);
    tx->settings = tenant_settings(tx, TRANSACTION_LOCAL);
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
    const char *table = tx->tenant->settings->history_table;

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
               "WHERE state <> 'reverted' AND version IS NOT NULL",
               session_identifier(tx->mem, mem_printf(tx->mem, "%.50s_version", table)),
               tx->history);
    script_add(script, "COMMENT ON TABLE %s IS 'pgtide history, layout 1'", tx->history);
    tx->history_exists = true;
}

void transaction_begin(struct transactions *tx, struct script *script,
                       const struct directives *directives, const struct history_entry *entry)
{
    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED");
    transaction_settings(tx, script, directives, TRANSACTION_LOCAL_LOCKED);
    if (!tx->schema_exists)
        make_schema(tx, script);
    if (tx->history_exists) {
        guard_history(tx, script, entry);
    } else {
        guard_no_history(tx, script);
        make_history(tx, script);
    }
}

/* --- end -------------------------------------------------------------------------------------- */

/* The text as an SQL literal, NULL for NULL. */
static const char *literal(struct transactions *tx, const char *text)
{
    return text ? session_literal(tx->mem, tx->session, text) : "NULL";
}

static void add_row(struct transactions *tx, struct script *script,
                    const struct history_entry *entry)
{
    const char *version =
        entry->has_version ? mem_printf(tx->mem, "%lld", (long long)entry->version) : "NULL";

    script_add(
        script,
        "INSERT INTO %s (kind, version, name, checksum, code_checksum, state, statements_done, "
        "statements_total, started_at, finished_at, duration_ms, applied_by, run_id, tool, detail) "
        "SELECT %s, %s, %s, %s, %s, %s, %d, %d, t.started, t.now, "
        "(EXTRACT(epoch FROM t.now - t.started) * 1000)::pg_catalog.int8, "
        "SESSION_USER, %s, 'pgtide " PGTIDE_VERSION "', %s::pg_catalog.jsonb "
        "FROM (SELECT pg_catalog.to_timestamp(CAST(%s AS pg_catalog.float8)) AS started, "
        "pg_catalog.clock_timestamp() AS now) AS t RETURNING rank, duration_ms",
        tx->history, literal(tx, entry->kind), version, literal(tx, entry->name),
        literal(tx, entry->checksum), literal(tx, entry->code_checksum), literal(tx, entry->state),
        entry->statements_done, entry->statements_total, tx->run_literal,
        literal(tx, entry->detail),
        guard_token(tx, "pg_catalog.current_setting('pgtide.started')"));
}

struct script_step *transaction_end(struct transactions *tx, struct script *script,
                                    const struct history_entry *entry)
{
    const char *role = tx->tenant->settings->role;
    size_t row_index;

    if (!entry->keeps_role)
        script_add(script, "SET LOCAL ROLE %s", role ? session_identifier(tx->mem, role) : "NONE");
    row_index = script->count;
    add_row(tx, script, entry);
    script_add(script, "COMMIT");
    script_add(script, "RESET ALL");
    if (!entry->keeps_role)
        reset_role(script);
    tx->known_row = guard_condition(tx, entry);
    return &script->steps[row_index];
}
