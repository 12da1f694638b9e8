/*
 * gate_round.h: one look of a wave's gate, from the first question to the verdict: of a command the
 * command, of a query all tenants of the wave that have got what they should. The coordinator's
 * thread only.
 *
 * A question takes a place on the server and among the workers, as a tenant does.
 */
#ifndef ORCHESTRATOR_GATE_ROUND_H
#define ORCHESTRATOR_GATE_ROUND_H

#include "common/base.h"
#include "orchestrator/run.h"
#include "orchestrator/schedule.h"

struct gate_round;

struct gate_round_setup {
    const struct run_request *request;
    struct run_result *result;
    struct schedule *schedule;
    int cancel_fd;                                  /* readable: no answer is wanted any more */
    void (*put)(void *arg, struct gate_look *look); /* to a worker */
    void *arg;
};

/* Owned by `parent`. `setup` is lent. */
struct gate_round *gate_round_new(const void *parent, const struct gate_round_setup *setup,
                                  size_t group);

/* Puts as many questions as there are places for. */
void gate_round_step(struct gate_round *round);

/* A question came back; frees it. */
void gate_round_collect(struct gate_round *round, struct gate_look *look);

size_t gate_round_out(const struct gate_round *round); /* questions with the workers */

/* Has everything been asked and answered? */
bool gate_round_is_done(const struct gate_round *round);

/* Of a round that is done: writes it to the wave's place in the result. The verdict. */
bool gate_round_finish(struct gate_round *round);

#endif
