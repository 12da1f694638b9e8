/*
 * server_watch.c: a queue and a pool of its own, with one look for each server.
 *
 * DESIGN. A look is with its thread, or rests here until it is due again. What a look has found is
 * judged here, on the main thread; what is new is kept with the server until it is asked for.
 *
 * A look that fails is no reason to wait: a server that does not answer is doubtful or down by what
 * the attempts at its tenants say (schedule.h). Only before the first answer it is waited for, and
 * one that says that it will not tell is not used at all.
 */
#include "orchestrator/server_watch.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/server_care.h"
#include "worker/pool.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVERY_MS = 2000, FIRST_LOOKS_MS = 5000 };

struct watched {
    struct server_look *look;
    struct server_care *care;
    int64_t due_ms; /* CLOCK_NEVER: the look is with its thread, or over for good */
    bool seen;      /* a look has come back */
    const char *waits_for;
    const char *refusal;
    bool news;
};

struct server_watch {
    struct watched *servers;
    size_t count;
    struct queue *queue;
    struct pool *pool;
    int stop_fd; /* readable: the looks give up */
};

/* --- the looks ---------------------------------------------------------------------------- */

static void look_again(struct server_watch *watch)
{
    int64_t now_ms = clock_now_ms();

    for (size_t i = 0; i < watch->count; i++) {
        struct watched *server = &watch->servers[i];

        if (server->due_ms > now_ms)
            continue;
        server->due_ms = CLOCK_NEVER;
        queue_put(watch->queue, server->look);
    }
}

static struct watched *find(const struct server_watch *watch, const struct server_look *look)
{
    size_t i = 0;

    while (watch->servers[i].look != look)
        i++;
    return &watch->servers[i];
}

/* Will the server not tell? A look that somebody has cancelled is one that failed. */
static bool is_refusal(const struct err *err)
{
    return err->kind == ERR_SQL && strcmp(err->sqlstate, "57014") != 0;
}

static void judge(struct watched *server)
{
    const struct server_look *look = server->look;
    int64_t now_ms = clock_now_ms();

    server->seen = true;
    server->news = true;
    server->waits_for = NULL;
    if (look->err.kind == ERR_NONE)
        server->waits_for = server_care_judge(server->care, &look->facts, now_ms);
    if (look->err.kind == ERR_FULL)
        server->waits_for = server_care_judge_full(server->care);
    if (is_refusal(&look->err))
        server->refusal = look->err.message;
    else
        server->due_ms = now_ms + EVERY_MS;
}

static void collect(struct server_watch *watch)
{
    const struct server_look *look;

    while ((look = queue_collect(watch->queue)))
        judge(find(watch, look));
}

/* --- the first ones ------------------------------------------------------------------------ */

static size_t unseen(const struct server_watch *watch)
{
    size_t count = 0;

    for (size_t i = 0; i < watch->count; i++)
        count += !watch->servers[i].seen;
    return count;
}

static int refused(const struct server_watch *watch, struct err *err)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct server_look *look = watch->servers[i].look;

        if (!watch->servers[i].refusal)
            continue;
        err_move(err, &look->err);
        err->kind = ERR_INTERNAL; /* nothing has been started yet */
        err_prefix(err, "cannot watch server \"%s\": ", look->server->name);
        return -1;
    }
    return 0;
}

static int look_first(struct server_watch *watch, int wake_fd, struct err *err)
{
    int64_t deadline = clock_deadline(FIRST_LOOKS_MS);
    struct pollfd fds[] = {
        {.fd = queue_event_fd(watch->queue), .events = POLLIN},
        {.fd = wake_fd, .events = POLLIN},
    };

    look_again(watch);
    while (unseen(watch) > 0 && clock_poll_timeout(deadline) != 0 && fds[1].revents == 0) {
        (void)poll(fds, ARRAY_LEN(fds), clock_poll_timeout(deadline));
        collect(watch);
    }
    return refused(watch, err);
}

/* --- beginning and end --------------------------------------------------------------------- */

/* The servers to be watched, each once. */
static struct server_watch *gather(const struct run_request *request)
{
    const struct fleet *fleet = request->fleet;
    struct server_watch *watch = mem_new(NULL, struct server_watch);
    bool *used = mem_array(watch, bool, fleet->server_count);

    watch->stop_fd = -1;
    watch->servers = mem_array(watch, struct watched, fleet->server_count);
    for (size_t i = 0; i < request->tenant_count; i++)
        used[request->tenants[i]->server->index] = true;
    for (size_t i = 0; i < fleet->server_count; i++) {
        if (used[i] && server_care_wanted(&fleet->servers[i]))
            watch->servers[watch->count++].care = server_care_new(watch, &fleet->servers[i]);
    }
    return watch;
}

/* Those of the server's tenants in the run; neighbours often share one. */
static const char *const *databases_of(void *parent, const struct run_request *request,
                                       const struct server *server, size_t *ret_count)
{
    const char **databases = mem_array(parent, const char *, request->tenant_count);
    size_t count = 0;

    for (size_t i = 0; i < request->tenant_count; i++) {
        const struct tenant *tenant = request->tenants[i];

        if (tenant->server == server &&
            (count == 0 || strcmp(databases[count - 1], tenant->database) != 0))
            databases[count++] = tenant->database;
    }
    *ret_count = count;
    return databases;
}

static void make_looks(struct server_watch *watch, const struct run_request *request)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *server = &watch->servers[i];
        const struct server *which = server_care_server(server->care);
        char *name = mem_printf(watch, "pgtide %s %s", request->plan.run_id, which->name);
        const char *const *databases;
        size_t count;

        databases = databases_of(watch, request, which, &count);
        server->look = server_look_new(which, databases, count, name, watch->stop_fd);
        server->waits_for = "a first look at it";
        server->news = true;
    }
}

int server_watch_start(const struct run_request *request, int wake_fd, struct server_watch **ret,
                       struct err *err)
{
    struct server_watch *watch;

    *ret = NULL;
    if (!job_writes(request->plan.action) || request->opens_at)
        return 0;
    watch = gather(request);
    if (watch->count == 0) {
        talloc_free(watch);
        return 0;
    }
    watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    make_looks(watch, request);
    if (watch->stop_fd < 0)
        err_set(err, ERR_INTERNAL, "could not create an eventfd: %m");
    else if (queue_new(&watch->queue, err) == 0 &&
             pool_start(watch, watch->queue, (int)watch->count, server_look_run, &watch->pool,
                        err) == 0 &&
             look_first(watch, wake_fd, err) == 0) {
        *ret = watch;
        return 0;
    }
    server_watch_stop(watch);
    return -1;
}

void server_watch_stop(struct server_watch *watch)
{
    if (!watch)
        return;
    (void)eventfd_write(watch->stop_fd, 1);
    pool_stop(watch->pool);
    while (watch->queue && queue_collect(watch->queue))
        continue;
    queue_free(watch->queue);
    for (size_t i = 0; i < watch->count; i++)
        server_look_free(watch->servers[i].look);
    if (watch->stop_fd >= 0)
        close(watch->stop_fd);
    talloc_free(watch);
}

/* --- what is new ---------------------------------------------------------------------------- */

int server_watch_fd(const struct server_watch *watch)
{
    return watch ? queue_event_fd(watch->queue) : -1;
}

int64_t server_watch_due_ms(const struct server_watch *watch)
{
    int64_t due_ms = CLOCK_NEVER;

    for (size_t i = 0; watch && i < watch->count; i++) {
        if (watch->servers[i].due_ms < due_ms)
            due_ms = watch->servers[i].due_ms;
    }
    return due_ms;
}

static void tell(struct watched *server, struct server_watch_news *ret)
{
    *ret = (struct server_watch_news){
        .server = server->look->server->index,
        .waits_for = server->waits_for,
        .refusal = server->refusal,
    };
    server->news = false;
}

bool server_watch_next(struct server_watch *watch, struct server_watch_news *ret)
{
    if (!watch)
        return false;
    collect(watch);
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->servers[i].news) {
            tell(&watch->servers[i], ret);
            return true;
        }
    }
    look_again(watch);
    return false;
}

bool server_watch_holds(const struct server_watch *watch)
{
    for (size_t i = 0; watch && i < watch->count; i++) {
        if (watch->servers[i].waits_for)
            return true;
    }
    return false;
}
