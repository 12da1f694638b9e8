/*
 * report_fixture.h: a run made by hand, for the tests of progress and reports; and golden texts.
 *
 * The catalog has 0036_carts, 0037_orders, 0038_prices, 0039_handles, 0040_index (outside a
 * transaction) and the repeatable R_views; the fleet has tenants store-0001, store-0002, ... on
 * the servers eu1 and us1 in turn, a database each, and one seed file base/01_regions.json.
 */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "orchestrator/report.h"

enum { FIXTURE_MIGRATIONS = 5 };

struct report_fixture {
    void *mem;
    struct fleet fleet;
    struct server servers[2];
    struct catalog catalog;
    struct migration migrations[FIXTURE_MIGRATIONS];
    struct migration repeatable;
    struct release release;
    struct seed_file seed;
    struct run_request request;
    struct run_result result;
    struct report report;
};

/* All tenants are OUTCOME_CURRENT at the head. plan, status and validate read only. */
void report_fixture_init(struct report_fixture *fixture, const char *operation, size_t tenants);
void report_fixture_free(struct report_fixture *fixture);

/* Job `index` (0-based) did steps from behind `from` up to `to`, or has them pending. */
struct job *report_fixture_moved(struct report_fixture *fixture, size_t index, int64_t from,
                                 int64_t to);

/* Job `index` ended with `outcome` at `version`; returns it for more. */
struct job *report_fixture_ended(struct report_fixture *fixture, size_t index, enum outcome outcome,
                                 int64_t version);

/* The same, failed by a duplicate key in 0039_handles, its detail naming the tenant. */
void report_fixture_duplicate(struct report_fixture *fixture, size_t index);

/* Deals the jobs out to these waves, which stay the caller's, with the seed 77. */
void report_fixture_waves(struct report_fixture *fixture, struct wave *waves, size_t count);

/* Counts the totals. Call before a report is made. */
void report_fixture_count(struct report_fixture *fixture);

/* What `print` writes. Owned by fixture->mem. */
char *report_fixture_text(struct report_fixture *fixture,
                          int (*print)(const struct report *report, FILE *out));

/*
 * Fails the test where `text` differs from tests/golden/`name`. With PGTIDE_GOLDEN=write in the
 * environment the file is written instead: look at the difference before it is committed.
 */
void report_fixture_golden(const char *name, const char *text);

#endif
