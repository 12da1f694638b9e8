/*
 * seed_load.h: fills one table from rows that a reader hands over one by one; the part that JSON
 * and CSV seeds share. Works within an open transaction, never ends it.
 *
 * DESIGN
 * The rows go as text, untyped, into a temporary table, the stage, by one COPY. From there one
 * INSERT for each set of columns that rows give (a "group": a column that a row does not give
 * takes its default) types them and inserts or updates. So both sides' memory stays flat, the
 * server alone decides what a value means, and every row is still at hand when one of them is
 * refused: seed_fault.c then finds out which.
 *
 * Names and literals are quoted throughout. The stage's name contains the attempt's random token,
 * so it cannot stand before a table of the tenant.
 */
#ifndef WORKER_SEED_LOAD_H
#define WORKER_SEED_LOAD_H

#include "common/base.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "worker/script.h"
#include "worker/seed_table.h"

/* What the file says about a table; SEED_AUTO: nothing, so upsert where there is a key. */
enum seed_mode { SEED_AUTO, SEED_INSERT, SEED_UPSERT, SEED_IGNORE };

/* How the stage holds a row: as one JSON object, or as a text for each column of the header. */
enum seed_shape { SEED_OBJECTS, SEED_FIELDS };

/* The rows that give the same columns. */
struct seed_group {
    size_t *columns; /* positions in table->columns; SEED_FIELDS: in the header's order */
    size_t count;
    bool by_key; /* ON CONFLICT with the key applies: it is among the columns */
};

struct seed_load {
    /* set by the caller */
    struct session *session;
    const char *token;
    const char *file; /* for errors, with the line below */
    int line;         /* where the file names the table */
    enum seed_shape shape;
    enum seed_mode mode;
    const struct seed_table *table;

    /* seed_load's own */
    void *mem;
    const char *stage; /* quoted, qualified */
    const size_t *key; /* what rows are matched by: declared, or the primary key */
    size_t key_count;  /* 0 = none */
    bool key_required; /* every row must give it: key or mode were declared */
    struct seed_group *groups;
    size_t group_count;
    size_t group_capacity;
    size_t last_group;
    struct strbuf copy; /* rows on their way to the server */
    int64_t rows;
};

/* `key` are the names declared in the file, count 0 = none. ERR_SQL: no such column, no key. */
int seed_load_init(struct seed_load *load, void *parent, const char *const *key, size_t key_count,
                   struct err *err) MUST_CHECK;
void seed_load_release(struct seed_load *load);

/* Makes the stage and calls `feed(arg, ...)`, which adds the rows. */
int seed_load_stage(struct seed_load *load, script_copy_fn *feed, void *arg,
                    struct err *err) MUST_CHECK;

/*
 * Within `feed`: the group of a row (or header) that stands at `line` and gives `columns`.
 * ERR_SQL: a column that cannot be given, or the key is not among them.
 */
int seed_load_group(struct seed_load *load, const size_t *columns, size_t count, int line,
                    int64_t row, size_t *ret_group, struct err *err) MUST_CHECK;

/* Within `feed`: one row is begin, then its JSON text or each of its fields in turn, then end. */
void seed_load_begin_row(struct seed_load *load, int line, int64_t row, size_t group);
void seed_load_value(struct seed_load *load, const char *text, size_t len, bool null);
int seed_load_end_row(struct seed_load *load, struct err *err) MUST_CHECK;

/* From the stage into the table; moves its sequences; drops the stage. */
int seed_load_store(struct seed_load *load, struct err *err) MUST_CHECK;

/*
 * "table "product", row 3: ..." as ERR_SQL at `line`; row 0 = none. SQLSTATE as PostgreSQL would
 * say.
 */
int seed_load_refuse(const struct seed_load *load, int line, int64_t row, const char *sqlstate,
                     struct err *err, const char *format, ...) PRINTF_LIKE(6, 7);

/* `name` is none of the table's columns. */
int seed_load_unknown(const struct seed_load *load, const char *name, int line, int64_t row,
                      struct err *err);

#endif
