/*
 * progress_words.c: how waves and servers of a run stand, in words.
 */
#include "orchestrator/progress_words.h"

#include "common/mem.h"
#include "orchestrator/progress_bar.h"
#include "orchestrator/report_waves.h"

char *progress_words_wave(void *parent, const struct run_wave *wave, int64_t now_ms)
{
    if (wave->state != RUN_WAVE_SOAKING || wave->soak_until_ms <= now_ms)
        return mem_strdup(parent, report_waves_state(wave->state));
    return mem_printf(parent, "soaking %s left",
                      progress_bar_time(parent, wave->soak_until_ms - now_ms));
}

enum report_ink progress_words_wave_ink(enum run_wave_state state)
{
    switch (state) {
    case RUN_WAVE_PASSED:
        return INK_GOOD;
    case RUN_WAVE_STOPPED:
        return INK_BAD;
    case RUN_WAVE_CONFIRMING:
    case RUN_WAVE_SOAKING:
    case RUN_WAVE_GATED:
        return INK_WARN;
    default:
        return INK_OFF;
    }
}

const char *progress_words_server_state(enum schedule_server_state state)
{
    static const char *const words[] = {
        [SCHEDULE_SERVER_UP] = "up",
        [SCHEDULE_SERVER_DOUBTFUL] = "doubtful",
        [SCHEDULE_SERVER_FULL] = "full",
        [SCHEDULE_SERVER_ON_HOLD] = "onHold",
        [SCHEDULE_SERVER_DOWN] = "down",
        [SCHEDULE_SERVER_LOST] = "lost",
        [SCHEDULE_SERVER_LEFT_OUT] = "leftOut",
    };

    return words[state];
}

char *progress_words_server(void *parent, const struct run_server *server)
{
    const struct schedule_server *schedule = &server->schedule;
    char *waiting = schedule->left == 0 ? mem_strdup(parent, "")
                    : schedule->left == 1
                        ? mem_strdup(parent, ", 1 tenant waits")
                        : mem_printf(parent, ", %zu tenants wait", schedule->left);

    switch (schedule->state) {
    case SCHEDULE_SERVER_UP:
        break;
    case SCHEDULE_SERVER_DOUBTFUL:
        return mem_printf(parent, "does not answer, tried again%s", waiting);
    case SCHEDULE_SERVER_FULL:
        return mem_printf(parent, "full, %zu at a time%s", schedule->cap, waiting);
    case SCHEDULE_SERVER_ON_HOLD:
        return mem_printf(parent, "%s%s", server->waits_for ? server->waits_for : "on hold",
                          waiting);
    case SCHEDULE_SERVER_DOWN:
        return mem_printf(parent, "down, looked at again later%s", waiting);
    case SCHEDULE_SERVER_LOST:
        return mem_strdup(parent, "down, its tenants are given up");
    case SCHEDULE_SERVER_LEFT_OUT:
        if (server->blind)
            return mem_printf(parent, "left out, as it cannot be watched: %s", server->blind);
        return mem_printf(parent, "left out after %s (max_failures)",
                          report_text_count(parent, (size_t)server->failures, "failure"));
    }
    return NULL;
}

enum report_ink progress_words_server_ink(enum schedule_server_state state)
{
    switch (state) {
    case SCHEDULE_SERVER_DOWN:
    case SCHEDULE_SERVER_LOST:
    case SCHEDULE_SERVER_LEFT_OUT:
        return INK_BAD;
    case SCHEDULE_SERVER_DOUBTFUL:
    case SCHEDULE_SERVER_FULL:
    case SCHEDULE_SERVER_ON_HOLD:
        return INK_WARN;
    default:
        return INK_OFF;
    }
}
