/*
 * test_crash.c: pgtide, its backends or its server die in mid-run, at any moment. Running the same
 * command again is right and enough.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { TENANTS = 3, KILLS = 30, PATIENCE_MS = 30 * 1000 };

TestSuite(crash, .timeout = 120);

/*
 * Every file leaves a mark in `done` when its work is done, so that whatever is done twice or not
 * at all shows. What runs outside a transaction is safe to repeat, and leaves no mark but its work.
 */
static const struct {
    const char *name;
    const char *text;
} files[] = {
    {"migrations/0001_product.sql", "CREATE TABLE done (what text);\n"
                                    "CREATE TABLE product (id int, title text, old int);\n"
                                    "CREATE INDEX old_ix ON product (old);\n"
                                    "INSERT INTO product SELECT i, 't' || i, i "
                                    "FROM generate_series(1, 5000) i;\n"
                                    "SELECT pg_sleep(0.005);\n"
                                    "INSERT INTO done VALUES ('0001');\n"},
    {"migrations/0002_indexes.sql", "-- pgtide: transaction=none\n"
                                    "CREATE INDEX CONCURRENTLY id_ix ON product (id);\n"
                                    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS title_ix "
                                    "ON product (title);\n"
                                    "ALTER TABLE product ADD COLUMN IF NOT EXISTS price int;\n"
                                    "DROP INDEX CONCURRENTLY old_ix;\n"
                                    "VACUUM product;\n"},
    {"migrations/0003_price.sql", "UPDATE product SET price = coalesce(price, 0) + id;\n"
                                  "SELECT pg_sleep(0.005);\n"
                                  "INSERT INTO done VALUES ('0003');\n"},
    {"migrations/0004_when.sql", "-- pgtide:up\nINSERT INTO done VALUES ('0004');\n"
                                 "-- pgtide:when\nSELECT count(*) > 0 FROM product;\n"},
    {"migrations/0005_checked.sql", "-- pgtide: verify=after-commit\n-- pgtide:up\n"
                                    "INSERT INTO done VALUES ('0005');\n"
                                    "-- pgtide:verify\nSELECT pg_sleep(0.005) IS NOT NULL;\n"},
    {"migrations/R_cheap.sql", "CREATE OR REPLACE VIEW cheap AS SELECT * FROM product "
                               "WHERE price < 10;\n"
                               "INSERT INTO done VALUES ('R_cheap');\n"},
    {"seeds/base/01_done.sql", "INSERT INTO done VALUES ('seed');\nSELECT pg_sleep(0.005);\n"},
    {"seeds/base/02_done.json", "{\"table\": \"done\", \"mode\": \"insert\", \"rows\": "
                                "[{\"what\": \"row 1\"}, {\"what\": \"row 2\"}]}"},
};

static struct fleet_fixture *new_fleet(void)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), TENANTS);

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        fleet_fixture_write(fleet, files[i].name, files[i].text);
    fleet_fixture_tenants(fleet, "seeds: seeds\nrun: {workers: 2, max_failures: 0}\n",
                          "seeds: [base]");
    return fleet;
}

static void expect_all_once(const struct fleet_fixture *fleet, size_t n, int round)
{
    cr_assert_str_eq(
        fleet_fixture_value(fleet, n, "SELECT string_agg(what, ' ' ORDER BY what) FROM done"),
        "0001 0003 0004 0005 R_cheap row 1 row 2 seed", "round %d", round);
    cr_assert_str_eq(fleet_fixture_value(fleet, n,
                                         "SELECT string_agg(concat(name, ' ', state), ', ' "
                                         "ORDER BY kind DESC, version, name) FROM pgtide_history"),
                     "product applied, indexes applied, price applied, when applied, "
                     "checked applied, base/01_done.sql applied, base/02_done.json applied, "
                     "cheap applied",
                     "round %d", round);
    cr_assert_str_eq(fleet_fixture_value(fleet, n,
                                         "SELECT string_agg(concat(c.relname, ' ', i.indisvalid), "
                                         "', ' ORDER BY c.relname) FROM pg_index i JOIN pg_class c "
                                         "ON c.oid = i.indexrelid "
                                         "WHERE i.indrelid = 'product'::regclass"),
                     "id_ix t, title_ix t", "round %d", round);
    cr_assert_eq(fleet_fixture_count(fleet, n,
                                     "SELECT count(*) FROM product WHERE price IS DISTINCT FROM "
                                     "id"),
                 0, "round %d", round);
}

static void begin_anew(const struct fleet_fixture *fleet)
{
    for (size_t n = 1; n <= TENANTS; n++)
        fleet_fixture_exec(fleet, n,
                           "SET client_min_messages = error; "
                           "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

/* True: it was killed, it had not ended before. */
static bool kill_after(struct fleet_fixture *fleet, int ms)
{
    struct process *process = fleet_fixture_start(fleet, "seed", NULL);

    harness_pause(ms);
    process_signal(process, SIGKILL);
    return process_wait(process)->signal == SIGKILL;
}

Test(crash, kill_9_at_any_moment_and_run_again)
{
    struct fleet_fixture *fleet = new_fleet();
    unsigned random = 20261123;
    int64_t whole_ms, killed = 0;
    const struct fleet_run *run = fleet_fixture_run(fleet, "seed", NULL);

    fleet_facts_expect(run, 0);
    expect_all_once(fleet, 1, -1);
    whole_ms = run->process->elapsed_ms;
    for (int i = 0; i < KILLS; i++) {
        int64_t slot_ms = whole_ms / KILLS + 1;

        begin_anew(fleet);
        random = random * 1103515245 + 12345;
        if (kill_after(fleet, (int)(i * slot_ms + random / 65536 % slot_ms)))
            killed++;
        else /* the machine has become faster since it was timed */
            whole_ms -= whole_ms / 8;
        run = fleet_fixture_run(fleet, "seed", NULL);
        fleet_facts_expect(run, 0);
        for (size_t n = 1; n <= TENANTS; n++)
            expect_all_once(fleet, n, i);
    }
    cr_assert_gt(killed, KILLS / 3, "the moments are not spread over the run");
}

Test(crash, a_run_recovers_from_terminated_backends)
{
    static const char terminate[] =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
        "current_database() AND application_name LIKE 'pgtide %' AND wait_event = 'PgSleep'";
    struct fleet_fixture *fleet = new_fleet();
    struct process *process;
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/0003_price.sql",
                        "UPDATE product SET price = id;\nSELECT pg_sleep(0.5);\n"
                        "INSERT INTO done VALUES ('0003');\n");
    process = fleet_fixture_start(fleet, "seed", NULL);
    for (size_t n = 1; n <= TENANTS; n++)
        cr_assert(pg_sql_wait(fleet->server, fleet->databases[n - 1], terminate, PATIENCE_MS));
    run = fleet_fixture_wait(fleet, process);
    fleet_facts_expect(run, 0);
    for (size_t n = 1; n <= TENANTS; n++) {
        const char *tenant = mem_printf(fleet, "store-%zu", n);

        expect_all_once(fleet, n, 0);
        cr_assert_str_eq(fleet_fixture_outcome(run, tenant), "migrated");
        cr_assert_geq(fleet_facts_attempts(run, tenant), 2);
        cr_assert_eq(fleet_facts_steps(run, tenant), 6, "each migration is listed once");
    }
}

Test(crash, stop_immediate_in_mid_run_and_run_again)
{
    void *ctx = mem_context(NULL);
    struct pg_server *server = pg_server_new(ctx, NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, server, 1);
    struct process *process;
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE done (what text);\n"
                        "INSERT INTO done VALUES ('1');\n");
    fleet_fixture_write(fleet, "migrations/2_slow.sql",
                        "INSERT INTO done VALUES ('2');\nSELECT pg_sleep(1);\n");
    fleet_fixture_inventory(fleet, NULL);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
                          PATIENCE_MS));
    pg_server_stop(server, PG_SERVER_IMMEDIATE);
    run = fleet_fixture_wait(fleet, process);
    fleet_facts_expect(run, 4);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "unknown");
    pg_server_start(server);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT string_agg(what, ' ' ORDER BY what) FROM done"),
        "1 2");
    cr_assert_str_eq(fleet_facts_history(fleet, 1, NULL), "first applied 2/2, slow applied 2/2");
    talloc_free(ctx);
}
