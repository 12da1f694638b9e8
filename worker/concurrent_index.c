/*
 * concurrent_index.c: drops what a failed CREATE INDEX CONCURRENTLY has left.
 */
#include "worker/concurrent_index.h"

#include "common/mem.h"

#include <ctype.h>
#include <strings.h>

/* A place in a statement's text. */
struct cursor {
    const char *at;
    const char *end;
};

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end) {
        if (isspace((unsigned char)*cursor->at)) {
            cursor->at++;
        } else if (cursor->end - cursor->at >= 2 && memcmp(cursor->at, "--", 2) == 0) {
            while (cursor->at < cursor->end && *cursor->at != '\n')
                cursor->at++;
        } else {
            break;
        }
    }
}

static bool is_word(unsigned char c)
{
    return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

/* Takes `word` where it stands next. */
static bool take(struct cursor *cursor, const char *word)
{
    size_t len = strlen(word);

    skip_space(cursor);
    if ((size_t)(cursor->end - cursor->at) < len || strncasecmp(cursor->at, word, len) != 0)
        return false;
    if ((size_t)(cursor->end - cursor->at) > len && is_word((unsigned char)cursor->at[len]))
        return false;
    cursor->at += len;
    return true;
}

/* A name as the server stores it: quotes taken off, else in lower case. NULL: there is none. */
static char *take_name(void *parent, struct cursor *cursor)
{
    struct strbuf name;

    skip_space(cursor);
    strbuf_init(&name, parent);
    if (cursor->at < cursor->end && *cursor->at == '"') {
        for (cursor->at++; cursor->at < cursor->end; cursor->at++) {
            if (*cursor->at == '"' && (++cursor->at == cursor->end || *cursor->at != '"'))
                break;
            strbuf_char(&name, *cursor->at);
        }
    } else {
        for (; cursor->at < cursor->end && is_word((unsigned char)*cursor->at); cursor->at++)
            strbuf_char(&name, (char)tolower((unsigned char)*cursor->at));
    }
    return name.len ? name.text : NULL;
}

char *concurrent_index_name(void *parent, const char *sql, size_t len)
{
    struct cursor cursor = {.at = sql, .end = sql + len};

    if (!take(&cursor, "CREATE"))
        return NULL;
    (void)take(&cursor, "UNIQUE");
    if (!take(&cursor, "INDEX") || !take(&cursor, "CONCURRENTLY"))
        return NULL;
    if (take(&cursor, "IF") && !(take(&cursor, "NOT") && take(&cursor, "EXISTS")))
        return NULL;
    if (take(&cursor, "ON")) /* the server makes up a name */
        return NULL;
    return take_name(parent, &cursor);
}

static int take_place(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct strbuf *place = arg;

    strbuf_str(place, PQgetvalue(row, 0, 0));
    return 0;
}

int concurrent_index_clear(struct work *work, const struct migration *migration,
                           const struct sql_statement *statement, struct err *err)
{
    void *mem = mem_context(work->mem);
    char *name = concurrent_index_name(mem, migration->text + statement->start,
                                       statement->end - statement->start);
    struct script_step *step;
    struct strbuf place;
    int result = 0;

    strbuf_init(&place, mem);
    if (name) {
        step = script_add(
            &work->script,
            "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
            "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = %s AND NOT i.indisvalid "
            "AND n.nspname = ANY (pg_catalog.current_schemas(false)) AND NOT EXISTS "
            "(SELECT FROM pg_catalog.pg_stat_progress_create_index p "
            "WHERE p.index_relid = i.indexrelid) LIMIT 1",
            session_literal(mem, work->session, name));
        step->row = take_place;
        step->arg = &place;
        result = apply_flush(work, err);
    }
    if (result == 0 && place.len > 0) {
        script_add(&work->script, "DROP INDEX CONCURRENTLY IF EXISTS %s", place.text);
        result = apply_flush(work, err);
    }
    talloc_free(mem);
    return result;
}
