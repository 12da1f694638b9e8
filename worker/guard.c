/*
 * guard.c: errors raised by the server on our behalf.
 *
 * A failing check evaluates CAST('pgtide:TOKEN:CODE:...' AS integer), which raises 22P02 with that
 * text in its message, whatever the server's language. The text must not be constant, or the
 * planner would evaluate the cast beforehand: it always ends in pg_backend_pid() or a query's
 * result.
 */
#include "worker/guard.h"

#include "common/mem.h"

static const char *const code_names[] = {
    [GUARD_LOCKED] = "locked",   [GUARD_MOVED] = "moved",   [GUARD_NONEMPTY] = "nonempty",
    [GUARD_LAYOUT] = "layout",   [GUARD_SCHEMA] = "schema", [GUARD_TOKEN] = "token",
    [GUARD_REQUIRE] = "require", [GUARD_VERIFY] = "verify",
};

char *guard_raise(struct transactions *tx, enum guard_code code, const char *tail)
{
    return mem_printf(tx->mem, "CAST('pgtide:%s:%s:' || %s AS pg_catalog.int4)", tx->token,
                      code_names[code], tail);
}

static char *raise_plain(struct transactions *tx, enum guard_code code)
{
    return guard_raise(tx, code, "pg_catalog.pg_backend_pid()");
}

void guard_lock(struct transactions *tx, struct script *script)
{
    script_add(script,
               "SELECT pg_catalog.set_config('pgtide.started', "
               "EXTRACT(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.text, true), "
               "CASE WHEN pg_catalog.pg_try_advisory_xact_lock(%s) THEN 1 ELSE %s END",
               tx->lock_key, raise_plain(tx, GUARD_LOCKED));
}

/* " WHEN current_schema() is not the tenant's THEN error", or nothing. */
static const char *schema_case(struct transactions *tx)
{
    if (!tx->tenant->schema)
        return "";
    return mem_printf(tx->mem, " WHEN pg_catalog.current_schema() IS DISTINCT FROM %s THEN %s",
                      session_literal(tx->mem, tx->session, tx->tenant->schema),
                      raise_plain(tx, GUARD_SCHEMA));
}

/* Objects in a catalog that have their namespace in `column`. */
static char *objects_in(struct transactions *tx, const char *catalog, const char *column)
{
    return mem_printf(
        tx->mem,
        "EXISTS (SELECT FROM pg_catalog.%s o WHERE o.%s = "
        "pg_catalog.to_regnamespace(%s) AND NOT EXISTS (SELECT FROM "
        "pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.%s'::pg_catalog.regclass "
        "AND d.objid = o.oid AND d.deptype = 'e'))",
        catalog, column, tx->schema_literal, catalog);
}

const char *guard_objects(struct transactions *tx)
{
    return mem_printf(tx->mem, "(%s OR %s OR %s)", objects_in(tx, "pg_class", "relnamespace"),
                      objects_in(tx, "pg_proc", "pronamespace"),
                      objects_in(tx, "pg_type", "typnamespace"));
}

void guard_no_history(struct transactions *tx, struct script *script)
{
    const char *nonempty = "";

    if (!tx->nonempty_allowed)
        nonempty = mem_printf(tx->mem, " WHEN %s THEN %s", guard_objects(tx),
                              raise_plain(tx, GUARD_NONEMPTY));
    script_add(script,
               "SELECT CASE WHEN pg_catalog.to_regclass(%s) IS NOT NULL THEN %s%s%s ELSE 1 END",
               tx->history_literal, raise_plain(tx, GUARD_MOVED), nonempty, schema_case(tx));
}

/* What guard_row() compares: cheap to plan, since every transaction has it. */
#define ROW_KEY "h.kind || ' ' || h.name || ' ' || h.run_id"

/* The history is not the one that was read, or that this attempt has written since. */
static char *moved(struct transactions *tx)
{
    char *newest, *reverted;

    if (tx->known_row)
        newest = mem_printf(tx->mem,
                            "(SELECT " ROW_KEY " FROM %s AS h ORDER BY h.rank DESC LIMIT 1) "
                            "IS DISTINCT FROM %s",
                            tx->history, tx->known_row);
    else
        newest = mem_printf(tx->mem,
                            "coalesce((SELECT h.rank FROM %s AS h ORDER BY h.rank DESC LIMIT 1), "
                            "0) <> %lld",
                            tx->history, (long long)tx->known_rank);
    if (tx->known_reverted < 0)
        return newest;
    reverted =
        mem_printf(tx->mem, "(SELECT pg_catalog.count(*) FROM %s WHERE state = 'reverted') <> %lld",
                   tx->history, (long long)tx->known_reverted);
    return mem_printf(tx->mem, "%s OR %s", newest, reverted);
}

/* Once an attempt: " WHEN the layout is not ours THEN error". */
static const char *layout_case(struct transactions *tx)
{
    if (tx->known_row)
        return "";
    return mem_printf(tx->mem,
                      " WHEN pg_catalog.obj_description(%s::pg_catalog.regclass, 'pg_class') "
                      "IS DISTINCT FROM '" TRANSACTION_LAYOUT "' THEN %s",
                      tx->history_literal, raise_plain(tx, GUARD_LAYOUT));
}

void guard_history(struct transactions *tx, struct script *script)
{
    script_add(script, "SELECT CASE WHEN %s THEN %s%s%s ELSE 1 END", moved(tx),
               raise_plain(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

void guard_revert(struct transactions *tx, struct script *script,
                  const struct history_revert *revert)
{
    script_add(script,
               "SELECT CASE WHEN %s OR (SELECT h.state FROM %s AS h WHERE h.rank = %lld) "
               "IS DISTINCT FROM '%s' THEN %s%s%s ELSE 1 END",
               moved(tx), tx->history, (long long)revert->rank, revert->state,
               raise_plain(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

void guard_batch(struct transactions *tx, struct script *script, const struct history_batch *before)
{
    script_add(script,
               "SELECT CASE WHEN %s OR (SELECT coalesce(h.detail->>'batches', '0') FROM %s AS h "
               "WHERE h.rank = %lld AND h.state = 'started') IS DISTINCT FROM '%lld' "
               "THEN %s%s%s ELSE 1 END",
               moved(tx), tx->history, (long long)before->rank, (long long)before->batches,
               raise_plain(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

const char *guard_token(struct transactions *tx, const char *value)
{
    return mem_printf(tx->mem,
                      "CASE WHEN pg_catalog.current_setting('pgtide.token', true) = '%s' THEN %s "
                      "ELSE %s END",
                      tx->token, value, raise_plain(tx, GUARD_TOKEN));
}

const char *guard_row(struct transactions *tx, const struct history_entry *entry)
{
    char *key = mem_printf(tx->mem, "%s %s %s", entry->kind, entry->name, tx->run_id);

    return session_literal(tx->mem, tx->session, key);
}

const char *guard_raised(const struct transactions *tx, const struct err *err, enum guard_code code)
{
    void *mem = mem_context(NULL);
    char *mark = mem_printf(mem, "pgtide:%s:%s:", tx->token, code_names[code]);
    const char *found = err->message ? strstr(err->message, mark) : NULL;

    if (found)
        found += strlen(mark);
    talloc_free(mem);
    return found;
}
