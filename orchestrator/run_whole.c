/*
 * run_whole.c: counts tenants by wave and by server.
 */
#include "orchestrator/run_whole.h"

#include "common/mem.h"

struct run_whole *run_whole_count(const void *parent, const struct run_request *request)
{
    const struct wave_plan *waves = request->waves;
    size_t groups = waves ? waves->group_count : 1;
    struct run_whole *whole = mem_new(parent, struct run_whole);

    whole->tenants = request->tenant_count;
    whole->of_waves = mem_array(whole, size_t, groups);
    whole->of_servers = mem_array(whole, size_t, request->fleet->server_count);
    for (size_t i = 0; i < groups; i++)
        whole->of_waves[i] = waves ? waves->groups[i].count : request->tenant_count;
    for (size_t i = 0; i < request->tenant_count; i++)
        whole->of_servers[request->tenants[i]->server->index]++;
    return whole;
}

const struct run_whole *run_whole_of(const void *parent, const struct run_request *request)
{
    return request->whole ? request->whole : run_whole_count(parent, request);
}
