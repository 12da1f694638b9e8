/*
 * query.h: one read-only query on a tenant; its rows go to the job.
 *
 * All tenants must give the same columns. The first one to answer says which; one whose columns
 * have other names fails, and is told whose they are not.
 */
#ifndef WORKER_QUERY_H
#define WORKER_QUERY_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"
#include "worker/job.h"
#include "worker/query_rows.h"
#include "worker/transaction.h"

/* Names of queries that come from no file. */
#define QUERY_ARGUMENT "query"
#define QUERY_STDIN "standard input"

struct query_column {
    const char *name;
    Oid type;
};

struct query_shape {
    const char *tenant; /* which gave it */
    struct query_column *columns;
    size_t count;
};

/* Shared by all jobs of a run. The text is constant; the rest is set by workers. */
struct query {
    struct migration sql;              /* whose up section is the one statement */
    bool unique_columns;               /* a column's name may not come twice */
    struct query_shape *_Atomic shape; /* of the first answer; NULL: there is none yet */
    _Atomic int unwanted;              /* errno of writing the rows: nobody is asked any more */
    size_t rows;                       /* written so far; the coordinator's */
};

/* What is to be asked. */
struct query_text {
    const char *name; /* for messages */
    const char *text;
    size_t len;
};

/*
 * Reads `given`, and copies it; owned by `parent`. ERR_DATA: it is not exactly one query (SELECT,
 * WITH, VALUES, TABLE, SHOW, EXPLAIN). Whether it changes something is the server's to say: it runs
 * in a read-only transaction.
 */
int query_new(void *parent, const struct query_text *given, struct query **ret,
              struct err *err) MUST_CHECK;

/* ERR_CANCELLED when it is unwanted. */
int query_wanted(const struct query *query, struct err *err) MUST_CHECK;

/* On the worker's thread. The rows replace what an earlier attempt left in job->rows. */
int query_tenant(struct job *job, struct transactions *tx, struct err *err) MUST_CHECK;

#endif
