/*
 * test_shared_ledger.c: who may join, runs that exclude each other, the ledger's server and its
 * connections.
 */
#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_layout.h"
#include "orchestrator/ledger_lock.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/shared_fixture.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEASE_MS = 60 * 1000 };

TestSuite(shared_ledger, .timeout = 60);

/* --- terms and the fleet lock ------------------------------------------------------------- */

static void expect_refused(struct shared_machine *machine, enum err_kind kind, const char *words)
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

Test(shared_ledger, who_joins_must_agree)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, "max_failures: 1");
    shared_fixture_join(&one, LEASE_MS);
    shared_fixture_machine(&world, &two, 11, "max_failures: 1");
    expect_refused(&two, ERR_CONFIG, "begun with 10 tenants, and here 11");
    shared_fixture_machine(&world, &two, 10, "max_failures: 2");
    expect_refused(&two, ERR_CONFIG, "budgets");
    shared_fixture_machine(&world, &two, 10, "max_failures: 1");
    two.request.operation = "seed";
    expect_refused(&two, ERR_CONFIG, "is a \"migrate\", not a \"seed\"");
    two.request.operation = "migrate";
    two.request.plan.to_version = 14;
    expect_refused(&two, ERR_CONFIG, "other options");
    two.request.plan.to_version = INT64_MAX;
    two.catalog.checksum = mem_strdup(two.mem, "sha256:two");
    expect_refused(&two, ERR_DATA, "migrations");
    two.catalog.checksum = mem_strdup(two.mem, "sha256:one");
    shared_fixture_join(&two, LEASE_MS);
    shared_fixture_end(&world);
}

/* The waves "a" and "b", with this in them, are not those that the run was begun with. */
static void expect_other_waves(const struct shared_world *world, const char *a, const char *b)
{
    struct shared_machine machine;

    shared_fixture_machine(world, &machine, 10,
                           mem_printf(world->mem,
                                      "waves: [{name: a, match: {ring: canary}, %s}, "
                                      "{name: b, %s}]",
                                      a, b));
    expect_refused(&machine, ERR_CONFIG, "waves");
}

Test(shared_ledger, who_joins_must_have_the_same_waves)
{
    static const char run[] = "waves: [{name: a, match: {ring: canary}, gate: {command: [x, y], "
                              "timeout: 5s}}, {name: b, gate: {sql: SELECT true}}]";
    static const char a[] = "gate: {command: [x, y], timeout: 5s}";
    static const char b[] = "gate: {sql: SELECT true}";
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, run);
    shared_fixture_join(&one, LEASE_MS);
    expect_other_waves(&world, "soak: 1s", b);
    expect_other_waves(&world, "soak: 0s", b);
    expect_other_waves(&world, "gate: {command: [x, z], timeout: 5s}", b);
    expect_other_waves(&world, "gate: {command: [x, y], timeout: 6s}", b);
    expect_other_waves(&world, a, "gate: {sql: SELECT false}");
    expect_other_waves(&world, a, "gate: {sql: SELECT true}, depends_on: []");
    shared_fixture_machine(&world, &two, 10, run);
    shared_fixture_join(&two, LEASE_MS);
    shared_fixture_end(&world);
}

static int64_t count_in(const struct shared_world *world, const char *table)
{
    return pg_sql_count(world->server, world->database,
                        mem_printf(world->mem, "SELECT count(*) FROM %s", table));
}

Test(shared_ledger, who_is_refused_leaves_nothing_behind)
{
    struct shared_world world = shared_fixture_world();
    struct ledger_lock *lock;
    struct err err = ERR_INIT;
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, "max_failures: 1");
    shared_fixture_machine(&world, &two, 10, "max_failures: 2");
    shared_fixture_join(&one, LEASE_MS);
    expect_refused(&two, ERR_CONFIG, "budgets");
    cr_expect_eq(count_in(&world, "pgtide_lock"), 1, "that of the run");
    cr_expect_eq(count_in(&world, "pgtide_shared_member"), 1);
    shared_run_leave(one.run, false);
    cr_expect_eq(count_in(&world, "pgtide_lock"), 0);
    expect_refused(&two, ERR_CONFIG, "budgets");
    cr_expect_eq(count_in(&world, "pgtide_lock"), 0);

    two.request.plan.run_id = "r2";
    cr_assert_eq(ledger_lock_take(two.mem, two.db, &two.request, &lock, &err), 0, "%s",
                 err.message);
    expect_refused(&one, ERR_BUSY, "another run of these tenants");
    one.request.plan.run_id = "r3";
    expect_refused(&one, ERR_BUSY, "another run of these tenants");
    cr_expect_eq(count_in(&world, "pgtide_shared_member"), 0);
    cr_expect_eq(count_in(&world, "pgtide_shared_run"), 1, "r3 has not begun");
    shared_fixture_end(&world);
}

Test(shared_ledger, who_has_joined_keeps_the_lock_when_all_others_leave)
{
    struct shared_world world = shared_fixture_world();
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, "max_failures: 1");
    shared_fixture_machine(&world, &two, 10, "max_failures: 1");
    shared_fixture_join(&one, LEASE_MS);
    shared_fixture_join(&two, LEASE_MS);
    shared_run_leave(one.run, false);
    cr_expect_eq(count_in(&world, "pgtide_lock"), 1);
    shared_run_leave(two.run, false);
    cr_expect_eq(count_in(&world, "pgtide_lock"), 0);
    shared_fixture_end(&world);
}

Test(shared_ledger, runs_with_a_tenant_in_common_exclude_each_other)
{
    struct shared_world world = shared_fixture_world();
    struct ledger_lock *lock;
    struct err err = ERR_INIT;
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, "max_failures: 1");
    shared_fixture_machine(&world, &two, 12, "max_failures: 1");
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
    shared_fixture_end(&world);
}

/* --- taken out of the record ---------------------------------------------------------------- */

static void prune(const struct shared_machine *machine, int64_t expected)
{
    struct err err = ERR_INIT;
    int64_t count;

    cr_assert_eq(ledger_prune(machine->db, INT64_MAX, &count, &err), 0, "%s", err.message);
    cr_expect_eq(count, expected);
}

static int64_t count_shared(const struct shared_world *world)
{
    static const char *const tables[] = {"pgtide_lock",          "pgtide_shared_run",
                                         "pgtide_shared_member", "pgtide_shared_wave",
                                         "pgtide_shared_server", "pgtide_shared_budget",
                                         "pgtide_shared_tenant"};
    int64_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        count += count_in(world, tables[i]);
    return count;
}

Test(shared_ledger, a_run_is_taken_out_with_what_machines_shared_and_its_name_is_free_again)
{
    struct shared_world world = shared_fixture_world();
    struct err err = ERR_INIT;
    struct shared_machine one;
    struct shared_machine two;

    shared_fixture_machine(&world, &one, 10, "max_failures: 1");
    shared_fixture_machine(&world, &two, 11, "max_failures: 1");
    cr_assert_eq(ledger_layout_prepare(one.db, false, &err), 0, "%s", err.message);
    prune(&one, 0);
    shared_fixture_join(&one, LEASE_MS);
    pg_sql_execf(world.server, world.database,
                 "INSERT INTO pgtide_run (id, name, operation, state, started_ms, host, pid, tool, "
                 "fleet_file, fleet_tenants, fingerprint, suspended, catalog, catalog_checksum, "
                 "tenants, options) SELECT 'r1', 'r1', 'migrate', 'ended', 1, 'h', 1, 't', 'f', "
                 "10, 'p', 0, 'c', 's', 10, '{}'");
    prune(&one, 0);
    cr_expect_eq(count_in(&world, "pgtide_run"), 1, "a machine is at work on it");
    cr_expect_eq(count_in(&world, "pgtide_shared_tenant"), 10);

    pg_sql_execf(world.server, world.database,
                 "UPDATE pgtide_lock SET lease_until = clock_timestamp() - interval '1 s'");
    prune(&two, 1);
    cr_expect_eq(count_in(&world, "pgtide_run"), 0);
    cr_expect_eq(count_shared(&world), 0);
    shared_fixture_join(&two, LEASE_MS);
    cr_expect(shared_run_created(two.run), "with other terms than before");
    shared_fixture_end(&world);
}

Test(shared_ledger, the_name_of_a_run_is_simple)
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

Test(shared_ledger, a_connection_that_broke_is_made_again)
{
    struct shared_world world = shared_fixture_world();
    struct err err = ERR_INIT;
    struct shared_machine one;

    shared_fixture_machine(&world, &one, 4, "workers: 8");
    shared_fixture_join(&one, LEASE_MS);
    shared_fixture_turn(&one);
    pg_sql_execf(world.server, "postgres",
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s' "
                 "AND application_name = 'pgtide ledger'",
                 world.database);
    if (shared_run_turn(one.run, &one.ask, &one.news, &err) < 0) {
        cr_expect_eq(err.kind, ERR_LOST, "%s", err.message);
        cr_expect(strstr(err.message, "ledger database"), "%s", err.message);
        err_clear(&err);
    }
    shared_fixture_turn(&one);
    cr_expect(one.news->conducts);
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
    shared_fixture_turn(&one);
    shared_fixture_end(&world);
}

Test(shared_ledger, machines_that_make_the_tables_at_the_same_moment)
{
    enum { MACHINES = 6 };
    struct shared_world world = shared_fixture_world();
    pid_t children[MACHINES];

    for (int i = 0; i < MACHINES; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            struct shared_machine machine;
            struct err err = ERR_INIT;
            bool joined;

            shared_fixture_machine(&world, &machine, 100, "workers: 8");
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
    shared_fixture_end(&world);
}

Test(shared_ledger, a_ledger_that_cannot_be_reached_says_so_without_its_password)
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
