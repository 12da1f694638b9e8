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

enum guard_code {
    GUARD_LOCKED,
    GUARD_MOVED,
    GUARD_APPLIED,
    GUARD_SCHEMA,
    GUARD_TOKEN,
    GUARD_REQUIRE,
    GUARD_VERIFY,
};

static const char *const code_names[] = {
    [GUARD_LOCKED] = "locked", [GUARD_MOVED] = "moved", [GUARD_APPLIED] = "applied",
    [GUARD_SCHEMA] = "schema", [GUARD_TOKEN] = "token", [GUARD_REQUIRE] = "require",
    [GUARD_VERIFY] = "verify",
};

/* The expression that raises; `tail` is a non-constant text expression. */
static char *raise_error(struct transactions *tx, enum guard_code code, const char *tail)
{
    return mem_printf(tx->mem, "CAST('pgtide:%s:%s:' || %s AS pg_catalog.int4)", tx->token,
                      code_names[code], tail);
}

static char *raise_plain(struct transactions *tx, enum guard_code code)
{
    return raise_error(tx, code, "pg_catalog.pg_backend_pid()");
}

const char *guard_lock(struct transactions *tx)
{
    return mem_printf(tx->mem,
                      "CASE WHEN pg_catalog.pg_try_advisory_xact_lock(%s) THEN 1 ELSE %s END",
                      tx->lock_key, raise_plain(tx, GUARD_LOCKED));
}

/* " WHEN current_schema() is not the tenant's THEN error", or nothing. */
static char *schema_case(struct transactions *tx)
{
    if (!tx->tenant->schema)
        return mem_strdup(tx->mem, "");
    return mem_printf(tx->mem, " WHEN pg_catalog.current_schema() IS DISTINCT FROM %s THEN %s",
                      session_literal(tx->mem, tx->session, tx->tenant->schema),
                      raise_plain(tx, GUARD_SCHEMA));
}

void guard_no_history(struct transactions *tx, struct script *script)
{
    script_add(script,
               "SELECT CASE WHEN pg_catalog.to_regclass(%s) IS NOT NULL THEN %s%s ELSE 1 END",
               session_literal(tx->mem, tx->session, tx->history), raise_plain(tx, GUARD_MOVED),
               schema_case(tx));
}

void guard_history(struct transactions *tx, struct script *script,
                   const struct history_entry *entry)
{
    char *newest =
        mem_printf(tx->mem, "(SELECT * FROM %s ORDER BY rank DESC LIMIT 1) AS h", tx->history);
    char *moved, *applied;

    if (tx->known_row)
        moved = mem_printf(tx->mem, "NOT EXISTS (SELECT FROM %s WHERE %s)", newest, tx->known_row);
    else
        moved = mem_printf(tx->mem, "coalesce((SELECT h.rank FROM %s), 0) <> %lld", newest,
                           (long long)tx->known_rank);
    if (entry->has_version)
        applied = mem_printf(tx->mem,
                             " WHEN EXISTS (SELECT FROM %s AS h WHERE h.version = %lld AND "
                             "h.name = %s AND h.state <> 'reverted') THEN %s",
                             tx->history, (long long)entry->version,
                             session_literal(tx->mem, tx->session, entry->name),
                             raise_plain(tx, GUARD_APPLIED));
    else
        applied = mem_strdup(tx->mem, "");
    script_add(script, "SELECT CASE WHEN %s THEN %s%s%s ELSE 1 END", moved,
               raise_plain(tx, GUARD_MOVED), applied, schema_case(tx));
}

const char *guard_token(struct transactions *tx, const char *value)
{
    return mem_printf(tx->mem,
                      "CASE WHEN pg_catalog.current_setting('pgtide.token', true) = '%s' THEN %s "
                      "ELSE %s::pg_catalog.text END",
                      tx->token, value, raise_plain(tx, GUARD_TOKEN));
}

const char *guard_condition(struct transactions *tx, const struct history_entry *entry)
{
    return mem_printf(tx->mem, "h.kind = %s AND h.name = %s AND h.run_id = %s",
                      session_literal(tx->mem, tx->session, entry->kind),
                      session_literal(tx->mem, tx->session, entry->name), tx->run_literal);
}

void transaction_check(struct transactions *tx, struct script *script,
                       const struct migration *migration, enum section_kind section, size_t number)
{
    enum guard_code code = section == SECTION_REQUIRE ? GUARD_REQUIRE : GUARD_VERIFY;
    char *result =
        mem_printf(tx->mem, "'%zu:' || coalesce(q.ok::pg_catalog.text, 'NULL or no row')", number);

    script_add_wrapped(script,
                       mem_printf(tx->mem,
                                  "SELECT CASE WHEN q.ok THEN 1 ELSE %s END FROM (SELECT (",
                                  raise_error(tx, code, result)),
                       migration, section, &migration->sections[section].statements[number - 1],
                       "\n) AS ok) AS q");
}

/* --- explaining ------------------------------------------------------------------------------- */

static const char *tail_of(const struct transactions *tx, const struct err *err,
                           enum guard_code code)
{
    void *mem = mem_context(NULL);
    char *mark = mem_printf(mem, "pgtide:%s:%s:", tx->token, code_names[code]);
    const char *found = err->message ? strstr(err->message, mark) : NULL;

    if (found)
        found += strlen(mark);
    talloc_free(mem);
    return found;
}

/* Replaces message and kind, keeps place and statement. */
static void reword(struct err *err, enum err_kind kind, const char *message, const char *detail,
                   const char *hint)
{
    struct err new = ERR_INIT;

    err_set(&new, kind, "%s", message);
    err_place(&new, err->file, err->line, err->column);
    if (err->statement)
        err_statement(&new, err->statement, strlen(err->statement));
    if (detail)
        err_detail(&new, "%s", detail);
    if (hint)
        err_hint(&new, "%s", hint);
    err_move(err, &new);
}

static void explain_check(struct err *err, enum guard_code code, const char *tail)
{
    void *mem = mem_context(NULL);
    const char *colon = strchr(tail, ':');
    const char *result = colon ? colon + 1 : tail;
    char *detail =
        mem_printf(mem, "the query gave %.*s, not true", (int)strcspn(result, "\""), result);

    if (code == GUARD_REQUIRE)
        reword(err, ERR_HELD, "a require query of this migration is not true", detail,
               "Nothing of this migration was run. Mend the data it asks about, then run the same "
               "command again.");
    else
        reword(err, ERR_SQL, "a verify query of this migration is not true", detail,
               "The migration was rolled back; the tenant is as it was before it.");
    talloc_free(mem);
}

void transaction_explain(const struct transactions *tx, struct err *err)
{
    for (enum guard_code code = GUARD_LOCKED; code <= GUARD_VERIFY; code++) {
        const char *tail = tail_of(tx, err, code);

        if (!tail)
            continue;
        switch (code) {
        case GUARD_LOCKED:
            reword(err, ERR_LOCKED, "another session holds this tenant's pgtide lock", NULL, NULL);
            break;
        case GUARD_MOVED:
        case GUARD_APPLIED:
            reword(err, ERR_TRANSIENT, "the history changed while this attempt was at work",
                   "another run worked on this tenant at the same time; nothing was applied twice",
                   NULL);
            break;
        case GUARD_SCHEMA:
            reword(err, ERR_SQL, "current_schema() is not the tenant's schema", NULL,
                   "Does the schema exist, and may the role use it? A pooler that drops SET LOCAL "
                   "would show like this, too.");
            break;
        case GUARD_TOKEN:
            reword(err, ERR_SQL, "the file ended pgtide's transaction or reset its settings",
                   "the setting pgtide.token was gone at the end of the migration",
                   "Leave out RESET ALL and DISCARD ALL; a file that must not run in a transaction "
                   "begins with \"-- pgtide: transaction=none\".");
            break;
        case GUARD_REQUIRE:
        case GUARD_VERIFY:
            explain_check(err, code, tail);
            break;
        }
        return;
    }
}
