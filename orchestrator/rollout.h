/*
 * rollout.h: the waves of a run: opening them, their soak times, gates and confirmations.
 *
 * Which step a wave takes next is run_state.c's to say; here is what that needs of the world: time,
 * workers for the gates, and a person. Nothing here blocks. The coordinator's thread only.
 */
#ifndef ORCHESTRATOR_ROLLOUT_H
#define ORCHESTRATOR_ROLLOUT_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/run.h"
#include "orchestrator/run_state.h"
#include "orchestrator/schedule.h"

struct rollout;

struct rollout_setup {
    const struct run_request *request;
    struct run_result *result;
    struct run_state *state;
    struct schedule *schedule;
    void (*put)(void *arg, struct gate_look *look); /* to a worker */
    void (*changed)(void *arg, size_t wave);        /* see struct run_observer */
    void *arg;
};

/* ERR_INTERNAL when the process is out of file descriptors. Owned by `parent`. */
int rollout_new(const void *parent, const struct rollout_setup *setup, struct rollout **ret,
                struct err *err) MUST_CHECK;

/*
 * Takes all steps that are due: opens waves, ends soak times, asks gates and the person. May halt
 * the run (run_state_halt). Ends the looks of gates under way once the run drains. True: the state
 * of some wave has changed.
 */
bool rollout_step(struct rollout *rollout);

/*
 * In a run that machines share, one of them takes the steps; the others follow: the wave is as that
 * one says. Nothing happens while tenants of it are left to end here that have ended there.
 */
void rollout_follow(struct rollout *rollout, size_t group, enum run_wave_state to);

/* From now on this machine takes the steps: begins anew what the other had under way. */
void rollout_lead(struct rollout *rollout);

/* A look that was put came back; frees it. */
void rollout_collect(struct rollout *rollout, struct gate_look *look);

bool rollout_is_asking(const struct rollout *rollout); /* looks are with the workers */

/* When rollout_step() has something to do, unless a tenant or a look comes back before;
 * CLOCK_NEVER.
 */
int64_t rollout_due_ms(const struct rollout *rollout);

/* Where the person's answer comes from, to be polled: then rollout_read_answer() does not block.
 * -1: nobody was asked. */
int rollout_answer_fd(const struct rollout *rollout);
void rollout_read_answer(struct rollout *rollout);

#endif
