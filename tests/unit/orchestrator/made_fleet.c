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

static void make_wave(struct made_fleet *made, size_t wave)
{
    size_t *before = mem_new(made->mem, size_t);

    made->waves[wave].name = mem_printf(made->mem, "w%zu", wave);
    if (wave == 0)
        return;
    *before = wave - 1;
    made->waves[wave].depends_on = before;
    made->waves[wave].depends_on_count = 1;
}

static void deal_out(struct made_fleet *made, size_t waves, const char *where)
{
    size_t tenants = made->request.tenant_count;
    size_t *group_of = mem_array(made->mem, size_t, tenants);
    struct wave_group *groups = mem_array(made->mem, struct wave_group, waves);

    for (size_t wave = 0; wave < waves; wave++) {
        size_t *jobs = mem_array(made->mem, size_t, tenants);

        groups[wave] = (struct wave_group){.wave = &made->waves[wave], .jobs = jobs};
        for (size_t job = 0; job < tenants; job++) {
            if ((size_t)(where[job] - '0') != wave)
                continue;
            group_of[job] = wave;
            jobs[groups[wave].count++] = job;
        }
    }
    made->plan = (struct wave_plan){
        .groups = groups, .group_count = waves, .group_of = group_of, .dealt = tenants};
}

void made_fleet_waves(struct made_fleet *made, size_t waves, const char *where)
{
    made->waves = mem_array(made->mem, struct wave, waves);
    for (size_t wave = 0; wave < waves; wave++)
        make_wave(made, wave);
    deal_out(made, waves, where);
    made->fleet.run.waves = made->waves;
    made->fleet.run.wave_count = waves;
    made->request.config.waves = made->waves;
    made->request.config.wave_count = waves;
    made->request.waves = &made->plan;
}

void made_fleet_release(struct made_fleet *made)
{
    talloc_free(made->mem);
}
