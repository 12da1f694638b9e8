/*
 * schedule_slots.h: what the schedule knows of one server: how much of it is taken, whether it
 * answers, and so whether it may start a tenant. schedule.h says what the rules are; here they are
 * as far as they concern one server alone.
 */
#ifndef ORCHESTRATOR_SCHEDULE_SLOTS_H
#define ORCHESTRATOR_SCHEDULE_SLOTS_H

#include "common/base.h"
#include "orchestrator/schedule.h"
#include "orchestrator/schedule_list.h"

#define SCHEDULE_NONE SCHEDULE_LIST_END

enum schedule_reach {
    REACH_UP,     /* may be doubtful: refused_in_row > 0 */
    REACH_DOWN,   /* parked, until nothing else is left to do in some wave */
    REACH_PROBED, /* one tenant at a time, to see whether it answers */
    REACH_LOST,
};

struct schedule_slots {
    enum schedule_reach reach; /* changed by schedule.c, which has to move tenants then */
    bool looked_again; /* it has been REACH_PROBED since a wave with tenants on it was opened */
    bool on_hold;
    bool left_out; /* schedule.c gives up its tenants, so none is there to start */
    size_t probe;  /* the tenant in work that is the second look, or SCHEDULE_NONE */
    size_t full;   /* the tenant that was refused as the server is full, and waits; likewise */
    size_t cap;    /* as it is now */
    size_t most;   /* as configured */
    size_t good;   /* tenants that have ended well with this cap */
    size_t in_work;
    size_t waiting; /* for a retry */
    int64_t refused_in_row;
    size_t first_lane; /* schedule.c's */
};

void schedule_slots_init(struct schedule_slots *slots);

/* Is a place free for one more of ours, as far as caps and holds go? */
bool schedule_slots_has_place(const struct schedule_slots *slots);

/* One of ours has left, and its connection. */
void schedule_slots_free(struct schedule_slots *slots);

/* May it start a tenant now, one that is due for its retry or (`due` false) a fresh one? */
bool schedule_slots_may_start(const struct schedule_slots *slots, bool due);

/* A tenant starts here. */
void schedule_slots_start(struct schedule_slots *slots, size_t job);

/*
 * A tenant in work came back, for good or not. The reach that follows, for schedule.c to change to.
 * schedule_slots_came_back() comes first in both cases; a tenant that ended is told to
 * schedule_slots_ended(), too, with the attempts that it had at most, and `probe`: it was one.
 */
enum schedule_reach schedule_slots_came_back(struct schedule_slots *slots, size_t job,
                                             enum schedule_contact contact);
enum schedule_reach schedule_slots_ended(const struct schedule_slots *slots,
                                         enum schedule_contact contact, bool probe, int attempts);

/* One more tenant has ended well here: a cap that was lowered may grow. */
void schedule_slots_grow(struct schedule_slots *slots);

enum schedule_server_state schedule_slots_state(const struct schedule_slots *slots);

#endif
