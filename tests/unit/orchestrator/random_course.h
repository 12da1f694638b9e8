/*
 * random_course.h: a run made up by chance, with its fleet, waves, caps, budgets and troubles, for
 * test_model.c. The same number makes the same course, on every machine.
 */
#ifndef TESTS_RANDOM_COURSE_H
#define TESTS_RANDOM_COURSE_H

#include "orchestrator/run_state.h"
#include "orchestrator/schedule.h"
#include "tests/unit/orchestrator/made_fleet.h"
#include "tests/unit/orchestrator/run_model.h"

struct course {
    unsigned number;
    uint64_t random;
    int64_t now_ms;
    int64_t down_from_ms[MODEL_SERVERS];
    int64_t down_until_ms[MODEL_SERVERS];
    bool troubles; /* attempts fail for other reasons, too */
    bool full;     /* servers have too few connections for all at once */
    bool signals, closes, holds, borrows, claims;
    bool confirmed[MODEL_WAVES], soaked[MODEL_WAVES], gated[MODEL_WAVES];
    bool left_out[MODEL_SERVERS];
    bool rest_ended;
    size_t lent[4]; /* servers that lent a place */
    size_t lent_count;
    size_t depends_on[MODEL_WAVES];
    struct made_fleet made;
    struct run_result result;
    struct run_state *state;
    struct schedule *schedule;
    struct model model;
};

/* Nothing has happened yet. The fleet is released by the caller. */
void random_course_init(struct course *course, unsigned number);

uint64_t random_below(struct course *course, uint64_t n); /* 0 to n - 1 */
bool random_one_in(struct course *course, uint64_t n);    /* true once in n times */

#endif
