/*
 * seed_csv.h: CSV seeds, NN_<table>.csv with a header (docs/seeds.md): upserts by the primary key
 * where the table has one and the header names it, else inserts.
 */
#ifndef WORKER_SEED_CSV_H
#define WORKER_SEED_CSV_H

#include "worker/seed.h"

/* Loads all rows within tx's open transaction, and adds to `counts`. */
int seed_csv_load(struct transactions *tx, const struct seed_file *file, struct seed_counts *counts,
                  struct err *err) MUST_CHECK;

/* Reads the whole file: header, quotes, number of fields, UTF-8. */
int seed_csv_check(const struct seed_file *file, struct err *err) MUST_CHECK;

#endif
