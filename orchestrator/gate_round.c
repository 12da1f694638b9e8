/*
 * gate_round.c: whom to ask, and what the answers come to.
 */
#include "orchestrator/gate_round.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum { NAMES_SHOWN = 5 }; /* tenants in the message about a gate that failed */

/* Tenants of one server that are to be asked. */
struct server_list {
    size_t server;
    const struct tenant **tenants;
    size_t count;
    size_t next; /* who is asked next */
};

struct gate_round {
    const struct gate_round_setup *setup;
    size_t group;
    const struct gate *gate;
    int64_t begin_ms;
    struct server_list *lists; /* of a query */
    size_t list_count;
    bool command_left; /* of a command */
    size_t out;
    size_t asked;
    struct run_wave_no *noes; /* owned by the result */
    size_t no_count;
    size_t no_capacity;
    struct hook_run run;
    char *problem; /* of a command; owned by the result */
};

/* --- whom to ask ------------------------------------------------------------------------- */

static bool is_asked(const struct job *job)
{
    return job->outcome == OUTCOME_MIGRATED || job->outcome == OUTCOME_CURRENT;
}

static void list_tenants(struct gate_round *round)
{
    const struct wave_group *group = &round->setup->request->waves->groups[round->group];
    size_t servers = round->setup->request->fleet->server_count;
    struct server_list *lists = mem_array(round, struct server_list, servers);
    size_t *counts = mem_array(round, size_t, servers);

    for (size_t i = 0; i < group->count; i++) {
        const struct job *job = &round->setup->result->jobs[group->jobs[i]];

        counts[job->tenant->server->index] += is_asked(job);
    }
    for (size_t i = 0; i < servers; i++) {
        lists[i].server = i;
        lists[i].tenants = mem_array(round, const struct tenant *, counts[i]);
    }
    for (size_t i = 0; i < group->count; i++) {
        const struct job *job = &round->setup->result->jobs[group->jobs[i]];
        struct server_list *list = &lists[job->tenant->server->index];

        if (is_asked(job))
            list->tenants[list->count++] = job->tenant;
    }
    talloc_free(counts);
    round->lists = lists;
    round->list_count = servers;
}

struct gate_round *gate_round_new(const void *parent, const struct gate_round_setup *setup,
                                  size_t group)
{
    struct gate_round *round = mem_new(parent, struct gate_round);

    round->setup = setup;
    round->group = group;
    round->gate = setup->request->gates[group];
    round->begin_ms = clock_now_ms();
    round->run = (struct hook_run){.point = HOOK_POINTS, .exit_code = -1};
    if (round->gate->sql)
        list_tenants(round);
    else
        round->command_left = true;
    return round;
}

/* --- asking ------------------------------------------------------------------------------ */

/* What the command finds in its environment, on top of ours. */
static void set_environment(const struct gate_round *round, struct environment *env)
{
    const struct run_request *request = round->setup->request;
    const struct run_wave *wave = &round->setup->result->waves[round->group];

    environment_set(env, "PGTIDE_HOOK", "gate");
    environment_set(env, "PGTIDE_RUN", request->plan.run_id);
    environment_set(env, "PGTIDE_OPERATION", request->operation);
    environment_set(env, "PGTIDE_WAVE", round->gate->wave->name);
    environment_set(env, "PGTIDE_GATE", wave->state == RUN_WAVE_SOAKING ? "soak" : "end");
    environment_set_number(env, "PGTIDE_TENANTS",
                           (int64_t)request->waves->groups[round->group].count);
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        char number[32];

        snprintf(number, sizeof(number), "%zu", wave->totals[outcome]);
        environment_set_named(env, "PGTIDE_TOTAL_", outcome_name(outcome), number);
    }
}

static void put(struct gate_round *round, const struct tenant *tenant)
{
    const struct gate_round_setup *setup = round->setup;
    struct gate_look *look =
        gate_look_new(round->gate, tenant, setup->request->plan.run_id, setup->cancel_fd);

    look->group = round->group;
    if (!tenant)
        set_environment(round, &look->env);
    round->out++;
    setup->put(setup->arg, look);
}

void gate_round_step(struct gate_round *round)
{
    struct schedule *schedule = round->setup->schedule;

    if (round->command_left && schedule_borrow(schedule, SCHEDULE_NO_SERVER)) {
        round->command_left = false;
        put(round, NULL);
    }
    for (size_t i = 0; i < round->list_count; i++) {
        struct server_list *list = &round->lists[i];

        while (list->next < list->count && schedule_borrow(schedule, list->server))
            put(round, list->tenants[list->next++]);
    }
}

/* --- answers ----------------------------------------------------------------------------- */

static void take_no(struct gate_round *round, const struct gate_look *look)
{
    struct run_result *result = round->setup->result;

    mem_grow(result, &round->noes, &round->no_capacity, round->no_count + 1);
    round->noes[round->no_count++] = (struct run_wave_no){
        .tenant = look->tenant,
        .answer = mem_strdup(round->noes, look->answer),
    };
}

static void take_run(struct gate_round *round, const struct gate_look *look)
{
    struct run_result *result = round->setup->result;

    round->run = look->run;
    round->run.output = look->run.output ? mem_strdup(result, look->run.output) : NULL;
    round->run.problem = look->run.problem ? mem_strdup(result, look->run.problem) : NULL;
    if (!look->yes)
        round->problem =
            mem_printf(result, "%s%s%s", look->err.message, look->err.detail ? "; " : "",
                       look->err.detail ? look->err.detail : "");
}

void gate_round_collect(struct gate_round *round, struct gate_look *look)
{
    round->out--;
    round->asked++;
    schedule_give_back(round->setup->schedule,
                       look->tenant ? look->tenant->server->index : SCHEDULE_NO_SERVER);
    if (!look->tenant)
        take_run(round, look);
    else if (!look->yes)
        take_no(round, look);
    gate_look_free(look);
}

size_t gate_round_out(const struct gate_round *round)
{
    return round->out;
}

bool gate_round_is_done(const struct gate_round *round)
{
    if (round->out > 0 || round->command_left)
        return false;
    for (size_t i = 0; i < round->list_count; i++) {
        if (round->lists[i].next < round->lists[i].count)
            return false;
    }
    return true;
}

/* --- the verdict ------------------------------------------------------------------------- */

/* "gate of wave "canary": not true on 2 of 12 tenants: store-1 (false), store-7 (NULL or no row)"
 */
static char *explain_noes(const struct gate_round *round)
{
    struct strbuf text;

    strbuf_init(&text, round->setup->result);
    strbuf_printf(&text, "%s: not true on %zu of %zu tenant%s: ", round->gate->what,
                  round->no_count, round->asked, round->asked == 1 ? "" : "s");
    for (size_t i = 0; i < round->no_count && i < NAMES_SHOWN; i++)
        strbuf_printf(&text, "%s%s (%s)", i ? ", " : "", round->noes[i].tenant->name,
                      round->noes[i].answer);
    if (round->no_count > NAMES_SHOWN)
        strbuf_printf(&text, " and %zu more", round->no_count - NAMES_SHOWN);
    return text.text;
}

static int compare_noes(const void *left, const void *right)
{
    const struct run_wave_no *a = left;
    const struct run_wave_no *b = right;

    return a->tenant->index < b->tenant->index ? -1 : a->tenant->index > b->tenant->index;
}

bool gate_round_finish(struct gate_round *round)
{
    struct run_wave *wave = &round->setup->result->waves[round->group];

    if (round->gate->sql)
        round->run.duration_ms = clock_now_ms() - round->begin_ms;
    if (round->no_count > 0) { /* in the order of the inventory, not of the answers */
        qsort(round->noes, round->no_count, sizeof(*round->noes), compare_noes);
        round->run.problem = round->problem = explain_noes(round);
    }
    wave->gate_looks++;
    wave->gate = round->run;
    wave->noes = round->noes;
    wave->no_count = round->no_count;
    wave->problem = round->problem;
    return !round->problem;
}
