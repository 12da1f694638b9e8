/*
 * shared_run.h: one run that several machines work on together, in the tables of the ledger.
 *
 * A member is one process on one machine. It joins, takes turns while the run goes on, and leaves:
 *
 *     shared_run_join(ctx, db, request, lease, &run, &err);
 *     while (...) {
 *         shared_run_turn(run, &ask, &news, &err);
 *         ... work on what news.claims says ...
 *     }
 *     shared_run_leave(run, over);
 *
 * A turn is one transaction in one round trip. It locks the run's row first, so the turns of all
 * members come one after another, and what it decides is exact for all machines together: who gets
 * a tenant, how many are in work on a server and in a wave, the tenant that spends a budget.
 *
 *   claim      A tenant that is ready in an open wave is claimed by one member. Claims last as long
 *              as the member's lease, which each turn renews; times are those of the ledger's
 *              server. A member whose lease has run out loses its claims once others take them over
 *              (news.claims[].takeovers of theirs is above 0 then), not before.
 *   end        What a tenant came to is recorded only by the member that has the claim.
 *   budgets    Ends are counted as budget.h does. The first one that is too many halts the run: no
 *              tenant is claimed after it. What was claimed by then is finished, by machines that
 *              live; what a dead machine had is `unknown` in the end.
 *   conductor  One member at a time, by its lease, takes the steps of waves (open, soak, gate,
 *              confirm) and tells the others; another takes that over when it dies or leaves.
 *   late       Whoever joins late first hears in pieces, one a turn, what has ended before; these
 *              turns lock nothing and claim nothing.
 *   down       Tenants of a server that a member cannot reach are left to the others; only when no
 *              living member can reach it, one of them gets them all, to give them up.
 *
 * The coordinator's thread only.
 */
#ifndef ORCHESTRATOR_SHARED_RUN_H
#define ORCHESTRATOR_SHARED_RUN_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/ledger_db.h"
#include "orchestrator/run.h"

struct shared_run;

/* The longest name of a run: with it, application_name still has room for the tenant. */
enum { SHARED_RUN_NAME_MOST = 40 };

/* ERR_USAGE unless `name` is 1 to SHARED_RUN_NAME_MOST letters, digits, ".", "_", "-", the first
 * one a letter or digit. */
int shared_run_check_name(const char *name, struct err *err) MUST_CHECK;

/*
 * Begins the run `request->plan.run_id`, or joins it where it is there: then `request` must agree
 * with the one that began it (shared_terms.h). The fleet lock is taken with it (ERR_BUSY), unless
 * the run is over. On failure nothing of this machine stays. Owned by `parent`, like `db`;
 * `request` is lent until the turns begin.
 */
int shared_run_join(void *parent, struct ledger_db *db, const struct run_request *request,
                    int64_t lease_ms, struct shared_run **ret, struct err *err) MUST_CHECK;

bool shared_run_created(const struct shared_run *run); /* by this machine, just now */
bool shared_run_is_over(const struct shared_run *run); /* it was, when this machine joined */
int64_t shared_run_lease_ms(const struct shared_run *run);

/* The wave of each tenant, as it was dealt out when the run began; for wave_plan_given(). */
const size_t *shared_run_groups(const struct shared_run *run);

/* Who this machine is to the others: "host:pid:random". */
const char *shared_run_member(const struct shared_run *run);

/* How many others are at work on it: as the last turn said, or as it was when this one left. */
size_t shared_run_others(const struct shared_run *run);

/* A tenant that has ended here. */
struct shared_end {
    size_t job;
    enum outcome outcome;
    bool good;          /* without trouble: counts for ramp_up */
    const char *result; /* JSON, for the other machines' reports; or NULL */
};

/* How a wave stands, as the conductor says. */
struct shared_wave {
    enum run_wave_state state;
    int64_t started_wall_ms;
    int64_t finished_wall_ms;
    int64_t soak_left_ms; /* while soaking */
};

/* What a member tells, and what it wants. */
struct shared_ask {
    const struct shared_end *ends;
    size_t end_count;
    bool leaving;            /* no more claims, no conducting */
    size_t capacity;         /* the most claims that it can hold, */
    const size_t *by_server; /* and those on each server */
    const bool *down;        /* servers that it cannot reach */
    const size_t *late;      /* tenants that it has no time for: not claimed, and given back */
    size_t late_count;
    const struct shared_wave *waves; /* of a conductor: all of them; NULL: no change */
    const struct run_halt *halt; /* of a conductor: a gate or confirmation stopped it; or NULL */
};

struct shared_claim {
    size_t job;
    int64_t takeovers; /* how often it was taken over from a machine that seemed dead */
};

/* A tenant that has ended, on any machine, since the turn before. */
struct shared_news_end {
    size_t job;
    enum outcome outcome;
    bool here;          /* recorded by this member */
    const char *result; /* of another member: as it has told; or NULL */
    const char *host;   /* of that member; NULL: of none, it was cancelled */
};

/* What a turn has come to. */
struct shared_news {
    struct shared_claim *claims; /* all that this member has, old and new */
    size_t claim_count;
    size_t claim_capacity;
    struct shared_news_end *ends; /* by the turn in which they ended */
    size_t end_count;
    size_t end_capacity;
    struct shared_wave *waves; /* one a group of the plan */
    bool *left_out;            /* by server */
    struct run_halt halt;      /* halted or not; `wave` points into the request's plan */
    bool conducts;             /* this member takes the steps of waves now */
    bool more;                 /* there is more to hear: the next turn is due at once */
    bool ready;                /* tenants in open waves can still be claimed */
    size_t in_work;            /* claims of all machines */
    size_t machines;           /* members alive */
};

/*
 * One turn. On failure (ERR_UNREACHABLE, ERR_LOST, ...) nothing of it can be relied upon; the same
 * ask may be told again, also when the first one had arrived after all. *ret lasts until the next
 * turn.
 */
int shared_run_turn(struct shared_run *run, const struct shared_ask *ask,
                    const struct shared_news **ret, struct err *err) MUST_CHECK;

/*
 * Gives back all claims and ends the membership, once; the last member gives the fleet lock back.
 * `over`: all tenants and waves have ended. What cannot be told now, the lease will.
 */
void shared_run_leave(struct shared_run *run, bool over);

#endif
