/*
 * window.c: from hours on a wall to moments.
 *
 * DESIGN. A local time is kept as the seconds that timegm(3) makes of it ("as if it were UTC").
 * mktime(3) leaves open what it makes of a time that is skipped or comes twice, so the way back is
 * made here: with the offsets of the day before and the day after, either of them gives a moment
 * that shows the wanted time, or it is skipped and the moment of the change lies between the two.
 */
#include "orchestrator/window.h"

#include "common/mem.h"

#include <time.h>

enum {
    DAY_S = 24 * 60 * 60,
    DAYS_BEHIND = 2, /* a window of the day before may be open still; a zone may skip a day */
    DAYS_AHEAD = 16, /* from one that does not open on the day of a change to that a week later */
};

/* Moments in seconds since 1970. */
struct interval {
    int64_t opens;
    int64_t closes;
};

/* --- local time, in the zone that TZ names -------------------------------------------------- */

static int64_t offset_at(int64_t moment)
{
    time_t seconds = (time_t)moment;
    struct tm parts;

    localtime_r(&seconds, &parts);
    return parts.tm_gmtoff;
}

/* The first moment behind `before` at which the offset is no longer that of `before`; it is at
 * `after`. */
static int64_t moment_of_change(int64_t before, int64_t after)
{
    int64_t offset = offset_at(before);

    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;

        if (offset_at(middle) == offset)
            before = middle;
        else
            after = middle;
    }
    return after;
}

/* The first moment at which clocks show `local`, or have just been put beyond it. */
static int64_t moment_of(int64_t local)
{
    int64_t offset_before = offset_at(local - DAY_S);
    int64_t offset_after = offset_at(local + DAY_S);
    int64_t by_before = local - offset_before;
    int64_t by_after = local - offset_after;
    bool good_before = offset_at(by_before) == offset_before;
    bool good_after = offset_at(by_after) == offset_after;

    if (good_before && good_after)
        return by_before < by_after ? by_before : by_after;
    if (good_before || good_after)
        return good_before ? by_before : by_after;
    return moment_of_change(by_after, by_before); /* clocks go forward: the latter is later */
}

static char *time_text(const void *parent, const char *zone, int64_t moment, bool with_day)
{
    time_t seconds = (time_t)moment;
    struct tm parts;
    char text[64];

    localtime_r(&seconds, &parts);
    if (with_day)
        strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M", &parts);
    else
        strftime(text, sizeof(text), "%H:%M", &parts);
    return mem_printf(parent, "%s %s", text, zone ? zone : parts.tm_zone);
}

/* --- days ------------------------------------------------------------------------------------- */

/* The window of one day (since 1970, in local time). False: it does not open on it. */
static bool interval_of(const struct run_window *window, int64_t day, struct interval *ret)
{
    int64_t weekday = (day + 4) % 7; /* 1970 began on a Thursday */
    int64_t to_day = window->to_minute > window->from_minute ? day : day + 1;

    if (!(window->days & 1u << weekday))
        return false;
    ret->opens = moment_of(day * DAY_S + window->from_minute * 60);
    ret->closes = moment_of(to_day * DAY_S + window->to_minute * 60);
    return ret->opens < ret->closes;
}

/* The interval that `now` is in, or the next one; what joins on to it is part of it. */
static bool find(const struct run_window *window, int64_t now, struct interval *ret,
                 bool *ret_endless)
{
    int64_t today = (now + offset_at(now)) / DAY_S;
    bool found = false;
    struct interval next;

    *ret_endless = false;
    for (int64_t day = today - DAYS_BEHIND; day <= today + DAYS_AHEAD; day++) {
        bool opens = interval_of(window, day, &next);

        if (found && (!opens || next.opens > ret->closes))
            return true;
        if (!opens || next.closes <= now)
            continue;
        if (!found)
            *ret = next;
        ret->closes = next.closes;
        found = true;
    }
    *ret_endless = found;
    return found;
}

static void look(const void *parent, const struct run_window *window, int64_t now,
                 struct window_look *ret)
{
    struct interval interval = {0};
    bool endless;

    *ret = (struct window_look){.opens = "never", .closes = "never"};
    if (!find(window, now, &interval, &endless))
        return;
    ret->open = interval.opens <= now;
    if (!ret->open) {
        ret->opens_wall_ms = interval.opens * 1000;
        ret->opens = time_text(parent, window->timezone, interval.opens, true);
    }
    if (ret->open && !endless) {
        ret->closes_wall_ms = interval.closes * 1000;
        ret->closes =
            time_text(parent, window->timezone, interval.closes, interval.closes - now >= DAY_S);
    }
}

void window_look_at(const void *parent, const struct run_window *window, int64_t now_wall_ms,
                    struct window_look *ret)
{
    void *mem = mem_context(NULL);
    const char *given = getenv("TZ");
    char *before = given ? mem_strdup(mem, given) : NULL;

    if (window->timezone)
        setenv("TZ", mem_printf(mem, ":%s", window->timezone), 1);
    tzset();
    look(parent, window, now_wall_ms / 1000, ret);
    if (before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    talloc_free(mem);
}
