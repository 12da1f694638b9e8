/*
 * seed_table.h: what the server knows of a table that a seed fills: its name with its schema, its
 * columns, its primary key, its sequences.
 *
 * Tables are found by the transaction's search_path, temporary ones left out.
 */
#ifndef WORKER_SEED_TABLE_H
#define WORKER_SEED_TABLE_H

#include "common/base.h"
#include "common/err.h"
#include "worker/session.h"

struct seed_column {
    const char *name;
    const char *quoted;    /* as an identifier */
    const char *type;      /* for SQL, with its length or precision: "numeric(10,2)" */
    const char *bare_type; /* the same without: a cast to it cuts nothing off */
    const char
        *sequence;  /* quoted, qualified name of the one it owns (serial, identity), or NULL */
    bool generated; /* GENERATED ALWAYS AS (...) STORED: takes no value */
    bool identity_always; /* takes one with OVERRIDING SYSTEM VALUE only, and no update */
};

struct seed_table {
    const char *name;   /* as written in the file */
    const char *quoted; /* with its schema, as identifiers */
    struct seed_column *columns;
    size_t count;
    size_t capacity;
    size_t *primary_key; /* positions in columns, in the key's order */
    size_t key_count;    /* 0 = it has none */
};

#define SEED_NO_COLUMN SIZE_MAX

/* Reads it from the catalog; owned by `parent`. ERR_SQL 42P01 with the nearest name: no such. */
int seed_table_find(void *parent, struct session *session, const char *name,
                    struct seed_table **ret, struct err *err) MUST_CHECK;

/* Position of a column, looked for from position `hint` on; SEED_NO_COLUMN = none. */
size_t seed_table_column(const struct seed_table *table, const char *name, size_t hint);

/* The column's name nearest to `name`, or NULL. */
const char *seed_table_nearest(const struct seed_table *table, const char *name);

#endif
