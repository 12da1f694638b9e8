/*
 * test_shared_run.c: the turns of several members on one ledger, played one after another: who gets
 * which tenant, what counts, who takes over.
 */
#include "common/mem.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/shared_fixture.h"

#include <criterion/criterion.h>
#include <unistd.h>

enum { LEASE_MS = 60 * 1000 };

TestSuite(shared_run, .timeout = 60);

/* Its next turn tells that these tenants have ended so. */
static void tell_ends(struct shared_machine *machine, const size_t *jobs, size_t count,
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

static void tell_wave(struct shared_machine *machine, size_t wave, enum run_wave_state state)
{
    struct shared_wave *waves =
        mem_array(machine->mem, struct shared_wave, machine->waves->group_count);

    for (size_t i = 0; i < machine->waves->group_count; i++)
        waves[i] = machine->news->waves[i];
    waves[wave].state = state;
    machine->ask.waves = waves;
}

/* Both are in the run, the first one conducts, the wave `wave` is open. */
static void begin(const struct shared_world *world, struct shared_machine *one,
                  struct shared_machine *two, int count, const char *run, int64_t lease_ms)
{
    shared_fixture_machine(world, one, count, run);
    shared_fixture_machine(world, two, count, run);
    shared_fixture_join(one, lease_ms);
    shared_fixture_join(two, lease_ms);
    cr_assert(shared_run_created(one->run));
    cr_assert_not(shared_run_created(two->run));
    shared_fixture_turn(two); /* hears that nothing has ended yet */
    shared_fixture_turn(one);
    cr_assert(one->news->conducts);
    cr_assert_eq(one->news->claim_count, 0, "no wave is open yet");
    tell_wave(one, 0, RUN_WAVE_OPEN);
}

static bool has_claim(const struct shared_machine *machine, size_t job)
{
    for (size_t i = 0; i < machine->news->claim_count; i++) {
        if (machine->news->claims[i].job == job)
            return true;
    }
    return false;
}

static size_t claims_on(const struct shared_machine *machine, size_t server)
{
    size_t count = 0;

    for (size_t i = 0; i < machine->news->claim_count; i++)
        count += machine->news->claims[i].job % SHARED_FIXTURE_SERVERS == server;
    return count;
}

static void claimed_jobs(const struct shared_machine *machine, size_t *jobs)
{
    for (size_t i = 0; i < machine->news->claim_count; i++)
        jobs[i] = machine->news->claims[i].job;
}

/* --- claims ------------------------------------------------------------------------------- */

Test(shared_run, caps_of_servers_hold_across_machines)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "workers: 8", LEASE_MS);
    one.ask.capacity = 4;
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->claim_count, 4);
    cr_expect_eq(claims_on(&one, 0), 2, "servers take turns");
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->claim_count, 3, "a: 1 of 3 left, b: 2 of 4");
    cr_expect_eq(two.news->in_work, 7);
    cr_expect_eq(two.news->machines, 2);
    cr_expect_not(two.news->conducts);
    for (size_t i = 0; i < one.news->claim_count; i++)
        cr_expect_not(has_claim(&two, one.news->claims[i].job));
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->claim_count, 4, "asked again, nothing new");

    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 4, OUTCOME_MIGRATED);
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->claim_count, 4);
    cr_expect_eq(one.news->end_count, 4);
    cr_expect(one.news->ends[0].here);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->end_count, 4);
    cr_expect_not(two.news->ends[0].here);
    cr_expect_str_eq(two.news->ends[0].result, "{\"it's\": \"done\"}");
    cr_expect_eq(two.news->ends[0].outcome, OUTCOME_MIGRATED);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->end_count, 0, "news come once");
    shared_fixture_end(&world);
}

Test(shared_run, an_end_with_text_that_is_not_utf8_is_told_repaired)
{
    struct shared_world world = shared_fixture_world();
    struct shared_end end = {.outcome = OUTCOME_FAILED, .result = "\xff"};
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 4, "workers: 8, max_failures: 9", LEASE_MS);
    shared_fixture_turn(&one);
    end.job = one.news->claims[0].job;
    one.ask.ends = &end;
    one.ask.end_count = 1;
    shared_fixture_turn(&one);
    shared_fixture_turn(&two);
    cr_assert_eq(two.news->end_count, 1);
    cr_expect_eq(two.news->ends[0].job, end.job);
    cr_expect_str_eq(two.news->ends[0].result, "\uFFFD");
    shared_fixture_end(&world);
}

Test(shared_run, names_that_are_not_utf8_are_kept_repaired)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;

    shared_fixture_machine(&world, &one, 1, "workers: 8");
    one.fleet->tenants[0].name = "t\xff";
    shared_fixture_join(&one, LEASE_MS);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT count(*) FROM pgtide_shared_tenant WHERE name = "
                              "'t\uFFFD'"),
                 1);
    shared_fixture_end(&world);
}

Test(shared_run, a_member_gets_no_more_on_a_server_than_it_wants)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 20, "workers: 8", LEASE_MS);
    one.by_server[0] = 0;
    one.by_server[1] = 2;
    shared_fixture_turn(&one);
    cr_expect_eq(claims_on(&one, 0), 0);
    cr_expect_eq(claims_on(&one, 1), 2);
    shared_fixture_end(&world);
}

#define WAVES                                                                                      \
    "workers: 8, max_failures: 9, waves: [{name: canary, match: {ring: canary}, workers: 1}, "     \
    "{name: rest, ramp_up: true}]"

Test(shared_run, waves_are_opened_by_the_conductor_and_their_workers_hold_for_all)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t job;

    begin(&world, &one, &two, 40, WAVES, LEASE_MS);
    tell_wave(&one, 0, RUN_WAVE_OPEN);
    shared_fixture_turn(&one);
    cr_assert_eq(one.news->claim_count, 1);
    job = one.news->claims[0].job;
    cr_expect_lt(job, 2);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->claim_count, 0, "one worker in this wave, on whatever machine");
    cr_expect_eq(two.news->waves[0].state, RUN_WAVE_OPEN);
    tell_ends(&one, &job, 1, OUTCOME_MIGRATED);
    one.ask.capacity = 0;
    shared_fixture_turn(&one);
    shared_fixture_turn(&two);
    cr_assert_eq(two.news->claim_count, 1);

    tell_wave(&two, 1, RUN_WAVE_OPEN);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->waves[1].state, RUN_WAVE_WAITING, "it does not conduct");
    job = two.news->claims[0].job;
    tell_ends(&two, &job, 1, OUTCOME_MIGRATED);
    shared_fixture_turn(&two);
    cr_expect_not(two.news->ready);

    one.ask.capacity = 100;
    tell_wave(&one, 1, RUN_WAVE_OPEN);
    for (size_t ramp = 1; ramp <= 4; ramp *= 2) {
        size_t jobs[8];

        shared_fixture_turn(&one);
        cr_expect_eq(one.news->claim_count, ramp, "1, 2, 4 at once");
        claimed_jobs(&one, jobs);
        tell_ends(&one, jobs, ramp, OUTCOME_MIGRATED);
    }
    shared_fixture_end(&world);
}

Test(shared_run, what_a_member_has_no_time_for_is_left_to_the_others)
{
    static const size_t late[] = {0, 2, 3};
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 6, "workers: 8", LEASE_MS);
    shared_fixture_turn(&one);
    cr_assert_eq(one.news->claim_count, 6);
    one.ask.late = late;
    one.ask.late_count = ARRAY_LEN(late);
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->claim_count, 3);
    for (size_t i = 0; i < ARRAY_LEN(late); i++)
        cr_expect_not(has_claim(&one, late[i]));
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->claim_count, 3);
    shared_fixture_end(&world);
}

/* --- budgets ------------------------------------------------------------------------------ */

Test(shared_run, the_budget_is_counted_exactly_and_nothing_is_claimed_after_a_halt)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "workers: 8, max_failures: 2", LEASE_MS);
    one.ask.capacity = 4;
    shared_fixture_turn(&one);
    shared_fixture_turn(&two);
    cr_assert_eq(two.news->claim_count, 3);
    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 1, OUTCOME_FAILED);
    shared_fixture_turn(&one);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 1, OUTCOME_UNREACHABLE);
    shared_fixture_turn(&two);
    cr_expect_not(two.news->halt.halted, "2 are tolerated");

    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 3, OUTCOME_FAILED); /* one is too many, two were in work then */
    shared_fixture_turn(&one);
    cr_assert(one.news->halt.halted);
    cr_expect_str_eq(one.news->halt.rule, "max_failures");
    cr_expect_eq(one.news->halt.failures, 3);
    cr_expect_eq(one.news->halt.tolerated, 2);
    cr_expect_eq(one.news->halt.in_work, 6, "2 of its own, 1 claim, 3 of the other");
    cr_expect_null(one.news->halt.wave);
    cr_expect_eq(one.news->claim_count, 1, "what it had; nothing new");

    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, two.news->claim_count, OUTCOME_MIGRATED);
    shared_fixture_turn(&two);
    cr_expect(two.news->halt.halted);
    cr_expect_eq(two.news->halt.in_work, 6, "as it was then");
    cr_expect_eq(two.news->claim_count, 0);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT count(*) FROM pgtide_shared_tenant "
                              "WHERE outcome = 'cancelled'"),
                 40 - 5 - 4);
    shared_fixture_end(&world);
}

Test(shared_run, a_budget_of_a_wave_halts_and_one_of_a_server_leaves_it_out)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 40, "max_failures: 30, waves: [{name: all, max_failures: 5}]",
          LEASE_MS);
    one.by_server[0] = 0;
    shared_fixture_turn(&one);
    cr_assert_eq(one.news->claim_count, 4);
    claimed_jobs(&one, jobs);
    tell_ends(&one, jobs, 2, OUTCOME_FAILED);
    shared_fixture_turn(&one);
    cr_expect(one.news->left_out[1], "b tolerates one");
    cr_expect_not(one.news->halt.halted);
    cr_expect_eq(one.news->claim_count, 2, "nothing more of b");
    cr_expect_eq(one.news->end_count, 18, "2 failed, and 20 - 4 cancelled");
    shared_fixture_turn(&two);
    cr_expect_eq(claims_on(&two, 0), 3);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 3, OUTCOME_LOCKED);
    shared_fixture_turn(&two);
    cr_expect_not(two.news->halt.halted);
    claimed_jobs(&two, jobs);
    tell_ends(&two, jobs, 1, OUTCOME_FAILED);
    shared_fixture_turn(&two);
    cr_assert(two.news->halt.halted);
    cr_expect_str_eq(two.news->halt.wave->name, "all");
    cr_expect_eq(two.news->halt.failures, 6);
    shared_fixture_end(&world);
}

/* --- members that die --------------------------------------------------------------------- */

Test(shared_run, a_wave_that_is_not_in_the_plan_is_refused)
{
    static const char *const damages[] = {
        "UPDATE pgtide_shared_run SET halt_rule = 'gate', halt_limit = 0, halt_percent = 0, "
        "halt_tolerated = 0, halt_failures = 0, halt_in_work = 0, halt_wave = 2",
        "UPDATE pgtide_shared_run SET halt_rule = NULL; "
        "UPDATE pgtide_shared_wave SET wave = -1 WHERE wave = 1",
    };
    struct shared_world world = shared_fixture_world();
    struct err err = ERR_INIT;
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 6, WAVES, LEASE_MS);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        pg_sql_exec(world.server, world.database, damages[i]);
        cr_assert_lt(shared_run_turn(two.run, &two.ask, &two.news, &err), 0);
        cr_expect_eq(err.kind, ERR_INTERNAL, "%s", err.message);
        cr_expect(strstr(err.message, "damaged"), "%s", err.message);
        err_clear(&err);
    }
    shared_fixture_end(&world);
}

Test(shared_run, claims_of_the_dead_are_taken_over_and_the_woken_one_notices)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t jobs[16];
    size_t kept;

    begin(&world, &one, &two, 40, "max_failures: 9", 200);
    one.ask.capacity = 3;
    shared_fixture_turn(&one);
    claimed_jobs(&one, jobs);
    two.ask.capacity = 2;
    shared_fixture_turn(&two);
    cr_assert_eq(two.news->claim_count, 2);
    cr_expect_eq(two.news->claims[0].takeovers, 0);
    usleep(300 * 1000);
    two.ask.capacity = 4;
    shared_fixture_turn(&two);
    cr_assert_eq(two.news->claim_count, 4);
    cr_expect(two.news->conducts, "that too");
    kept = 3;
    for (size_t i = 0; i < 3; i++)
        kept -= has_claim(&two, jobs[i]);
    cr_expect_eq(kept, 1, "what the dead had comes first");

    tell_ends(&one, jobs, 3, OUTCOME_FAILED); /* it was only frozen */
    one.ask.capacity = 0;
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->end_count, kept, "what was not taken over counts");
    cr_expect_eq(one.news->claim_count, 0);
    cr_expect_not(one.news->conducts);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT counted FROM pgtide_shared_budget WHERE budget = 0"),
                 (int64_t)kept);
    tell_ends(&one, jobs, 3, OUTCOME_FAILED);
    shared_fixture_turn(&one);
    cr_expect_eq(pg_sql_count(world.server, world.database,
                              "SELECT counted FROM pgtide_shared_budget WHERE budget = 0"),
                 (int64_t)kept, "told twice, counted once");
    shared_fixture_end(&world);
}

Test(shared_run, what_a_dead_member_had_is_unknown_when_the_run_has_halted)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t job;

    begin(&world, &one, &two, 40, "workers: 8", 200);
    one.ask.capacity = 2;
    shared_fixture_turn(&one);
    two.ask.capacity = 1;
    shared_fixture_turn(&two);
    job = two.news->claims[0].job;
    usleep(300 * 1000);
    tell_ends(&two, &job, 1, OUTCOME_FAILED);
    shared_fixture_turn(&two);
    cr_expect(two.news->halt.halted);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->in_work, 0);
    cr_expect_str_eq(pg_sql_rows(world.mem, world.server, world.database,
                                 "SELECT outcome, count(*) FROM pgtide_shared_tenant "
                                 "GROUP BY 1 ORDER BY 1"),
                     "cancelled|37\nfailed|1\nunknown|2\n");
    shared_fixture_end(&world);
}

Test(shared_run, one_that_leaves_gives_back_what_it_has)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 4, "workers: 8", LEASE_MS);
    shared_fixture_turn(&one);
    cr_assert_eq(one.news->claim_count, 4);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->claim_count, 0);
    shared_run_leave(one.run, false);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->claim_count, 4);
    cr_expect_eq(two.news->claims[0].takeovers, 0);
    cr_expect(two.news->conducts);
    cr_expect_eq(shared_run_others(one.run), 1);
    shared_run_leave(two.run, false);
    cr_expect_eq(shared_run_others(two.run), 0, "the last one");
    shared_fixture_end(&world);
}

Test(shared_run, tenants_of_a_server_that_is_down_are_left_to_those_who_reach_it)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    begin(&world, &one, &two, 12, "workers: 8", LEASE_MS);
    one.by_server[1] = 0;
    one.down[1] = true;
    shared_fixture_turn(&one);
    cr_expect_eq(claims_on(&one, 0), 3);
    two.by_server[0] = 0;
    shared_fixture_turn(&two);
    cr_expect_eq(claims_on(&two, 1), 4);
    two.by_server[1] = 0;
    two.down[1] = true;
    shared_fixture_turn(&two);
    cr_expect_eq(claims_on(&two, 1), 4, "a still has tenants that can be reached");
    shared_fixture_end(&world);
}

/* --- many at once ------------------------------------------------------------------------- */

enum { MANY = 2500, PIECE = 1000 };

/* As another machine would have: these have ended, in some turns before now. */
static void end_elsewhere(const struct shared_world *world, int count)
{
    pg_sql_execf(world->server, world->database,
                 "UPDATE pgtide_shared_tenant SET state = 'ended', outcome = 'migrated', "
                 "member = 'elsewhere:1:2', result = '{}', turn = tenant %% 3 + "
                 "(SELECT turn + 1 FROM pgtide_shared_run) WHERE tenant < %d; UPDATE "
                 "pgtide_shared_run SET turn = turn + 3",
                 count);
}

static size_t count_new(const struct shared_machine *machine, bool *heard)
{
    size_t count = 0;

    for (size_t i = 0; i < machine->news->end_count; i++) {
        count += !heard[machine->news->ends[i].job];
        heard[machine->news->ends[i].job] = true;
    }
    return count;
}

Test(shared_run, a_late_joiner_hears_in_pieces_without_holding_up_the_others)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    bool heard[MANY + 40] = {false};
    size_t count = 0;
    PGconn *other;

    begin(&world, &one, &two, MANY + 40, "workers: 8, per_server: 8", LEASE_MS);
    shared_fixture_turn(&one);
    shared_run_leave(two.run, false);
    end_elsewhere(&world, MANY);
    shared_fixture_join(&two, LEASE_MS);
    other = pg_sql_connect(world.server, world.database);
    PQclear(PQexec(other, "BEGIN; UPDATE pgtide_shared_run SET turn = turn"));
    for (int piece = 0; piece < 3; piece++) {
        shared_fixture_turn(&two);
        cr_expect_eq(two.news->end_count, piece < 2 ? PIECE : MANY - 2 * PIECE);
        cr_expect_eq(two.news->more, piece < 2);
        cr_expect_eq(two.news->claim_count, 0, "it does not know yet what is done");
        cr_expect_not(two.news->conducts);
        count += count_new(&two, heard);
    }
    cr_expect_eq(count, MANY, "each once");
    PQfinish(other);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->end_count, 0);
    cr_expect_gt(two.news->claim_count, 0);
    shared_fixture_end(&world);
}

Test(shared_run, who_was_away_for_long_hears_all_in_its_next_turn)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    bool heard[MANY + 40] = {false};

    begin(&world, &one, &two, MANY + 40, "workers: 8", LEASE_MS);
    shared_fixture_turn(&one);
    end_elsewhere(&world, MANY);
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->end_count, MANY);
    cr_expect_not(one.news->more);
    cr_expect_eq(count_new(&one, heard), MANY);
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->end_count, 0);
    shared_fixture_end(&world);
}

/* As after a crash of its server without synchronous_commit. */
Test(shared_run, what_ends_anew_in_a_ledger_that_lost_turns_is_heard)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;
    size_t jobs[16];

    begin(&world, &one, &two, 8, "workers: 8", LEASE_MS);
    one.ask.capacity = 2;
    shared_fixture_turn(&one);
    claimed_jobs(&one, jobs);
    pg_sql_exec(world.server, world.database,
                "CREATE TABLE kept_tenant AS TABLE pgtide_shared_tenant;"
                "CREATE TABLE kept_run AS TABLE pgtide_shared_run;"
                "CREATE TABLE kept_member AS TABLE pgtide_shared_member");
    two.ask.capacity = 0;
    for (int i = 0; i < 4; i++)
        shared_fixture_turn(&two);
    pg_sql_exec(world.server, world.database,
                "TRUNCATE pgtide_shared_tenant, pgtide_shared_run, pgtide_shared_member;"
                "INSERT INTO pgtide_shared_tenant TABLE kept_tenant;"
                "INSERT INTO pgtide_shared_run TABLE kept_run;"
                "INSERT INTO pgtide_shared_member TABLE kept_member");
    tell_ends(&one, jobs, 2, OUTCOME_MIGRATED);
    shared_fixture_turn(&one);
    cr_expect_eq(one.news->end_count, 2, "its own");
    for (int i = 0; i < 8; i++) /* their numbers are those of before, and more */
        shared_fixture_turn(&one);
    shared_fixture_turn(&two);
    cr_expect_eq(two.news->end_count, 2);
    shared_fixture_end(&world);
}
