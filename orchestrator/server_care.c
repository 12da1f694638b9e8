/*
 * server_care.c: what was seen against what is allowed.
 */
#include "orchestrator/server_care.h"

#include "common/mem.h"
#include "common/text.h"

struct server_care {
    const struct server *server;
    bool looked; /* before */

    /* The replica that is last: where it is, since when it has been there, and whether it was at
     * the first look. */
    char behind_at[sizeof(((struct server_facts *)NULL)->behind_at)];
    int64_t behind_since_ms;
    bool behind_from_first;

    int64_t replicas;        /* that should be there */
    int64_t missed_since_ms; /* some of them are not; -1 = all are */

    char *waits_for;
};

bool server_care_wanted(const struct server *server)
{
    return server->max_replica_lag_ms > 0 || server->has_max_connections_used;
}

struct server_care *server_care_new(const void *parent, const struct server *server)
{
    struct server_care *care = mem_new(parent, struct server_care);

    care->server = server;
    care->missed_since_ms = -1;
    return care;
}

const struct server *server_care_server(const struct server_care *care)
{
    return care->server;
}

/* --- replicas ----------------------------------------------------------------------------- */

static void watch_last(struct server_care *care, const struct server_facts *facts, int64_t now_ms)
{
    if (strcmp(care->behind_at, facts->behind_at) == 0 && care->looked)
        return;
    snprintf(care->behind_at, sizeof(care->behind_at), "%s", facts->behind_at);
    care->behind_since_ms = now_ms;
    care->behind_from_first = !care->looked;
}

static void watch_missing(struct server_care *care, const struct server_facts *facts,
                          int64_t now_ms)
{
    if (facts->replicas >= care->replicas) {
        care->replicas = facts->replicas;
        care->missed_since_ms = -1;
    } else if (care->missed_since_ms < 0) {
        care->missed_since_ms = now_ms;
    } else if (now_ms - care->missed_since_ms > care->server->max_replica_lag_ms) {
        care->replicas = facts->replicas;
        care->missed_since_ms = -1;
    }
}

static char *judge_replicas(struct server_care *care, const struct server_facts *facts,
                            int64_t now_ms)
{
    int64_t most_ms = care->server->max_replica_lag_ms;
    int64_t lag_ms = facts->lag_ms;
    char *limit = text_from_duration(care, most_ms);
    char *text = NULL;

    watch_last(care, facts, now_ms);
    watch_missing(care, facts, now_ms);
    if (facts->behind_at[0] && now_ms - care->behind_since_ms > lag_ms)
        lag_ms = now_ms - care->behind_since_ms;
    if (lag_ms > most_ms) {
        char *lag = text_elapsed(care, lag_ms);

        text = mem_printf(care, "replica lag %s (max_replica_lag %s)", lag, limit);
        talloc_free(lag);
    } else if (facts->silent && care->behind_from_first) {
        text = mem_printf(care, "a replica that stands still at %s (max_replica_lag %s)",
                          facts->behind_at, limit);
    } else if (care->missed_since_ms >= 0) {
        text = mem_printf(care, "a replica that has disconnected (max_replica_lag %s)", limit);
    }
    talloc_free(limit);
    return text;
}

/* --- connections -------------------------------------------------------------------------- */

static char *judge_connections(const struct server_care *care, const struct server_facts *facts)
{
    struct text_size limit = care->server->max_connections_used;

    if (facts->connections <= text_size_of(limit, facts->usable))
        return NULL;
    return mem_printf(care, "connections %lld of %lld (max_connections_used %lld%s)",
                      (long long)facts->connections, (long long)facts->usable,
                      (long long)limit.value, limit.percent ? "%" : "");
}

static void forget(struct server_care *care)
{
    talloc_free(care->waits_for);
    care->waits_for = NULL;
}

const char *server_care_judge(struct server_care *care, const struct server_facts *facts,
                              int64_t now_ms)
{
    forget(care);
    if (care->server->max_replica_lag_ms > 0)
        care->waits_for = judge_replicas(care, facts, now_ms);
    if (!care->waits_for && care->server->has_max_connections_used)
        care->waits_for = judge_connections(care, facts);
    care->looked = true;
    return care->waits_for;
}

const char *server_care_judge_full(struct server_care *care)
{
    struct text_size limit = care->server->max_connections_used;

    forget(care);
    if (care->server->has_max_connections_used)
        care->waits_for = mem_printf(care, "a free connection (max_connections_used %lld%s)",
                                     (long long)limit.value, limit.percent ? "%" : "");
    return care->waits_for;
}
