/*
 * test_round_trips.c: how often pgtide waits for an answer, counted by a proxy between it and the
 * server. One trip after connecting to learn that nothing is pending, two for any number of pending
 * transactional migrations.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"

#include <criterion/criterion.h>

struct counted {
    struct fleet_fixture *fleet;
    struct proxy *proxy;
};

static struct counted new_counted(void)
{
    void *ctx = mem_context(NULL);
    const struct pg_server *server = pg_server_shared(ctx);
    struct counted counted = {.fleet = fleet_fixture_new(ctx, server, 1),
                              .proxy = proxy_new(ctx, server->host, server->port)};

    fleet_fixture_through(counted.fleet, proxy_port(counted.proxy));
    for (int i = 1; i <= 40; i++)
        fleet_fixture_write(
            counted.fleet, mem_printf(ctx, "migrations/%02d_t.sql", i),
            mem_printf(ctx, "CREATE TABLE t%d (a int);\nINSERT INTO t%d VALUES (%d);\n", i, i, i));
    fleet_fixture_inventory(counted.fleet, NULL);
    return counted;
}

/* Round trips after connecting of one command that must end with 0. */
static int64_t trips(struct counted *counted, const char *command)
{
    struct proxy_stats stats;
    const struct fleet_run *run;

    proxy_reset_stats(counted->proxy);
    run = fleet_fixture_run(counted->fleet, command, NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    proxy_read_stats(counted->proxy, &stats);
    cr_assert_eq(stats.connections, 1, "%lld connections", (long long)stats.connections);
    return stats.round_trips;
}

Test(round_trips, two_for_forty_migrations_of_a_fresh_tenant)
{
    struct counted counted = new_counted();

    cr_assert_eq(trips(&counted, "migrate"), 2);
    cr_assert_eq(fleet_fixture_applied(counted.fleet, 1), 40);
}

Test(round_trips, one_when_nothing_is_pending)
{
    struct counted counted = new_counted();

    (void)trips(&counted, "migrate");
    cr_assert_eq(trips(&counted, "migrate"), 1);
}

Test(round_trips, two_for_a_release_step_with_require_verify_and_repeatables)
{
    struct counted counted = new_counted();

    (void)trips(&counted, "migrate");
    fleet_fixture_write(counted.fleet, "migrations/41_v.sql",
                        "-- pgtide:require\nSELECT true;\n-- pgtide:up\nCREATE TABLE v ();\n"
                        "-- pgtide:verify\nSELECT true;\n");
    fleet_fixture_write(counted.fleet, "migrations/R_w.sql", "CREATE VIEW w AS SELECT 1 AS x;\n");
    cr_assert_eq(trips(&counted, "migrate"), 2);
    cr_assert_eq(fleet_fixture_applied(counted.fleet, 1), 42);
}

Test(round_trips, one_for_status_and_plan_two_without_a_history)
{
    struct counted counted = new_counted();

    cr_assert_eq(trips(&counted, "plan"), 2); /* is anything else in the schema? */
    (void)trips(&counted, "migrate");
    cr_assert_eq(trips(&counted, "status"), 1);
    cr_assert_eq(trips(&counted, "plan"), 1);
}

Test(round_trips, copy_costs_one_more_and_when_two)
{
    struct counted counted = new_counted();

    fleet_fixture_write(counted.fleet, "migrations/41_copy.sql", "COPY t1 FROM stdin;\n7\n\\.\n");
    cr_assert_eq(trips(&counted, "migrate"), 3);
    fleet_fixture_write(counted.fleet, "migrations/42_when.sql",
                        "-- pgtide:when\nSELECT true;\n-- pgtide:up\nCREATE TABLE w ();\n");
    cr_assert_eq(trips(&counted, "migrate"), 3);
}
