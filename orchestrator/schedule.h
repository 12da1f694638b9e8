/*
 * schedule.h: which tenant may start now. Pure: no I/O, no clock of its own, no threads.
 *
 * Tenants are known by their position in the run ("job"). At most `workers` are in work in total,
 * in each wave at most its workers, on each server at most its cap. Open waves take turns, and
 * within a wave the servers that it has tenants on; on a server, tenants whose retry is due go
 * first, then the wave's order. A tenant that waits for its retry occupies nothing. Every call
 * costs the same for ten tenants and for 100,000 (a retry: the logarithm of those waiting).
 *
 *     schedule_open_wave(schedule, 0);
 *     while (schedule_next(schedule, now, &job))
 *         hand out job;
 *     ... when it comes back, one of
 *     schedule_ended(schedule, job, contact, good);
 *     schedule_retry(schedule, job, contact, now + delay);
 *     ... and then, for tenants that shall end without (another) attempt
 *     while (schedule_given_up(schedule, &job, &why))
 *         end job as that says;
 *
 * A tenant that was handed out and shall not start after all is ended with CONTACT_SILENT.
 *
 * Servers that do not answer:
 *
 *   doubtful  Once a server refused a connection or timed out, no new tenant is tried on it while
 *             one of its tenants is in work or waits for a retry; the first answer ends this.
 *   down      A tenant has used up its attempts on a server that refused that many times in a row.
 *             Its other tenants are parked: not tried, and not ended either, since "down" is a
 *             guess about them; so they do not spend a budget. The tenant that found out has ended.
 *   probed    When there is nothing else left to do in an open wave, each server of it that is down
 *             is looked at once more, with one attempt at one parked tenant. Any answer, then or
 *             from an attempt that was still under way, and its tenants are handed out again.
 *   lost      The probe was refused, or the server went down after it had been looked at again:
 *             its parked tenants in open waves are given up.
 *
 * The second look comes late, to give the server time. So a tenant in work, one that waits for its
 * retry, and one on a server that answers but is full, doubtful or on hold is something left to
 * do: the wave will go on there by itself. Another open wave is not: this one would have to wait
 * for it, and with it those that depend on this one. A wave that is not open has no say: its
 * tenants are neither tried for the sake of a probe nor given up, and every wave that is opened
 * gives its servers that are down or lost the chance of one second look, when it comes to its end.
 *
 * Servers that are full (53300): what they hold of ours is what they can hold. The cap becomes what
 * was in work there without the refused one, at least 1, and grows again by one with every `cap`
 * tenants that end well, up to what was configured. The server starts nothing until the refused
 * tenant's retry is due or another of its tenants came back. Such a refusal is no attempt of the
 * tenant as long as others of ours were in work there: it only waits.
 *
 * Servers on hold (replicas lag, too many connections: server_watch.h) start nothing until they are
 * taken off hold. Servers left out (their budget is spent) give up all that is not in work, also in
 * waves that are not open; a tenant that waits for its retry when that is due.
 *
 * A wave that ramps up starts with one tenant in work, and doubles that each time as many have
 * ended well, until its workers are reached.
 *
 * Several machines on one run: the tenants come in as they are claimed, and caps and ramp-up are
 * this machine's. While more may come in, no server is looked at again.
 */
#ifndef ORCHESTRATOR_SCHEDULE_H
#define ORCHESTRATOR_SCHEDULE_H

#include "common/base.h"
#include "config/fleet.h"
#include "orchestrator/wave_plan.h"

struct schedule;

struct schedule_setup {
    const struct tenant *const *tenants; /* constant as long as the schedule lives */
    size_t tenant_count;
    size_t server_count;           /* tenant->server->index is below it */
    const struct wave_plan *waves; /* NULL: all tenants are wave 0, in their order */
    int workers;
    int per_server; /* the cap of every server; 0 = each server's own */
    bool ramp_up;   /* of a run without waves */
    bool claims;    /* tenants come in by schedule_add(), not all at the start */
};

/* What an attempt told about its server. */
enum schedule_contact {
    CONTACT_ANSWERED,
    CONTACT_REFUSED, /* refused, timed out, starting up */
    CONTACT_FULL,    /* too many connections */
    CONTACT_SILENT,  /* nothing: the attempt was stopped before */
};

/* Why a tenant is given up. */
enum schedule_given_up {
    GIVEN_UP_SERVER_LOST,
    GIVEN_UP_SERVER_LEFT_OUT,
};

/* Owned by `parent`. All waves are closed. */
struct schedule *schedule_new(const void *parent, const struct schedule_setup *setup);

/* From now on the wave's tenants may start. Once a wave. */
void schedule_open_wave(struct schedule *schedule, size_t wave);

/* With `claims`: this tenant may be started here; it is not known yet, or has ended or was given up
 * here before. */
void schedule_add(struct schedule *schedule, size_t job);

/* With `claims`: may more tenants come in? Yes, until this says otherwise. */
void schedule_expect_more(struct schedule *schedule, bool more);

/* The next tenant to start, from now on in work; false: none may start now. */
bool schedule_next(struct schedule *schedule, int64_t now_ms, size_t *ret_job);

/* A tenant in work came back, for good (`good`: without trouble) or to be tried again at `at_ms`.
 */
void schedule_ended(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    bool good);
void schedule_retry(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    int64_t at_ms);

/* Would CONTACT_FULL from this tenant, in work, be our own doing? Then it is no attempt. Ask before
 * it is given back. */
bool schedule_is_crowded(const struct schedule *schedule, size_t job);

/* The server's budget is spent: nothing more is started there. */
void schedule_leave_out(struct schedule *schedule, size_t server);

/* Puts a server on hold, or takes it off. */
void schedule_hold(struct schedule *schedule, size_t server, bool hold);

/* The next tenant that is given up, and why; false: none (more). */
bool schedule_given_up(struct schedule *schedule, size_t *ret_job, enum schedule_given_up *ret_why);

/* Is this tenant, in work, the second look at a server that is down? It is not tried again then. */
bool schedule_is_probe(const struct schedule *schedule, size_t job);

/*
 * A place in work for what is no tenant of this schedule: a question of a wave's gate. It takes one
 * of the workers, and of the server (SCHEDULE_NO_SERVER: of none). False: none is free now.
 */
#define SCHEDULE_NO_SERVER SIZE_MAX
bool schedule_borrow(struct schedule *schedule, size_t server);
void schedule_give_back(struct schedule *schedule, size_t server);

/* When the next retry is due; CLOCK_NEVER: none waits. */
int64_t schedule_due_ms(const struct schedule *schedule);

/* How a server stands, for people. */
enum schedule_server_state {
    SCHEDULE_SERVER_UP,
    SCHEDULE_SERVER_DOUBTFUL,
    SCHEDULE_SERVER_FULL, /* its cap is lowered */
    SCHEDULE_SERVER_ON_HOLD,
    SCHEDULE_SERVER_DOWN, /* or probed */
    SCHEDULE_SERVER_LOST,
    SCHEDULE_SERVER_LEFT_OUT,
};

struct schedule_server {
    enum schedule_server_state state;
    size_t in_work;
    size_t cap;     /* as it is now */
    size_t waiting; /* for a retry */
    size_t left;    /* to be started, in open waves or not */
};

struct schedule_server schedule_look(const struct schedule *schedule, size_t server);

/* Of a server that looks so: how many more tenants could be started there now; is it given up, or
 * about to be? */
size_t schedule_places(const struct schedule_server *look);
bool schedule_is_down(const struct schedule_server *look);

#endif
