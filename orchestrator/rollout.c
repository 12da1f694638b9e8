/*
 * rollout.c: the steps of waves.
 *
 * DESIGN. rollout_step() asks run_state.c for each wave what it becomes next, until none becomes
 * anything; what it does on the way in is enter(). Three states wait for something from outside:
 * `confirming` for the person, `soaking` for a time, `gated` for an answer. The gate is asked in
 * rounds (gate_round.c), one at a time in a wave.
 */
#include "orchestrator/rollout.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/confirm.h"
#include "orchestrator/gate_round.h"
#include "orchestrator/report_text.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SOAK_LOOKS = 10,            /* so often in a soak time a wave is looked at, */
    SOAK_PAUSE_LEAST_MS = 1000, /* but not more often than that */
};

#define NOBODY SIZE_MAX

struct progress_of_wave {
    const struct wave *rules; /* NULL: the run has no waves */
    struct gate_round *round; /* under way, or NULL */
    int64_t look_ms;          /* while soaking: when to look next */
};

struct rollout {
    struct rollout_setup setup;
    struct gate_round_setup rounds;
    struct progress_of_wave *waves; /* by group */
    size_t wave_count;
    int stop_fd; /* an eventfd: readable once no answer is wanted any more */
    bool stopped;
    size_t out;        /* looks with the workers */
    size_t questioned; /* the group the person is asked about, or NOBODY */
};

static struct run_wave *wave_at(const struct rollout *rollout, size_t group)
{
    return &rollout->setup.result->waves[group];
}

static const struct wave *rules_at(const struct rollout *rollout, size_t group)
{
    return rollout->waves[group].rules;
}

static const struct gate *gate_at(const struct rollout *rollout, size_t group)
{
    const struct gate *const *gates = rollout->setup.request->gates;

    return gates ? gates[group] : NULL;
}

static void tell(const struct rollout *rollout, size_t group)
{
    rollout->setup.changed(rollout->setup.arg, group);
}

/* --- states ------------------------------------------------------------------------------ */

static int64_t soak_pause(const struct wave *rules)
{
    int64_t pause = rules->soak_ms / SOAK_LOOKS;

    return pause > SOAK_PAUSE_LEAST_MS ? pause : SOAK_PAUSE_LEAST_MS;
}

static void begin_round(struct rollout *rollout, size_t group)
{
    rollout->waves[group].round = gate_round_new(rollout, &rollout->rounds, group);
}

/* The one place where a wave's state changes; what begins with the new state begins here. */
static void enter(struct rollout *rollout, size_t group, enum run_wave_state to)
{
    struct run_wave *wave = wave_at(rollout, group);
    const struct wave *rules = rules_at(rollout, group);
    int64_t now_ms = clock_now_ms();

    run_state_change_wave(rollout->setup.state, group, to);
    switch (to) {
    case RUN_WAVE_OPEN:
        wave->started_wall_ms = clock_wall_ms();
        schedule_open_wave(rollout->setup.schedule, group);
        break;
    case RUN_WAVE_SOAKING:
        wave->soak_until_ms = now_ms + rules->soak_ms;
        rollout->waves[group].look_ms = now_ms + soak_pause(rules);
        break;
    case RUN_WAVE_GATED:
        begin_round(rollout, group);
        break;
    case RUN_WAVE_PASSED:
    case RUN_WAVE_STOPPED:
        wave->finished_wall_ms = clock_wall_ms();
        break;
    case RUN_WAVE_WAITING:
    case RUN_WAVE_CONFIRMING:
        break;
    }
    tell(rollout, group);
}

/* The run goes no further than this wave. */
static void halt(struct rollout *rollout, size_t group, const char *rule, int64_t failures)
{
    bool first = !rollout->setup.result->halt.halted;

    wave_at(rollout, group)->finished_wall_ms = clock_wall_ms();
    run_state_halt(rollout->setup.state, group, rule);
    if (first)
        rollout->setup.result->halt.failures = failures;
    tell(rollout, group);
}

/* --- gates ------------------------------------------------------------------------------- */

/* Goes on with the round under way. True: it is over, and *ret_passed is the verdict. */
static bool round_over(struct rollout *rollout, size_t group, bool *ret_passed)
{
    struct progress_of_wave *wave = &rollout->waves[group];

    if (!rollout->stopped)
        gate_round_step(wave->round);
    if (!gate_round_is_done(wave->round))
        return false;
    *ret_passed = gate_round_finish(wave->round);
    talloc_free(wave->round);
    wave->round = NULL;
    return true;
}

static void halt_at_gate(struct rollout *rollout, size_t group)
{
    size_t noes = wave_at(rollout, group)->no_count;

    halt(rollout, group, "gate", noes > 0 ? (int64_t)noes : 1);
}

static void step_gated(struct rollout *rollout, size_t group)
{
    bool passed;

    if (!round_over(rollout, group, &passed))
        return;
    if (passed)
        enter(rollout, group, RUN_WAVE_PASSED);
    else
        halt_at_gate(rollout, group);
}

/* A round that began before the end of the soak time is waited for; the one at its end follows. */
static void step_soaking(struct rollout *rollout, size_t group)
{
    struct progress_of_wave *wave = &rollout->waves[group];
    int64_t now_ms = clock_now_ms();
    int64_t until_ms = wave_at(rollout, group)->soak_until_ms;
    bool gated = gate_at(rollout, group) != NULL;
    bool passed;

    if (!wave->round && gated && now_ms >= wave->look_ms && now_ms < until_ms) {
        begin_round(rollout, group);
        wave->look_ms = now_ms + soak_pause(rules_at(rollout, group));
    }
    if (wave->round && round_over(rollout, group, &passed)) {
        if (!passed) {
            halt_at_gate(rollout, group);
            return;
        }
        tell(rollout, group);
    }
    if (!wave->round && now_ms >= until_ms)
        enter(rollout, group, gated ? RUN_WAVE_GATED : RUN_WAVE_PASSED);
}

/* --- the person -------------------------------------------------------------------------- */

static void add_past(struct strbuf *out, const struct rollout *rollout, size_t group)
{
    const struct run_wave *wave = wave_at(rollout, group);
    enum job_action action = rollout->setup.request->plan.action;
    size_t named = 0;

    if (rollout->setup.request->origin && rollout->setup.request->waves->groups[group].count == 0)
        return; /* its tenants are in the run that this one goes on with */
    strbuf_printf(out, "%s: ", rules_at(rollout, group)->name);
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        if (wave->totals[outcome] > 0)
            strbuf_printf(out, "%s%zu %s", named++ ? ", " : "", wave->totals[outcome],
                          report_text_outcome(action, outcome));
    }
    strbuf_str(out, named ? "; " : "no tenants; ");
}

/* "canary: 4 migrated; start wave "early" with 41 tenants?" */
static char *question(const void *parent, const struct rollout *rollout, size_t group)
{
    size_t tenants = rollout->setup.request->waves->groups[group].count;
    struct strbuf out;

    strbuf_init(&out, parent);
    for (size_t i = 0; i < rollout->wave_count; i++) {
        if (wave_at(rollout, i)->state == RUN_WAVE_PASSED)
            add_past(&out, rollout, i);
    }
    strbuf_printf(&out, "start wave \"%s\" with %zu tenant%s?", rules_at(rollout, group)->name,
                  tenants, tenants == 1 ? "" : "s");
    return out.text;
}

static void refuse(struct rollout *rollout, size_t group, const char *why)
{
    wave_at(rollout, group)->problem = why;
    halt(rollout, group, "confirm", 0);
}

static void step_confirming(struct rollout *rollout, size_t group)
{
    const struct run_consent *consent = &rollout->setup.request->consent;
    char *text;

    if (consent->given) {
        enter(rollout, group, RUN_WAVE_OPEN);
    } else if (!confirm_on_terminal(consent->in_fd, consent->out_fd)) {
        refuse(rollout, group, "there is no terminal to ask on, and no --yes");
    } else if (rollout->questioned == NOBODY) {
        rollout->questioned = group;
        text = question(NULL, rollout, group);
        confirm_begin(consent->in_fd, consent->out_fd, text);
        talloc_free(text);
    }
}

int rollout_answer_fd(const struct rollout *rollout)
{
    return rollout->questioned == NOBODY ? -1 : rollout->setup.request->consent.in_fd;
}

void rollout_read_answer(struct rollout *rollout)
{
    size_t group = rollout->questioned;

    rollout->questioned = NOBODY;
    if (confirm_answer(rollout->setup.request->consent.in_fd))
        enter(rollout, group, RUN_WAVE_OPEN);
    else
        refuse(rollout, group, "the answer was no");
}

/* --- steps ------------------------------------------------------------------------------- */

/* Whoever is asked need not answer. */
static void withdraw_question(struct rollout *rollout)
{
    dprintf(rollout->setup.request->consent.out_fd, "\n");
    rollout->questioned = NOBODY;
}

/* Nothing follows any more. */
static void stop(struct rollout *rollout)
{
    rollout->stopped = true;
    (void)eventfd_write(rollout->stop_fd, 1);
    if (rollout->questioned != NOBODY)
        withdraw_question(rollout);
}

/* True: its state has changed. */
static bool step_wave(struct rollout *rollout, size_t group)
{
    const struct run_wave *wave = wave_at(rollout, group);
    enum run_wave_state before = wave->state;
    enum run_wave_state next = run_state_next_of_wave(rollout->setup.state, group);

    if (next != before)
        enter(rollout, group, next);
    else if (wave->state == RUN_WAVE_CONFIRMING)
        step_confirming(rollout, group);
    else if (wave->state == RUN_WAVE_SOAKING)
        step_soaking(rollout, group);
    else if (wave->state == RUN_WAVE_GATED)
        step_gated(rollout, group);
    return wave->state != before;
}

bool rollout_step(struct rollout *rollout)
{
    bool any = false;
    bool changed;

    do {
        changed = false;
        if (rollout->setup.state->phase != RUN_GOING && !rollout->stopped)
            stop(rollout);
        for (size_t i = 0; i < rollout->wave_count; i++)
            changed = step_wave(rollout, i) || changed;
        any = any || changed;
    } while (changed);
    return any;
}

void rollout_follow(struct rollout *rollout, size_t group, enum run_wave_state to)
{
    enum run_wave_state before = wave_at(rollout, group)->state;

    if (before == to || !run_state_follow_wave(rollout->setup.state, group, to))
        return;
    if (before < RUN_WAVE_OPEN && to >= RUN_WAVE_OPEN)
        schedule_open_wave(rollout->setup.schedule, group);
    if (rollout->questioned == group)
        withdraw_question(rollout);
    tell(rollout, group);
}

void rollout_lead(struct rollout *rollout)
{
    for (size_t i = 0; i < rollout->wave_count; i++) {
        if (wave_at(rollout, i)->state == RUN_WAVE_GATED && !rollout->waves[i].round)
            begin_round(rollout, i);
    }
}

void rollout_collect(struct rollout *rollout, struct gate_look *look)
{
    rollout->out--;
    gate_round_collect(rollout->waves[look->group].round, look);
}

bool rollout_is_asking(const struct rollout *rollout)
{
    return rollout->out > 0;
}

/* While a round is under way nothing is due: its answers come by themselves. */
static int64_t due_of(const struct rollout *rollout, size_t group)
{
    const struct progress_of_wave *wave = &rollout->waves[group];
    int64_t until_ms = wave_at(rollout, group)->soak_until_ms;

    if (wave_at(rollout, group)->state != RUN_WAVE_SOAKING || wave->round)
        return CLOCK_NEVER;
    return gate_at(rollout, group) && wave->look_ms < until_ms ? wave->look_ms : until_ms;
}

int64_t rollout_due_ms(const struct rollout *rollout)
{
    int64_t due_ms = CLOCK_NEVER;

    for (size_t i = 0; i < rollout->wave_count; i++) {
        if (due_of(rollout, i) < due_ms)
            due_ms = due_of(rollout, i);
    }
    return due_ms;
}

/* --- beginning --------------------------------------------------------------------------- */

static void put_look(void *arg, struct gate_look *look)
{
    struct rollout *rollout = arg;

    rollout->out++;
    rollout->setup.put(rollout->setup.arg, look);
}

static int destroy(struct rollout *rollout)
{
    close(rollout->stop_fd);
    return 0;
}

int rollout_new(const void *parent, const struct rollout_setup *setup, struct rollout **ret,
                struct err *err)
{
    struct rollout *rollout;
    int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (stop_fd < 0)
        return err_set(err, ERR_INTERNAL, "could not create an eventfd: %s", strerror(errno));
    rollout = mem_new(parent, struct rollout);
    rollout->setup = *setup;
    rollout->stop_fd = stop_fd;
    rollout->questioned = NOBODY;
    rollout->wave_count = setup->result->wave_count;
    rollout->waves = mem_array(rollout, struct progress_of_wave, rollout->wave_count);
    for (size_t i = 0; setup->request->waves && i < rollout->wave_count; i++)
        rollout->waves[i].rules = setup->request->waves->groups[i].wave;
    rollout->rounds = (struct gate_round_setup){
        .request = setup->request,
        .result = setup->result,
        .schedule = setup->schedule,
        .cancel_fd = stop_fd,
        .put = put_look,
        .arg = rollout,
    };
    talloc_set_destructor(rollout, destroy);
    *ret = rollout;
    return 0;
}
