/*
 * progress_words.h: how waves and servers of a run stand, in words, for the screen and for logs.
 */
#ifndef ORCHESTRATOR_PROGRESS_WORDS_H
#define ORCHESTRATOR_PROGRESS_WORDS_H

#include "common/strbuf.h"
#include "orchestrator/report_text.h"
#include "orchestrator/run.h"

/* "waiting", "soaking, 2m left", "stopped". Owned by `parent`. */
char *progress_words_wave(void *parent, const struct run_wave *wave, int64_t now_ms);
enum report_ink progress_words_wave_ink(enum run_wave_state state);

/* "up", "full", "onHold", ...: what `--events` says. Constant. */
const char *progress_words_server_state(enum schedule_server_state state);

/*
 * "replica lag 14s (max_replica_lag 10s)", "full, 12 at a time", "down, looked at again later", and
 * how many tenants wait for that. NULL: the server is up and nothing waits. Owned by `parent`.
 */
char *progress_words_server(void *parent, const struct run_server *server);
enum report_ink progress_words_server_ink(enum schedule_server_state state);

#endif
