/*
 * closing.c: the nearer of two moments, and its words.
 */
#include "orchestrator/closing.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/window.h"

static void close_with_window(const void *parent, struct run_request *request, int64_t now_ms)
{
    struct window_look look;

    if (!request->config.window.days)
        return;
    window_look_at(parent, &request->config.window, now_ms, &look);
    if (look.open && look.closes_wall_ms == 0)
        return;
    request->closes_why = "window";
    if (look.open) {
        request->closes_wall_ms = look.closes_wall_ms;
        request->closes_at = look.closes;
    } else {
        request->closes_wall_ms = now_ms;
        request->opens_at = look.opens;
        request->opens_wall_ms = look.opens_wall_ms;
    }
}

static void close_with_duration(struct run_request *request, int64_t now_ms)
{
    int64_t most_ms = request->config.max_duration_ms;

    if (most_ms == 0 || most_ms > INT64_MAX - now_ms)
        return;
    if (request->closes_wall_ms > 0 && request->closes_wall_ms <= now_ms + most_ms)
        return;
    request->closes_wall_ms = now_ms + most_ms;
    request->closes_why = "max_duration";
    request->closes_at = NULL;
}

void closing_set(const void *parent, struct run_request *request)
{
    int64_t now_ms = clock_wall_ms();

    request->closes_wall_ms = 0;
    request->closes_why = NULL;
    request->closes_at = NULL;
    request->opens_at = NULL;
    request->opens_wall_ms = 0;
    if (!job_writes(request->plan.action))
        return;
    close_with_window(parent, request, now_ms);
    close_with_duration(request, now_ms);
}

char *closing_text(const void *parent, const struct run_request *request)
{
    char *duration;
    char *text;

    if (request->opens_at)
        return mem_printf(parent, "the window is closed; it opens %s", request->opens_at);
    if (request->closes_at)
        return mem_printf(parent, "the window closed at %s", request->closes_at);
    duration = text_from_duration(NULL, request->config.max_duration_ms);
    text = mem_printf(parent, "max_duration (%s) has passed", duration);
    talloc_free(duration);
    return text;
}
