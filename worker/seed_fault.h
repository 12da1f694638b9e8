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

/* Making or filling the stage failed; `made`: the former was done. */
int seed_fault_stage(const struct seed_load *load, bool made, struct err *err);

/* Storing failed, at the rows of `group` (NULL: at something else), behind SAVEPOINT pgtide_seed.
 */
int seed_fault_store(const struct seed_load *load, const struct seed_group *group, struct err *err);

/* -1 when two rows of the stage have the same key, 0 otherwise. Needs a key. */
int seed_fault_twins(const struct seed_load *load, struct err *err) MUST_CHECK;

#endif
