/*
 * seed_fault.c: finds the row that the server refused.
 *
 * The INSERT that failed is undone to its savepoint; the rows are still in the stage, where the
 * server is asked about them. When asking fails too, the first error is told without a row.
 */
#include "worker/seed_fault.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/seed_statement.h"

/* Where the fault lies, as far as it is known. */
struct place {
    int64_t row; /* 0: not known, like line */
    int64_t line;
    const char *column; /* "" = none */
};

/* Puts table, row and column before the message, and the place in the file. Always -1. */
static int restate(const struct seed_load *load, const struct place *place, struct err *err)
{
    struct err said = ERR_INIT;
    struct strbuf where;

    strbuf_init(&where, load->mem);
    strbuf_printf(&where, "table \"%s\"", load->table->name);
    if (place->row > 0)
        strbuf_printf(&where, ", row %lld", (long long)place->row);
    if (place->column && *place->column)
        strbuf_printf(&where, ", column \"%s\"", place->column);
    err_move(&said, err);
    err_set_at(err, said.kind, load->file, place->line > 0 ? (int)place->line : load->line, 0,
               "%s: %s", where.text, said.message);
    err_sqlstate(err, said.sqlstate);
    if (said.detail)
        err_detail(err, "%s", said.detail);
    if (said.hint)
        err_hint(err, "%s", said.hint);
    err_clear(&said);
    return -1;
}

/* The row in the server's CONTEXT, "COPY pgtide_seed_..., line 3, ...", in any language. */
static int64_t copied_row(const struct seed_load *load)
{
    const char *context = session_fault(load->session)->context;
    const char *at = context ? strstr(context, load->token) : NULL;

    if (!at)
        return 0;
    at += strlen(load->token);
    at += strcspn(at, "0123456789\n");
    return strtoll(at, NULL, 10);
}

int seed_fault_stage(const struct seed_load *load, bool made, struct err *err)
{
    struct place place = {0};

    if (err->kind != ERR_SQL || err->file)
        return -1; /* the feeder's own error, or none that has to do with the rows */
    if (made)
        place.row = copied_row(load);
    restate(load, &place, err);
    if (!made && strcmp(err->sqlstate, "42501") == 0)
        err_hint(err, "Rows are loaded through a temporary table: GRANT TEMPORARY ON DATABASE ... "
                      "TO the role that seeds.");
    return -1;
}

/* --- two rows with the same key --------------------------------------------------------------- */

static int take_twins(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct seed_twins *twins = arg;

    twins->found = text_to_int64(PQgetvalue(row, 0, 0), 1, INT64_MAX, &twins->first) &&
                   text_to_int64(PQgetvalue(row, 0, 1), 1, INT64_MAX, &twins->second) &&
                   text_to_int64(PQgetvalue(row, 0, 2), 1, INT32_MAX, &twins->line);
    twins->key = mem_strdup(twins->load->mem, PQgetvalue(row, 0, 3));
    return 0;
}

/* "id, sku" */
static char *key_names(const struct seed_load *load)
{
    struct strbuf names;

    strbuf_init(&names, load->mem);
    for (size_t i = 0; i < load->key_count; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", load->table->columns[load->key[i]].name);
    return names.text;
}

void seed_fault_find_twins(struct seed_twins *twins, struct script *script)
{
    struct script_step *step;
    struct strbuf sql;

    strbuf_init(&sql, script->mem);
    seed_statement_twins(&sql, twins->load);
    step = script_add(script, "%s", sql.text);
    step->row = take_twins;
    step->arg = twins;
}

int seed_fault_refuse_twins(const struct seed_twins *twins, struct err *err)
{
    seed_load_refuse(twins->load, (int)twins->line, twins->second, "21000", err,
                     "the same key as row %lld: (%s)=(%s)", (long long)twins->first,
                     key_names(twins->load), twins->key);
    err_hint(err, "Leave one of the two rows out.");
    return -1;
}

/* After an INSERT that would have touched a row twice. False: not found. */
static bool refuse_twins(const struct seed_load *load, struct err *err)
{
    struct seed_twins twins = {.load = load};
    struct err unused = ERR_INIT;
    struct script script;

    script_init(&script, load->mem);
    script_add(&script, "ROLLBACK TO SAVEPOINT pgtide_seed");
    seed_fault_find_twins(&twins, &script);
    if (script_run(&script, load->session, &unused) == 0 && twins.found)
        seed_fault_refuse_twins(&twins, err);
    else
        twins.found = false;
    err_clear(&unused);
    return twins.found;
}

/* --- one row ---------------------------------------------------------------------------------- */

struct found {
    void *mem;
    struct place place;
};

static int take_place(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct found *found = arg;

    if (!text_to_int64(PQgetvalue(row, 0, 0), 1, INT64_MAX, &found->place.row) ||
        !text_to_int64(PQgetvalue(row, 0, 1), 1, INT32_MAX, &found->place.line))
        found->place.row = 0;
    found->place.column = mem_strdup(found->mem, PQgetvalue(row, 0, 2));
    return 0;
}

/* Inserts row by row until the same refusal comes again. Not found: place.row stays 0. */
static void find_row(const struct seed_load *load, const struct seed_group *group,
                     const struct err *refusal, struct found *found)
{
    struct err unused = ERR_INIT;
    struct script script;
    struct script_step *step;
    struct strbuf sql;

    script_init(&script, load->mem);
    strbuf_init(&sql, script.mem);
    script_add(&script, "ROLLBACK TO SAVEPOINT pgtide_seed");
    seed_statement_find(&sql, load, group, refusal);
    script_add(&script, "%s", sql.text);
    step = script_add(&script, "SELECT current_setting('pgtide.seed_row', true),"
                               " current_setting('pgtide.seed_line', true),"
                               " current_setting('pgtide.seed_column', true)");
    step->row = take_place;
    step->arg = found;
    if (script_run(&script, load->session, &unused) < 0)
        found->place = (struct place){0};
    err_clear(&unused);
}

/* --- storing failed --------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Whether the error is one that a row's values can cause: data, constraints, a trigger's RAISE. */
static bool blames_row(const char *sqlstate)
{
    return starts_with(sqlstate, "22") || starts_with(sqlstate, "23") ||
           starts_with(sqlstate, "P0") || starts_with(sqlstate, "54");
}

/* ON CONFLICT found no index that can decide (42P10), or only a deferrable one (55000). */
static int refuse_key(const struct seed_load *load, struct err *err)
{
    char *names = key_names(load);
    bool deferrable = strcmp(err->sqlstate, "55000") == 0;

    seed_load_refuse(load, load->line, 0, deferrable ? "55000" : "42P10", err,
                     deferrable ? "the key (%s) is deferrable, which upsert cannot use"
                                : "no unique index on exactly the key (%s)",
                     names);
    err_hint(err, deferrable ? "Use another key, or mode \"insert\"."
                             : "Create a unique index on these columns in a migration, or name "
                               "those of another one as \"key\".");
    return -1;
}

int seed_fault_store(const struct seed_load *load, const struct seed_group *group, struct err *err)
{
    struct found found = {.mem = load->mem};

    if (err->kind != ERR_SQL)
        return -1;
    if (group && group->by_key &&
        (strcmp(err->sqlstate, "42P10") == 0 || strcmp(err->sqlstate, "55000") == 0))
        return refuse_key(load, err);
    if (group && strcmp(err->sqlstate, "21000") == 0 && refuse_twins(load, err))
        return -1;
    if (group && blames_row(err->sqlstate))
        find_row(load, group, err, &found);
    return restate(load, &found.place, err);
}
