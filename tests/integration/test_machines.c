/*
 * test_machines.c: several pgtide processes on one run, as on several machines: `--run NAME` with a
 * ledger in a database. They die, sleep, come too late; every tenant is migrated once all the same.
 *
 * Tenants are schemas in a few databases. The migration waits at the gate of its database, an
 * advisory lock: so it is known, without a clock, who has tenants in work.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

enum { PATIENCE_MS = 60 * 1000, WORKERS = 4 };

#define GATE "4712"

TestSuite(machines, .timeout = 240);

struct world {
    void *mem;
    struct fleet_fixture *fleet;
    size_t databases; /* with tenants; the one behind them is the ledger's */
    size_t tenants;
    PGconn *gates[8];
};

static const char migration[] =
    "-- pgtide: lock_timeout=1m\n"
    "CREATE TABLE done (a int);\n"
    "SELECT pg_advisory_xact_lock_shared(" GATE ");\n"
    "SELECT 1 / (SELECT count(*) FROM (SELECT 1) one WHERE NOT EXISTS (SELECT FROM public.bad "
    "WHERE tenant = current_setting('pgtide.tenant')));\n";

/* Where the ledger is; it may be a server of its own. */
static void write_inventory(const struct world *world, const struct pg_server *ledger,
                            const char *database, const char *run)
{
    const struct fleet_fixture *fleet = world->fleet;
    struct strbuf yaml;

    strbuf_init(&yaml, world->mem);
    strbuf_printf(&yaml,
                  "migrations: migrations\nledger: \"%s\"\nconnection: {user: postgres}\n"
                  "settings: {retry: {attempts: 3, base: 10ms, cap: 100ms}}\n"
                  "run: {workers: %d, per_server: 20%s}\n"
                  "servers: {main: {host: %s, port: %d}}\ntenants:\n",
                  pg_server_dsn(world->mem, ledger, database), WORKERS, run, fleet->host,
                  fleet->port);
    for (size_t i = 0; i < world->tenants; i++)
        strbuf_printf(&yaml, "  - {name: t%04zu, server: main, database: %s, schema: t%04zu}\n", i,
                      fleet->databases[i % world->databases], i);
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
}

static struct world make_world(size_t databases, size_t tenants, const char *run)
{
    void *mem = mem_context(NULL);
    struct world world = {.mem = mem, .databases = databases, .tenants = tenants};

    world.fleet = fleet_fixture_new(mem, pg_server_shared(mem), databases + 1);
    fleet_fixture_write(world.fleet, "migrations/1_done.sql", migration);
    for (size_t i = 0; i < databases; i++)
        fleet_fixture_exec(world.fleet, i + 1,
                           mem_printf(mem,
                                      "CREATE TABLE public.bad (tenant text);"
                                      "DO $$ BEGIN FOR i IN %zu .. %zu BY %zu LOOP EXECUTE "
                                      "format('CREATE SCHEMA t%%s', to_char(i, 'FM0000')); "
                                      "END LOOP; END $$",
                                      i, tenants - 1, databases));
    write_inventory(&world, world.fleet->server, world.fleet->databases[databases], run);
    return world;
}

static void close_gate(struct world *world, size_t database)
{
    world->gates[database] =
        pg_sql_connect(world->fleet->server, world->fleet->databases[database - 1]);
    PQclear(PQexec(world->gates[database], "SELECT pg_advisory_lock(" GATE ")"));
}

static void open_gate(struct world *world, size_t database)
{
    PQfinish(world->gates[database]);
    world->gates[database] = NULL;
}

/* Until so many migrations wait at the gate of the database. */
static void wait_at_gate(const struct world *world, size_t database, int count)
{
    cr_assert(pg_sql_wait(world->fleet->server, world->fleet->databases[database - 1],
                          mem_printf(world->mem,
                                     "SELECT count(*) = %d FROM pg_locks WHERE locktype = "
                                     "'advisory' AND objid = " GATE " AND NOT granted AND database "
                                     "= (SELECT oid FROM pg_database WHERE datname = "
                                     "current_database())",
                                     count),
                          PATIENCE_MS),
              "%d were to wait at the gate", count);
}

static void end_world(const struct world *world)
{
    talloc_free(world->mem);
}

static char *ask_ledger(const struct world *world, const char *sql)
{
    return pg_sql_rows(world->mem, world->fleet->server, world->fleet->databases[world->databases],
                       sql);
}

/* Also until the ledger has its tables. */
static void wait_for_ledger(const struct world *world, const char *what, const char *sql)
{
    const struct pg_server *server = world->fleet->server;
    const char *database = world->fleet->databases[world->databases];

    cr_assert(pg_sql_wait(server, database, "SELECT to_regclass('pgtide_shared') IS NOT NULL",
                          PATIENCE_MS));
    cr_assert(pg_sql_wait(server, database, sql, PATIENCE_MS), "%s: %s", what,
              ask_ledger(world, "SELECT member, state, outcome, takeovers, count(*) FROM "
                                "pgtide_shared_tenant GROUP BY 1, 2, 3, 4"));
}

/* Why a tenant of the run ended as it did. */
static const char *message_of(const struct fleet_run *run, const char *tenant)
{
    return json_string_value(
        json_object_get(json_object_get(fleet_fixture_tenant(run, tenant), "error"), "message"));
}

/* Every tenant has its table, and one row in its history, of this run. */
static void expect_each_once(const struct world *world, const char *run)
{
    size_t tables = 0;
    size_t rows = 0;

    for (size_t i = 1; i <= world->databases; i++) {
        tables += (size_t)fleet_fixture_count(
            world->fleet, i, "SELECT count(*) FROM pg_tables WHERE tablename = 'done'");
        rows += (size_t)fleet_fixture_count(
            world->fleet, i,
            mem_printf(world->mem,
                       "SELECT sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS "
                       "n FROM %%I.pgtide_history WHERE state = ''applied'' AND run_id = ''%s''', "
                       "schemaname), false, true, '')))[1]::text::int) FROM pg_tables "
                       "WHERE tablename = 'pgtide_history'",
                       run));
    }
    cr_expect_eq(tables, world->tenants);
    cr_expect_eq(rows, world->tenants);
}

static struct process *start(const struct world *world, const char *run, const char *option)
{
    return fleet_fixture_start(world->fleet, "migrate", "--run", run, option, NULL);
}

static void use_lease(const char *lease)
{
    setenv("PGTIDE_LEASE", lease, 1);
}

static const char *result_of(const struct fleet_run *run)
{
    return json_string_value(json_object_get(run->report, "result"));
}

/* --- the run ------------------------------------------------------------------------------ */

Test(machines, four_work_on_two_thousand_while_one_is_killed_and_one_sleeps)
{
    enum { MACHINES = 4, DEAD = 2 };
    struct world world = make_world(4, 2000, "");
    struct process *machines[MACHINES];

    use_lease("1s");
    close_gate(&world, 1);
    for (int i = 0; i < MACHINES; i++)
        machines[i] = start(&world, "big", NULL);
    wait_at_gate(&world, 1, MACHINES * WORKERS);
    process_signal(machines[0], SIGKILL);
    process_signal(machines[1], SIGSTOP);
    wait_for_ledger(&world, "their leases have run out",
                    "SELECT count(*) = 2 FROM pgtide_shared_member "
                    "WHERE lease_until < clock_timestamp()");
    close_gate(&world, 2);
    open_gate(&world, 1);
    wait_for_ledger(&world, "what the two had is taken over, and done",
                    "SELECT count(*) = 8 FROM pgtide_shared_tenant "
                    "WHERE takeovers > 0 AND state = 'ended' AND outcome = 'migrated'");
    process_signal(machines[1], SIGCONT);
    wait_for_ledger(&world, "the one that slept goes on with others",
                    mem_printf(world.mem,
                               "SELECT count(*) = %d FROM pgtide_shared_tenant "
                               "WHERE state = 'claimed' AND split_part(member, ':', 2) = '%d'",
                               WORKERS, (int)process_pid(machines[1])));
    open_gate(&world, 2);
    cr_expect_eq(process_wait(machines[0])->signal, SIGKILL);
    for (int i = 1; i < MACHINES; i++) {
        const struct fleet_run *run = fleet_fixture_wait(world.fleet, machines[i]);

        cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
        cr_expect_eq(fleet_fixture_total(run, "migrated"), 2000, "%s", run->out);
        cr_expect_str_eq(result_of(run), "succeeded");
    }
    expect_each_once(&world, "big");
    cr_expect_str_eq(ask_ledger(&world, "SELECT (over IS NOT NULL)::int, (SELECT count(*) FROM "
                                        "pgtide_lock) FROM pgtide_shared_run"),
                     "1|0\n");
    cr_expect_str_eq(ask_ledger(&world, "SELECT state, outcome, count(*) FROM pgtide_tenant "
                                        "GROUP BY 1, 2"),
                     "ended|migrated|2000\n", "the record agrees");
    end_world(&world);
}

static int64_t number_at(const struct fleet_run *run, const char *object, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(run->report, object), key));
}

Test(machines, the_budget_is_exact_across_machines)
{
    enum { MACHINES = 4, TENANTS = 300 };
    struct world world = make_world(2, TENANTS, ", max_failures: 7");
    struct process *machines[MACHINES];
    int64_t failed = -1;

    for (size_t i = 1; i <= 2; i++)
        fleet_fixture_exec(world.fleet, i,
                           "INSERT INTO public.bad SELECT 't' || to_char(i, 'FM0000') "
                           "FROM generate_series(20, 300, 3) i");
    close_gate(&world, 1);
    close_gate(&world, 2);
    for (int i = 0; i < MACHINES; i++)
        machines[i] = start(&world, "budget", NULL);
    wait_for_ledger(&world, "all have joined", "SELECT count(*) = 4 FROM pgtide_shared_member");
    open_gate(&world, 1);
    open_gate(&world, 2);
    for (int i = 0; i < MACHINES; i++) {
        const struct fleet_run *run = fleet_fixture_wait(world.fleet, machines[i]);
        int64_t in_work = number_at(run, "halt", "inWork");

        cr_expect_eq(run->exit_code, 4, "%s%s", run->out, run->err);
        cr_expect_str_eq(result_of(run), "halted");
        cr_expect_eq(number_at(run, "halt", "failures"), 8);
        cr_expect_lt(in_work, MACHINES * WORKERS);
        if (failed < 0)
            failed = fleet_fixture_total(run, "failed");
        cr_expect_eq(fleet_fixture_total(run, "failed"), failed, "all say the same");
        cr_expect(failed >= 8 && failed <= 8 + in_work, "%lld failed, %lld were in work",
                  (long long)failed, (long long)in_work);
        cr_expect_eq(fleet_fixture_total(run, "failed") + fleet_fixture_total(run, "migrated") +
                         fleet_fixture_total(run, "cancelled"),
                     TENANTS);
    }
    cr_expect_str_eq(
        ask_ledger(&world, "SELECT counted FROM pgtide_shared_budget WHERE budget = 0"),
        mem_printf(world.mem, "%lld\n", (long long)failed), "each counted once");
    end_world(&world);
}

/* --- coming and going --------------------------------------------------------------------- */

Test(machines, one_that_is_stopped_leaves_and_a_finished_run_is_only_reported)
{
    struct world world = make_world(1, 40, "");
    const struct fleet_run *run;
    struct process *first;
    struct process *second;

    close_gate(&world, 1);
    first = start(&world, "tidy", NULL);
    second = start(&world, "tidy", NULL);
    wait_at_gate(&world, 1, 2 * WORKERS);
    process_signal(first, SIGTERM);
    wait_for_ledger(&world, "nothing more is handed out there",
                    "SELECT count(*) = 8 FROM pgtide_shared_tenant WHERE state = 'claimed'");
    open_gate(&world, 1);
    run = fleet_fixture_wait(world.fleet, first);
    cr_expect_eq(run->exit_code, 143, "%s%s", run->out, run->err);
    cr_expect_str_eq(message_of(run, "t0039"),
                     "left to other machines: the run was stopped by SIGTERM");
    cr_expect(strstr(run->out, "to go on with it here: pgtide migrate --run tidy"), "%s", run->out);
    cr_expect_not(strstr(run->out, "pgtide resume"), "%s", run->out);
    run = fleet_fixture_wait(world.fleet, second);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 40);
    expect_each_once(&world, "tidy");

    run = fleet_fixture_wait(world.fleet, start(&world, "tidy", NULL));
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect(strstr(run->err, "run tidy is over"), "%s", run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 40, "what it came to");
    cr_expect_str_eq(ask_ledger(&world, "SELECT result, exit_code FROM pgtide_run"),
                     "succeeded|0\n");
    end_world(&world);
}

/* Four take two seconds, so after them no other is expected to end within three. */
Test(machines, what_one_has_no_time_for_is_done_by_another)
{
    struct world world = make_world(1, 12, "");
    const struct fleet_run *run;

    fleet_fixture_write(world.fleet, "migrations/1_done.sql",
                        "CREATE TABLE done (a int);\nSELECT pg_sleep(2);\n");
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "night", "--max-duration", "3s", NULL);
    cr_expect_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_expect_leq(fleet_fixture_total(run, "migrated"), WORKERS);
    cr_expect(strstr(message_of(run, "t0011"), "left to other machines: "), "%s",
              message_of(run, "t0011"));
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "night", NULL);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 12, "%s", run->out);
    expect_each_once(&world, "night");
    end_world(&world);
}

Test(machines, a_run_alone_is_the_fleet_lock_and_joiners_must_agree)
{
    struct world world = make_world(1, 8, "");
    const struct fleet_run *run;
    struct process *first;

    close_gate(&world, 1);
    first = fleet_fixture_start(world.fleet, "migrate", NULL);
    wait_at_gate(&world, 1, WORKERS);
    run = fleet_fixture_run(world.fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 5, "%s", run->err);
    cr_expect(strstr(run->err, mem_printf(world.mem, ", pid %d on ", (int)process_pid(first))),
              "%s", run->err);
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "x", NULL);
    cr_expect_eq(run->exit_code, 5, "%s", run->err);
    open_gate(&world, 1);
    run = fleet_fixture_wait(world.fleet, first);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);

    run = fleet_fixture_run(world.fleet, "migrate", "--run", "x", NULL);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "current"), 8);
    fleet_fixture_write(world.fleet, "migrations/2_more.sql", "SELECT 1;\n");
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "x", NULL);
    cr_expect_eq(run->exit_code, 65, "%s", run->err);
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "x", "-t", "t000[0-3]", NULL);
    cr_expect_neq(run->exit_code, 0);
    fleet_fixture_remove(world.fleet, "migrations/2_more.sql");
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "x", "-t", "t000[0-3]", NULL);
    cr_expect_eq(run->exit_code, 78, "%s", run->err);
    run = fleet_fixture_run(world.fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 0, "who was refused holds nothing: %s", run->err);
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "a b", NULL);
    cr_expect_eq(run->exit_code, 64, "%s", run->err);
    end_world(&world);
}

Test(machines, machines_that_are_stopped_at_once_end_the_record)
{
    struct world world = make_world(1, 20, "");
    struct process *machines[2];

    close_gate(&world, 1);
    for (int i = 0; i < 2; i++)
        machines[i] = start(&world, "both", NULL);
    wait_at_gate(&world, 1, 2 * WORKERS);
    for (int i = 0; i < 2; i++)
        process_signal(machines[i], SIGTERM);
    open_gate(&world, 1);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(fleet_fixture_wait(world.fleet, machines[i])->exit_code, 143);
    cr_expect_str_eq(ask_ledger(&world, "SELECT state, result, exit_code FROM pgtide_run"),
                     "ended|interrupted|143\n");
    end_world(&world);
}

/* The closing brace of run: is the one of hooks: then. */
#define SLOW_HOOK                                                                                  \
    "}\nhooks: {before_run: {command: [sh, -c, 'echo x >> ran; "                                   \
    "while [ ! -e go ]; do sleep 0.1; done']}"

Test(machines, the_lock_lasts_while_before_run_is_at_work)
{
    struct world world = make_world(1, 4, SLOW_HOOK);
    const struct fleet_run *run;
    struct process *first;

    use_lease("1s");
    first = fleet_fixture_start(world.fleet, "migrate", NULL);
    wait_for_ledger(&world, "longer than a lease",
                    "SELECT count(*) = 1 FROM pgtide_lock "
                    "WHERE since < clock_timestamp() - interval '2 s'");
    run = fleet_fixture_run(world.fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 5, "%s", run->err);
    fleet_fixture_write(world.fleet, "go", "");
    run = fleet_fixture_wait(world.fleet, first);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);

    for (int i = 0; i < 2; i++) {
        run = fleet_fixture_run(world.fleet, "migrate", "--run", "hooks", NULL);
        cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
        cr_expect_eq(json_array_size(json_object_get(run->report, "hooks")), i == 0,
                     "a run that is over has no hooks");
    }
    end_world(&world);
}

Test(machines, run_needs_a_ledger)
{
    void *ctx = mem_context(NULL);
    struct schema_fleet *fleet = schema_fleet_new(ctx, 1);
    const struct fleet_run *run = fleet_fixture_run(fleet->fixture, "migrate", "--run", "x", NULL);

    cr_expect_eq(run->exit_code, 64);
    cr_expect(strstr(run->err, "--run needs a ledger"), "%s", run->err);
    cr_expect(strstr(run->err, "--shard"), "%s", run->err);
    talloc_free(ctx);
}

Test(machines, a_machine_that_cancels_its_work_gives_it_back_and_conducts_no_more)
{
    struct world world = make_world(1, 20, "");
    const struct fleet_run *run;
    struct process *first;
    struct process *second;

    close_gate(&world, 1);
    first = start(&world, "back", NULL);
    wait_at_gate(&world, 1, WORKERS);
    second = start(&world, "back", NULL);
    wait_at_gate(&world, 1, 2 * WORKERS);
    process_signal(first, SIGINT);
    wait_for_ledger(&world, "the other conducts while the first one finishes its work",
                    mem_printf(world.mem,
                               "SELECT count(*) = 1 FROM pgtide_shared_run "
                               "WHERE split_part(conductor, ':', 2) = '%d'",
                               (int)process_pid(second)));
    process_signal(first, SIGINT);
    run = fleet_fixture_wait(world.fleet, first);
    cr_expect_eq(run->exit_code, 130, "%s%s", run->out, run->err);
    open_gate(&world, 1);
    run = fleet_fixture_wait(world.fleet, second);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 20, "%s", run->out);
    expect_each_once(&world, "back");
    end_world(&world);
}

Test(machines, what_a_dead_machine_had_told_but_not_recorded_is_recorded_by_the_others)
{
    struct world world = make_world(2, 20, "");
    const struct fleet_run *run;
    struct process *first;

    use_lease("1s");
    close_gate(&world, 1); /* the tenants of the other database are done */
    first = start(&world, "told", NULL);
    wait_at_gate(&world, 1, WORKERS);
    wait_for_ledger(&world, "some are recorded",
                    "SELECT count(*) >= 3 FROM pgtide_tenant WHERE state = 'ended'");
    process_signal(first, SIGKILL);
    process_wait(first);
    PQclear(PQexec(pg_sql_connect(world.fleet->server, world.fleet->databases[2]),
                   "UPDATE pgtide_tenant SET state = 'in work', outcome = NULL, result = NULL"));
    open_gate(&world, 1);
    run = fleet_fixture_wait(world.fleet, start(&world, "told", NULL));
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(ask_ledger(&world, "SELECT state, outcome, count(*), count(result) "
                                        "FROM pgtide_tenant GROUP BY 1, 2"),
                     "ended|migrated|20|20\n");
    end_world(&world);
}

/* --- waves -------------------------------------------------------------------------------- */

/* Of the processor, in its ticks. */
static long ticks_of(const struct world *world, const struct process *process)
{
    FILE *stat = fopen(mem_printf(world->mem, "/proc/%d/stat", (int)process_pid(process)), "r");
    long user = 0;
    long system = 0;

    cr_assert_not_null(stat);
    cr_assert_eq(
        fscanf(stat, "%*d %*s %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld %ld", &user, &system),
        2);
    fclose(stat);
    return user + system;
}

Test(machines, who_does_not_conduct_sleeps_while_a_wave_soaks)
{
    struct world world = make_world(
        1, 8, ", waves: [{name: canary, size: 4, soak: 3s, gate: {command: ['true']}}, {name: r}]");
    struct process *machines[2];

    for (int i = 0; i < 2; i++)
        machines[i] = start(&world, "soak", NULL);
    wait_for_ledger(&world, "both are there, and soak",
                    "SELECT count(*) = 2 FROM pgtide_shared_member m, pgtide_shared_wave w "
                    "WHERE w.state = 'soaking'");
    wait_for_ledger(&world, "it has soaked",
                    "SELECT count(*) = 0 FROM pgtide_shared_wave WHERE state = 'soaking'");
    for (int i = 0; i < 2; i++) {
        cr_expect_lt(ticks_of(&world, machines[i]), sysconf(_SC_CLK_TCK), "most of it asleep");
        cr_expect_eq(fleet_fixture_wait(world.fleet, machines[i])->exit_code, 0);
    }
    end_world(&world);
}

Test(machines, the_next_machine_goes_on_with_a_wave_whose_conductor_died)
{
    struct world world =
        make_world(1, 40,
                   ", waves: [{name: canary, size: 4, soak: 1s, gate: {command: [sh, -c, 'echo x "
                   ">> gates; [ $(wc -l < gates) -gt 1 ] || sleep 60']}}, {name: rest}]");
    const struct fleet_run *run;
    struct process *first;
    struct process *second;

    use_lease("1s");
    first = start(&world, "waves", NULL);
    wait_for_ledger(&world, "the first conducts",
                    "SELECT count(*) > 0 FROM pgtide_shared_wave WHERE state IN ('soaking', "
                    "'gated')");
    second = start(&world, "waves", NULL);
    wait_for_ledger(&world, "the gate is asked",
                    "SELECT count(*) > 0 FROM pgtide_shared_wave WHERE state = 'gated'");
    process_signal(first, SIGKILL);
    run = fleet_fixture_wait(world.fleet, second);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 40);
    cr_expect_str_eq(ask_ledger(&world, "SELECT string_agg(state, ' ') FROM pgtide_shared_wave"),
                     "passed passed\n");
    expect_each_once(&world, "waves");
    process_wait(first);
    end_world(&world);
}

/* --- the ledger's server ------------------------------------------------------------------ */

Test(machines, a_ledger_that_is_away_for_longer_than_the_lease_ends_the_work_in_order)
{
    struct world world = make_world(1, 40, "");
    struct pg_server *ledger = pg_server_new(world.mem, NULL);
    const struct fleet_run *run;
    struct process *process;

    use_lease("1s");
    write_inventory(&world, ledger, "postgres", "");
    close_gate(&world, 1);
    process = start(&world, "away", NULL);
    wait_at_gate(&world, 1, WORKERS);
    pg_server_stop(ledger, PG_SERVER_IMMEDIATE);
    cr_assert(process_wait_text(process, "leaves the run", PATIENCE_MS));
    open_gate(&world, 1);
    run = fleet_fixture_wait(world.fleet, process);
    cr_expect_eq(run->exit_code, 3, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), WORKERS, "what was in work is finished");
    cr_expect(strstr(message_of(run, "t0039"), "left to other machines: the ledger could not be "
                                               "reached: ledger database: "),
              "%s", message_of(run, "t0039"));

    pg_server_start(ledger);
    run = fleet_fixture_run(world.fleet, "migrate", "--run", "away", NULL);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 40, "also what could not be told");
    expect_each_once(&world, "away");
    end_world(&world);
}

Test(machines, a_gate_that_fails_while_the_ledger_is_away_ends_this_machine_alone)
{
    struct world world = make_world(1, 20, "");
    struct pg_server *ledger = pg_server_new(world.mem, NULL);
    const struct fleet_run *run;
    struct process *process;

    use_lease("1s");
    write_inventory(&world, ledger, "postgres",
                    ", waves: [{name: canary, size: 4, gate: {command: [sh, -c, '"
                    "while [ ! -e go ]; do sleep 0.1; done; exit 1']}}, {name: rest}]");
    process = start(&world, "gate", NULL);
    cr_assert(pg_sql_wait(ledger, "postgres",
                          "SELECT to_regclass('pgtide_shared_wave') IS NOT NULL", PATIENCE_MS));
    cr_assert(pg_sql_wait(ledger, "postgres",
                          "SELECT count(*) = 1 FROM pgtide_shared_wave WHERE state = 'gated'",
                          PATIENCE_MS));
    pg_server_stop(ledger, PG_SERVER_IMMEDIATE);
    fleet_fixture_write(world.fleet, "go", "");
    run = fleet_fixture_wait(world.fleet, process);
    cr_expect(run->exit_code == 4 || run->exit_code == 3, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 16, "%s", run->out);
    end_world(&world);
}
