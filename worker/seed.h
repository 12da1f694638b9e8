/*
 * seed.h: loads one seed file into one tenant, in one transaction with its history row
 * (docs/seeds.md).
 */
#ifndef WORKER_SEED_H
#define WORKER_SEED_H

#include "catalog/catalog.h"
#include "worker/transaction.h"

/* What a load came to. */
struct seed_counts {
    int64_t rows;        /* in the file; 0 for SQL seeds */
    int statements;      /* SQL seeds: statements run; else tables loaded */
    int64_t duration_ms; /* of the transaction, by the server's clock */
};

/*
 * Loads `file` on tx->session. On success the history row is written and committed. On failure
 * nothing of the file is in the tenant (but for an ERR_LOST at COMMIT), and err says file, row
 * number and line; the session may then be in a failed transaction: send ROLLBACK or close it, and
 * give the err to transaction_explain().
 * Memory stays flat for a JSON or CSV file of any size.
 */
int seed_apply(struct transactions *tx, const struct seed_file *file, struct seed_counts *ret,
               struct err *err) MUST_CHECK;

/*
 * Offline check of a JSON or CSV seed file's form (SQL seeds are checked when the catalog is
 * loaded): well-formed, table and rows where they belong. ERR_DATA with file and line.
 */
int seed_check(const struct seed_file *file, struct err *err) MUST_CHECK;

#endif
