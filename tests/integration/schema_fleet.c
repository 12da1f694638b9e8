/*
 * schema_fleet.c: the gate is an advisory lock of the database, who waits at it or fails is a
 * table.
 */
#include "tests/integration/schema_fleet.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>

enum { WAIT_MS = 30 * 1000 };

#define GATE "4711"

static const char step_sql[] =
    "CREATE TABLE public.gated (tenant text);\n"
    "CREATE TABLE public.failing (tenant text, code text);\n"
    "CREATE FUNCTION public.step() RETURNS void LANGUAGE plpgsql AS $$\n"
    "DECLARE me text := current_setting('pgtide.tenant'); why text;\n"
    "BEGIN\n"
    "    IF EXISTS (SELECT FROM public.gated WHERE tenant IN (me, 'all')) THEN\n"
    "        PERFORM pg_advisory_xact_lock_shared(" GATE ");\n"
    "    END IF;\n"
    "    SELECT code INTO why FROM public.failing WHERE tenant IN (me, 'all');\n"
    "    IF FOUND THEN RAISE EXCEPTION 'out of stock' USING ERRCODE = why; END IF;\n"
    "END $$;\n";

/* Schemas with the table, and those with the row: "<tables> <rows> <both>". */
static const char done_sql[] =
    "WITH tables AS (SELECT schemaname s FROM pg_tables WHERE tablename = 'done'), "
    "rows AS (SELECT schemaname s FROM pg_tables WHERE tablename = 'pgtide_history' AND "
    "(xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.pgtide_history "
    "WHERE state = ''applied''', schemaname), false, true, '')))[1]::text = '1') "
    "SELECT CASE WHEN count(t.s) = count(*) AND count(r.s) = count(*) THEN count(*) ELSE -1 END "
    "FROM tables t FULL JOIN rows r USING (s)";

static int destroy(struct schema_fleet *fleet)
{
    schema_fleet_open_gate(fleet);
    return 0;
}

struct schema_fleet *schema_fleet_new(void *parent, size_t tenants)
{
    struct schema_fleet *fleet = mem_new(parent, struct schema_fleet);

    fleet->fixture = fleet_fixture_new(fleet, pg_server_shared(fleet), 1);
    fleet->tenants = tenants;
    talloc_set_destructor(fleet, destroy);
    schema_fleet_exec(fleet, step_sql);
    fleet_fixture_write(fleet->fixture, "migrations/1_step.sql",
                        "-- pgtide: lock_timeout=1m\n"
                        "CREATE TABLE done (a int);\n"
                        "SELECT public.step();\n");
    schema_fleet_inventory(fleet, NULL, NULL);
    return fleet;
}

void schema_fleet_inventory(const struct schema_fleet *fleet, const char *settings,
                            const char *extra)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    struct strbuf yaml;

    strbuf_init(&yaml, NULL);
    strbuf_printf(&yaml,
                  "migrations: migrations\n"
                  "connection: {user: postgres}\n"
                  "servers:\n  main: {host: %s, port: %d}\n",
                  fixture->host, fixture->port);
    strbuf_printf(&yaml, "settings: {create: schema, %s}\n%stenants:\n",
                  settings ? settings : "retry: {attempts: 3, base: 10ms, cap: 100ms}",
                  extra ? extra : "");
    for (size_t i = 1; i <= fleet->tenants; i++)
        strbuf_printf(&yaml, "  - {name: t%02zu, server: main, database: %s, schema: t%02zu}\n", i,
                      fixture->databases[0], i);
    fleet_fixture_write(fixture, "fleet.yaml", yaml.text);
    strbuf_release(&yaml);
}

void schema_fleet_fail(const struct schema_fleet *fleet, const char *tenants, const char *sqlstate)
{
    pg_sql_execf(fleet->fixture->server, fleet->fixture->databases[0],
                 "INSERT INTO public.failing SELECT tenant, '%s' FROM "
                 "string_to_table('%s', ' ') AS tenant",
                 sqlstate, tenants);
}

void schema_fleet_mend(const struct schema_fleet *fleet)
{
    schema_fleet_exec(fleet, "DELETE FROM public.failing");
}

void schema_fleet_close_gate(struct schema_fleet *fleet, const char *tenants)
{
    const struct fleet_fixture *fixture = fleet->fixture;

    pg_sql_execf(fixture->server, fixture->databases[0],
                 "INSERT INTO public.gated SELECT string_to_table('%s', ' ')", tenants);
    fleet->gate = pg_sql_connect(fixture->server, fixture->databases[0]);
    PQclear(PQexec(fleet->gate, "SELECT pg_advisory_lock(" GATE ")"));
}

void schema_fleet_open_gate(struct schema_fleet *fleet)
{
    PQfinish(fleet->gate);
    fleet->gate = NULL;
}

void schema_fleet_wait_at_gate(const struct schema_fleet *fleet, int count)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    char *sql = mem_printf(fleet,
                           "SELECT count(*) = %d FROM pg_locks WHERE locktype = 'advisory' AND "
                           "objid = " GATE " AND NOT granted AND database = (SELECT oid FROM "
                           "pg_database WHERE datname = current_database())",
                           count);

    cr_assert(pg_sql_wait(fixture->server, fixture->databases[0], sql, WAIT_MS),
              "%d tenants were to wait at the gate", count);
}

size_t schema_fleet_started(const struct fleet_run *run)
{
    const json_t *tenants = json_object_get(run->report, "tenants");
    size_t started = 0;

    for (size_t i = 0; i < json_array_size(tenants); i++) {
        const json_t *tenant = json_array_get(tenants, i);
        bool tried = json_integer_value(json_object_get(tenant, "attempts")) > 0;

        cr_assert_eq(tried, json_is_string(json_object_get(tenant, "startedAt")));
        started += tried;
    }
    return started;
}

int64_t schema_fleet_done(const struct schema_fleet *fleet)
{
    return schema_fleet_count(fleet, done_sql);
}

void schema_fleet_exec(const struct schema_fleet *fleet, const char *sql)
{
    fleet_fixture_exec(fleet->fixture, 1, sql);
}

int64_t schema_fleet_count(const struct schema_fleet *fleet, const char *sql)
{
    return fleet_fixture_count(fleet->fixture, 1, sql);
}
