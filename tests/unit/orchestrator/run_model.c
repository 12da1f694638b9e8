/*
 * run_model.c: counting by looking at everybody.
 */
#include "tests/unit/orchestrator/run_model.h"

#define ANY SIZE_MAX

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

void model_init(struct model *model, const struct run_request *request,
                const struct schedule_setup *setup)
{
    const struct wave_plan *plan = setup->waves;

    *model = (struct model){.request = request,
                            .tenant_count = setup->tenant_count,
                            .wave_count = plan ? plan->group_count : 1,
                            .workers = setup->workers,
                            .more = setup->claims};
    for (size_t i = 0; i < setup->server_count; i++) {
        int most =
            setup->per_server > 0 ? setup->per_server : request->fleet->servers[i].per_server;

        model->servers[i] =
            (struct model_server){.probe = SIZE_MAX, .full = SIZE_MAX, .cap = most, .most = most};
    }
    for (size_t i = 0; i < model->wave_count; i++) {
        const struct wave *rules = plan ? plan->groups[i].wave : NULL;
        int workers =
            rules && rules->workers ? smaller(rules->workers, model->workers) : model->workers;
        bool ramps_up = rules ? rules->ramp_up : setup->ramp_up;

        model->waves[i] =
            (struct model_wave){.workers = workers,
                                .limit = ramps_up ? 1 : workers,
                                .per_server = rules && rules->per_server ? rules->per_server : 99};
    }
    for (size_t i = 0; i < setup->tenant_count; i++) {
        model->tenants[i].server = setup->tenants[i]->server->index;
        model->tenants[i].wave = plan ? plan->group_of[i] : 0;
        model->tenants[i].turn = model->turns++;
        model->tenants[i].place = setup->claims ? PLACE_AWAY : PLACE_FRESH;
    }
}

/* --- counting ---------------------------------------------------------------------------- */

/* Tenants of this wave on this server (or any) in this place. */
static int count(const struct model *model, enum model_place place, size_t wave, size_t server)
{
    int found = 0;

    for (size_t i = 0; i < model->tenant_count; i++) {
        const struct model_tenant *tenant = &model->tenants[i];

        found += tenant->place == place && (wave == ANY || tenant->wave == wave) &&
                 (server == ANY || tenant->server == server);
    }
    return found;
}

static int queued(const struct model *model, size_t wave, size_t server)
{
    return count(model, PLACE_FRESH, wave, server) + count(model, PLACE_DUE, wave, server);
}

int model_in_work(const struct model *model)
{
    return count(model, PLACE_IN_WORK, ANY, ANY);
}

/* What is ours on a server: tenants in work and places lent. */
static int ours_on(const struct model *model, size_t server)
{
    return count(model, PLACE_IN_WORK, ANY, server) + model->servers[server].borrowed;
}

static bool has_place(const struct model *model, size_t server)
{
    const struct model_server *at = &model->servers[server];

    return !at->hold && at->full == SIZE_MAX && ours_on(model, server) < at->cap;
}

/* --- what happens ------------------------------------------------------------------------ */

/* Tenants that cannot be started any more are given up. */
static void settle(struct model *model)
{
    for (size_t i = 0; i < model->tenant_count; i++) {
        struct model_tenant *tenant = &model->tenants[i];
        const struct model_server *server = &model->servers[tenant->server];
        bool lost = server->reach == MODEL_LOST && model->waves[tenant->wave].open;

        if (tenant->place != PLACE_FRESH && tenant->place != PLACE_DUE)
            continue;
        if (!server->left_out && !lost)
            continue;
        tenant->place = PLACE_GIVEN_UP;
        tenant->why = server->left_out ? GIVEN_UP_SERVER_LEFT_OUT : GIVEN_UP_SERVER_LOST;
    }
}

void model_open(struct model *model, size_t wave)
{
    model->waves[wave].open = true;
    for (size_t i = 0; i < model->tenant_count; i++) {
        struct model_server *server = &model->servers[model->tenants[i].server];

        if (model->tenants[i].wave != wave)
            continue;
        server->looked_again = false;
        if (server->reach == MODEL_LOST)
            server->reach = MODEL_DOWN;
    }
}

void model_add(struct model *model, size_t job)
{
    model->tenants[job].place = PLACE_FRESH;
    model->tenants[job].turn = model->turns++;
    settle(model);
}

void model_expect_more(struct model *model, bool more)
{
    model->more = more;
}

void model_hold(struct model *model, size_t server, bool hold)
{
    model->servers[server].hold = hold;
}

void model_leave_out(struct model *model, size_t server)
{
    model->servers[server].left_out = true;
    settle(model);
}

/* What an attempt that came back says about its server. */
static void learn(struct model *model, size_t job, enum schedule_contact contact)
{
    struct model_server *server = &model->servers[model->tenants[job].server];

    if (server->probe == job)
        server->probe = SIZE_MAX;
    if (contact == CONTACT_FULL) {
        int others = ours_on(model, model->tenants[job].server) - 1;

        server->cap = smaller(server->cap, others > 1 ? others : 1);
        server->good = 0;
    } else {
        server->full = SIZE_MAX;
    }
    if (contact == CONTACT_REFUSED)
        server->refused_in_row++;
    if (contact == CONTACT_ANSWERED || contact == CONTACT_FULL) {
        server->refused_in_row = 0;
        server->reach = MODEL_UP;
    }
}

static void grow(struct model *model, size_t job)
{
    struct model_server *server = &model->servers[model->tenants[job].server];
    struct model_wave *wave = &model->waves[model->tenants[job].wave];

    if (wave->limit < wave->workers && ++wave->good == wave->limit) {
        wave->limit = smaller(2 * wave->limit, wave->workers);
        wave->good = 0;
    }
    if (server->cap < server->most && ++server->good == server->cap) {
        server->cap++;
        server->good = 0;
    }
}

void model_ended(struct model *model, size_t job, enum schedule_contact contact, bool good)
{
    struct model_server *server = &model->servers[model->tenants[job].server];
    bool probe = server->probe == job;

    learn(model, job, contact);
    model->tenants[job].place = PLACE_BACK;
    if (contact == CONTACT_REFUSED && probe)
        server->reach = MODEL_LOST;
    else if (contact == CONTACT_REFUSED && server->reach == MODEL_UP &&
             server->refused_in_row >= model->request->tenants[job]->settings->retry.attempts)
        server->reach = server->looked_again ? MODEL_LOST : MODEL_DOWN;
    if (good)
        grow(model, job);
    settle(model);
}

void model_retry(struct model *model, size_t job, enum schedule_contact contact, int64_t at_ms)
{
    learn(model, job, contact);
    model->tenants[job].place = PLACE_WAITING;
    model->tenants[job].at_ms = at_ms;
    if (contact == CONTACT_FULL)
        model->servers[model->tenants[job].server].full = job;
}

/* Has a wave nothing left to do but on servers that are down? */
static bool is_at_its_end(const struct model *model, size_t wave)
{
    int parked = 0;

    for (size_t server = 0; server < MODEL_SERVERS; server++) {
        if (model->servers[server].reach == MODEL_DOWN)
            parked += queued(model, wave, server);
    }
    return model->waves[wave].open && count(model, PLACE_IN_WORK, wave, ANY) == 0 &&
           count(model, PLACE_WAITING, wave, ANY) == 0 && parked == queued(model, wave, ANY);
}

void model_prepare(struct model *model, int64_t now_ms)
{
    for (size_t i = 0; i < model->tenant_count; i++) {
        struct model_tenant *tenant = &model->tenants[i];
        struct model_server *server = &model->servers[tenant->server];

        if (tenant->place != PLACE_WAITING || tenant->at_ms > now_ms)
            continue;
        tenant->place = PLACE_DUE;
        if (server->full == i)
            server->full = SIZE_MAX;
    }
    settle(model);
    if (model->more || model_in_work(model) + model->borrowed >= model->workers)
        return;
    for (size_t wave = 0; wave < model->wave_count; wave++) {
        bool at_its_end = is_at_its_end(model, wave);

        for (size_t server = 0; server < MODEL_SERVERS && at_its_end; server++) {
            struct model_server *probed = &model->servers[server];

            if (probed->reach != MODEL_DOWN || queued(model, wave, server) == 0)
                continue;
            probed->reach = MODEL_PROBED;
            probed->looked_again = true;
        }
    }
}

/* --- what may be ------------------------------------------------------------------------- */

static bool server_may_start(const struct model *model, const struct model_tenant *tenant)
{
    const struct model_server *server = &model->servers[tenant->server];
    bool alone = ours_on(model, tenant->server) == 0 &&
                 count(model, PLACE_WAITING, ANY, tenant->server) == 0;

    if (!has_place(model, tenant->server))
        return false;
    if (server->reach == MODEL_PROBED)
        return ours_on(model, tenant->server) == 0;
    return server->reach == MODEL_UP &&
           (server->refused_in_row == 0 || alone || tenant->place == PLACE_DUE);
}

/* Those of the same wave and server whose retry is due go first, then the fresh ones in order. */
static bool is_first(const struct model *model, size_t job)
{
    const struct model_tenant *tenant = &model->tenants[job];

    for (size_t i = 0; i < model->tenant_count; i++) {
        const struct model_tenant *other = &model->tenants[i];

        if (i == job || other->wave != tenant->wave || other->server != tenant->server)
            continue;
        if (tenant->place == PLACE_FRESH &&
            (other->place == PLACE_DUE ||
             (other->place == PLACE_FRESH && other->turn < tenant->turn)))
            return false;
        if (tenant->place == PLACE_DUE && other->place == PLACE_DUE &&
            (other->at_ms < tenant->at_ms || (other->at_ms == tenant->at_ms && i < job)))
            return false;
    }
    return true;
}

static const char *why_not(const struct model *model, size_t job)
{
    const struct model_tenant *tenant = &model->tenants[job];
    const struct model_wave *wave = &model->waves[tenant->wave];

    if (tenant->place != PLACE_FRESH && tenant->place != PLACE_DUE)
        return "a tenant that is not to be started";
    if (model->draining)
        return "a start while the run drains";
    if (!wave->open)
        return "a start in a wave that is not open";
    if (model_in_work(model) + model->borrowed >= model->workers)
        return "more than the run's workers";
    if (count(model, PLACE_IN_WORK, tenant->wave, ANY) >= wave->limit)
        return "more than the wave's workers, or than it has ramped up to";
    if (count(model, PLACE_IN_WORK, tenant->wave, tenant->server) >= wave->per_server)
        return "more than the wave's per_server";
    if (!server_may_start(model, tenant))
        return "a start on a server that may start none";
    if (!is_first(model, job))
        return "out of order";
    return NULL;
}

/* --- what the real thing did ------------------------------------------------------------- */

const char *model_started(struct model *model, size_t job)
{
    struct model_server *server = &model->servers[model->tenants[job].server];
    const char *wrong = why_not(model, job);

    model->tenants[job].place = PLACE_IN_WORK;
    if (server->reach == MODEL_PROBED)
        server->probe = job;
    return wrong;
}

const char *model_idle(const struct model *model)
{
    for (size_t i = 0; i < model->tenant_count; i++) {
        if (!why_not(model, i))
            return "nothing starts though a tenant may";
    }
    return NULL;
}

const char *model_given_up(struct model *model, size_t job, enum schedule_given_up why)
{
    struct model_tenant *tenant = &model->tenants[job];
    bool right = tenant->place == PLACE_GIVEN_UP && tenant->why == why;

    tenant->place = PLACE_BACK;
    return right ? NULL : "given up without need, or for another reason";
}

const char *model_none_given_up(const struct model *model)
{
    return count(model, PLACE_GIVEN_UP, ANY, ANY) > 0 ? "should be given up, and is not" : NULL;
}

const char *model_borrowed(struct model *model, size_t server, bool given)
{
    bool may = model_in_work(model) + model->borrowed < model->workers &&
               (server == SCHEDULE_NO_SERVER || has_place(model, server));

    if (given) {
        model->borrowed++;
        if (server != SCHEDULE_NO_SERVER)
            model->servers[server].borrowed++;
    }
    return given == may ? NULL : "a place is lent that is not there, or the other way round";
}

void model_gave_back(struct model *model, size_t server)
{
    model->borrowed--;
    if (server == SCHEDULE_NO_SERVER)
        return;
    model->servers[server].borrowed--;
    model->servers[server].full = SIZE_MAX;
}

const char *model_look(const struct model *model, size_t server, const struct schedule_server *look)
{
    const struct model_server *at = &model->servers[server];
    enum schedule_server_state state = at->left_out              ? SCHEDULE_SERVER_LEFT_OUT
                                       : at->reach == MODEL_LOST ? SCHEDULE_SERVER_LOST
                                       : at->reach != MODEL_UP   ? SCHEDULE_SERVER_DOWN
                                       : at->hold                ? SCHEDULE_SERVER_ON_HOLD
                                       : at->cap < at->most      ? SCHEDULE_SERVER_FULL
                                       : at->refused_in_row > 0  ? SCHEDULE_SERVER_DOUBTFUL
                                                                 : SCHEDULE_SERVER_UP;

    if (look->state != state || look->cap != (size_t)at->cap)
        return "a server's state or cap is shown otherwise than it is";
    if (look->in_work != (size_t)ours_on(model, server) ||
        look->waiting != (size_t)count(model, PLACE_WAITING, ANY, server) ||
        look->left != (size_t)queued(model, ANY, server))
        return "a server's tenants are counted otherwise than they are";
    return NULL;
}

bool model_is_probe(const struct model *model, size_t job)
{
    return model->servers[model->tenants[job].server].probe == job;
}

bool model_is_crowded(const struct model *model, size_t job)
{
    return ours_on(model, model->tenants[job].server) > 1;
}

/* --- budgets ----------------------------------------------------------------------------- */

/* A limit in some place, and what counts in it. */
struct limit {
    const char *name;
    bool set;
    struct text_size size;
    bool counts[OUTCOME_COUNT];
};

static int64_t tolerated(struct text_size size, int tenants)
{
    return size.percent ? size.value * tenants / 100 : size.value;
}

/* Have more tenants of this wave and server (or any) ended so than is tolerated? */
static bool is_exceeded(const struct model *model, const struct limit *limit, size_t wave,
                        size_t server, int64_t *ret_tolerated)
{
    int64_t ended = 0;
    int tenants = 0;

    for (size_t i = 0; i < model->tenant_count; i++) {
        const struct model_tenant *tenant = &model->tenants[i];

        if ((wave != ANY && tenant->wave != wave) || (server != ANY && tenant->server != server))
            continue;
        tenants++;
        ended += tenant->place == PLACE_ENDED && limit->counts[tenant->outcome];
    }
    *ret_tolerated = tolerated(limit->size, tenants);
    return limit->set && ended > *ret_tolerated;
}

/* The limits of one place: max_failures counts what has no limit of its own. */
static void fill_limits(struct limit limits[4], bool has_failures, struct text_size failures,
                        bool has_unreachable, struct text_size unreachable)
{
    limits[0] = (struct limit){"max_failures", has_failures, failures, {0}};
    limits[1] = (struct limit){"max_unreachable", has_unreachable, unreachable, {0}};
    limits[2] = (struct limit){.name = "max_locked"};
    limits[3] = (struct limit){.name = "max_held"};
    limits[0].counts[OUTCOME_FAILED] = limits[0].counts[OUTCOME_UNKNOWN] = true;
    limits[0].counts[OUTCOME_LOCKED] = true;
    limits[0].counts[OUTCOME_UNREACHABLE] = !has_unreachable;
    limits[1].counts[OUTCOME_UNREACHABLE] = true;
    limits[2].counts[OUTCOME_LOCKED] = true;
    limits[3].counts[OUTCOME_HELD] = true;
}

static void fill_run_limits(struct limit limits[4], const struct run_config *config)
{
    fill_limits(limits, true, config->max_failures, config->has_max_unreachable,
                config->max_unreachable);
    limits[0].counts[OUTCOME_LOCKED] = !config->has_max_locked;
    limits[2].set = config->has_max_locked;
    limits[2].size = config->max_locked;
    limits[3].set = config->has_max_held;
    limits[3].size = config->max_held;
}

/* Compares the halt with the first of these limits that is exceeded. True: one is. */
static bool halts_by(const struct model *model, const struct limit limits[4], size_t wave,
                     const struct run_halt *halt, const char **wrong)
{
    int64_t limit = 0;

    for (size_t i = 0; i < 4; i++) {
        if (!is_exceeded(model, &limits[i], wave, ANY, &limit))
            continue;
        if (!halt->halted)
            *wrong = "a budget is exceeded, and the run goes on";
        else if (strcmp(halt->rule, limits[i].name) != 0 || halt->tolerated != limit ||
                 halt->failures != limit + 1 || halt->in_work != model_in_work(model) ||
                 halt->wave != (wave == ANY ? NULL : model->request->waves->groups[wave].wave))
            *wrong = "the run halted, but not as its budget says";
        return true;
    }
    return false;
}

static const char *check_halt(struct model *model, const struct run_halt *halt)
{
    struct limit limits[4];
    const char *wrong = NULL;

    if (model->draining || !model->request->halts)
        return NULL;
    fill_run_limits(limits, &model->request->config);
    model->draining = halts_by(model, limits, ANY, halt, &wrong);
    for (size_t i = 0; i < model->wave_count && model->request->waves && !model->draining; i++) {
        const struct wave *wave = model->request->waves->groups[i].wave;

        fill_limits(limits, wave->has_max_failures, wave->max_failures, wave->has_max_unreachable,
                    wave->max_unreachable);
        model->draining = halts_by(model, limits, i, halt, &wrong);
    }
    if (halt->halted && !model->draining)
        return "the run halted within its budgets";
    return wrong;
}

const char *model_end(struct model *model, size_t job, const struct run_result *result)
{
    struct model_tenant *tenant = &model->tenants[job];
    const struct server *server = model->request->tenants[job]->server;
    struct limit limits[4];
    bool exceeded;

    if (tenant->place == PLACE_ENDED)
        return "a tenant ended twice";
    tenant->place = PLACE_ENDED;
    tenant->outcome = result->jobs[job].outcome;
    if (tenant->outcome == OUTCOME_NONE)
        return "a tenant ended without an outcome";
    fill_limits(limits, server->has_max_failures, server->max_failures, false,
                (struct text_size){0});
    exceeded =
        model->request->halts && is_exceeded(model, &limits[0], ANY, tenant->server, &(int64_t){0});
    if (exceeded != result->servers[tenant->server].left_out)
        return "a server is left out without need, or not left out";
    return check_halt(model, &result->halt);
}
