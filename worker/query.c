/*
 * query.c: a read-only transaction with one statement in it, in one round trip.
 */
#include "worker/query.h"

#include "catalog/sql_scan.h"
#include "catalog/sql_words.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "worker/script.h"

#include <ctype.h>
#include <stdatomic.h>

struct asking {
    struct job *job;
    struct query *query;
    struct query_shape *shape;
};

/* --- the text --------------------------------------------------------------------------------- */

/* What gives rows and is no query by sql_words_is_query. COPY is not among them: it could write to
 * a file or program of the server. */
static bool begins_with(const struct migration *sql, const char *word)
{
    const struct sql_statement *statement = sql->sections[SECTION_UP].statements;
    size_t len = strlen(word);

    return statement->end - statement->start > len &&
           strncasecmp(sql->text + statement->start, word, len) == 0 &&
           isspace((unsigned char)sql->text[statement->start + len]);
}

static int check(const struct migration *sql, struct err *err)
{
    const struct section *up = &sql->sections[SECTION_UP];

    if (up->count == 0)
        return err_set_at(err, ERR_DATA, sql->file, 0, 0, "there is no query in it");
    if (up->count > 1) {
        err_set_at(err, ERR_DATA, sql->file, up->statements[1].line, 0,
                   "there is more than one query");
        err_hint(err, "Ask them one by one, or make them one: UNION ALL, or a sub-select for each "
                      "column.");
        return -1;
    }
    if (sql_words_is_query(sql->text, up->statements[0].start, up->statements[0].end) ||
        begins_with(sql, "show") || begins_with(sql, "explain"))
        return 0;
    err_set_at(err, ERR_DATA, sql->file, up->statements[0].line, 0, "this is no query");
    err_hint(err, "It begins with SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN. To change "
                  "something, write a migration: pgtide new NAME.");
    return -1;
}

static int free_shape(struct query *query)
{
    talloc_free(query->shape);
    return 0;
}

/* With all of its bytes: a NUL is refused like anything else that is no SQL. */
static const char *copy_text(void *parent, const struct query_text *given)
{
    char *copy = mem_array(parent, char, given->len + 1);

    memcpy(copy, given->text, given->len);
    return copy;
}

int query_new(void *parent, const struct query_text *given, struct query **ret, struct err *err)
{
    struct query *query = mem_new(parent, struct query);
    struct migration *sql = &query->sql;
    struct sql_script script;

    talloc_set_destructor(query, free_shape);
    sql->file = sql->name = sql->label = mem_strdup(query, given->name);
    sql->text = copy_text(query, given);
    sql->len = given->len;
    if (sql_scan(query, sql->file, sql->text, 0, sql->len, NULL, NULL, &script, err) < 0)
        return -1;
    sql->sections[SECTION_UP] =
        (struct section){.present = true, .statements = script.statements, .count = script.count};
    if (check(sql, err) < 0)
        return -1;
    *ret = query;
    return 0;
}

/* --- the columns ------------------------------------------------------------------------------ */

static struct query_shape *shape_of(const struct asking *asking, const PGresult *result)
{
    struct query_shape *shape = mem_new(NULL, struct query_shape);

    shape->tenant = mem_strdup(shape, asking->job->tenant->name);
    shape->count = (size_t)PQnfields(result);
    shape->columns = mem_array(shape, struct query_column, shape->count + 1);
    for (size_t i = 0; i < shape->count; i++)
        shape->columns[i] = (struct query_column){
            .name = mem_strdup(shape, PQfname(result, (int)i)), .type = PQftype(result, (int)i)};
    return shape;
}

static char *names_of(void *parent, const struct query_shape *shape)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    for (size_t i = 0; i < shape->count; i++)
        strbuf_printf(&out, "%s%s", i ? ", " : "", shape->columns[i].name);
    return out.text;
}

static bool same_columns(const struct query_shape *a, const struct query_shape *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->columns[i].name, b->columns[i].name) != 0)
            return false;
    }
    return true;
}

static int check_unique(const struct query_shape *shape, struct err *err)
{
    for (size_t i = 0; i < shape->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(shape->columns[i].name, shape->columns[j].name) != 0)
                continue;
            err_set(err, ERR_SQL, "two columns are called \"%s\"", shape->columns[i].name);
            err_hint(err, "JSON needs a name for each: AS.");
            return -1;
        }
    }
    return 0;
}

/* The first shape is everybody's. Owns `own`. */
static int agree(struct query *query, struct query_shape *own, struct err *err)
{
    struct query_shape *first = NULL;

    if (query->unique_columns && check_unique(own, err) < 0) {
        talloc_free(own);
        return -1;
    }
    if (atomic_compare_exchange_strong(&query->shape, &first, own))
        return 0;
    if (first && !same_columns(first, own)) {
        err_set(err, ERR_SQL, "the columns are not those that tenant \"%s\" gave", first->tenant);
        err_detail(err, "%s here, %s there", names_of(own, own), names_of(own, first));
        err_hint(err, "Name the columns in the query; with SELECT * they are those of the table.");
    }
    talloc_free(own);
    return err->kind == ERR_NONE ? 0 : -1;
}

/* --- asking ----------------------------------------------------------------------------------- */

int query_wanted(const struct query *query, struct err *err)
{
    if (!query->unwanted)
        return 0;
    return err_set(err, ERR_CANCELLED, "nobody reads the rows any more");
}

static int take_row(void *arg, const PGresult *row, struct err *err)
{
    struct asking *asking = arg;

    if (query_wanted(asking->query, err) < 0)
        return -1;
    return query_rows_add(asking->job->rows, row, err);
}

static void take_shape(void *arg, const PGresult *result)
{
    struct asking *asking = arg;

    asking->shape = shape_of(asking, result);
}

static void build(struct script *script, struct transactions *tx, struct asking *asking)
{
    const struct migration *sql = &asking->query->sql;
    struct script_step *step;

    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    transaction_settings(tx, script, NULL, TRANSACTION_LOCAL);
    step = script_add_statement(script, sql, SECTION_UP, sql->sections[SECTION_UP].statements);
    step->row = take_row;
    step->shape = take_shape;
    step->arg = asking;
    script_add(script, "ROLLBACK"); /* nothing is to be kept */
}

/* 25006, which of other commands says that the server is read only. */
static void refuse_change(struct err *err)
{
    struct err refused = ERR_INIT;

    err_set_at(&refused, ERR_SQL, err->file, err->line, err->column, "the query changes something");
    err_detail(&refused, "%s", err->message);
    err_hint(&refused, "pgtide query only reads. To change something, write a migration: pgtide "
                       "new NAME.");
    err_move(err, &refused);
}

int query_tenant(struct job *job, struct transactions *tx, struct err *err)
{
    struct asking asking = {.job = job, .query = job->plan->query};
    struct script script;
    int result;

    talloc_free(job->rows);
    job->rows = query_rows_new(job->mem);
    script_init(&script, tx->mem);
    build(&script, tx, &asking);
    result = script_run(&script, tx->session, err);
    talloc_free(script.mem);
    if (strcmp(err->sqlstate, "25006") == 0)
        refuse_change(err);
    if (result == 0 && asking.shape)
        return agree(asking.query, asking.shape, err);
    talloc_free(asking.shape);
    return result;
}
