/*
 * seed_json.h: JSON seeds (docs/seeds.md):
 *
 *     {"table": "product", "key": ["id"], "mode": "upsert", "rows": [{...}, ...]}
 *     {"region": [{...}, ...], "product": [{...}, ...]}        tables in the order written
 */
#ifndef WORKER_SEED_JSON_H
#define WORKER_SEED_JSON_H

#include "worker/seed.h"

/* Loads all rows within tx's open transaction, and adds to `counts`. */
int seed_json_load(struct transactions *tx, const struct seed_file *file,
                   struct seed_counts *counts, struct err *err) MUST_CHECK;

/* Reads the whole file: every row is strict JSON, everything stands where it belongs. */
int seed_json_check(const struct seed_file *file, struct err *err) MUST_CHECK;

#endif
