/*
 * test_shared_run.c: the turns of several members on one ledger, played one after another: who gets
 * which tenant, what counts, who takes over.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/ledger_lock.h"
#include "orchestrator/shared_run.h"
#include "tests/harness/pg_sql.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEASE_MS = 60 * 1000, SERVERS = 2 };

TestSuite(shared_run, .timeout = 60);

/* A request, as one machine has it, and its place in the run. */
struct machine {
    void *mem;
    struct fleet *fleet;
    const struct tenant **tenants;
    struct catalog catalog;
    struct run_request request;
    struct wave_plan *waves;
    struct ledger_db *db;
    struct shared_run *run;
    size_t by_server[SERVERS];
    bool down[SERVERS];
    struct shared_ask ask;
    const struct shared_news *news;
};

struct world {
    void *mem;
    struct pg_server *server;
    const char *database;
};

static struct world make_world(void)
{
    void *mem = mem_context(NULL);
    struct world world = {.mem = mem, .server = pg_server_shared(mem)};

    world.database = pg_sql_unique(mem, "ledger");
    pg_sql_create_database(world.server, world.database);
    return world;
}

static void end_world(const struct world *world)
{
    pg_sql_drop_database(world->server, world->database);
    talloc_free(world->mem);
}

static void connect_machine(const struct world *world, struct machine *machine)
{
    char *dsn = pg_server_dsn(machine->mem, world->server, world->database);
    struct err err = ERR_INIT;

    cr_assert_eq(ledger_db_open_server(machine->mem, dsn, &machine->db, &err), 0, "%s",
                 err.message);
}

/* Of a fleet of `count` tenants on two servers in turn; `run` is what stands under run:. */
static void make_machine(const struct world *world, struct machine *machine, int count,
                         const char *run)
{
    struct err_list errors = ERR_LIST_INIT;
    struct err err = ERR_INIT;
    struct strbuf yaml;

    *machine = (struct machine){.mem = mem_context(world->mem)};
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

static void join(struct machine *machine, int64_t lease_ms)
{
    struct err err = ERR_INIT;

    cr_assert_eq(shared_run_join(machine->mem, machine->db, &machine->request, lease_ms,
                                 &machine->run, &err),
                 0, "%s", err.message);
}

static void take_turn(struct machine *machine)
{
    struct err err = ERR_INIT;

    cr_assert_eq(shared_run_turn(machine->run, &machine->ask, &machine->news, &err), 0, "%s",
                 err.message);
    machine->ask.ends = NULL;
    machine->ask.end_count = 0;
    machine->ask.waves = NULL;
    machine->ask.halt = NULL;
}

/* Its next turn tells that these tenants have ended so. */
static void tell_ends(struct machine *machine, const size_t *jobs, size_t count,
                      enum outcome outcome)
{
    struct shared_end *ends = mem_array(machine->mem, struct shared_end, count);

    for (size_t i = 0; i < count; i++)
        ends[i] = (struct shared_end){
            .job = jobs[i],
            .outcome = outcome,
            .good = outcome == OUTCOME_MIGRATED,
            .result = "{\"it's\": \"done\"}",
        };
    machine->ask.ends = ends;
    machine->ask.end_count = count;
}

static void tell_wave(struct machine *machine, size_t wave, enum run_wave_state state)
{
    struct shared_wave *waves =
        mem_array(machine->mem, struct shared_wave, machine->waves->group_count);

    for (size_t i = 0; i < machine->waves->group_count; i++)
        waves[i] = machine->news->waves[i];
    waves[wave].state = state;
    machine->ask.waves = waves;
}

/* Both are in the run, the first one conducts, the wave `wave` is open. */
static void begin(const struct world *world, struct machine *one, struct machine *two, int count,
                  const char *run, int64_t lease_ms)
{
    make_machine(world, one, count, run);
    make_machine(world, two, count, run);
    join(one, lease_ms);
    join(two, lease_ms);
    cr_assert(shared_run_created(one->run));
    cr_assert_not(shared_run_created(two->run));
    take_turn(one);
    cr_assert(one->news->conducts);
    cr_assert_eq(one->news->claim_count, 0, "no wave is open yet");
    tell_wave(one, 0, RUN_WAVE_OPEN);
}

static bool has_claim(const struct machine *machine, size_t job)
{
    for (size_t i = 0; i < machine->news->claim_count; i++) {
        if (machine->news->claims[i].job == job)
            return true;
    }
    return false;
}

static size_t claims_on(const struct machine *machine, size_t server)
{
    size_t count = 0;

    for (size_t i = 0; i < machine->news->claim_count; i++)
        count += machine->news->claims[i].job % SERVERS == server;
    return count;
}

static void claimed_jobs(const struct machine *machine, size_t *jobs)
{
    for (size_t i = 0; i < machine->news->claim_count; i++)
        jobs[i] = machine->news->claims[i].job;
}

/* --- claims ------------------------------------------------------------------------------- */

Test(shared_run, caps_of_servers_hold_across_machines)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "workers: 8", LEASE_MS);
    one.ask.capacity = 4;
    take_turn(&one);
    cr_expect_eq(one.news->claim_count, 4);
    cr_expect_eq(claims_on(&one, 0), 2, "servers take turns");
    take_turn(&two);
    cr_expect_eq(two.news->claim_count, 3, "a: 1 of 3 left, b: 2 of 4");
    cr_expect_eq(two.news->in_work, 7);
    cr_expect_eq(two.news->machines, 2);
    cr_expect_not(two.news->conducts);
    for (size_t i = 0; i < one.news->claim_count; i++)
        cr_expect_not(has_claim(&two, one.news->claims[i].job));
    take_turn(&one);
    cr_expect_eq(one.news->claim_count, 4, "asked again, nothing new");

    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 4, OUTCOME_MIGRATED);
    take_turn(&one);
    cr_expect_eq(one.news->claim_count, 4);
    cr_expect_eq(one.news->end_count, 4);
    cr_expect(one.news->ends[0].here);
    take_turn(&two);
    cr_expect_eq(two.news->end_count, 4);
    cr_expect_not(two.news->ends[0].here);
    cr_expect_str_eq(two.news->ends[0].result, "{\"it's\": \"done\"}");
    cr_expect_eq(two.news->ends[0].outcome, OUTCOME_MIGRATED);
    take_turn(&two);
    cr_expect_eq(two.news->end_count, 0, "news come once");
    end_world(&world);
}

Test(shared_run, a_member_gets_no_more_on_a_server_than_it_wants)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;

    begin(&world, &one, &two, 20, "workers: 8", LEASE_MS);
    one.by_server[0] = 0;
    one.by_server[1] = 2;
    take_turn(&one);
    cr_expect_eq(claims_on(&one, 0), 0);
    cr_expect_eq(claims_on(&one, 1), 2);
    end_world(&world);
}

#define WAVES                                                                                      \
    "workers: 8, max_failures: 9, waves: [{name: canary, match: {ring: canary}, workers: 1}, "     \
    "{name: rest, ramp_up: true}]"

Test(shared_run, waves_are_opened_by_the_conductor_and_their_workers_hold_for_all)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t job;

    begin(&world, &one, &two, 40, WAVES, LEASE_MS);
    tell_wave(&one, 0, RUN_WAVE_OPEN);
    take_turn(&one);
    cr_assert_eq(one.news->claim_count, 1);
    job = one.news->claims[0].job;
    cr_expect_lt(job, 2);
    take_turn(&two);
    cr_expect_eq(two.news->claim_count, 0, "one worker in this wave, on whatever machine");
    cr_expect_eq(two.news->waves[0].state, RUN_WAVE_OPEN);
    tell_ends(&one, &job, 1, OUTCOME_MIGRATED);
    one.ask.capacity = 0;
    take_turn(&one);
    take_turn(&two);
    cr_assert_eq(two.news->claim_count, 1);

    tell_wave(&two, 1, RUN_WAVE_OPEN);
    take_turn(&two);
    cr_expect_eq(two.news->waves[1].state, RUN_WAVE_WAITING, "it does not conduct");
    job = two.news->claims[0].job;
    tell_ends(&two, &job, 1, OUTCOME_MIGRATED);
    take_turn(&two);
    cr_expect_not(two.news->ready);

    one.ask.capacity = 100;
    tell_wave(&one, 1, RUN_WAVE_OPEN);
    for (size_t ramp = 1; ramp <= 4; ramp *= 2) {
        size_t jobs[8];

        take_turn(&one);
        cr_expect_eq(one.news->claim_count, ramp, "1, 2, 4 at once");
        claimed_jobs(&one, jobs);
        tell_ends(&one, jobs, ramp, OUTCOME_MIGRATED);
    }
    end_world(&world);
}

/* --- budgets ------------------------------------------------------------------------------ */

Test(shared_run, the_budget_is_counted_exactly_and_nothing_is_claimed_after_a_halt)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "workers: 8, max_failures: 2", LEASE_MS);
    one.ask.capacity = 4;
    take_turn(&one);
    take_turn(&two);
    cr_assert_eq(two.news->claim_count, 3);
    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 1, OUTCOME_FAILED);
    take_turn(&one);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 1, OUTCOME_UNREACHABLE);
    take_turn(&two);
    cr_expect_not(two.news->halt.halted, "2 are tolerated");

    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 3, OUTCOME_FAILED); /* one is too many, two were in work then */
    take_turn(&one);
    cr_assert(one.news->halt.halted);
    cr_expect_str_eq(one.news->halt.rule, "max_failures");
    cr_expect_eq(one.news->halt.failures, 3);
    cr_expect_eq(one.news->halt.tolerated, 2);
    cr_expect_eq(one.news->halt.in_work, 6, "2 of its own, 1 claim, 3 of the other");
    cr_expect_null(one.news->halt.wave);
    cr_expect_eq(one.news->claim_count, 1, "what it had; nothing new");

    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, two.news->claim_count, OUTCOME_MIGRATED);
    take_turn(&two);
    cr_expect(two.news->halt.halted);
    cr_expect_eq(two.news->halt.in_work, 6, "as it was then");
    cr_expect_eq(two.news->claim_count, 0);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT count(*) FROM pgtide_shared_tenant "
                              "WHERE outcome = 'cancelled'"),
                 40 - 5 - 4);
    end_world(&world);
}

Test(shared_run, a_budget_of_a_wave_halts_and_one_of_a_server_leaves_it_out)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "max_failures: 30, waves: [{name: all, max_failures: 5}]",
          LEASE_MS);
    one.by_server[0] = 0;
    take_turn(&one);
    cr_assert_eq(one.news->claim_count, 4);
    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 2, OUTCOME_FAILED);
    take_turn(&one);
    cr_expect(one.news->left_out[1], "b tolerates one");
    cr_expect_not(one.news->halt.halted);
    cr_expect_eq(one.news->claim_count, 2, "nothing more of b");
    cr_expect_eq(one.news->end_count, 18, "2 failed, and 20 - 4 cancelled");
    take_turn(&two);
    cr_expect_eq(claims_on(&two, 0), 3);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 3, OUTCOME_LOCKED);
    take_turn(&two);
    cr_expect_not(two.news->halt.halted);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 1, OUTCOME_FAILED);
    take_turn(&two);
    cr_assert(two.news->halt.halted);
    cr_expect_str_eq(two.news->halt.wave->name, "all");
    cr_expect_eq(two.news->halt.failures, 6);
    end_world(&world);
}

/* --- members that die --------------------------------------------------------------------- */

Test(shared_run, claims_of_the_dead_are_taken_over_and_the_woken_one_notices)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t jobs[16];
    size_t kept;

    begin(&world, &one, &two, 40, "max_failures: 9", 200);
    one.ask.capacity = 3;
    take_turn(&one);
    claimed_jobs(&one, jobs);
    two.ask.capacity = 2;
    take_turn(&two);
    cr_assert_eq(two.news->claim_count, 2);
    cr_expect_eq(two.news->claims[0].takeovers, 0);
    usleep(300 * 1000);
    two.ask.capacity = 4;
    take_turn(&two);
    cr_assert_eq(two.news->claim_count, 4);
    cr_expect(two.news->conducts, "that too");
    kept = 3;
    for (size_t i = 0; i < 3; i++)
        kept -= has_claim(&two, jobs[i]);
    cr_expect_eq(kept, 1, "what the dead had comes first");

    tell_ends(&one, jobs, 3, OUTCOME_FAILED); /* it was only frozen */
    one.ask.capacity = 0;
    take_turn(&one);
    cr_expect_eq(one.news->end_count, kept, "what was not taken over counts");
    cr_expect_eq(one.news->claim_count, 0);
    cr_expect_not(one.news->conducts);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT counted FROM pgtide_shared_budget WHERE budget = 0"),
                 (int64_t)kept);
    tell_ends(&one, jobs, 3, OUTCOME_FAILED);
    take_turn(&one);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT counted FROM pgtide_shared_budget WHERE budget = 0"),
                 (int64_t)kept, "told twice, counted once");
    end_world(&world);
}

Test(shared_run, what_a_dead_member_had_is_unknown_when_the_run_has_halted)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;
    size_t job;

    begin(&world, &one, &two, 40, "workers: 8", 200);
    one.ask.capacity = 2;
    take_turn(&one);
    two.ask.capacity = 1;
    take_turn(&two);
    job = two.news->claims[0].job;
    usleep(300 * 1000);
    tell_ends(&two, &job, 1, OUTCOME_FAILED);
    take_turn(&two);
    cr_expect(two.news->halt.halted);
    take_turn(&two);
    cr_expect_eq(two.news->in_work, 0);
    cr_expect_str_eq(pg_sql_rows(world.mem, world.server, world.database,
                                 "SELECT outcome, count(*) FROM pgtide_shared_tenant "
                                 "GROUP BY 1 ORDER BY 1"),
                     "cancelled|37\nfailed|1\nunknown|2\n");
    end_world(&world);
}

Test(shared_run, one_that_leaves_gives_back_what_it_has)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;

    begin(&world, &one, &two, 4, "workers: 8", LEASE_MS);
    take_turn(&one);
    cr_assert_eq(one.news->claim_count, 4);
    take_turn(&two);
    cr_expect_eq(two.news->claim_count, 0);
    shared_run_leave(one.run, false);
    take_turn(&two);
    cr_expect_eq(two.news->claim_count, 4);
    cr_expect_eq(two.news->claims[0].takeovers, 0);
    cr_expect(two.news->conducts);
    end_world(&world);
}

Test(shared_run, tenants_of_a_server_that_is_down_are_left_to_those_who_reach_it)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;

    begin(&world, &one, &two, 12, "workers: 8", LEASE_MS);
    one.by_server[1] = 0;
    one.down[1] = true;
    take_turn(&one);
    cr_expect_eq(claims_on(&one, 0), 3);
    two.by_server[0] = 0;
    take_turn(&two);
    cr_expect_eq(claims_on(&two, 1), 4);
    two.by_server[1] = 0;
    two.down[1] = true;
    take_turn(&two);
    cr_expect_eq(claims_on(&two, 1), 4, "a still has tenants that can be reached");
    end_world(&world);
}

/* --- terms and the fleet lock ------------------------------------------------------------- */

static void expect_refused(struct machine *machine, enum err_kind kind, const char *words)
{
    struct err err = ERR_INIT;

    cr_assert_lt(shared_run_join(machine->mem, machine->db, &machine->request, LEASE_MS,
                                 &machine->run, &err),
                 0);
    cr_expect_eq(err.kind, kind);
    cr_expect(strstr(err.message, words), "%s", err.message);
    cr_expect_not_null(err.hint);
    err_clear(&err);
}

Test(shared_run, who_joins_must_agree)
{
    struct world world = make_world();
    struct machine one;
    struct machine two;

    make_machine(&world, &one, 10, "max_failures: 1");
    join(&one, LEASE_MS);
    make_machine(&world, &two, 11, "max_failures: 1");
    expect_refused(&two, ERR_CONFIG, "begun with 10 tenants, and here 11");
    make_machine(&world, &two, 10, "max_failures: 2");
    expect_refused(&two, ERR_CONFIG, "budgets");
    make_machine(&world, &two, 10, "max_failures: 1");
    two.request.operation = "seed";
    expect_refused(&two, ERR_CONFIG, "is a \"migrate\", not a \"seed\"");
    two.request.operation = "migrate";
    two.request.plan.to_version = 14;
    expect_refused(&two, ERR_CONFIG, "other options");
    two.request.plan.to_version = INT64_MAX;
    two.catalog.checksum = mem_strdup(two.mem, "sha256:two");
    expect_refused(&two, ERR_DATA, "migrations");
    two.catalog.checksum = mem_strdup(two.mem, "sha256:one");
    join(&two, LEASE_MS);
    end_world(&world);
}

Test(shared_run, runs_with_a_tenant_in_common_exclude_each_other)
{
    struct world world = make_world();
    struct ledger_lock *lock;
    struct err err = ERR_INIT;
    struct machine one;
    struct machine two;

    make_machine(&world, &one, 10, "max_failures: 1");
    make_machine(&world, &two, 12, "max_failures: 1");
    two.request.plan.run_id = "r2";
    cr_assert_eq(ledger_lock_take(one.mem, one.db, &one.request, &lock, &err), 0, "%s",
                 err.message);
    cr_assert_eq(ledger_lock_take(one.mem, one.db, &one.request, &lock, &err), 0, "%s",
                 err.message);
    cr_assert_lt(ledger_lock_take(two.mem, two.db, &two.request, &lock, &err), 0);
    cr_expect_eq(err.kind, ERR_BUSY);
    cr_expect(strstr(err.message, "run r1, pid"), "%s", err.message);
    err_clear(&err);
    two.request.tenants += 10;
    two.request.tenant_count = 2;
    cr_expect_eq(ledger_lock_take(two.mem, two.db, &two.request, &lock, &err), 0, "%s",
                 err.message);
    two.request.tenants -= 1;
    ledger_lock_release(lock);
    cr_assert_lt(ledger_lock_take(two.mem, two.db, &two.request, &lock, &err), 0);
    err_clear(&err);
    end_world(&world);
}

Test(shared_run, the_name_of_a_run_is_simple)
{
    static const char *const bad[] = {
        "", "-x", "a b", "a:b", "a/b", "ä", "12345678901234567890123456789012345678901"};
    struct err err = ERR_INIT;

    cr_expect_eq(shared_run_check_name("release-1.20_b", &err), 0);
    cr_expect_eq(shared_run_check_name("1234567890123456789012345678901234567890", &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_expect_lt(shared_run_check_name(bad[i], &err), 0, "%s", bad[i]);
        cr_expect_eq(err.kind, ERR_USAGE);
        err_clear(&err);
    }
}

/* --- the ledger's server ------------------------------------------------------------------ */

Test(shared_run, a_connection_that_broke_is_made_again)
{
    struct world world = make_world();
    struct err err = ERR_INIT;
    struct machine one;
    struct machine two;

    begin(&world, &one, &two, 4, "workers: 8", LEASE_MS);
    take_turn(&one);
    pg_sql_execf(world.server, "postgres",
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' "
                 "AND application_name = 'pgtide ledger'",
                 world.database);
    if (shared_run_turn(one.run, &one.ask, &one.news, &err) < 0) {
        cr_expect_eq(err.kind, ERR_LOST, "%s", err.message);
        cr_expect(strstr(err.message, "ledger database"), "%s", err.message);
        err_clear(&err);
    }
    take_turn(&one);
    cr_expect_eq(one.news->claim_count, 4);
    cr_assert_eq(ledger_db_begin(one.db, &err), 0);
    pg_sql_execf(world.server, "postgres",
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' "
                 "AND application_name = 'pgtide ledger'",
                 world.database);
    usleep(50 * 1000);
    for (int i = 0; i < 2; i++) {
        cr_expect_lt(ledger_db_script(one.db, "SELECT 1", &err), 0,
                     "a transaction is never gone on with on another connection");
        err_clear(&err);
    }
    ledger_db_rollback(one.db);
    take_turn(&one);
    end_world(&world);
}

Test(shared_run, machines_that_make_the_tables_at_the_same_moment)
{
    enum { MACHINES = 6 };
    struct world world = make_world();
    pid_t children[MACHINES];

    for (int i = 0; i < MACHINES; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            struct machine machine;
            struct err err = ERR_INIT;
            bool joined;

            make_machine(&world, &machine, 100, "workers: 8");
            joined = shared_run_join(machine.mem, machine.db, &machine.request, LEASE_MS,
                                     &machine.run, &err) == 0;
            if (!joined)
                fprintf(stderr, "%s\n", err.message);
            _exit(joined ? 10 + shared_run_created(machine.run) : 1);
        }
    }
    for (int i = 0, created = 0; i < MACHINES; i++) {
        int status;

        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_expect(WEXITSTATUS(status) >= 10, "status %d", status);
        created += WEXITSTATUS(status) == 11;
        if (i == MACHINES - 1)
            cr_expect_eq(created, 1);
    }
    end_world(&world);
}

Test(shared_run, a_ledger_that_cannot_be_reached_says_so_without_its_password)
{
    static const struct {
        const char *conninfo;
        enum err_kind kind;
    } cases[] = {
        {"host=127.0.0.1 port=1 password=sesame", ERR_UNREACHABLE},
        {"postgresql://me:sesame@127.0.0.1:1/x?nonsense=1", ERR_CONFIG},
        {"sesame", ERR_CONFIG},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        struct ledger_db *db;
        char *text;

        cr_assert_lt(ledger_db_open_server(NULL, cases[i].conninfo, &db, &err), 0);
        cr_expect_eq(err.kind, cases[i].kind, "%s", err.message);
        text = err_text(NULL, &err);
        cr_expect_not(strstr(text, "sesame"), "%s", text);
        talloc_free(text);
        err_clear(&err);
    }
}
