/*
 * ledger_replay.c: makes up a fleet, a catalog, a request and a result from the rows of a run.
 */
#include "orchestrator/ledger_replay.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strmap.h"
#include "orchestrator/ledger_catalog.h"
#include "orchestrator/ledger_options.h"
#include "orchestrator/ledger_record.h"
#include "orchestrator/ledger_tenants.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_summary.h"

#include <signal.h>

struct ledger_replay {
    const struct ledger_run *run;
    struct ledger_tenant *rows;
    size_t count;
    struct fleet fleet;
    struct settings settings;
    struct server *servers;
    const struct tenant **tenants;
    struct wave *waves;
    struct wave_plan plan;
    struct catalog *catalog;
    struct run_request request;
    struct run_result result;
};

static const struct {
    const char *operation;
    enum job_action action;
} actions[] = {
    {"migrate", JOB_MIGRATE},   {"seed", JOB_MIGRATE},  {"rollback", JOB_ROLLBACK},
    {"baseline", JOB_BASELINE}, {"repair", JOB_REPAIR},
};

static enum job_action action_of(const char *operation)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].operation, operation) == 0)
            return actions[i].action;
    }
    return JOB_MIGRATE;
}

static int free_jobs(struct ledger_replay *replay)
{
    run_result_release(&replay->result);
    return 0;
}

/* --- the fleet --------------------------------------------------------------------------- */

static const struct server *make_server(struct ledger_replay *replay, struct strmap *known,
                                        const char *name)
{
    struct server *server = strmap_get(known, name);

    if (server)
        return server;
    server = &replay->servers[replay->fleet.server_count];
    *server = (struct server){
        .name = name,
        .host = "",
        .port = "",
        .per_server = 1,
        .index = replay->fleet.server_count++,
    };
    strmap_add(known, name, server);
    return server;
}

static void make_fleet(struct ledger_replay *replay)
{
    const struct ledger_run *run = replay->run;
    size_t whole = (size_t)run->fleet_tenants;
    struct tenant *tenants =
        mem_array(replay, struct tenant, whole > replay->count ? whole : replay->count);
    struct strmap *known = strmap_new(replay);

    replay->servers = mem_array(replay, struct server, replay->count);
    replay->tenants = mem_array(replay, const struct tenant *, replay->count);
    replay->settings.retry.attempts = 1;
    for (size_t i = 0; i < replay->count; i++) {
        const struct ledger_tenant *row = &replay->rows[i];

        tenants[i] = (struct tenant){
            .name = row->name,
            .index = i,
            .server = make_server(replay, known, row->server),
            .database = row->database,
            .schema = row->schema,
            .history_schema = row->schema ? row->schema : "public",
            .settings = &replay->settings,
        };
        replay->tenants[i] = &tenants[i];
    }
    replay->fleet.file = run->fleet_file;
    replay->fleet.directory = "";
    replay->fleet.servers = replay->servers;
    replay->fleet.tenants = tenants;
    replay->fleet.tenant_count = whole;
    replay->fleet.fingerprint = mem_strdup(replay, run->fingerprint);
}

/* --- the waves --------------------------------------------------------------------------- */

/* A group's list, by the order in it. */
static void place_job(struct wave_group *group, const struct ledger_tenant *row, size_t *jobs)
{
    if ((size_t)row->wave_order < group->count)
        jobs[row->wave_order] = (size_t)row->tenant;
}

static void make_groups(struct ledger_replay *replay, size_t count)
{
    size_t *group_of = mem_array(replay, size_t, replay->count);

    for (size_t i = 0; i < replay->count; i++) {
        size_t group = (size_t)replay->rows[i].wave;

        group_of[i] = group < count ? group : 0;
        replay->plan.groups[group_of[i]].count++;
    }
    for (size_t group = 0; group < count; group++) {
        struct wave_group *target = &replay->plan.groups[group];
        size_t *jobs = mem_array(replay, size_t, target->count);

        for (size_t i = 0; i < replay->count; i++) {
            if (group_of[i] == group)
                place_job(target, &replay->rows[i], jobs);
        }
        target->jobs = jobs;
    }
    replay->plan.group_of = group_of;
}

static void make_waves(struct ledger_replay *replay, const struct ledger_wave *rows, size_t count)
{
    replay->waves = mem_array(replay, struct wave, count);
    replay->plan.groups = mem_array(replay, struct wave_group, count);
    replay->plan.group_count = count;
    replay->plan.dealt = replay->count;
    replay->plan.given = true;
    replay->plan.tenants = replay->tenants;
    replay->result.waves = mem_array(replay, struct run_wave, count);
    replay->result.wave_count = count;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].name) {
            replay->waves[i].name = rows[i].name;
            replay->plan.groups[i].wave = &replay->waves[i];
            replay->fleet.run.wave_count = count;
        }
        ledger_record_to_wave(replay, &rows[i], &replay->result.waves[i]);
    }
    replay->fleet.run.waves = replay->waves;
    make_groups(replay, count);
    replay->request.waves = &replay->plan;
}

/* --- what came of it --------------------------------------------------------------------- */

/* Of a run that has no end: it broke off, or goes on still. */
static void explain_rest(const struct ledger_replay *replay, struct job *job,
                         enum ledger_state state)
{
    bool alive = replay->run->alive;

    if (state == LEDGER_READY) {
        err_set(&job->err, ERR_CANCELLED, "not started %s",
                alive ? "yet" : "when the run broke off");
        job->outcome = OUTCOME_CANCELLED;
        return;
    }
    err_set(&job->err, ERR_LOST, alive ? "in work" : "in work when the run broke off");
    job->outcome = OUTCOME_UNKNOWN;
}

static void make_jobs(struct ledger_replay *replay)
{
    struct run_result *result = &replay->result;

    result->jobs = mem_array(replay, struct job, replay->count);
    result->job_count = replay->count;
    for (size_t i = 0; i < replay->count; i++) {
        struct job *job = &result->jobs[i];

        job_init(job, &replay->request.plan, replay->tenants[i]);
        ledger_record_to_job(&replay->rows[i], job);
        if (job->outcome == OUTCOME_NONE)
            explain_rest(replay, job, replay->rows[i].state);
        result->totals[job->outcome]++;
    }
}

/* The last thing known of a run that broke off. */
static int64_t last_moment(const struct ledger_replay *replay)
{
    int64_t last_ms = replay->run->started_ms;

    for (size_t i = 0; i < replay->count; i++) {
        const struct ledger_tenant *row = &replay->rows[i];
        int64_t ended_ms = row->started_ms + (row->duration_ms > 0 ? row->duration_ms : 0);

        if (ended_ms > last_ms)
            last_ms = ended_ms;
    }
    return last_ms;
}

static void break_off(struct ledger_replay *replay)
{
    struct run_result *result = &replay->result;

    result->signal = SIGKILL;
    result->finished_wall_ms = replay->run->alive ? clock_wall_ms() : last_moment(replay);
    result->duration_ms = result->finished_wall_ms - result->started_wall_ms;
}

/* --- all of it --------------------------------------------------------------------------- */

static int read_rows(struct ledger_replay *replay, struct ledger_db *db, struct ledger_wave **waves,
                     size_t *wave_count, struct err *err)
{
    const char *document;

    if (ledger_tenants_read(replay, db, replay->run->id, &replay->rows, &replay->count, err) < 0 ||
        ledger_tenants_waves(replay, db, replay->run->id, waves, wave_count, err) < 0 ||
        ledger_get_document(replay, db, replay->run->catalog, &document, err) < 0)
        return -1;
    return ledger_catalog_read(replay, document, &replay->catalog, err);
}

static void make_request(struct ledger_replay *replay)
{
    const struct ledger_run *run = replay->run;

    replay->request.operation = run->operation;
    replay->request.origin = run->origin;
    replay->request.origin_kind = run->origin_kind;
    replay->request.fleet = &replay->fleet;
    replay->request.tenants = replay->tenants;
    replay->request.tenant_count = replay->count;
    replay->request.halts = true;
    replay->request.plan.action = action_of(run->operation);
    replay->request.plan.catalog = replay->catalog;
    replay->request.plan.run_id = run->id;
    replay->request.plan.cancel_fd = -1;
    ledger_options_plan(replay, run->options, &replay->request.plan);
}

int ledger_replay_load(void *parent, struct ledger_db *db, const struct ledger_run *run,
                       struct ledger_replay **ret, struct err *err)
{
    struct ledger_replay *replay = mem_new(parent, struct ledger_replay);
    struct ledger_wave *waves;
    size_t wave_count;

    replay->run = run;
    if (read_rows(replay, db, &waves, &wave_count, err) < 0) {
        talloc_free(replay);
        return -1;
    }
    make_fleet(replay);
    if (wave_count > 0)
        make_waves(replay, waves, wave_count);
    make_request(replay);
    make_jobs(replay);
    talloc_set_destructor(replay, free_jobs);
    ledger_record_to_result(replay, run, &replay->request,
                            mem_array(replay, struct run_server, replay->fleet.server_count),
                            &replay->result);
    if (!run->ended)
        break_off(replay);
    *ret = replay;
    return 0;
}

void ledger_replay_report(const struct ledger_replay *replay, struct report *ret)
{
    const struct ledger_run *run = replay->run;

    report_init(ret, &replay->request, &replay->result,
                run->ended ? (int)run->exit_code : 128 + SIGKILL);
    ret->as_text = replay->request.plan.action == JOB_REPAIR ? report_repair : report_summary;
    ret->suspended = (size_t)run->suspended;
    ret->recorded = true;
    ret->going = run->alive;
    snprintf(ret->host, sizeof(ret->host), "%s", run->host);
}
