/*
 * seed_sql.h: SQL seeds: run like a migration's up section.
 */
#ifndef WORKER_SEED_SQL_H
#define WORKER_SEED_SQL_H

#include "worker/seed.h"

/*
 * Adds the statements of file->sql to `script`, which may begin with others, and runs it whenever
 * it has grown to 1 MiB, for the server parses a Query as a whole. The last piece is left in
 * `script` for the caller to run.
 */
int seed_sql_load(struct transactions *tx, struct script *script, const struct seed_file *file,
                  struct seed_counts *counts, struct err *err) MUST_CHECK;

#endif
