/*
 * schedule.h: which tenant may start now. Pure: no I/O, no clock of its own, no threads.
 *
 * Tenants are known by their position in the run ("job"). At most `workers` are in work in total,
 * and on each server at most its cap. Servers take turns; within a server, tenants whose retry is
 * due go first, then inventory order. A tenant that waits for its retry occupies nothing. Every
 * call costs the same for ten tenants and for 100,000 (a retry: the logarithm of those waiting).
 *
 *     while (schedule_next(schedule, now, &job))
 *         hand out job;
 *     ... when it comes back, one of
 *     schedule_ended(schedule, job, contact);
 *     schedule_retry(schedule, job, contact, now + delay);
 *     ... and then, for tenants that shall end without (another) attempt
 *     while (schedule_given_up(schedule, &job))
 *         end job as unreachable;
 *
 * Servers that do not answer:
 *
 *   doubtful  Once a server refused a connection or timed out, no new tenant is tried on it while
 *             one of its tenants is in work or waits for a retry; the first answer ends this.
 *   down      A tenant has used up its attempts on a server that refused that many times in a row.
 *             Its other tenants are parked: not tried, and not ended either, since "down" is a
 *             guess about them; so they do not spend a budget. The tenant that found out has ended.
 *   probed    When there is nothing else left to do, each server that is down is looked at once
 *             more, with one attempt at one parked tenant. Any answer, then or from an attempt
 *             that was still under way, and its tenants are handed out again.
 *   lost      The probe was refused, or the server went down after it had been looked at again:
 *             its parked tenants are given up.
 */
#ifndef ORCHESTRATOR_SCHEDULE_H
#define ORCHESTRATOR_SCHEDULE_H

#include "common/base.h"
#include "config/fleet.h"

struct schedule;

struct schedule_setup {
    const struct tenant *const *tenants; /* constant as long as the schedule lives */
    size_t tenant_count;
    size_t server_count; /* tenant->server->index is below it */
    int workers;
    int per_server; /* the cap of every server; 0 = each server's own */
};

/* What an attempt told about its server. */
enum schedule_contact {
    CONTACT_ANSWERED, /* also with "too many connections" */
    CONTACT_REFUSED,  /* refused, timed out, starting up */
    CONTACT_SILENT,   /* nothing: the attempt was stopped before */
};

/* Owned by `parent`. */
struct schedule *schedule_new(const void *parent, const struct schedule_setup *setup);

/* The next tenant to start, from now on in work; false: none may start now. */
bool schedule_next(struct schedule *schedule, int64_t now_ms, size_t *ret_job);

/* A tenant in work came back, for good or to be tried again at `at_ms`. */
void schedule_ended(struct schedule *schedule, size_t job, enum schedule_contact contact);
void schedule_retry(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    int64_t at_ms);

/* The next tenant that is given up because its server is lost; false: none (more). */
bool schedule_given_up(struct schedule *schedule, size_t *ret_job);

/* Is this tenant, in work, the second look at a server that is down? It is not tried again then. */
bool schedule_is_probe(const struct schedule *schedule, size_t job);

/* When the next retry is due; CLOCK_NEVER: none waits. */
int64_t schedule_due_ms(const struct schedule *schedule);

#endif
