/*
 * schedule_slots.c: the rules of one server.
 */
#include "orchestrator/schedule_slots.h"

void schedule_slots_init(struct schedule_slots *slots)
{
    *slots = (struct schedule_slots){
        .probe = SCHEDULE_NONE,
        .full = SCHEDULE_NONE,
        .first_lane = SCHEDULE_NONE,
    };
}

bool schedule_slots_has_place(const struct schedule_slots *slots)
{
    return !slots->on_hold && slots->full == SCHEDULE_NONE && slots->in_work < slots->cap;
}

void schedule_slots_free(struct schedule_slots *slots)
{
    slots->in_work--;
    slots->full = SCHEDULE_NONE;
}

bool schedule_slots_may_start(const struct schedule_slots *slots, bool due)
{
    bool alone = slots->in_work == 0 && slots->waiting == 0;

    if (!schedule_slots_has_place(slots))
        return false;
    switch (slots->reach) {
    case REACH_UP:
        return slots->refused_in_row == 0 || alone || due;
    case REACH_PROBED:
        return slots->in_work == 0;
    case REACH_DOWN:
    case REACH_LOST:
        break;
    }
    return false;
}

void schedule_slots_start(struct schedule_slots *slots, size_t job)
{
    slots->in_work++;
    if (slots->reach == REACH_PROBED)
        slots->probe = job;
}

/* What else is in work, never more than the cap, is what it can hold. No place has become free. */
static void refused_as_full(struct schedule_slots *slots)
{
    slots->in_work--;
    slots->cap = slots->in_work > 0 ? slots->in_work : 1;
    slots->good = 0;
}

enum schedule_reach schedule_slots_came_back(struct schedule_slots *slots, size_t job,
                                             enum schedule_contact contact)
{
    if (slots->probe == job)
        slots->probe = SCHEDULE_NONE;
    if (contact == CONTACT_FULL)
        refused_as_full(slots);
    else
        schedule_slots_free(slots);
    if (contact == CONTACT_REFUSED)
        slots->refused_in_row++;
    if (contact == CONTACT_REFUSED || contact == CONTACT_SILENT)
        return slots->reach;
    slots->refused_in_row = 0;
    return REACH_UP;
}

enum schedule_reach schedule_slots_ended(const struct schedule_slots *slots,
                                         enum schedule_contact contact, bool probe, int attempts)
{
    if (contact != CONTACT_REFUSED)
        return slots->reach;
    if (probe)
        return REACH_LOST;
    if (slots->reach == REACH_UP && slots->refused_in_row >= attempts)
        return slots->looked_again ? REACH_LOST : REACH_DOWN;
    return slots->reach;
}

void schedule_slots_grow(struct schedule_slots *slots)
{
    if (slots->cap == slots->most || ++slots->good < slots->cap)
        return;
    slots->cap++;
    slots->good = 0;
}

enum schedule_server_state schedule_slots_state(const struct schedule_slots *slots)
{
    if (slots->left_out)
        return SCHEDULE_SERVER_LEFT_OUT;
    if (slots->reach == REACH_LOST)
        return SCHEDULE_SERVER_LOST;
    if (slots->reach != REACH_UP)
        return SCHEDULE_SERVER_DOWN;
    if (slots->on_hold)
        return SCHEDULE_SERVER_ON_HOLD;
    if (slots->cap < slots->most)
        return SCHEDULE_SERVER_FULL;
    return slots->refused_in_row > 0 ? SCHEDULE_SERVER_DOUBTFUL : SCHEDULE_SERVER_UP;
}
