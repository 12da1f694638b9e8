/*
 * scripted_run.h: a run by the real coordinator and real threads, with attempts that follow a
 * script instead of asking a server.
 *
 * A tenant's script is its `database`: words by attempt, the last one for all further attempts:
 * "unreachable unreachable migrated". Words: current migrated sql transient unreachable lost (after
 * changes were sent) locked held cancelled; deadline (takes 20 ms); slow, slower (20 or 400 ms,
 * then migrated); sigint, sigterm, sighup (sends itself that signal, waits 300 ms for the
 * cancellation, then migrated).
 */
#ifndef TESTS_SCRIPTED_RUN_H
#define TESTS_SCRIPTED_RUN_H

#include "orchestrator/coordinator.h"
#include "tests/unit/orchestrator/made_fleet.h"

enum { SCRIPTED_SERVERS = 8 };

struct scripted_run {
    struct made_fleet made;
    struct run_result *result;
    /* seen by the observer, on the main thread */
    int started, finished, job_starts, job_retries, job_ends, halts, signals, last_signal, ticks;
    int ends_after_halt;
    bool wrong;    /* an observer was called when or as it should not be */
    char *order;   /* names of the jobs in the order of their starts: "t0 t1 " */
    char *waves;   /* steps of the waves, without looks of gates: "canary:open canary:passed " */
    char *servers; /* the same of servers, with the number of the state: "s0:6 " */
};

void scripted_run_init(struct scripted_run *run, size_t servers, size_t tenants, int per_server,
                       const char *script);
void scripted_run_script(struct scripted_run *run, size_t tenant, const char *script);
/* Deals the tenants out to these waves (wave_plan.h); their gates run in /. */
void scripted_run_waves(struct scripted_run *run, const struct wave *waves, size_t count);
void scripted_run_go(struct scripted_run *run); /* fails the test if it cannot run */
void scripted_run_release(struct scripted_run *run);

/* The most attempts that were under way at once on a server, or on all of them (-1). */
int scripted_run_most(int server);

/* While false every attempt on the server is refused. */
void scripted_run_answers(int server, bool answers);

#endif
