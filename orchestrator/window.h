/*
 * window.h: `run.window`: may tenants be started now, until when, or when next.
 *
 * The hours are those of a clock on the wall in the window's time zone, by the time zone database.
 * On days on which that clock is changed:
 *
 *   a time that is skipped   happens at the moment of the change: the window opens, or closes, then
 *   a time that comes twice  counts the first time
 *
 * So a window may be an hour longer or shorter on such a day, and one that lies within what is
 * skipped does not open on it.
 */
#ifndef ORCHESTRATOR_WINDOW_H
#define ORCHESTRATOR_WINDOW_H

#include "common/base.h"
#include "config/fleet.h"

struct window_look {
    bool open;
    int64_t opens_wall_ms;  /* of one that is not open: when it opens next */
    int64_t closes_wall_ms; /* of one that is open; 0 = never */
    const char *opens;      /* the same for people: "Tue 2026-11-24 01:00 Europe/Berlin" */
    const char *closes;     /* "05:00 Europe/Berlin", with its day where that is not near */
};

/*
 * What the window is at `now_wall_ms`. It has days; its time zone has been checked with the fleet.
 * Windows without a break between them, as of whole days, are one. Changes TZ and restores it: on
 * the main thread, before any other is started. The texts are owned by `parent`.
 */
void window_look_at(const void *parent, const struct run_window *window, int64_t now_wall_ms,
                    struct window_look *ret);

#endif
