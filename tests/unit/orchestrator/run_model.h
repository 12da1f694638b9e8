/*
 * run_model.h: the rules of schedule.h and budget.h, as simple as can be: every question is
 * answered by looking at every tenant. For test_model.c, which compares the real thing with it.
 *
 * Functions that return text check something that the real thing did: NULL means that it is right,
 * else it is what is wrong.
 */
#ifndef TESTS_RUN_MODEL_H
#define TESTS_RUN_MODEL_H

#include "orchestrator/budget.h"
#include "orchestrator/run.h"
#include "orchestrator/schedule.h"

enum { MODEL_SERVERS = 3, MODEL_WAVES = 3, MODEL_TENANTS = 12 };

enum model_place {
    PLACE_AWAY, /* not claimed yet */
    PLACE_FRESH,
    PLACE_IN_WORK,
    PLACE_WAITING,
    PLACE_DUE,
    PLACE_GIVEN_UP, /* and not told yet */
    PLACE_BACK,     /* came back for good, or was given up; not ended yet */
    PLACE_ENDED,
};

enum model_reach { MODEL_UP, MODEL_DOWN, MODEL_PROBED, MODEL_LOST };

struct model_tenant {
    enum model_place place;
    size_t wave;
    size_t server;
    int64_t turn;  /* fresh ones of a wave on a server start in this order */
    int64_t at_ms; /* when its retry is due */
    enum schedule_given_up why;
    enum outcome outcome;
};

struct model_server {
    enum model_reach reach;
    bool looked_again, hold, left_out;
    size_t probe, full; /* SIZE_MAX: none */
    int cap, most, good;
    int borrowed;
    int refused_in_row;
};

struct model_wave {
    bool open;
    int workers, limit, good, per_server;
};

struct model {
    const struct run_request *request;
    struct model_tenant tenants[MODEL_TENANTS];
    size_t tenant_count;
    struct model_server servers[MODEL_SERVERS];
    struct model_wave waves[MODEL_WAVES];
    size_t wave_count;
    int workers;
    int borrowed; /* in total */
    bool more;
    bool draining;
    int64_t turns;
};

void model_init(struct model *model, const struct run_request *request,
                const struct schedule_setup *setup);

/* --- what happens, told before the real thing is --- */
void model_open(struct model *model, size_t wave);
void model_add(struct model *model, size_t job);
void model_expect_more(struct model *model, bool more);
void model_hold(struct model *model, size_t server, bool hold);
void model_leave_out(struct model *model, size_t server);
void model_ended(struct model *model, size_t job, enum schedule_contact contact, bool good);
void model_retry(struct model *model, size_t job, enum schedule_contact contact, int64_t at_ms);

/* To be called before every schedule_next(). */
void model_prepare(struct model *model, int64_t now_ms);

/* --- what the real thing did --- */
const char *model_started(struct model *model, size_t job);
const char *model_idle(const struct model *model); /* schedule_next() said false */
const char *model_given_up(struct model *model, size_t job, enum schedule_given_up why);
const char *model_none_given_up(const struct model *model);
const char *model_borrowed(struct model *model, size_t server, bool given);
void model_gave_back(struct model *model, size_t server);
const char *model_look(const struct model *model, size_t server,
                       const struct schedule_server *look);

/* A tenant ended. Compares result->halt and left_out with what the budgets say now. */
const char *model_end(struct model *model, size_t job, const struct run_result *result);

bool model_is_probe(const struct model *model, size_t job);
bool model_is_crowded(const struct model *model, size_t job);
int model_in_work(const struct model *model); /* tenants */

#endif
