/*
 * shared_fixture.c: requests, connections, turns.
 */
#include "tests/integration/shared_fixture.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

struct shared_world shared_fixture_world(void)
{
    void *mem = mem_context(NULL);
    struct shared_world world = {.mem = mem, .server = pg_server_shared(mem)};

    world.database = pg_sql_unique(mem, "ledger");
    pg_sql_create_database(world.server, world.database);
    return world;
}

void shared_fixture_end(const struct shared_world *world)
{
    pg_sql_drop_database(world->server, world->database);
    talloc_free(world->mem);
}

static void connect_machine(const struct shared_world *world, struct shared_machine *machine)
{
    char *dsn = pg_server_dsn(machine->mem, world->server, world->database);
    struct err err = ERR_INIT;

    cr_assert_eq(ledger_db_open_server(machine->mem, dsn, &machine->db, &err), 0, "%s",
                 err.message);
}

/* Of a fleet of `count` tenants on two servers in turn; `run` is what stands under run:. */
void shared_fixture_machine(const struct shared_world *world, struct shared_machine *machine,
                            int count, const char *run)
{
    struct err_list errors = ERR_LIST_INIT;
    struct err err = ERR_INIT;
    struct strbuf yaml;

    *machine = (struct shared_machine){.mem = mem_context(world->mem)};
    strbuf_init(&yaml, machine->mem);
    strbuf_printf(&yaml,
                  "migrations: m\nservers:\n  a: {host: a, per_server: 3}\n"
                  "  b: {host: b, per_server: 4, max_failures: 1}\nrun: {%s}\ntenants:\n",
                  run);
    for (int i = 0; i < count; i++)
        strbuf_printf(&yaml, "  - {name: t%d, server: %c, database: d%d, labels: {ring: %s}}\n", i,
                      'a' + i % 2, i, i < 2 ? "canary" : "rest");
    cr_assert_eq(fleet_parse(machine->mem, "fleet.yaml", yaml.text, yaml.len, false,
                             &machine->fleet, &errors),
                 0, "%s", errors.count ? errors.items[0].message : "");
    machine->tenants = mem_array(machine->mem, const struct tenant *, (size_t)count);
    for (int i = 0; i < count; i++)
        machine->tenants[i] = &machine->fleet->tenants[i];
    machine->catalog.checksum = mem_strdup(machine->mem, "sha256:one");
    machine->request = (struct run_request){
        .operation = "migrate",
        .fleet = machine->fleet,
        .config = machine->fleet->run,
        .tenants = machine->tenants,
        .tenant_count = (size_t)count,
        .halts = true,
        .plan = {.catalog = &machine->catalog, .run_id = "r1", .to_version = INT64_MAX},
    };
    cr_assert_eq(wave_plan_make(machine->mem, &machine->request.config, machine->tenants,
                                (size_t)count, (struct wave_history){0}, &machine->waves, &err),
                 0, "%s", err.message);
    machine->request.waves = machine->waves;
    machine->by_server[0] = machine->by_server[1] = 100;
    machine->ask = (struct shared_ask){
        .capacity = 100, .by_server = machine->by_server, .down = machine->down};
    connect_machine(world, machine);
}

void shared_fixture_join(struct shared_machine *machine, int64_t lease_ms)
{
    struct err err = ERR_INIT;

    cr_assert_eq(shared_run_join(machine->mem, machine->db, &machine->request, lease_ms,
                                 &machine->run, &err),
                 0, "%s", err.message);
}

void shared_fixture_turn(struct shared_machine *machine)
{
    struct err err = ERR_INIT;

    cr_assert_eq(shared_run_turn(machine->run, &machine->ask, &machine->news, &err), 0, "%s",
                 err.message);
    machine->ask.ends = NULL;
    machine->ask.end_count = 0;
    machine->ask.waves = NULL;
    machine->ask.halt = NULL;
}
