/*
 * seed_fault.h: after the server refused a seed's rows: which row it was, and what to do about it.
 *
 * All of them return -1 with `err` rewritten: file and line of the row, "table "product", row 3,
 * column "price": " before the server's message. Errors that say nothing about the rows (lost
 * connection, lock timeout, ...) keep their message.
 */
#ifndef WORKER_SEED_FAULT_H
#define WORKER_SEED_FAULT_H

#include "common/err.h"
#include "worker/seed_load.h"

/* Making the stage failed or, if it is `made`, filling it. */
int seed_fault_stage(const struct seed_load *load, bool made, struct err *err);

/* Storing failed, at the rows of `group` (NULL: at something else), behind SAVEPOINT pgtide_seed.
 */
int seed_fault_store(const struct seed_load *load, const struct seed_group *group, struct err *err);

/* The first two rows of the stage whose key is the same. */
struct seed_twins {
    const struct seed_load *load; /* set by the caller; has a key */
    bool found;
    int64_t first;
    int64_t second;
    int64_t line; /* of the second */
    char *key;
};

/* Appends the query that looks for them, and the error for those it found (always -1). */
void seed_fault_find_twins(struct seed_twins *twins, struct script *script);
int seed_fault_refuse_twins(const struct seed_twins *twins, struct err *err);

#endif
