/*
 * test_outside_session.c: what a file outside a transaction sets for its session holds for all of
 * its statements, in whichever session they come to run.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

#define NONE "-- pgtide: transaction=none\n"
#define SECOND "migrations/2_second.sql"
#define FAILS "INSERT INTO public.t SELECT 1 / count(*) FROM public.t;\n"

static struct fleet_fixture *fleet;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE SCHEMA archive;\nCREATE TABLE t (a int);\n");
    fleet_fixture_inventory(fleet, NULL);
}

TestSuite(outside_session, .init = setup, .timeout = 60);

static void run(const char *command, int expected_code)
{
    fleet_facts_expect(strcmp(command, "rollback") == 0
                           ? fleet_fixture_run(fleet, command, "--steps=1", "--yes", NULL)
                           : fleet_fixture_run(fleet, command, NULL),
                       expected_code);
}

static void expect_value(const char *sql, const char *expected)
{
    cr_assert_str_eq(fleet_fixture_value(fleet, 1, sql), expected);
}

/* The file's third statement fails in the first run; `sets` stands before it. */
static void expect_orders_in_archive(const char *sets)
{
    fleet_fixture_write(fleet, SECOND,
                        mem_printf(fleet,
                                   NONE "CREATE TABLE b (a int);\n%s;\n" FAILS
                                        "CREATE TABLE orders (id int);\n",
                                   sets));
    run("migrate", 4);
    fleet_fixture_exec(fleet, 1, "INSERT INTO t VALUES (1)");
    run("migrate", 0);
    expect_value("SELECT schemaname FROM pg_tables WHERE tablename = 'orders'", "archive");
    expect_value("SELECT schemaname FROM pg_tables WHERE tablename = 'pgtide_history'", "public");
}

Test(outside_session, what_was_set_is_set_again)
{
    expect_orders_in_archive("SET search_path = archive");
}

Test(outside_session, set_config_counts_as_well)
{
    expect_orders_in_archive("SELECT set_config('search_path', 'archive', false)");
}

Test(outside_session, on_the_way_back_too)
{
    fleet_fixture_write(fleet, SECOND,
                        NONE "-- pgtide:up\nCREATE TABLE b (a int);\n-- pgtide:down\n"
                             "SET search_path = archive;\n" FAILS "CREATE TABLE back (a int);\n");
    run("migrate", 0);
    run("rollback", 4);
    fleet_fixture_exec(fleet, 1, "INSERT INTO t VALUES (1)");
    run("rollback", 0);
    expect_value("SELECT schemaname FROM pg_tables WHERE tablename = 'back'", "archive");
}

Test(outside_session, the_files_own_lock_timeout_stays)
{
    fleet_fixture_write(fleet, SECOND,
                        NONE "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS a;\n"
                             "SET lock_timeout = '123ms';\n"
                             "INSERT INTO seen SELECT current_setting('lock_timeout');\n"
                             "CREATE INDEX CONCURRENTLY ix ON seen (a);\n" FAILS
                             "INSERT INTO seen SELECT current_setting('lock_timeout');\n");
    run("migrate", 4);
    fleet_fixture_exec(fleet, 1, "INSERT INTO t VALUES (1)");
    run("migrate", 0);
    expect_value("SELECT string_agg(a, ' ') FROM seen", "5s 123ms 123ms");
}
