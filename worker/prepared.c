/*
 * prepared.c: what is the same in every transaction of an attempt, prepared once.
 */
#include "worker/prepared.h"

#include "common/mem.h"
#include "worker/guard.h"

#define NAME "pgtide_%d_"

bool prepared_usable(const struct transactions *tx)
{
    return tx->may_prepare && tx->history_exists && tx->known_row;
}

/* The one that sets the settings stands before they are set: preparing reads no table, and what
 * comes behind finds search_path and lock_timeout as they are to be. */
static void prepare_begin(struct transactions *tx, struct script *script)
{
    tx->prepared = ++tx->prepared_count;
    script_add(script, "PREPARE " NAME "begin AS %s", tx->prepared, guard_begin_statement(tx));
}

static void prepare_rest(struct transactions *tx, struct script *script)
{
    script_add(script, "PREPARE " NAME "guard (text) AS %s", tx->prepared,
               guard_newest_statement(tx, "$1"));
    script_add(script,
               "PREPARE " NAME "row (text, bigint, text, text, text, text, int, int, "
               "pg_catalog.jsonb) AS %s",
               tx->prepared, transaction_row_statement(tx, "$1, $2, $3, $4, $5, $6, $7, $8, $9"));
}

static void begin_execute(struct transactions *tx, struct script *script, const char *what)
{
    script_begin(script);
    strbuf_str(&script->sql, "EXECUTE pgtide_");
    strbuf_int(&script->sql, tx->prepared);
    strbuf_char(&script->sql, '_');
    strbuf_str(&script->sql, what);
}

void prepared_begin(struct transactions *tx, struct script *script, const struct directives *own)
{
    bool missing = tx->prepared == 0;

    if (missing)
        prepare_begin(tx, script);
    begin_execute(tx, script, "begin");
    (void)script_end(script);
    transaction_own_lock_timeout(script, own);
    if (missing)
        prepare_rest(tx, script);
    begin_execute(tx, script, "guard (");
    strbuf_str(&script->sql, tx->known_row);
    strbuf_char(&script->sql, ')');
    (void)script_end(script);
}

bool prepared_stands(const struct transactions *tx)
{
    return tx->prepared > 0;
}

void prepared_begin_row(struct transactions *tx, struct script *script)
{
    begin_execute(tx, script, "row (");
}

void prepared_forget(struct transactions *tx)
{
    tx->prepared = 0;
}

bool prepared_lost(const struct err *err)
{
    return strcmp(err->sqlstate, "26000") == 0 && err->message && strstr(err->message, "pgtide_");
}
