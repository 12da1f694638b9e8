/*
 * rollback_fixture.c: a fleet of three migrations with a way back each.
 */
#include "tests/integration/rollback_fixture.h"

#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

void rollback_fixture_write(const struct fleet_fixture *fleet)
{
    fleet_fixture_write(fleet, "migrations/0001_product.sql",
                        "-- pgtide:up\nCREATE TABLE product (id int PRIMARY KEY);\n"
                        "-- pgtide:down\nDROP TABLE product;\n");
    fleet_fixture_write(fleet, "migrations/0002_title.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN title text;\n"
                        "-- pgtide:down\nALTER TABLE product DROP COLUMN title;\n");
    fleet_fixture_write(fleet, "migrations/0003_rows.sql",
                        "-- pgtide:up\nCOPY product (id, title) FROM stdin;\n1\ta\n2\tb\n\\.\n"
                        "-- pgtide:down\nDELETE FROM product;\n");
}

struct fleet_fixture *rollback_fixture_new(size_t tenants)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);

    rollback_fixture_write(fleet);
    fleet_fixture_inventory(fleet, "run: {max_failures: 9}\n");
    return fleet;
}

struct fleet_fixture *rollback_fixture_migrated(size_t tenants)
{
    struct fleet_fixture *fleet = rollback_fixture_new(tenants);

    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    return fleet;
}

const char *rollback_fixture_states(const struct fleet_fixture *fleet, size_t n)
{
    return fleet_fixture_value(fleet, n,
                               "SELECT string_agg(version || ' ' || state, ', ' ORDER BY rank) "
                               "FROM pgtide_history");
}

int64_t rollback_fixture_columns(const struct fleet_fixture *fleet, size_t n)
{
    return fleet_fixture_count(fleet, n,
                               "SELECT count(*) FROM information_schema.columns WHERE table_name "
                               "= 'product'");
}

void rollback_fixture_wait(const struct fleet_fixture *fleet, const char *condition)
{
    void *mem = mem_context(NULL);

    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          mem_printf(mem,
                                     "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                     "current_database() AND pid <> pg_backend_pid() AND %s",
                                     condition),
                          30000),
              "%s", condition);
    talloc_free(mem);
}
