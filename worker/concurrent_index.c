/*
 * concurrent_index.c: asks the catalogs for the index that a statement names. Names go to the
 * server as they are written, so that folding and cutting them stays its own affair.
 */
#include "worker/concurrent_index.h"

#include "catalog/sql_token.h"
#include "common/mem.h"

/* --- the statement -------------------------------------------------------------------------- */

struct reader {
    const char *sql;
    size_t len;
    struct sql_token token; /* what comes next */
};

static void step(struct reader *reader)
{
    reader->token = sql_token_next_code(reader->sql, reader->token.end, reader->len);
}

static bool take(struct reader *reader, const char *word)
{
    if (!sql_token_is_word(reader->sql, &reader->token, word))
        return false;
    step(reader);
    return true;
}

/* A name with its qualifiers, without what may stand between them. NULL: there is none. */
static char *take_name(void *parent, struct reader *reader)
{
    struct strbuf name;

    strbuf_init(&name, parent);
    while (reader->token.kind == SQL_TOKEN_WORD || reader->token.kind == SQL_TOKEN_IDENTIFIER) {
        strbuf_add(&name, reader->sql + reader->token.start,
                   reader->token.end - reader->token.start);
        step(reader);
        if (!sql_token_is_char(reader->sql, &reader->token, '.'))
            return name.text;
        strbuf_char(&name, '.');
        step(reader);
    }
    return NULL;
}

static bool read_create(void *parent, struct reader *reader, struct concurrent_index *ret)
{
    (void)take(reader, "unique");
    if (!take(reader, "index") || !take(reader, "concurrently"))
        return false;
    if (take(reader, "if") && !(take(reader, "not") && take(reader, "exists")))
        return false;
    if (sql_token_is_word(reader->sql, &reader->token, "on"))
        return false;
    ret->index = take_name(parent, reader);
    if (!ret->index || !take(reader, "on"))
        return false;
    (void)take(reader, "only");
    ret->table = take_name(parent, reader);
    return ret->table;
}

static bool read_drop(void *parent, struct reader *reader, struct concurrent_index *ret)
{
    if (!take(reader, "index") || !take(reader, "concurrently"))
        return false;
    if (take(reader, "if") && !take(reader, "exists"))
        return false;
    ret->index = take_name(parent, reader);
    return ret->index;
}

bool concurrent_index_read(void *parent, const char *sql, size_t len, struct concurrent_index *ret)
{
    struct reader reader = {.sql = sql, .len = len};

    *ret = (struct concurrent_index){.index = NULL};
    step(&reader);
    if (take(&reader, "create"))
        return read_create(parent, &reader, ret);
    return take(&reader, "drop") && read_drop(parent, &reader, ret);
}

/* --- the catalogs --------------------------------------------------------------------------- */

static bool read_statement(void *parent, const struct migration *migration,
                           const struct sql_statement *statement, struct concurrent_index *ret)
{
    return concurrent_index_read(parent, migration->text + statement->start,
                                 statement->end - statement->start, ret);
}

static int take_text(void *arg, const PGresult *row, struct err *err UNUSED)
{
    strbuf_str(arg, PQgetvalue(row, 0, 0));
    return 0;
}

/* Runs a query for one text, "" where it gives no row. */
static int ask(struct work *work, struct strbuf *ret, struct err *err, const char *sql)
{
    struct script_step *step = script_add(&work->script, "%s", sql);

    step->row = take_text;
    step->arg = ret;
    return apply_flush(work, err);
}

/* A query for the qualified name of the index on its table, where it is there and `state` holds. */
static char *find_index(void *mem, const struct work *work, const struct concurrent_index *names,
                        const char *state)
{
    return mem_printf(
        mem,
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
        "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE i.indrelid = pg_catalog.to_regclass(%s) "
        "AND c.relname = (pg_catalog.parse_ident(%s))[1]::pg_catalog.name AND %s",
        session_literal(mem, work->session, names->table),
        session_literal(mem, work->session, names->index), state);
}

const char concurrent_index_invalid[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
    "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT c.relispartition "
    "AND n.nspname = ANY (pg_catalog.current_schemas(false)) "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = i.indexrelid) "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' "
    "AND l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock' "
    "AND l.pid <> pg_catalog.pg_backend_pid() AND l.database = "
    "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = "
    "pg_catalog.current_database())) ORDER BY 1";

/* One more name in a list. */
static int take_name_of_list(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct strbuf *list = arg;

    strbuf_printf(list, "%s%s", list->len ? ", " : "", PQgetvalue(row, 0, 0));
    return 0;
}

char *concurrent_index_left(void *parent, struct work *work, const struct migration *migration,
                            const struct sql_statement *statement)
{
    struct concurrent_index names;
    struct err err = ERR_INIT;
    struct script_step *step;
    struct strbuf list;
    bool named = read_statement(parent, migration, statement, &names) && names.table;

    strbuf_init(&list, parent);
    step = script_add(&work->script, "%s",
                      named ? find_index(parent, work, &names, "NOT i.indisvalid")
                            : concurrent_index_invalid);
    step->row = take_name_of_list;
    step->arg = &list;
    if (apply_flush(work, &err) < 0)
        err_clear(&err); /* a courtesy: the statement's own error is what counts */
    return list.len ? list.text : NULL;
}

int concurrent_index_clear(struct work *work, const struct migration *migration,
                           const struct sql_statement *statement, struct err *err)
{
    void *mem = mem_context(work->mem);
    struct concurrent_index names;
    struct strbuf place;
    int result = 0;

    strbuf_init(&place, mem);
    if (read_statement(mem, migration, statement, &names) && names.table)
        result = ask(work, &place, err,
                     find_index(mem, work, &names,
                                "NOT i.indisvalid AND NOT EXISTS (SELECT FROM "
                                "pg_catalog.pg_stat_progress_create_index p "
                                "WHERE p.index_relid = i.indexrelid)"));
    if (result == 0 && place.len > 0) {
        script_add(&work->script, "DROP INDEX CONCURRENTLY IF EXISTS %s", place.text);
        result = apply_flush(work, err);
    }
    talloc_free(mem);
    return result;
}

int concurrent_index_done(struct work *work, const struct migration *migration,
                          const struct sql_statement *statement, bool *ret, struct err *err)
{
    void *mem = mem_context(work->mem);
    struct concurrent_index names;
    struct strbuf answer;
    int result = 0;

    strbuf_init(&answer, mem);
    if (read_statement(mem, migration, statement, &names))
        result = ask(work, &answer, err,
                     names.table
                         ? find_index(mem, work, &names, "i.indisvalid")
                         : mem_printf(mem, "SELECT 'gone' WHERE pg_catalog.to_regclass(%s) IS NULL",
                                      session_literal(mem, work->session, names.index)));
    *ret = answer.len > 0;
    talloc_free(mem);
    return result;
}
