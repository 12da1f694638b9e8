/*
 * seed_load.c: stages the rows of one table, then stores them.
 */
#include "worker/seed_load.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/seed_fault.h"
#include "worker/seed_statement.h"

enum {
    COPY_PIECE = 64 * 1024, /* bytes of COPY data collected before they are sent */
    GROUPS_SCANNED = 8,     /* up to so many groups, each of them may scan the whole stage */
};

/* --- what is loaded how ----------------------------------------------------------------------- */

int seed_load_refuse(const struct seed_load *load, int line, int64_t row, const char *sqlstate,
                     struct err *err, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = mem_vprintf(load->mem, format, args);
    va_end(args);
    if (row > 0)
        err_set_at(err, ERR_SQL, load->file, line, 0, "table \"%s\", row %lld: %s",
                   load->table->name, (long long)row, text);
    else
        err_set_at(err, ERR_SQL, load->file, line, 0, "table \"%s\": %s", load->table->name, text);
    err_sqlstate(err, sqlstate);
    return -1;
}

int seed_load_unknown(const struct seed_load *load, const char *name, int line, int64_t row,
                      struct err *err)
{
    const char *near = seed_table_nearest(load->table, name);

    seed_load_refuse(load, line, row, "42703", err, "there is no column \"%s\"", name);
    if (near)
        err_hint(err, "Did you mean \"%s\"?", near);
    return -1;
}

static int declare_key(struct seed_load *load, const char *const *key, size_t count,
                       struct err *err)
{
    size_t *columns = mem_array(load->mem, size_t, count);

    for (size_t i = 0; i < count; i++) {
        columns[i] = seed_table_column(load->table, key[i], 0);
        if (columns[i] == SEED_NO_COLUMN)
            return seed_load_unknown(load, key[i], load->line, 0, err);
    }
    load->key = columns;
    load->key_count = count;
    return 0;
}

int seed_load_init(struct seed_load *load, void *parent, const char *const *key, size_t key_count,
                   struct err *err)
{
    load->mem = mem_context(parent);
    load->stage = mem_printf(load->mem, "pg_temp.pgtide_seed_%s", load->token);
    strbuf_init(&load->copy, load->mem);
    load->key_required = load->mode == SEED_UPSERT || (key_count > 0 && load->mode != SEED_INSERT);
    if (key_count > 0)
        return declare_key(load, key, key_count, err);
    if (load->mode != SEED_IGNORE) { /* which without a key leaves out what any index refuses */
        load->key = load->table->primary_key;
        load->key_count = load->table->key_count;
    }
    if (load->mode == SEED_UPSERT && load->key_count == 0) {
        seed_load_refuse(load, load->line, 0, "42P10", err,
                         "mode \"upsert\" needs a key, and the table has no primary key");
        err_hint(err, "Name the columns of a unique index, \"key\": [\"...\"], or use mode "
                      "\"insert\".");
        return -1;
    }
    return 0;
}

void seed_load_release(struct seed_load *load)
{
    talloc_free(load->mem);
}

/* --- groups ----------------------------------------------------------------------------------- */

static bool gives(const struct seed_group *group, size_t column)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->columns[i] == column)
            return true;
    }
    return false;
}

static bool same_columns(const struct seed_group *group, const size_t *columns, size_t count)
{
    if (group->count != count)
        return false;
    if (count == 0 || memcmp(group->columns, columns, count * sizeof(*columns)) == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (!gives(group, columns[i]))
            return false;
    }
    return true;
}

static bool find_group(struct seed_load *load, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < load->group_count; i++) {
        size_t at = (load->last_group + i) % load->group_count;

        if (same_columns(&load->groups[at], columns, count)) {
            load->last_group = at;
            return true;
        }
    }
    return false;
}

/* Whether a row that gives these columns may be, and is to be, matched by the key. */
static int check_group(const struct seed_load *load, struct seed_group *group, int line,
                       int64_t row, struct err *err)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct seed_column *column = &load->table->columns[group->columns[i]];

        if (!column->generated)
            continue;
        seed_load_refuse(load, line, row, "428C9", err,
                         "column \"%s\" is generated: it takes no value", column->name);
        err_hint(err, "Leave the column out; the server computes it.");
        return -1;
    }
    group->by_key = load->key_count > 0 && load->mode != SEED_INSERT;
    for (size_t i = 0; i < load->key_count; i++) {
        if (gives(group, load->key[i]))
            continue;
        if (load->key_required)
            return seed_load_refuse(load, line, row, "23502", err,
                                    "the key column \"%s\" is missing",
                                    load->table->columns[load->key[i]].name);
        group->by_key = false;
    }
    return 0;
}

int seed_load_group(struct seed_load *load, const size_t *columns, size_t count, int line,
                    int64_t row, size_t *ret_group, struct err *err)
{
    struct seed_group group = {.count = count};

    if (!find_group(load, columns, count)) {
        group.columns = mem_array(load->mem, size_t, count + 1);
        if (count > 0)
            memcpy(group.columns, columns, count * sizeof(*columns));
        if (check_group(load, &group, line, row, err) < 0)
            return -1;
        mem_grow(load->mem, &load->groups, &load->group_capacity, load->group_count + 1);
        load->last_group = load->group_count;
        load->groups[load->group_count++] = group;
    }
    *ret_group = load->last_group;
    return 0;
}

/* --- staging ---------------------------------------------------------------------------------- */

void seed_load_begin_row(struct seed_load *load, int line, int64_t row, size_t group)
{
    strbuf_printf(&load->copy, "%lld\t%d\t%zu", (long long)row, line, group);
}

void seed_load_value(struct seed_load *load, const char *text, size_t len, bool null)
{
    struct strbuf *copy = &load->copy;

    strbuf_str(copy, null ? "\t\\N" : "\t");
    for (size_t i = 0; !null && i < len;) {
        size_t plain = i;

        while (plain < len && text[plain] != '\\' && text[plain] != '\n' && text[plain] != '\r' &&
               text[plain] != '\t')
            plain++;
        strbuf_add(copy, text + i, plain - i);
        if (plain < len) {
            char c = text[plain++];

            strbuf_char(copy, '\\');
            strbuf_char(copy, c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c);
        }
        i = plain;
    }
}

static int send_rows(struct seed_load *load, struct err *err)
{
    int result = session_copy_put(load->session, load->copy.text, load->copy.len, err);

    strbuf_reset(&load->copy);
    return result;
}

int seed_load_end_row(struct seed_load *load, struct err *err)
{
    strbuf_char(&load->copy, '\n');
    load->rows++;
    return load->copy.len < COPY_PIECE ? 0 : send_rows(load, err);
}

struct feeding {
    struct seed_load *load;
    script_copy_fn *feed;
    void *arg;
};

static int feed_stage(void *arg, struct session *session, struct err *err)
{
    struct feeding *feeding = arg;

    if (feeding->feed(feeding->arg, session, err) < 0)
        return -1;
    return send_rows(feeding->load, err);
}

int seed_load_stage(struct seed_load *load, script_copy_fn *feed, void *arg, struct err *err)
{
    struct feeding feeding = {.load = load, .feed = feed, .arg = arg};
    struct script script;
    struct script_step *step;
    struct strbuf sql;

    script_init(&script, load->mem);
    strbuf_init(&sql, script.mem);
    seed_statement_stage(&sql, load);
    script_add(&script, "%s", sql.text);
    step = script_add(&script, "COPY %s FROM STDIN", load->stage);
    step->copy = feed_stage;
    step->arg = &feeding;
    if (script_run(&script, load->session, err) < 0)
        return seed_fault_stage(load, script.done > 0, err);
    talloc_free(script.mem);
    return 0;
}

/* --- storing ---------------------------------------------------------------------------------- */

static bool given_by_any(const struct seed_load *load, size_t column)
{
    for (size_t i = 0; i < load->group_count; i++) {
        if (gives(&load->groups[i], column))
            return true;
    }
    return false;
}

/* Within one INSERT the server refuses a key that comes twice; between two it would not. */
static bool twins_possible(const struct seed_load *load)
{
    if (load->mode == SEED_IGNORE || load->group_count < 2)
        return false;
    for (size_t i = 0; i < load->group_count; i++) {
        if (load->groups[i].by_key)
            return true;
    }
    return false;
}

/* The INSERTs of all groups are one Query; the first of them is statement `ret_first`. */
static void add_inserts(struct seed_load *load, struct script *script, struct seed_twins *twins,
                        size_t *ret_first)
{
    struct strbuf sql;

    strbuf_init(&sql, script->mem);
    if (load->group_count > GROUPS_SCANNED)
        script_add(script, "CREATE INDEX ON %s (g, n)", load->stage);
    script_add(script, "SAVEPOINT pgtide_seed");
    *ret_first = script->count;
    for (size_t i = 0; i < load->group_count; i++) {
        strbuf_reset(&sql);
        seed_statement_insert(&sql, load, &load->groups[i], NULL);
        script_add(script, "%s", sql.text);
    }
    if (twins_possible(load))
        seed_fault_find_twins(twins, script);
    for (size_t i = 0; i < load->table->count; i++) {
        if (!load->table->columns[i].sequence || !given_by_any(load, i))
            continue;
        strbuf_reset(&sql);
        seed_statement_sequence(&sql, load, i);
        script_add(script, "%s", sql.text);
    }
    script_add(script, "RELEASE SAVEPOINT pgtide_seed");
    script_add(script, "DROP TABLE %s", load->stage);
}

int seed_load_store(struct seed_load *load, struct err *err)
{
    struct seed_twins twins = {.load = load};
    struct script script;
    const struct seed_group *failed = NULL;
    size_t first;

    script_init(&script, load->mem);
    add_inserts(load, &script, &twins, &first);
    if (script_run(&script, load->session, err) == 0) {
        talloc_free(script.mem);
        return twins.found ? seed_fault_refuse_twins(&twins, err) : 0;
    }
    if (script.done >= first && script.done - first < load->group_count)
        failed = &load->groups[script.done - first];
    return seed_fault_store(load, failed, err);
}
