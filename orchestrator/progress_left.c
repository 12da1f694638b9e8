/*
 * progress_left.c: how long a run will still take.
 */
#include "orchestrator/progress_left.h"

#include "common/mem.h"

struct left {
    const struct run_request *request;
    const struct run_result *so_far;
    const struct estimate *estimate;
    int64_t now_ms;
    int64_t wall_ms;
    bool unknown;       /* how long some tenant will take */
    int64_t total_ms;   /* the work of all waves */
    int64_t *server_ms; /* by server: the work of the wave looked at */
    int64_t *wave_ms;   /* by wave: when it will have passed, from now on */
};

static int64_t higher(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The smaller of two limits, where 0 is none; at least 1. */
static int64_t limit_of(int64_t a, int64_t b)
{
    int64_t limit = a == 0 || (b > 0 && b < a) ? b : a;

    return limit > 0 ? limit : 1;
}

static int64_t job_ms(struct left *left, size_t index)
{
    const struct job *job = &left->so_far->jobs[index];
    int64_t expected = estimate_of(left->estimate, index);

    left->unknown |= expected < 0;
    if (job->started_wall_ms != 0)
        expected -= left->wall_ms - job->started_wall_ms;
    return higher(expected, 1);
}

static int64_t server_limit(const struct left *left, size_t server, const struct wave *wave)
{
    const struct run_server *state = left->so_far->servers;
    int64_t cap = left->request->per_server;

    if (cap == 0)
        cap = left->request->fleet->servers[server].per_server;
    if (state && state[server].schedule.cap > 0)
        cap = (int64_t)state[server].schedule.cap;
    return limit_of(cap, wave ? wave->per_server : 0);
}

/* The work of one wave, from its opening on. */
static int64_t work_ms(struct left *left, const struct wave_group *group)
{
    const struct run_request *request = left->request;
    size_t servers = request->fleet->server_count;
    int64_t total = 0;
    int64_t least = 0;

    memset(left->server_ms, 0, servers * sizeof(*left->server_ms));
    for (size_t i = 0; i < group->count; i++) {
        const struct job *job = &left->so_far->jobs[group->jobs[i]];
        int64_t ms;

        if (job->outcome != OUTCOME_NONE)
            continue;
        ms = job_ms(left, group->jobs[i]);
        total += ms;
        left->server_ms[job->tenant->server->index] += ms;
        least = higher(least, ms);
    }
    for (size_t i = 0; i < servers; i++)
        least = higher(least, left->server_ms[i] / server_limit(left, i, group->wave));
    left->total_ms += total;
    total /= limit_of(request->config.workers, group->wave ? group->wave->workers : 0);
    return higher(least, total);
}

static int64_t soak_ms(const struct left *left, const struct wave *wave,
                       const struct run_wave *state)
{
    if (!wave || !state || state->state == RUN_WAVE_PASSED || state->state == RUN_WAVE_GATED)
        return 0;
    if (state->state == RUN_WAVE_SOAKING)
        return higher(state->soak_until_ms - left->now_ms, 0);
    return wave->soak_ms;
}

/* When the waves will have passed on which this one depends. A wave depends on earlier ones. */
static int64_t begins_ms(const struct left *left, const struct wave *wave)
{
    int64_t begin = 0;

    for (size_t i = 0; wave && i < wave->depends_on_count; i++)
        begin = higher(begin, left->wave_ms[wave->depends_on[i]]);
    return begin;
}

static int64_t all_waves_ms(struct left *left)
{
    const struct wave_plan *plan = left->request->waves;
    int64_t longest = 0;

    for (size_t i = 0; i < plan->group_count; i++) {
        const struct wave_group *group = &plan->groups[i];
        const struct run_wave *state = left->so_far->waves ? &left->so_far->waves[i] : NULL;

        left->wave_ms[i] =
            begins_ms(left, group->wave) + work_ms(left, group) + soak_ms(left, group->wave, state);
        longest = higher(longest, left->wave_ms[i]);
    }
    return higher(longest, left->total_ms / limit_of(left->request->config.workers, 0));
}

int64_t progress_left_ms(const struct run_request *request, const struct run_result *so_far,
                         const struct estimate *estimate, int64_t now_ms, int64_t wall_ms)
{
    struct left left = {
        .request = request,
        .so_far = so_far,
        .estimate = estimate,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
    };
    void *mem;
    int64_t ms;

    if (!request->waves)
        return -1;
    mem = mem_context(NULL);
    left.server_ms = mem_array(mem, int64_t, request->fleet->server_count);
    left.wave_ms = mem_array(mem, int64_t, request->waves->group_count);
    ms = all_waves_ms(&left);
    talloc_free(mem);
    return left.unknown ? -1 : ms;
}
