/*
 * schedule.c: lists of tenants per server, a circle of servers that have something to start, a heap
 * of retries.
 *
 * DESIGN. A tenant that is not in work and has not ended is in exactly one place: a list of its
 * server (`fresh`: never tried, in inventory order; `due`: to be tried again now), the heap
 * (`waiting`), or the list of those given up. The lists are linked through one array, as a tenant
 * is in one at most.
 *
 * A server is in the circle while it may start something; consider() sees to that after every
 * change of the server, and next() takes the server from the front and puts it behind the others.
 * A server in the circle may have lost its reason meanwhile: next() passes over it.
 */
#include "orchestrator/schedule.h"

#include "common/clock.h"
#include "common/mem.h"

#define NO_JOB SIZE_MAX

struct job_list {
    size_t first;
    size_t last;
};

enum server_state {
    SERVER_UP,     /* may be doubtful: refused_in_row > 0 */
    SERVER_DOWN,   /* parked, until nothing else is left to do */
    SERVER_PROBED, /* one tenant at a time, to see whether it answers */
    SERVER_LOST,
};

struct server_slots {
    enum server_state state;
    bool looked_again; /* it has been SERVER_PROBED */
    bool in_circle;
    size_t cap;
    size_t in_work;
    size_t waiting; /* in the heap */
    int64_t refused_in_row;
    struct job_list fresh;
    struct job_list due;
};

struct retry {
    int64_t at_ms;
    size_t job;
};

struct schedule {
    const struct tenant *const *tenants;
    size_t *next; /* by job: the one behind it in its list */
    struct server_slots *servers;
    size_t server_count;
    size_t down_count; /* servers that are SERVER_DOWN */
    size_t workers;
    size_t in_work;
    size_t *circle; /* servers; room for all of them */
    size_t circle_first;
    size_t circle_count;
    struct retry *waiting; /* binary heap, the earliest first */
    size_t waiting_count;
    size_t waiting_capacity;
    struct job_list given_up;
};

/* --- lists ------------------------------------------------------------------------------- */

static const struct job_list empty_list = {NO_JOB, NO_JOB};

static bool list_is_empty(const struct job_list *list)
{
    return list->first == NO_JOB;
}

static void list_append(struct schedule *schedule, struct job_list *list, size_t job)
{
    schedule->next[job] = NO_JOB;
    if (list_is_empty(list))
        list->first = job;
    else
        schedule->next[list->last] = job;
    list->last = job;
}

static size_t list_take(struct schedule *schedule, struct job_list *list)
{
    size_t job = list->first;

    list->first = schedule->next[job];
    if (list->first == NO_JOB)
        list->last = NO_JOB;
    return job;
}

/* Moves all of `from` behind `to`. */
static void list_move_all(struct schedule *schedule, struct job_list *to, struct job_list *from)
{
    if (list_is_empty(from))
        return;
    if (list_is_empty(to))
        to->first = from->first;
    else
        schedule->next[to->last] = from->first;
    to->last = from->last;
    *from = empty_list;
}

/* --- the heap of retries ----------------------------------------------------------------- */

static bool earlier(const struct retry *a, const struct retry *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->job < b->job;
}

static void heap_push(struct schedule *schedule, struct retry retry)
{
    struct retry *heap;
    size_t i = schedule->waiting_count++;

    mem_grow(schedule, &schedule->waiting, &schedule->waiting_capacity, schedule->waiting_count);
    heap = schedule->waiting;
    while (i > 0 && earlier(&retry, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = retry;
}

static size_t heap_pop(struct schedule *schedule)
{
    struct retry *heap = schedule->waiting;
    size_t job = heap[0].job;
    struct retry moved = heap[--schedule->waiting_count];
    size_t count = schedule->waiting_count;
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < count && earlier(&heap[child + 1], &heap[child]))
            child++;
        if (child >= count || !earlier(&heap[child], &moved))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
    return job;
}

/* --- servers ----------------------------------------------------------------------------- */

static struct server_slots *server_of(const struct schedule *schedule, size_t job)
{
    return &schedule->servers[schedule->tenants[job]->server->index];
}

/* May the server start one of its tenants now (as far as the server goes)? */
static bool may_start(const struct server_slots *server)
{
    bool alone = server->in_work == 0 && server->waiting == 0;
    bool has_due = !list_is_empty(&server->due);
    bool has_fresh = !list_is_empty(&server->fresh);

    if (server->in_work >= server->cap)
        return false;
    switch (server->state) {
    case SERVER_UP:
        return has_due || (has_fresh && (server->refused_in_row == 0 || alone));
    case SERVER_PROBED:
        return server->in_work == 0 && (has_due || has_fresh);
    case SERVER_DOWN:
    case SERVER_LOST:
        break;
    }
    return false;
}

/* Puts the server into the circle if it may start something. */
static void consider(struct schedule *schedule, struct server_slots *server)
{
    size_t end = schedule->circle_first + schedule->circle_count;

    if (server->in_circle || !may_start(server))
        return;
    schedule->circle[end % schedule->server_count] = (size_t)(server - schedule->servers);
    schedule->circle_count++;
    server->in_circle = true;
}

static void change_state(struct schedule *schedule, struct server_slots *server,
                         enum server_state state)
{
    if (server->state == SERVER_DOWN)
        schedule->down_count--;
    server->state = state;
    if (state == SERVER_DOWN)
        schedule->down_count++;
    if (state == SERVER_PROBED)
        server->looked_again = true;
    if (state == SERVER_LOST) {
        list_move_all(schedule, &schedule->given_up, &server->due);
        list_move_all(schedule, &schedule->given_up, &server->fresh);
    }
}

/* A tenant in work came back: frees its place, and learns about its server. */
static struct server_slots *came_back(struct schedule *schedule, size_t job,
                                      enum schedule_contact contact)
{
    struct server_slots *server = server_of(schedule, job);

    schedule->in_work--;
    server->in_work--;
    if (contact == CONTACT_REFUSED)
        server->refused_in_row++;
    if (contact == CONTACT_ANSWERED) {
        server->refused_in_row = 0;
        change_state(schedule, server, SERVER_UP);
    }
    return server;
}

/* --- the interface ----------------------------------------------------------------------- */

struct schedule *schedule_new(const void *parent, const struct schedule_setup *setup)
{
    struct schedule *schedule = mem_new(parent, struct schedule);

    schedule->tenants = setup->tenants;
    schedule->workers = (size_t)setup->workers;
    schedule->server_count = setup->server_count;
    schedule->next = mem_array(schedule, size_t, setup->tenant_count);
    schedule->servers = mem_array(schedule, struct server_slots, setup->server_count);
    schedule->circle = mem_array(schedule, size_t, setup->server_count);
    schedule->given_up = empty_list;
    for (size_t i = 0; i < setup->server_count; i++) {
        schedule->servers[i].fresh = empty_list;
        schedule->servers[i].due = empty_list;
    }
    for (size_t job = 0; job < setup->tenant_count; job++) {
        const struct server *server = setup->tenants[job]->server;
        struct server_slots *slots = &schedule->servers[server->index];

        slots->cap = (size_t)(setup->per_server > 0 ? setup->per_server : server->per_server);
        list_append(schedule, &slots->fresh, job);
        consider(schedule, slots);
    }
    return schedule;
}

/* Retries that are due go back to their servers. */
static void wake_due(struct schedule *schedule, int64_t now_ms)
{
    while (schedule_due_ms(schedule) <= now_ms) {
        size_t job = heap_pop(schedule);
        struct server_slots *server = server_of(schedule, job);
        bool lost = server->state == SERVER_LOST;

        server->waiting--;
        list_append(schedule, lost ? &schedule->given_up : &server->due, job);
        consider(schedule, server);
    }
}

/* The last thing to do in a run: look at the servers that are down once more. */
static void probe_down(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->server_count; i++) {
        struct server_slots *server = &schedule->servers[i];

        if (server->state == SERVER_DOWN) {
            change_state(schedule, server, SERVER_PROBED);
            consider(schedule, server);
        }
    }
}

/* The server whose turn it is, or NULL. */
static struct server_slots *next_server(struct schedule *schedule)
{
    while (schedule->circle_count > 0) {
        struct server_slots *server = &schedule->servers[schedule->circle[schedule->circle_first]];

        schedule->circle_first = (schedule->circle_first + 1) % schedule->server_count;
        schedule->circle_count--;
        server->in_circle = false;
        if (may_start(server))
            return server;
    }
    return NULL;
}

bool schedule_next(struct schedule *schedule, int64_t now_ms, size_t *ret_job)
{
    struct server_slots *server;

    wake_due(schedule, now_ms);
    if (schedule->in_work >= schedule->workers)
        return false;
    server = next_server(schedule);
    if (!server && schedule->down_count > 0 && schedule->in_work == 0 &&
        schedule->waiting_count == 0) {
        probe_down(schedule);
        server = next_server(schedule);
    }
    if (!server)
        return false;
    *ret_job = list_take(schedule, list_is_empty(&server->due) ? &server->fresh : &server->due);
    server->in_work++;
    schedule->in_work++;
    consider(schedule, server);
    return true;
}

void schedule_ended(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    bool good UNUSED)
{
    struct server_slots *server = came_back(schedule, job, contact);
    int attempts = schedule->tenants[job]->settings->retry.attempts;

    if (contact == CONTACT_REFUSED && server->state == SERVER_PROBED)
        change_state(schedule, server, SERVER_LOST);
    else if (contact == CONTACT_REFUSED && server->state == SERVER_UP &&
             server->refused_in_row >= attempts)
        change_state(schedule, server, server->looked_again ? SERVER_LOST : SERVER_DOWN);
    consider(schedule, server);
}

void schedule_retry(struct schedule *schedule, size_t job, enum schedule_contact contact,
                    int64_t at_ms)
{
    struct server_slots *server = came_back(schedule, job, contact);

    server->waiting++;
    heap_push(schedule, (struct retry){.at_ms = at_ms, .job = job});
    consider(schedule, server);
}

bool schedule_given_up(struct schedule *schedule, size_t *ret_job,
                       enum schedule_given_up *ret_why)
{
    *ret_why = GIVEN_UP_SERVER_LOST;
    if (list_is_empty(&schedule->given_up))
        return false;
    *ret_job = list_take(schedule, &schedule->given_up);
    return true;
}

bool schedule_is_probe(const struct schedule *schedule, size_t job)
{
    return server_of(schedule, job)->state == SERVER_PROBED;
}

int64_t schedule_due_ms(const struct schedule *schedule)
{
    return schedule->waiting_count > 0 ? schedule->waiting[0].at_ms : CLOCK_NEVER;
}
