/*
 * test_parallel.c: many tenants at once, never more than allowed; servers that take turns; several
 * runs at once; shards.
 *
 * That not too many are at work is asked on the server itself: a migration takes one of as many
 * advisory locks as tenants may be in work, and fails when none is left.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>

enum { PATIENCE_MS = 30 * 1000 };

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(parallel, .init = setup, .fini = teardown, .timeout = 120);

/* --- how many at once ------------------------------------------------------------------------- */

static const char slot_sql[] =
    "CREATE FUNCTION public.take_slot(kind int, slots int) RETURNS void LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "    FOR slot IN 1 .. slots LOOP\n"
    "        IF pg_try_advisory_xact_lock(kind, slot) THEN RETURN; END IF;\n"
    "    END LOOP;\n"
    "    RAISE EXCEPTION 'more than % at work', slots;\n"
    "END $$";

/*
 * The odd tenants are on server "left", the even ones on "right", which are one and the same; a
 * migration fails when more than `each` of its server or more than `all` are at work.
 */
static struct schema_fleet *two_servers(size_t tenants, const char *run, const char *left, int each,
                                        int all)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, tenants);
    const struct fleet_fixture *fixture = fleet->fixture;
    struct strbuf yaml;

    schema_fleet_exec(fleet, slot_sql);
    fleet_fixture_write(
        fixture, "migrations/1_step.sql",
        mem_printf(ctx,
                   "-- pgtide: lock_timeout=1m\n"
                   "SELECT public.take_slot(1 + right(current_setting('pgtide.tenant'), 1)::int %% "
                   "2, %d);\n"
                   "SELECT public.take_slot(3, %d);\n"
                   "CREATE TABLE done (a int);\n"
                   "SELECT public.step(), pg_sleep(0.005);\n",
                   each, all));
    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: migrations\nconnection: {user: postgres}\n"
                  "settings: {create: schema}\nrun: {%s}\nservers:\n"
                  "  left: {host: %s, port: %d%s}\n  right: {host: %s, port: %d}\ntenants:\n",
                  run, fixture->host, fixture->port, left, fixture->host, fixture->port);
    for (size_t i = 1; i <= tenants; i++)
        strbuf_printf(&yaml, "  - {name: t%02zu, server: %s, database: %s, schema: t%02zu}\n", i,
                      i % 2 ? "left" : "right", fixture->databases[0], i);
    fleet_fixture_write(fixture, "fleet.yaml", yaml.text);
    return fleet;
}

/* Exactly `at_once` are at work before the first ends, and never more. */
static void expect_at_once(struct schema_fleet *fleet, int at_once, const char *option)
{
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", option, NULL);
    schema_fleet_wait_at_gate(fleet, at_once);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(schema_fleet_done(fleet), (int64_t)fleet->tenants);
}

Test(parallel, no_more_than_workers)
{
    expect_at_once(two_servers(40, "workers: 5, per_server: 10", "", 5, 5), 5, NULL);
}

Test(parallel, no_more_on_a_server_than_per_server)
{
    expect_at_once(two_servers(40, "workers: 16, per_server: 3", "", 3, 6), 6, NULL);
}

Test(parallel, a_server_may_have_more_than_the_others)
{
    expect_at_once(two_servers(40, "workers: 16, per_server: 2", ", per_server: 5", 5, 7), 7, NULL);
}

Test(parallel, the_command_line_stands_above_the_inventory)
{
    expect_at_once(two_servers(40, "workers: 16, per_server: 3", ", per_server: 8", 3, 6), 6,
                   "--per-server=3");
    expect_at_once(two_servers(30, "workers: 16, per_server: 6", "", 3, 3), 3, "--workers=3");
}

Test(parallel, a_slow_server_does_not_hold_up_the_others)
{
    struct schema_fleet *fleet = two_servers(20, "workers: 4, per_server: 2", "", 2, 4);
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_close_gate(fleet, "t01 t03 t05 t07 t09 t11 t13 t15 t17 t19");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->fixture->server, fleet->fixture->databases[0],
                          "SELECT count(*) = 10 FROM pg_tables WHERE tablename = 'done'",
                          PATIENCE_MS));
    schema_fleet_wait_at_gate(fleet, 2);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
}

Test(parallel, three_hundred_tenants_with_thirty_two_workers)
{
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 3);
    const struct fleet_run *run;
    struct strbuf yaml;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (a int PRIMARY KEY);\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "INSERT INTO a VALUES (1);\n");
    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: migrations\nconnection: {user: postgres}\n"
                  "settings: {create: schema}\nrun: {workers: 32, per_server: 32}\n"
                  "servers: {main: {host: %s, port: %d}}\ntenants:\n",
                  fleet->host, fleet->port);
    for (int i = 0; i < 300; i++)
        strbuf_printf(&yaml, "  - {name: t%03d, server: main, database: %s, schema: t%03d}\n", i,
                      fleet->databases[i % 3], i);
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "migrated"), 300);
    for (size_t n = 1; n <= 3; n++)
        cr_assert_eq(fleet_fixture_count(
                         fleet, n,
                         "SELECT sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) "
                         "AS n FROM %I.a, %I.pgtide_history', nspname, nspname), false, true, "
                         "'')))[1]::text::int) FROM pg_namespace WHERE nspname ~ '^t[0-9]{3}$'"),
                     200);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_assert_eq(fleet_fixture_total(run, "current"), 300);
}

/* --- several runs at once --------------------------------------------------------------------- */

Test(parallel, a_second_run_of_the_same_fleet_is_turned_away)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 4);
    const struct fleet_run *second;
    const struct fleet_run *first;
    struct process *process;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 4);
    second = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(second->exit_code, 5, "%s", second->err);
    cr_assert_str_empty(second->out);
    cr_assert_null(second->report);
    cr_assert_eq(strncmp(second->err, "pgtide: ", strlen("pgtide: ")), 0, "%s", second->err);
    cr_assert(strstr(second->err, "another run of this fleet is going on: run "), "%s",
              second->err);
    cr_assert(strstr(second->err, mem_printf(ctx, ", pid %d on ", (int)process_pid(process))), "%s",
              second->err);
    cr_assert_eq(fleet_fixture_run(fleet->fixture, "status", NULL)->exit_code, 0,
                 "asking is always allowed");
    schema_fleet_open_gate(fleet);
    first = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(first->exit_code, 0, "%s", first->out);
    cr_assert_eq(fleet_fixture_total(first, "migrated"), 4);
    cr_assert_eq(fleet_fixture_run(fleet->fixture, "migrate", NULL)->exit_code, 0);
}

/* Another fleet, with its own state, of the same tenants and migrations. */
static struct fleet_fixture *twin_of(const struct fleet_fixture *fleet)
{
    struct fleet_fixture *twin = fleet_fixture_new(ctx, fleet->server, 0);
    struct strbuf yaml;

    strbuf_init(&yaml, ctx);
    strbuf_printf(&yaml,
                  "migrations: %s/migrations\nconnection: {user: postgres}\n"
                  "settings: {lock_wait: 1m}\nservers: {main: {host: %s, port: %d}}\ntenants:\n",
                  fleet->dir, fleet->host, fleet->port);
    for (size_t i = fleet->count; i-- > 0;) /* they meet in the middle */
        strbuf_printf(&yaml, "  - {name: twin-%zu, server: main, database: %s}\n", i + 1,
                      fleet->databases[i]);
    fleet_fixture_write(twin, "fleet.yaml", yaml.text);
    return twin;
}

/* Of one round: a migration, every fourth outside a transaction, and a repeatable. */
static void write_round(const struct fleet_fixture *fleet, int round)
{
    fleet_fixture_write(fleet, mem_printf(ctx, "migrations/%d_r.sql", round),
                        mem_printf(ctx, "%sINSERT INTO tools.applied VALUES (%d);\n",
                                   round % 4 == 0 ? "-- pgtide: transaction=none\n" : "", round));
    fleet_fixture_write(fleet, "migrations/R_again.sql",
                        mem_printf(ctx, "INSERT INTO tools.applied VALUES (-%d);\n", round));
}

Test(parallel, two_fleets_that_share_their_tenants_apply_everything_once)
{
    enum { ROUNDS = 20, TENANTS = 4 };
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), TENANTS);
    struct fleet_fixture *twin = twin_of(fleet);

    fleet_fixture_inventory(fleet, "settings: {lock_wait: 1m}\nrun: {workers: 2}\n");
    for (size_t n = 1; n <= TENANTS; n++)
        fleet_fixture_exec(fleet, n, "CREATE SCHEMA tools; CREATE TABLE tools.applied (round int)");
    for (int round = 1; round <= ROUNDS; round++) {
        struct fleet_fixture *fleets[] = {fleet, twin};
        struct process *processes[2];
        int64_t migrated = 0;

        write_round(fleet, round);
        for (int i = 0; i < 2; i++)
            processes[i] = fleet_fixture_start(fleets[i], "migrate", NULL);
        for (int i = 0; i < 2; i++) {
            const struct fleet_run *run = fleet_fixture_wait(fleets[i], processes[i]);

            cr_assert_eq(run->exit_code, 0, "round %d: %s%s", round, run->out, run->err);
            migrated += fleet_fixture_total(run, "migrated");
        }
        cr_assert_eq(migrated, TENANTS, "round %d", round);
    }
    for (size_t n = 1; n <= TENANTS; n++) {
        cr_assert_eq(fleet_fixture_count(fleet, n, "SELECT count(*) FROM tools.applied"),
                     2 * ROUNDS);
        cr_assert_eq(
            fleet_fixture_count(fleet, n, "SELECT count(DISTINCT round) FROM tools.applied"),
            2 * ROUNDS);
        cr_assert_eq(fleet_fixture_applied(fleet, n), 2 * ROUNDS);
    }
}

/* --- shards ----------------------------------------------------------------------------------- */

Test(parallel, the_shards_of_a_fleet_are_the_fleet)
{
    enum { SHARDS = 5 };
    struct schema_fleet *fleet = schema_fleet_new(ctx, 12);
    int64_t migrated = 0;

    for (int shard = 0; shard < SHARDS; shard++) {
        const struct fleet_run *run = fleet_fixture_run(
            fleet->fixture, "migrate", "--shard", mem_printf(ctx, "%d/%d", shard, SHARDS), NULL);

        cr_assert_eq(run->exit_code, 0, "%s", run->err);
        cr_assert_eq(fleet_fixture_total(run, "current"), 0, "in two shards");
        migrated += fleet_fixture_total(run, "migrated");
    }
    cr_assert_eq(migrated, 12);
    cr_assert_eq(schema_fleet_done(fleet), 12);
}

Test(parallel, an_empty_shard_is_a_success)
{
    struct schema_fleet *fleet = schema_fleet_new(ctx, 1);
    int64_t migrated = 0;

    for (int shard = 0; shard < 3; shard++) {
        const struct fleet_run *run = fleet_fixture_run(fleet->fixture, "migrate", "--shard",
                                                        mem_printf(ctx, "%d/3", shard), NULL);

        cr_assert_eq(run->exit_code, 0, "%s", run->err);
        cr_assert_str_eq(json_string_value(json_object_get(run->report, "result")), "succeeded");
        migrated += fleet_fixture_total(run, "migrated");
    }
    cr_assert_eq(migrated, 1);
    cr_assert_eq(
        fleet_fixture_run(fleet->fixture, "migrate", "-t", "nobody", "--shard", "0/3", NULL)
            ->exit_code,
        66);
}
