/*
 * made_fleet.c: fleets made in memory.
 */
#include "tests/unit/orchestrator/made_fleet.h"

#include "common/mem.h"

static void make_servers(struct made_fleet *made, size_t servers, int per_server)
{
    made->servers = mem_array(made->mem, struct server, servers);
    for (size_t i = 0; i < servers; i++) {
        made->servers[i].name = mem_printf(made->mem, "s%zu", i);
        made->servers[i].index = i;
        made->servers[i].per_server = per_server;
    }
}

static void make_tenants(struct made_fleet *made, size_t servers, size_t tenants)
{
    made->tenants = mem_array(made->mem, struct tenant, tenants);
    made->selected = mem_array(made->mem, const struct tenant *, tenants);
    for (size_t i = 0; i < tenants; i++) {
        made->tenants[i].name = mem_printf(made->mem, "t%zu", i);
        made->tenants[i].index = i;
        made->tenants[i].settings = &made->settings;
        made->tenants[i].server = &made->servers[i % servers];
        made->selected[i] = &made->tenants[i];
    }
}

void made_fleet_init(struct made_fleet *made, size_t servers, size_t tenants, int per_server)
{
    *made = (struct made_fleet){.mem = mem_context(NULL)};
    made->settings.retry.attempts = 3;
    made->settings.retry.base_ms = 1;
    made->settings.retry.cap_ms = 1;
    make_servers(made, servers, per_server);
    make_tenants(made, servers, tenants);
    made->fleet = (struct fleet){
        .run = {.workers = 8, .per_server = per_server},
        .servers = made->servers,
        .server_count = servers,
        .tenants = made->tenants,
        .tenant_count = tenants,
    };
    made->request = (struct run_request){
        .operation = "migrate",
        .fleet = &made->fleet,
        .config = made->fleet.run,
        .plan = {.action = JOB_MIGRATE, .run_id = "20261123T061500Z-4f2a", .cancel_fd = -1},
        .tenants = made->selected,
        .tenant_count = tenants,
        .halts = true,
    };
}

void made_fleet_place(struct made_fleet *made, size_t tenant, size_t server)
{
    made->tenants[tenant].server = &made->servers[server];
}

void made_fleet_release(struct made_fleet *made)
{
    talloc_free(made->mem);
}
