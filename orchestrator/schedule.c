/*
 * schedule.c: a lane for each wave on each server that it has tenants on, and circles of those that
 * have something to start.
 *
 * DESIGN. A tenant that is not in work and has not ended is in exactly one place: a list of its
 * lane (`fresh`: never tried, in the wave's order; `due`: to be tried again now), the heap
 * (`waiting`), or a list of those given up. The lists are linked through one array, as a tenant is
 * in one at most.
 *
 * A lane is in its wave's circle, and a wave in the circle of waves, while it may start something;
 * consider() sees to that after every change of the server or the wave, and next_lane() takes the
 * wave, and of it the lane, from the front; both go behind the others. One in a circle may have
 * lost its reason meanwhile: next_lane() passes over it.
 *
 * A change of a server concerns its lanes: as many as there are waves with tenants on it, and not
 * more, however many tenants and servers there are.
 */
#include "orchestrator/schedule.h"

#include "common/mem.h"
#include "orchestrator/schedule_heap.h"
#include "orchestrator/schedule_list.h"
#include "orchestrator/schedule_slots.h"

struct wave_slots {
    bool open;
    bool in_circle;
    size_t workers;
    size_t limit;      /* as far as it has ramped up; at most the workers */
    size_t good;       /* tenants that have ended well with this limit */
    size_t per_server; /* of each of its lanes */
    size_t in_work;
    size_t waiting;
    size_t queued; /* in the lists of its lanes */
    size_t parked; /* of them those on servers that are down */
    size_t first_lane;
    size_t lane_count;
    struct schedule_list circle; /* of lanes */
};

struct lane {
    size_t wave;
    size_t server;
    size_t next_of_server;
    bool in_circle;
    size_t in_work;
    size_t queued; /* in the two lists */
    struct schedule_list fresh;
    struct schedule_list due;
};

struct schedule {
    const struct tenant *const *tenants;
    size_t *next;    /* by job: the one behind it in its list */
    size_t *lane_of; /* by job */
    struct schedule_slots *servers;
    size_t server_count;
    size_t down_count; /* servers that are REACH_DOWN */
    struct wave_slots *waves;
    size_t *wave_next; /* by wave: the one behind it in the circle */
    size_t wave_count;
    struct lane *lanes;
    size_t *lane_next; /* by lane: the one behind it in its wave's circle */
    size_t lane_count;
    size_t lane_capacity;
    struct schedule_list circle; /* of waves */
    struct schedule_heap waiting;
    struct schedule_list given_up[2]; /* by enum schedule_given_up */
    bool more;                        /* tenants may still come in */
    size_t workers;
    size_t in_work;
};

/* --- what may start ---------------------------------------------------------------------- */

static struct lane *lane_of(const struct schedule *schedule, size_t job)
{
    return &schedule->lanes[schedule->lane_of[job]];
}

static struct schedule_slots *server_of(const struct schedule *schedule, size_t job)
{
    return &schedule->servers[lane_of(schedule, job)->server];
}

static bool lane_may_start(const struct schedule *schedule, const struct lane *lane)
{
    const struct wave_slots *wave = &schedule->waves[lane->wave];

    return wave->open && lane->queued > 0 && lane->in_work < wave->per_server &&
           schedule_slots_may_start(&schedule->servers[lane->server],
                                    !schedule_list_is_empty(&lane->due));
}

static void consider_wave(struct schedule *schedule, struct wave_slots *wave)
{
    if (wave->in_circle || wave->in_work >= wave->limit || schedule_list_is_empty(&wave->circle))
        return;
    schedule_list_append(&schedule->circle, schedule->wave_next, (size_t)(wave - schedule->waves));
    wave->in_circle = true;
}

/* Puts the lane, and its wave, into their circles if they may start something. */
static void consider(struct schedule *schedule, struct lane *lane)
{
    struct wave_slots *wave = &schedule->waves[lane->wave];

    if (!lane->in_circle && lane_may_start(schedule, lane)) {
        schedule_list_append(&wave->circle, schedule->lane_next, (size_t)(lane - schedule->lanes));
        lane->in_circle = true;
    }
    consider_wave(schedule, wave);
}

static void consider_server(struct schedule *schedule, const struct schedule_slots *server)
{
    for (size_t i = server->first_lane; i != SCHEDULE_NONE; i = schedule->lanes[i].next_of_server)
        consider(schedule, &schedule->lanes[i]);
}

/* --- the lists of lanes ------------------------------------------------------------------ */

/* `more` tenants (or fewer, if negative) are in the lane's lists. */
static void lane_changed(struct schedule *schedule, struct lane *lane, ptrdiff_t more)
{
    struct wave_slots *wave = &schedule->waves[lane->wave];

    lane->queued += (size_t)more;
    wave->queued += (size_t)more;
    if (schedule->servers[lane->server].reach == REACH_DOWN)
        wave->parked += (size_t)more;
}

static void give_up(struct schedule *schedule, struct lane *lane, enum schedule_given_up why)
{
    lane_changed(schedule, lane, -(ptrdiff_t)lane->queued);
    schedule_list_move(&schedule->given_up[why], schedule->next, &lane->due);
    schedule_list_move(&schedule->given_up[why], schedule->next, &lane->fresh);
}

/* Puts a tenant into a list of its lane, unless there is no use in it. */
static void queue(struct schedule *schedule, size_t job, bool due)
{
    struct lane *lane = lane_of(schedule, job);
    const struct schedule_slots *server = &schedule->servers[lane->server];

    schedule_list_append(due ? &lane->due : &lane->fresh, schedule->next, job);
    lane_changed(schedule, lane, 1);
    if (server->left_out)
        give_up(schedule, lane, GIVEN_UP_SERVER_LEFT_OUT);
    else if (server->reach == REACH_LOST && schedule->waves[lane->wave].open)
        give_up(schedule, lane, GIVEN_UP_SERVER_LOST);
    else
        consider(schedule, lane);
}

/* --- servers ----------------------------------------------------------------------------- */

/* Keeps the counts of those that are down, and of the tenants parked there. */
static void count_down(struct schedule *schedule, const struct schedule_slots *server, bool is_down)
{
    schedule->down_count += is_down ? 1 : SIZE_MAX;
    for (size_t i = server->first_lane; i != SCHEDULE_NONE; i = schedule->lanes[i].next_of_server) {
        const struct lane *lane = &schedule->lanes[i];

        schedule->waves[lane->wave].parked += is_down ? lane->queued : -lane->queued;
    }
}

/* The tenants of open waves are given up. */
static void lose(struct schedule *schedule, const struct schedule_slots *server)
{
    for (size_t i = server->first_lane; i != SCHEDULE_NONE; i = schedule->lanes[i].next_of_server) {
        struct lane *lane = &schedule->lanes[i];

        if (schedule->waves[lane->wave].open)
            give_up(schedule, lane, GIVEN_UP_SERVER_LOST);
    }
}

static void change_reach(struct schedule *schedule, struct schedule_slots *server,
                         enum schedule_reach to)
{
    enum schedule_reach from = server->reach;

    if (from == to)
        return;
    server->reach = to;
    if (from == REACH_DOWN)
        count_down(schedule, server, false);
    if (to == REACH_DOWN)
        count_down(schedule, server, true);
    if (to == REACH_PROBED)
        server->looked_again = true;
    if (to == REACH_LOST)
        lose(schedule, server);
}

/* A tenant in work came back: frees its places. True: it was the second look. */
static bool came_back(struct schedule *schedule, size_t job, enum schedule_contact contact)
{
    struct lane *lane = lane_of(schedule, job);
    struct schedule_slots *server = &schedule->servers[lane->server];
    bool probe = server->probe == job;

    schedule->in_work--;
    schedule->waves[lane->wave].in_work--;
    lane->in_work--;
    change_reach(schedule, server, schedule_slots_came_back(server, job, contact));
    return probe;
}

/* One more tenant of a wave has ended well: its limit may grow. */
static void ramp_up(struct wave_slots *wave)
{
    if (wave->limit == wave->workers || ++wave->good < wave->limit)
        return;
    wave->limit = 2 * wave->limit < wave->workers ? 2 * wave->limit : wave->workers;
    wave->good = 0;
}

/* --- the beginning ----------------------------------------------------------------------- */

static size_t smaller(size_t a, int b)
{
    return b > 0 && (size_t)b < a ? (size_t)b : a;
}

static void make_servers(struct schedule *schedule, const struct schedule_setup *setup)
{
    schedule->server_count = setup->server_count;
    schedule->servers = mem_array(schedule, struct schedule_slots, setup->server_count);
    for (size_t i = 0; i < setup->server_count; i++)
        schedule_slots_init(&schedule->servers[i]);
    for (size_t job = 0; job < setup->tenant_count; job++) {
        const struct server *given = setup->tenants[job]->server;
        struct schedule_slots *server = &schedule->servers[given->index];

        server->most = (size_t)(setup->per_server > 0 ? setup->per_server : given->per_server);
        server->cap = server->most;
    }
}

static void make_lane(struct schedule *schedule, size_t wave, size_t server)
{
    size_t index = schedule->lane_count++;

    mem_grow(schedule, &schedule->lanes, &schedule->lane_capacity, schedule->lane_count);
    schedule->lanes[index] = (struct lane){
        .wave = wave,
        .server = server,
        .next_of_server = schedule->servers[server].first_lane,
        .fresh = schedule_list_empty(),
        .due = schedule_list_empty(),
    };
    schedule->servers[server].first_lane = index;
    schedule->waves[wave].lane_count++;
}

static struct wave_slots wave_slots(const struct schedule_setup *setup, const struct wave *rules)
{
    size_t workers = smaller((size_t)setup->workers, rules ? rules->workers : 0);
    bool ramps_up = rules ? rules->ramp_up : setup->ramp_up;

    return (struct wave_slots){
        .workers = workers,
        .limit = ramps_up ? smaller(workers, 1) : workers,
        .per_server = smaller(SIZE_MAX, rules ? rules->per_server : 0),
        .circle = schedule_list_empty(),
    };
}

/* The tenants of one wave, `jobs` or all of them, get their lanes. The newest lane of a server is
 * its first: it is this wave's, or there is none yet. */
static void make_wave(struct schedule *schedule, const struct schedule_setup *setup, size_t wave)
{
    const struct wave_group *group = setup->waves ? &setup->waves->groups[wave] : NULL;
    size_t count = group ? group->count : setup->tenant_count;

    schedule->waves[wave] = wave_slots(setup, group ? group->wave : NULL);
    schedule->waves[wave].first_lane = schedule->lane_count;
    for (size_t i = 0; i < count; i++) {
        size_t job = group ? group->jobs[i] : i;
        size_t server = setup->tenants[job]->server->index;
        size_t lane = schedule->servers[server].first_lane;

        if (lane == SCHEDULE_NONE || schedule->lanes[lane].wave != wave)
            make_lane(schedule, wave, server);
        schedule->lane_of[job] = schedule->servers[server].first_lane;
        if (!setup->claims)
            queue(schedule, job, false);
    }
}

struct schedule *schedule_new(const void *parent, const struct schedule_setup *setup)
{
    struct schedule *schedule = mem_new(parent, struct schedule);

    schedule->tenants = setup->tenants;
    schedule->workers = (size_t)setup->workers;
    schedule->more = setup->claims;
    schedule->next = mem_array(schedule, size_t, setup->tenant_count);
    schedule->lane_of = mem_array(schedule, size_t, setup->tenant_count);
    schedule->circle = schedule_list_empty();
    for (size_t i = 0; i < ARRAY_LEN(schedule->given_up); i++)
        schedule->given_up[i] = schedule_list_empty();
    make_servers(schedule, setup);
    schedule->wave_count = setup->waves ? setup->waves->group_count : 1;
    schedule->waves = mem_array(schedule, struct wave_slots, schedule->wave_count);
    schedule->wave_next = mem_array(schedule, size_t, schedule->wave_count);
    for (size_t wave = 0; wave < schedule->wave_count; wave++)
        make_wave(schedule, setup, wave);
    schedule->lane_next = mem_array(schedule, size_t, schedule->lane_count);
    return schedule;
}

/* --- what the run tells ------------------------------------------------------------------ */

void schedule_open_wave(struct schedule *schedule, size_t wave)
{
    struct wave_slots *opened = &schedule->waves[wave];

    opened->open = true;
    for (size_t i = 0; i < opened->lane_count; i++) {
        struct lane *lane = &schedule->lanes[opened->first_lane + i];
        struct schedule_slots *server = &schedule->servers[lane->server];

        server->looked_again = false;
        if (server->reach == REACH_LOST)
            change_reach(schedule, server, REACH_DOWN);
        consider(schedule, lane);
    }
}

void schedule_add(struct schedule *schedule, size_t job)
{
    queue(schedule, job, false);
}

void schedule_expect_more(struct schedule *schedule, bool more)
{
    schedule->more = more;
}

void schedule_ended(struct schedule *schedule, size_t job, enum schedule_contact contact, bool good)
{
    struct wave_slots *wave = &schedule->waves[lane_of(schedule, job)->wave];
    struct schedule_slots *server = server_of(schedule, job);
    int attempts = schedule->tenants[job]->settings->retry.attempts;
    bool probe = came_back(schedule, job, contact);

    change_reach(schedule, server, schedule_slots_ended(server, contact, probe, attempts));
    if (good) {
        ramp_up(wave);
        schedule_slots_grow(server);
    }
    consider_server(schedule, server);
}

void schedule_retry(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    int64_t at_ms)
{
    struct wave_slots *wave = &schedule->waves[lane_of(schedule, job)->wave];
    struct schedule_slots *server = server_of(schedule, job);

    came_back(schedule, job, contact);
    if (contact == CONTACT_FULL)
        server->full = job;
    server->waiting++;
    wave->waiting++;
    schedule_heap_push(schedule, &schedule->waiting,
                       (struct schedule_retry){.at_ms = at_ms, .job = job});
    consider_server(schedule, server);
}

void schedule_leave_out(struct schedule *schedule, size_t server)
{
    struct schedule_slots *left_out = &schedule->servers[server];

    left_out->left_out = true;
    for (size_t i = left_out->first_lane; i != SCHEDULE_NONE; i = schedule->lanes[i].next_of_server)
        give_up(schedule, &schedule->lanes[i], GIVEN_UP_SERVER_LEFT_OUT);
}

void schedule_hold(struct schedule *schedule, size_t server, bool hold)
{
    schedule->servers[server].on_hold = hold;
    consider_server(schedule, &schedule->servers[server]);
}

/* --- what may start next ----------------------------------------------------------------- */

/* Retries that are due go back to their lanes. */
static void wake_due(struct schedule *schedule, int64_t now_ms)
{
    while (schedule->waiting.count > 0 && schedule_due_ms(schedule) <= now_ms) {
        size_t job = schedule_heap_pop(&schedule->waiting).job;
        struct schedule_slots *server = server_of(schedule, job);

        server->waiting--;
        schedule->waves[lane_of(schedule, job)->wave].waiting--;
        if (server->full == job)
            server->full = SCHEDULE_NONE;
        queue(schedule, job, true);
        consider_server(schedule, server);
    }
}

/* Is there nothing left to do in a wave but on servers that are down? */
static bool is_at_its_end(const struct wave_slots *wave)
{
    return wave->open && wave->in_work == 0 && wave->waiting == 0 && wave->parked > 0 &&
           wave->parked == wave->queued;
}

/* The last thing to do in a wave: to look at its servers that are down once more. */
static void probe_down(struct schedule *schedule, const struct wave_slots *wave)
{
    for (size_t i = 0; i < wave->lane_count; i++) {
        const struct lane *lane = &schedule->lanes[wave->first_lane + i];
        struct schedule_slots *server = &schedule->servers[lane->server];

        if (lane->queued > 0 && server->reach == REACH_DOWN) {
            change_reach(schedule, server, REACH_PROBED);
            consider_server(schedule, server);
        }
    }
}

/* The lane whose turn it is, and of its wave likewise; NULL: none. Both leave their circles. */
static struct lane *next_lane(struct schedule *schedule)
{
    while (!schedule_list_is_empty(&schedule->circle)) {
        size_t turn = schedule_list_take(&schedule->circle, schedule->wave_next);
        struct wave_slots *wave = &schedule->waves[turn];

        wave->in_circle = false;
        while (!schedule_list_is_empty(&wave->circle)) {
            struct lane *lane =
                &schedule->lanes[schedule_list_take(&wave->circle, schedule->lane_next)];

            lane->in_circle = false;
            if (lane_may_start(schedule, lane))
                return lane;
        }
    }
    return NULL;
}

static size_t start(struct schedule *schedule, struct lane *lane)
{
    struct schedule_list *list = schedule_list_is_empty(&lane->due) ? &lane->fresh : &lane->due;
    size_t job = schedule_list_take(list, schedule->next);

    lane_changed(schedule, lane, -1);
    lane->in_work++;
    schedule_slots_start(&schedule->servers[lane->server], job);
    schedule->waves[lane->wave].in_work++;
    schedule->in_work++;
    consider(schedule, lane);
    return job;
}

bool schedule_next(struct schedule *schedule, int64_t now_ms, size_t *ret_job)
{
    struct lane *lane;

    wake_due(schedule, now_ms);
    if (schedule->in_work >= schedule->workers)
        return false;
    for (size_t i = 0; i < schedule->wave_count && schedule->down_count > 0; i++) {
        if (!schedule->more && is_at_its_end(&schedule->waves[i]))
            probe_down(schedule, &schedule->waves[i]);
    }
    lane = next_lane(schedule);
    if (!lane)
        return false;
    *ret_job = start(schedule, lane);
    return true;
}

bool schedule_given_up(struct schedule *schedule, size_t *ret_job, enum schedule_given_up *ret_why)
{
    for (size_t why = 0; why < ARRAY_LEN(schedule->given_up); why++) {
        struct schedule_list *list = &schedule->given_up[why];

        if (schedule_list_is_empty(list))
            continue;
        *ret_job = schedule_list_take(list, schedule->next);
        *ret_why = (enum schedule_given_up)why;
        return true;
    }
    return false;
}

bool schedule_borrow(struct schedule *schedule, size_t server)
{
    bool lends =
        server == SCHEDULE_NO_SERVER || schedule_slots_has_place(&schedule->servers[server]);

    if (schedule->in_work >= schedule->workers || !lends)
        return false;
    schedule->in_work++;
    if (server != SCHEDULE_NO_SERVER)
        schedule->servers[server].in_work++;
    return true;
}

void schedule_give_back(struct schedule *schedule, size_t server)
{
    schedule->in_work--;
    if (server == SCHEDULE_NO_SERVER)
        return;
    schedule_slots_free(&schedule->servers[server]);
    consider_server(schedule, &schedule->servers[server]);
}

/* --- questions --------------------------------------------------------------------------- */

bool schedule_is_crowded(const struct schedule *schedule, size_t job)
{
    return server_of(schedule, job)->in_work > 1;
}

bool schedule_is_probe(const struct schedule *schedule, size_t job)
{
    return server_of(schedule, job)->probe == job;
}

int64_t schedule_due_ms(const struct schedule *schedule)
{
    return schedule_heap_due_ms(&schedule->waiting);
}

struct schedule_server schedule_look(const struct schedule *schedule, size_t server)
{
    const struct schedule_slots *slots = &schedule->servers[server];
    struct schedule_server look = {
        .state = schedule_slots_state(slots),
        .in_work = slots->in_work,
        .cap = slots->cap,
        .waiting = slots->waiting,
    };

    for (size_t i = slots->first_lane; i != SCHEDULE_NONE; i = schedule->lanes[i].next_of_server)
        look.left += schedule->lanes[i].queued;
    return look;
}

size_t schedule_places(const struct schedule_server *look)
{
    size_t taken = look->in_work + look->left;

    switch (look->state) {
    case SCHEDULE_SERVER_UP:
    case SCHEDULE_SERVER_FULL:
        return look->cap > taken ? look->cap - taken : 0;
    case SCHEDULE_SERVER_DOUBTFUL:
        return taken + look->waiting == 0 ? 1 : 0;
    case SCHEDULE_SERVER_ON_HOLD:
    case SCHEDULE_SERVER_DOWN:
    case SCHEDULE_SERVER_LOST:
    case SCHEDULE_SERVER_LEFT_OUT:
        break;
    }
    return 0;
}

bool schedule_is_down(const struct schedule_server *look)
{
    return look->state == SCHEDULE_SERVER_DOWN || look->state == SCHEDULE_SERVER_LOST ||
           look->state == SCHEDULE_SERVER_LEFT_OUT;
}
