/*
 * seed_table.c: asks the catalog about one table.
 */
#include "worker/seed_table.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/script.h"

/* One row a column. %s: the table's name as a literal. current_schemas(false) leaves pg_temp out.
 */
static const char columns_sql[] =
    "SELECT format('%%I.%%I', t.nspname, t.relname), a.attname,"
    " format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1),"
    " CASE WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype,"
    "                          'numeric'::regtype)"
    "   THEN pg_get_serial_sequence(format('%%I.%%I', t.nspname, t.relname), a.attname) END,"
    " a.attgenerated <> '', a.attidentity = 'a', array_position(k.conkey, a.attnum) "
    "FROM (SELECT c.oid, c.relname, n.nspname"
    "  FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, place)"
    "  JOIN pg_catalog.pg_namespace n ON n.nspname = s.name"
    "  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid"
    "  WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'f')"
    "  ORDER BY s.place LIMIT 1) t "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p' "
    "ORDER BY a.attnum";

static const char tables_sql[] =
    "SELECT array_to_string(current_schemas(false), ', '), c.relname "
    "FROM (SELECT) one LEFT JOIN (pg_catalog.pg_class c"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)"
    "  ON n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'f') "
    "LIMIT 10000";

static bool is_true(const PGresult *row, int field)
{
    return strcmp(PQgetvalue(row, 0, field), "t") == 0;
}

/* Puts the column just added at its place (1, 2, ...) in the primary key. */
static void add_to_key(struct seed_table *table, int64_t place)
{
    size_t count = (size_t)place > table->key_count ? (size_t)place : table->key_count;
    size_t *key = mem_array(table, size_t, count);

    if (table->key_count)
        memcpy(key, table->primary_key, table->key_count * sizeof(*key));
    key[place - 1] = table->count - 1;
    talloc_free(table->primary_key);
    table->primary_key = key;
    table->key_count = count;
}

static int take_column(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct seed_table *table = arg;
    struct seed_column *column;
    int64_t place;

    if (!table->quoted)
        table->quoted = mem_strdup(table, PQgetvalue(row, 0, 0));
    mem_grow(table, &table->columns, &table->capacity, table->count + 1);
    column = &table->columns[table->count++];
    *column = (struct seed_column){
        .name = mem_strdup(table, PQgetvalue(row, 0, 1)),
        .quoted = session_identifier(table, PQgetvalue(row, 0, 1)),
        .type = mem_strdup(table, PQgetvalue(row, 0, 2)),
        .bare_type = mem_strdup(table, PQgetvalue(row, 0, 3)),
        .sequence = PQgetisnull(row, 0, 4) ? NULL : mem_strdup(table, PQgetvalue(row, 0, 4)),
        .generated = is_true(row, 5),
        .identity_always = is_true(row, 6),
    };
    if (text_to_int64(PQgetvalue(row, 0, 7), 1, 1600, &place))
        add_to_key(table, place);
    return 0;
}

/* --- a table that is not there ---------------------------------------------------------------- */

struct names {
    void *mem;
    const char *schemas;
    const char **items;
    size_t count;
    size_t capacity;
};

static int take_name(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct names *names = arg;

    names->schemas = mem_strdup(names->mem, PQgetvalue(row, 0, 0));
    if (PQgetisnull(row, 0, 1))
        return 0;
    mem_grow(names->mem, &names->items, &names->capacity, names->count + 1);
    names->items[names->count++] = mem_strdup(names->mem, PQgetvalue(row, 0, 1));
    return 0;
}

static int no_table(void *mem, struct session *session, const char *name, struct err *err)
{
    struct names names = {.mem = mem};
    struct script script;
    struct script_step *step;
    const char *near;

    script_init(&script, mem);
    step = script_add(&script, "%s", tables_sql);
    step->row = take_name;
    step->arg = &names;
    if (script_run(&script, session, err) < 0)
        return -1;
    near = text_nearest(name, names.items, names.count);
    err_set(err, ERR_SQL, "table \"%s\" does not exist", name);
    err_sqlstate(err, "42P01");
    err_detail(err, "looked for in the search_path: %s",
               names.schemas && *names.schemas ? names.schemas : "(empty)");
    if (near)
        err_hint(err, "Did you mean \"%s\"?", near);
    else if (strchr(name, '.'))
        err_hint(err, "Write the table's name without a schema: the tenant's search_path decides.");
    else
        err_hint(err, "Is the migration that creates it in this catalog, and applied?");
    return -1;
}

int seed_table_find(void *parent, struct session *session, const char *name,
                    struct seed_table **ret, struct err *err)
{
    struct seed_table *table = mem_new(parent, struct seed_table);
    void *scratch = mem_context(table);
    struct script script;
    struct script_step *step;
    int result;

    table->name = mem_strdup(table, name);
    script_init(&script, scratch);
    step = script_add(&script, columns_sql, session_literal(scratch, session, name));
    step->row = take_column;
    step->arg = table;
    result = script_run(&script, session, err);
    if (result == 0 && !table->quoted)
        result = no_table(scratch, session, name, err);
    talloc_free(scratch);
    if (result == 0)
        *ret = table;
    else
        talloc_free(table);
    return result;
}

size_t seed_table_column(const struct seed_table *table, const char *name, size_t hint)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t at = (hint + i) % table->count;

        if (strcmp(table->columns[at].name, name) == 0)
            return at;
    }
    return SEED_NO_COLUMN;
}

const char *seed_table_nearest(const struct seed_table *table, const char *name)
{
    const char **names = mem_array(NULL, const char *, table->count + 1);
    const char *near;

    for (size_t i = 0; i < table->count; i++)
        names[i] = table->columns[i].name;
    near = text_nearest(name, names, table->count);
    talloc_free(names);
    return near;
}
