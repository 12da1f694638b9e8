/*
 * made_run.h: a run in waves that is moved by hand, for tests of run_state.h.
 */
#ifndef TESTS_MADE_RUN_H
#define TESTS_MADE_RUN_H

#include "orchestrator/run_state.h"
#include "tests/unit/orchestrator/made_fleet.h"

struct made_run {
    struct made_fleet made;
    struct run_result result;
    struct run_state *state;
};

/* On two servers in turn: s0 has the even tenants, s1 the odd ones; max_failures is 100. `where` as
 * for made_fleet_waves(). Rules are set after it, then made_run_begin() makes the state. */
void made_run_init(struct made_run *run, size_t waves, const char *where);
void made_run_begin(struct made_run *run);
void made_run_release(struct made_run *run);

enum run_wave_state made_run_wave(const struct made_run *run, size_t wave);

/* Moves a wave as far as it goes by itself, and says how far that is. */
enum run_wave_state made_run_move(struct made_run *run, size_t wave);

/* One job from its start to its end; one that is not started. */
void made_run_job(struct made_run *run, size_t job, enum err_kind kind);
void made_run_cancel(struct made_run *run, size_t job);

#endif
