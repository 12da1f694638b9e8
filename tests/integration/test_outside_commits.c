/*
 * test_outside_commits.c: statements outside a transaction that commit by themselves and then fail:
 * nobody but a person knows whether what they have left is to be run again.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

#define NONE "-- pgtide: transaction=none lock_timeout=100ms\n"
#define SECOND "migrations/2_second.sql"

static struct fleet_fixture *fleet;

static void setup(void)
{
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_write(fleet, "migrations/1_first.sql",
                        "CREATE TABLE account (id int, balance int);\n"
                        "INSERT INTO account VALUES (1, 0), (2, 0);\nCREATE TABLE busy (a int);\n");
    fleet_fixture_inventory(fleet, "settings: {retry: {base: 10ms}}\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
}

TestSuite(outside_commits, .init = setup, .timeout = 60);

static const struct fleet_run *run(const char *command, const char *option, int expected_code)
{
    const struct fleet_run *result = option
                                         ? fleet_fixture_run(fleet, command, option, "--yes", NULL)
                                         : fleet_fixture_run(fleet, command, NULL);

    fleet_facts_expect(result, expected_code);
    return result;
}

/* The same while somebody else uses the table `busy`. */
static const struct fleet_run *run_blocked(const char *command, const char *option,
                                           int expected_code)
{
    PGconn *blocker = pg_sql_connect(fleet->server, fleet->databases[0]);
    const struct fleet_run *result;

    PQclear(PQexec(blocker, "BEGIN; INSERT INTO busy VALUES (1)"));
    result = run(command, option, expected_code);
    PQfinish(blocker);
    cr_assert_str_eq(fleet_facts_error(result, "store-1", "sqlstate"), "55P03");
    return result;
}

static void expect_balances(const char *expected)
{
    cr_assert_str_eq(fleet_fixture_value(fleet, 1,
                                         "SELECT string_agg(balance::text, ',' ORDER BY id) FROM "
                                         "account"),
                     expected);
}

static void expect_history(const char *second)
{
    char *history = fleet_facts_history(fleet, 1, NULL);

    cr_assert(strstr(history, second), "%s", history);
}

static void expect_asks(const struct fleet_run *result)
{
    const char *hint = fleet_facts_error(result, "store-1", "hint");

    cr_assert(strstr(hint, "pgtide repair --done"), "%s", hint);
    cr_assert(strstr(hint, "--not-done"), "%s", hint);
}

#define PAY(id) "UPDATE account SET balance = balance + 10 WHERE id = " #id ";\n"
#define PAYS "DO $$ BEGIN\n" PAY(1) "COMMIT;\n" PAY(2) "COMMIT;\n"
#define ALTERS "ALTER TABLE busy ADD COLUMN c int;\nEND $$;\n"

static void expect_done_once(void)
{
    const struct fleet_run *result = run_blocked("migrate", NULL, 4);

    cr_assert_eq(fleet_facts_attempts(result, "store-1"), 1);
    cr_assert(strstr(fleet_facts_error(result, "store-1", "detail"), "commit by itself"));
    expect_asks(result);
    expect_balances("10,10");
    expect_history("second started 1/2 running 2");

    result = run("migrate", NULL, 4);
    cr_assert_str_eq(fleet_facts_error(result, "store-1", "message"),
                     "statement 2 of 2 failed or was broken off; how much of it was done is not "
                     "known");
    expect_asks(result);
    expect_balances("10,10");
}

Test(outside_commits, one_that_failed_is_not_run_again_and_a_person_finishes_it)
{
    fleet_fixture_write(fleet, SECOND, NONE "CREATE TABLE b (a int);\n" PAYS ALTERS);
    expect_done_once();
    fleet_fixture_exec(fleet, 1, "ALTER TABLE busy ADD COLUMN c int");
    run("repair", "--done", 0);
    run("migrate", NULL, 0);
    expect_history("second applied 2/2");
    expect_balances("10,10");
}

Test(outside_commits, a_procedure_that_failed_is_run_again_when_a_person_says_so)
{
    fleet_fixture_exec(fleet, 1,
                       "CREATE PROCEDURE pay() LANGUAGE plpgsql AS $p$ BEGIN\n" PAY(
                           1) "COMMIT;\n" PAY(2) "COMMIT;\n"
                                                 "ALTER TABLE busy ADD COLUMN c int;\nEND $p$");
    fleet_fixture_write(fleet, SECOND, NONE "CREATE TABLE b (a int);\nCALL pay();\n");
    expect_done_once();
    fleet_fixture_exec(fleet, 1, "UPDATE account SET balance = 0");
    run("repair", "--not-done", 0);
    run("migrate", NULL, 0);
    expect_history("second applied 2/2");
    expect_balances("10,10");
}

Test(outside_commits, a_block_without_commit_is_tried_again)
{
    const struct fleet_run *result;

    fleet_fixture_write(fleet, SECOND, NONE "DO $$ BEGIN\n" PAY(1) ALTERS);
    result = run_blocked("migrate", NULL, 4);
    cr_assert_eq(fleet_facts_attempts(result, "store-1"), 3);
    expect_history("second started 0/1");
    run("migrate", NULL, 0);
    expect_balances("10,0");
}

/* Refused before anything of it was run. */
Test(outside_commits, an_error_of_the_text_itself_leaves_no_doubt)
{
    const struct fleet_run *result;

    fleet_fixture_write(fleet, SECOND, NONE PAYS "UPDATE account SETT balance = 0;\nEND $$;\n");
    result = run("migrate", NULL, 4);
    cr_assert_str_eq(fleet_facts_error(result, "store-1", "sqlstate"), "42601");
    expect_history("second started 0/1");
    fleet_fixture_write(fleet, SECOND, NONE "CALL nowhere();\n");
    result = run("migrate", NULL, 4);
    cr_assert_str_eq(fleet_facts_error(result, "store-1", "sqlstate"), "42883");
    expect_history("second started 0/1");
    expect_balances("0,0");
    fleet_fixture_write(fleet, SECOND, NONE PAYS "END $$;\n");
    run("migrate", NULL, 0);
    expect_balances("10,10");
}

/* Such an error may also come from a text that is made when a part of the work is done. */
Test(outside_commits, an_error_of_a_text_made_later_leaves_doubt)
{
    fleet_fixture_write(fleet, SECOND, NONE PAYS "EXECUTE 'SELEKT 1';\nEND $$;\n");
    expect_asks(run("migrate", NULL, 4));
    expect_history("second started 0/1 running 1");
    expect_balances("10,10");
}

Test(outside_commits, a_way_back_that_failed_is_not_run_again)
{
    const struct fleet_run *result;

    fleet_fixture_write(fleet, SECOND,
                        NONE "-- pgtide:up\nCREATE TABLE b (a int);\n-- pgtide:down\n"
                             "DROP TABLE b;\n" PAYS ALTERS);
    run("migrate", NULL, 0);
    result = run_blocked("rollback", "--steps=1", 4);
    cr_assert_eq(fleet_facts_attempts(result, "store-1"), 1);
    expect_asks(result);
    expect_asks(run("rollback", "--steps=1", 4));
    expect_balances("10,10");
    run("repair", "--done", 3); /* the way back is still to be finished */
    run("rollback", "--steps=1", 0);
    expect_balances("10,10");
}
