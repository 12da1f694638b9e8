/*
 * guard.c: errors raised by the server on our behalf.
 *
 * A failing check evaluates CAST('pgtide:TOKEN:CODE:...' AS integer), which raises 22P02 with that
 * text in its message, whatever the server's language. The text must not be constant, or the
 * planner would evaluate the cast beforehand: it goes through set_config, which gives back what it
 * sets (and which everything here needs anyway: a function that a new session has not seen yet
 * costs it a look into the catalogs), or it ends in a query's result.
 *
 * Operators are written with their schema: one of the tenant's own whose operands fit exactly would
 * go before PostgreSQL's that do not, and run with our rights. IS DISTINCT FROM and IN look for
 * theirs by name alone, so they are not used.
 *
 * Checks are conditions of a SELECT without columns: it never returns a row that would have to be
 * sent and read.
 */
#include "worker/guard.h"

#include "common/mem.h"
#include "common/strbuf.h"

static const char *const code_names[] = {
    [GUARD_LOCKED] = "locked",   [GUARD_MOVED] = "moved",   [GUARD_NONEMPTY] = "nonempty",
    [GUARD_LAYOUT] = "layout",   [GUARD_SCHEMA] = "schema", [GUARD_TOKEN] = "token",
    [GUARD_REQUIRE] = "require", [GUARD_VERIFY] = "verify",
};

char *guard_raise(struct transactions *tx, enum guard_code code, const char *tail)
{
    return mem_printf(tx->mem,
                      "CAST('pgtide:%s:%s:' OPERATOR(pg_catalog.||) %s AS pg_catalog.int4)",
                      tx->token, code_names[code], tail);
}

char *guard_raise_plain(struct transactions *tx, enum guard_code code)
{
    return mem_printf(tx->mem,
                      "CAST(pg_catalog.set_config('pgtide.token', 'pgtide:%s:%s:', true) "
                      "AS pg_catalog.int4)",
                      tx->token, code_names[code]);
}

/* The same as a condition, for WHERE. */
static char *raise_as_condition(struct transactions *tx, enum guard_code code)
{
    return mem_printf(tx->mem, "%s IS NULL", guard_raise_plain(tx, code));
}

#define TRY_LOCK "pg_catalog.pg_try_advisory_xact_lock(%s)"
/* In whole microseconds: extra_float_digits, which a database may have, rounds other numbers. */
#define NOTE_TIME                                                                                  \
    "pg_catalog.set_config('pgtide.started', (pg_catalog.date_part('epoch', "                      \
    "pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000000::pg_catalog.float8)"             \
    "::pg_catalog.int8::pg_catalog.text, true)"

/* ANY, because its array is always evaluated to the end; what it is compared with is no matter. */
char *guard_begin_statement(struct transactions *tx)
{
    const struct transaction_setting *settings = transaction_setting_list(tx);
    struct strbuf sql;

    strbuf_init(&sql, tx->mem);
    strbuf_printf(&sql,
                  "SELECT WHERE CASE WHEN " TRY_LOCK
                  " THEN '' OPERATOR(pg_catalog.=) ANY (ARRAY[" NOTE_TIME,
                  tx->lock_key);
    for (size_t i = 0; i < tx->setting_count; i++)
        strbuf_printf(&sql, ", pg_catalog.set_config('%s', %s, true)", settings[i].name,
                      settings[i].literal);
    strbuf_printf(&sql,
                  ", pg_catalog.set_config('lock_timeout', '%lld', true)"
                  ", pg_catalog.set_config('statement_timeout', '%lld', true)]) ELSE %s END",
                  (long long)tx->tenant->settings->lock_timeout_ms,
                  (long long)tx->tenant->settings->statement_timeout_ms,
                  raise_as_condition(tx, GUARD_LOCKED));
    return sql.text;
}

void guard_begin(struct transactions *tx, struct script *script)
{
    char *sql = guard_begin_statement(tx);

    script_add_text(script, sql, strlen(sql));
}

void guard_lock(struct transactions *tx, struct script *script)
{
    script_add(script, "SELECT WHERE CASE WHEN " TRY_LOCK " THEN " NOTE_TIME " IS NULL ELSE %s END",
               tx->lock_key, raise_as_condition(tx, GUARD_LOCKED));
}

/* " WHEN current_schema() is not the tenant's THEN error", or nothing. */
static const char *schema_case(struct transactions *tx)
{
    if (!tx->tenant->schema)
        return "";
    return mem_printf(
        tx->mem,
        " WHEN coalesce(pg_catalog.current_schema() OPERATOR(pg_catalog.<>) %s, true) "
        "THEN %s",
        session_literal(tx->mem, tx->session, tx->tenant->schema),
        raise_as_condition(tx, GUARD_SCHEMA));
}

/* By what depends on the schema itself, which all of these kinds have in one catalog. Extensions do
 * too, and are none of these kinds; their members say so. */
const char *guard_objects(struct transactions *tx)
{
    return mem_printf(
        tx->mem,
        "EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid OPERATOR(pg_catalog.=) "
        "'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid "
        "AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.to_regnamespace(%s)::pg_catalog.oid "
        "AND d.classid OPERATOR(pg_catalog.=) ANY (ARRAY["
        "'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, "
        "'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, "
        "'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid]) "
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e "
        "WHERE e.classid OPERATOR(pg_catalog.=) d.classid "
        "AND e.objid OPERATOR(pg_catalog.=) d.objid AND e.deptype OPERATOR(pg_catalog.=) 'e'))",
        tx->schema_literal);
}

void guard_no_history(struct transactions *tx, struct script *script)
{
    const char *nonempty = "";

    if (!tx->nonempty_allowed)
        nonempty = mem_printf(tx->mem, " WHEN %s THEN %s", guard_objects(tx),
                              raise_as_condition(tx, GUARD_NONEMPTY));
    script_add(script,
               "SELECT WHERE CASE WHEN pg_catalog.to_regclass(%s) IS NOT NULL THEN %s%s%s END",
               tx->history_literal, raise_as_condition(tx, GUARD_MOVED), nonempty, schema_case(tx));
}

/* What guard_row() compares: cheap to plan, since every transaction has it. */
#define CAT " OPERATOR(pg_catalog.||) "
#define ROW_KEY "h.kind" CAT "' '" CAT "h.name" CAT "' '" CAT "h.run_id"

/* The row that this attempt wrote last, `known`, is not the newest. */
static char *newest_is_not(struct transactions *tx, const char *known)
{
    return mem_printf(
        tx->mem,
        "coalesce((SELECT " ROW_KEY
        " FROM %s AS h ORDER BY h.rank DESC LIMIT 1) OPERATOR(pg_catalog.<>) %s, true)",
        tx->history, known);
}

/* The history is not the one that was read, or that this attempt has written since. */
static char *moved(struct transactions *tx)
{
    char *newest, *reverted;

    if (tx->known_row)
        newest = newest_is_not(tx, tx->known_row);
    else
        newest = mem_printf(tx->mem,
                            "coalesce((SELECT h.rank FROM %s AS h ORDER BY h.rank DESC LIMIT 1), "
                            "0) OPERATOR(pg_catalog.<>) %lld",
                            tx->history, (long long)tx->known_rank);
    if (tx->known_reverted < 0)
        return newest;
    reverted = mem_printf(tx->mem,
                          "(SELECT pg_catalog.count(*) FROM %s WHERE state OPERATOR(pg_catalog.=) "
                          "'reverted') OPERATOR(pg_catalog.<>) %lld",
                          tx->history, (long long)tx->known_reverted);
    return mem_printf(tx->mem, "%s OR %s", newest, reverted);
}

/* Once an attempt: " WHEN the layout is not ours THEN error". */
static const char *layout_case(struct transactions *tx)
{
    if (tx->known_row)
        return "";
    return mem_printf(tx->mem,
                      " WHEN coalesce(pg_catalog.obj_description(%s::pg_catalog.regclass, "
                      "'pg_class') OPERATOR(pg_catalog.<>) '" TRANSACTION_LAYOUT "', true) THEN %s",
                      tx->history_literal, raise_as_condition(tx, GUARD_LAYOUT));
}

char *guard_newest_statement(struct transactions *tx, const char *known)
{
    return mem_printf(tx->mem, "SELECT WHERE CASE WHEN %s THEN %s%s END", newest_is_not(tx, known),
                      raise_as_condition(tx, GUARD_MOVED), schema_case(tx));
}

void guard_history(struct transactions *tx, struct script *script)
{
    script_add(script, "SELECT WHERE CASE WHEN %s THEN %s%s%s END", moved(tx),
               raise_as_condition(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

void guard_revert(struct transactions *tx, struct script *script,
                  const struct history_revert *revert)
{
    script_add(
        script,
        "SELECT WHERE CASE WHEN %s OR coalesce((SELECT h.state FROM %s AS h WHERE "
        "h.rank OPERATOR(pg_catalog.=) %lld) OPERATOR(pg_catalog.<>) '%s', true) THEN %s%s%s END",
        moved(tx), tx->history, (long long)revert->rank, revert->state,
        raise_as_condition(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

void guard_batch(struct transactions *tx, struct script *script, const struct history_batch *before)
{
    script_add(
        script,
        "SELECT WHERE CASE WHEN %s OR coalesce((SELECT coalesce("
        "h.detail OPERATOR(pg_catalog.->>) 'batches', '0') FROM %s AS h "
        "WHERE h.rank OPERATOR(pg_catalog.=) %lld "
        "AND h.state OPERATOR(pg_catalog.=) 'started') OPERATOR(pg_catalog.<>) '%lld', true) "
        "THEN %s%s%s END",
        moved(tx), tx->history, (long long)before->rank, (long long)before->batches,
        raise_as_condition(tx, GUARD_MOVED), layout_case(tx), schema_case(tx));
}

const char *guard_token(struct transactions *tx, const char *value)
{
    return mem_printf(tx->mem,
                      "CASE WHEN pg_catalog.current_setting('pgtide.token', true) "
                      "OPERATOR(pg_catalog.=) '%s' THEN %s "
                      "ELSE %s END",
                      tx->token, value, guard_raise_plain(tx, GUARD_TOKEN));
}

const char *guard_row(struct transactions *tx, const struct history_entry *entry)
{
    const char *const parts[] = {entry->kind, " ", entry->name, " ", tx->run_id};
    struct strbuf key;

    strbuf_init(&key, tx->mem);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        strbuf_str(&key, parts[i]);
    return session_literal(tx->mem, tx->session, key.text);
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
