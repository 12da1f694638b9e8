/*
 * estimate.h: how long tenants will take: by the ledger where it has timed them, else by the median
 * of those that have ended in this run. Pure.
 *
 * A tenant is known by its position in the run ("job").
 */
#ifndef ORCHESTRATOR_ESTIMATE_H
#define ORCHESTRATOR_ESTIMATE_H

#include "common/base.h"

struct estimate;

/* `expected_ms` as in struct run_request: -1 = not known, NULL: of none; it lives as long as the
 * estimate. Owned by `parent`. */
struct estimate *estimate_new(const void *parent, const int64_t *expected_ms, size_t count);

/* The tenant has ended, once. `took_ms`: how long it was in work, -1 = that says nothing about the
 * others (it was not started, had nothing to do, could not be reached). */
void estimate_ended(struct estimate *estimate, size_t job, int64_t took_ms);

/* How long this tenant will take; -1 = nobody knows. */
int64_t estimate_of(const struct estimate *estimate, size_t job);

/* Is it expected to end within `left_ms`? One that nobody knows anything about is, unless nothing
 * is left. */
bool estimate_fits(const struct estimate *estimate, size_t job, int64_t left_ms);

/* What is left to do for all that have not ended, with `workers` at it; -1 = nobody knows. Those
 * in work count in full. */
int64_t estimate_left_ms(const struct estimate *estimate, int workers);

#endif
