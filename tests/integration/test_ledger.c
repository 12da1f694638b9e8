/*
 * test_ledger.c: what is recorded of runs, reports made from it, and going on with a run.
 */
#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/schema_check.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/fleet_facts.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 30 * 1000 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, 6);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 2, max_failures: 0}\n");
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(ledger, .init = setup, .fini = teardown, .timeout = 120);

static const struct fleet_run *run(const char *command, const char *argument, const char *option)
{
    return fleet_fixture_run(fleet->fixture, command, argument, option, NULL);
}

static const struct fleet_run *migrate(void)
{
    return run("migrate", NULL, NULL);
}

static const char *id_of(const struct fleet_run *some)
{
    return json_string_value(json_object_get(json_object_get(some->report, "run"), "id"));
}

static int64_t tenants_of(const struct fleet_run *some)
{
    return (int64_t)json_array_size(json_object_get(some->report, "tenants"));
}

static const char *result_of(const struct fleet_run *some)
{
    return json_string_value(json_object_get(some->report, "result"));
}

static void expect_fits_schema(const struct fleet_run *some)
{
    json_t *schema = json_load_file("docs/report.schema.json", 0, NULL);
    char *wrong;

    cr_assert_not_null(schema);
    wrong = schema_check(ctx, schema, (json_t *)(uintptr_t)some->report);
    cr_assert_null(wrong, "%s", wrong);
    json_decref(schema);
}

/* The newest report that the fixture had written, and the same from the ledger. */
static void expect_same_report(const struct fleet_run *some)
{
    const char *dir = fleet->fixture->dir;
    char *name = mem_printf(ctx, "report-%d.json", fleet->fixture->reports);
    const struct fleet_run *again =
        fleet_fixture_run(fleet->fixture, "report", id_of(some), "--report", "again.json", NULL);

    fleet_facts_expect(again, 0);
    cr_assert_str_eq(tmpdir_read(ctx, dir, "again.json"), tmpdir_read(ctx, dir, name));
    cr_assert_str_eq(again->out, some->out);
    again = run("report", "last", "-ojson");
    cr_assert_str_eq(again->out, tmpdir_read(ctx, dir, name));
}

Test(ledger, a_report_again_is_the_first_byte_for_byte)
{
    const struct fleet_run *some;

    fleet_fixture_write(fleet->fixture, "migrations/R_view.sql",
                        "CREATE OR REPLACE VIEW v AS SELECT 1;\n");
    fleet_fixture_write(fleet->fixture, "seeds/base/01_done.json", "{\"done\": [{\"a\": 1}]}");
    schema_fleet_fail(fleet, "t03 t05", "23505");
    some = fleet_fixture_run(fleet->fixture, "migrate", "--seed", "--seed-set", "base",
                             "--max-failures", "1", NULL);
    fleet_facts_expect(some, 4);
    expect_same_report(some);
    schema_fleet_mend(fleet);
    some = run("retry", "last", NULL);
    fleet_facts_expect(some, 0);
    expect_same_report(some);
}

Test(ledger, a_report_again_in_every_format)
{
    static const char *const names[] = {"x.html", "x.md", "x.csv", "x.xml", "x.prom"};
    const char *dir = fleet->fixture->dir;
    char *first[ARRAY_LEN(names)];

    schema_fleet_fail(fleet, "t03", "23505");
    fleet_facts_expect(fleet_fixture_run(fleet->fixture, "migrate", "--report", names[0],
                                         "--report", names[1], "--report", names[2], "--report",
                                         names[3], "--report", names[4], NULL),
                       4);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        first[i] = tmpdir_read(ctx, dir, names[i]);
        cr_expect(strstr(first[i], "t03") || i == 4, "%s", first[i]);
        fleet_facts_expect(
            fleet_fixture_run(fleet->fixture, "report", "last", "--report", names[i], NULL), 0);
        cr_expect_str_eq(tmpdir_read(ctx, dir, names[i]), first[i]);
    }
    cr_expect(strstr(first[3], "<failure message=\"23505 "), "%s", first[3]);
    cr_expect(strstr(first[4], "outcome=\"failed\"} 1\n"), "%s", first[4]);
}

Test(ledger, a_report_of_waves_again_is_the_first)
{
    const struct fleet_run *some;

    schema_fleet_inventory(fleet, NULL,
                           "run:\n  waves:\n"
                           "    - {name: canary, size: 2, gate: {command: [/bin/true]}}\n"
                           "    - {name: rest, gate: {command: [/bin/sh, -c, echo no; exit 3]}}\n");
    some = migrate();
    fleet_facts_expect(some, 4);
    expect_same_report(some);
}

Test(ledger, reports_of_rollback_and_repair_again)
{
    const struct fleet_run *some;

    fleet_fixture_write(fleet->fixture, "migrations/2_more.sql",
                        "-- pgtide:up\nCREATE TABLE more ();\n-- pgtide:down\nDROP TABLE more;\n");
    fleet_facts_expect(migrate(), 0);
    some = fleet_fixture_run(fleet->fixture, "rollback", "--to", "1", "--yes", NULL);
    fleet_facts_expect(some, 0);
    expect_same_report(some);
    fleet_fixture_write(fleet->fixture, "migrations/1_step.sql",
                        "-- cosmetic\n"
                        "-- pgtide: lock_timeout=1m\n"
                        "CREATE TABLE done (a int);\n"
                        "SELECT public.step();\n");
    some = run("repair", "--yes", NULL);
    fleet_facts_expect(some, 0);
    expect_same_report(some);
}

Test(ledger, a_halted_run_is_resumed_and_retried)
{
    const struct fleet_run *halted, *rest, *failed;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    schema_fleet_fail(fleet, "t02", "23505");
    halted = migrate();
    fleet_facts_expect(halted, 4);
    cr_assert(strstr(halted->out, mem_printf(ctx,
                                             "those that are left: pgtide resume %s\n"
                                             "those that failed: pgtide retry %s\n",
                                             id_of(halted), id_of(halted))),
              "%s", halted->out);

    rest = run("resume", id_of(halted), NULL);
    fleet_facts_expect(rest, 0);
    cr_assert_eq(tenants_of(rest), 4, "the one that failed is not tried");
    cr_assert_str_neq(id_of(rest), id_of(halted));
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_object_get(json_object_get(rest->report, "run"), "origin"), "run")),
                     id_of(halted));

    schema_fleet_mend(fleet);
    failed = run("retry", id_of(halted), NULL);
    fleet_facts_expect(failed, 0);
    cr_assert_eq(tenants_of(failed), 1);
    cr_assert_str_eq(fleet_fixture_outcome(failed, "t02"), "migrated");
    cr_assert_eq(schema_fleet_done(fleet), 6);
}

Test(ledger, nothing_left_is_said_and_a_success)
{
    const struct fleet_run *first = migrate();
    const struct fleet_run *again;

    fleet_facts_expect(first, 0);
    again = run("resume", "last", NULL);
    fleet_facts_expect(again, 0);
    cr_assert(strstr(again->err, "no tenant is left to be done"), "%s", again->err);
    again = run("retry", "last", NULL);
    fleet_facts_expect(again, 0);
    cr_assert(strstr(again->err, "no tenant has failed"), "%s", again->err);
    again = run("runs", "-ojson", NULL);
    cr_assert_eq(json_array_size(json_object_get(again->report, "runs")), 1,
                 "runs of nobody are not recorded");
}

Test(ledger, a_run_that_was_interrupted_is_resumed_with_its_options)
{
    struct process *process;
    const struct fleet_run *first, *rest;

    fleet_fixture_write(fleet->fixture, "migrations/2_later.sql", "CREATE TABLE later ();\n");
    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", "--to", "1", NULL);
    schema_fleet_wait_at_gate(fleet, 2);
    cr_assert(process_signal(process, SIGINT));
    cr_assert(process_wait_text(process, "no tenant is started any more", PATIENCE_MS));
    schema_fleet_open_gate(fleet);
    first = fleet_fixture_wait(fleet->fixture, process);
    fleet_facts_expect(first, 130);

    rest = run("resume", "last", NULL);
    fleet_facts_expect(rest, 0);
    cr_assert_eq(tenants_of(rest), 4);
    cr_assert_eq(schema_fleet_done(fleet), 6);
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'later'"),
                 0, "--to 1 holds for the rest too");
}

Test(ledger, resuming_a_run_that_is_going_on_is_refused)
{
    struct process *process;
    const struct fleet_run *second;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 2);
    second = run("resume", "last", NULL);
    fleet_facts_expect(second, 5);
    second = run("report", "last", "-ojson");
    fleet_facts_expect(second, 0);
    cr_assert(strstr(second->err, "is going on: this is how far it is"), "%s", second->err);
    expect_fits_schema(second);
    cr_assert_str_eq(result_of(second), "going");
    schema_fleet_open_gate(fleet);
    fleet_facts_expect(fleet_fixture_wait(fleet->fixture, process), 0);
}

/* As after a reboot: another process has the number of the one that was killed. */
Test(ledger, a_run_that_was_killed_is_not_taken_for_one_that_has_its_number)
{
    struct fleet inventory = {.state = mem_printf(ctx, "%s/.pgtide", fleet->fixture->dir)};
    const struct ledger_value pid = ledger_db_int(getpid());
    struct err err = ERR_INIT;
    const struct fleet_run *some;
    struct process *process;
    struct ledger_db *db;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 2);
    some = run("runs", NULL, NULL);
    cr_assert(strstr(some->out, "  going  "), "%s", some->out);
    process_signal(process, SIGKILL);
    process_wait(process);
    cr_assert_eq(ledger_open(ctx, &inventory, false, &db, &err), 0, "%s", err.message);
    cr_assert_eq(ledger_db_run(db, "UPDATE pgtide_run SET pid = $1", &pid, 1, NULL, NULL, &err), 0,
                 "%s", err.message);
    talloc_free(db);
    some = run("runs", NULL, NULL);
    cr_assert(strstr(some->out, "  broken off  "), "%s", some->out);
    some = run("report", "last", "-ojson");
    cr_assert_str_eq(result_of(some), "interrupted");
    cr_assert_str_eq(some->err, "");
    schema_fleet_open_gate(fleet);
}

static void halt_at_t02(void)
{
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    schema_fleet_fail(fleet, "t02", "23505");
    fleet_facts_expect(migrate(), 4);
}

Test(ledger, a_changed_catalog_is_named_and_needs_a_yes)
{
    const struct fleet_run *rest;

    halt_at_t02();
    fleet_fixture_write(fleet->fixture, "migrations/2_more.sql", "CREATE TABLE more ();\n");
    rest = run("resume", "last", NULL);
    fleet_facts_expect(rest, 64);
    cr_assert(strstr(rest->err, "1 file of the catalog has appeared: \"2_more\""), "%s", rest->err);
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'more'"),
                 0);
    rest = run("resume", "last", "--yes");
    fleet_facts_expect(rest, 0);
    cr_assert_eq(tenants_of(rest), 4);
}

Test(ledger, a_changed_inventory_is_named_and_needs_a_yes)
{
    const struct fleet_run *rest;

    halt_at_t02();
    fleet->tenants = 4; /* two are gone */
    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    rest = run("resume", "last", NULL);
    fleet_facts_expect(rest, 64);
    cr_assert(strstr(rest->err, "2 tenants have vanished: \"t05\", \"t06\""), "%s", rest->err);
    rest = run("resume", "last", "--yes");
    fleet_facts_expect(rest, 0);
    cr_assert_eq(tenants_of(rest), 2);
}

Test(ledger, failed_of_selects_what_failed)
{
    const struct fleet_run *some;

    schema_fleet_fail(fleet, "t02 t04", "23505");
    some = run("migrate", "--max-failures", "100%");
    fleet_facts_expect(some, 3);
    some = run("status", "--failed-of", "last");
    fleet_facts_expect(some, 0);
    cr_assert_eq(tenants_of(some), 2);
    cr_assert_str_eq(fleet_fixture_outcome(some, "t04"), "pending");
    some = fleet_fixture_run(fleet->fixture, "list", "--failed-of", "last", "-t", "t02", NULL);
    fleet_facts_expect(some, 0);
    cr_assert(strstr(some->out, "t02"));
    cr_assert_null(strstr(some->out, "t04"));
    schema_fleet_mend(fleet);
    some = run("migrate", "--failed-of", "last");
    fleet_facts_expect(some, 0);
    cr_assert_eq(tenants_of(some), 2);
    some = run("migrate", "--failed-of", "last");
    fleet_facts_expect(some, 66);
    cr_assert(strstr(some->err, "none has failed in run"), "%s", some->err);
}

Test(ledger, waves_that_have_passed_are_not_gone_through_again)
{
    const struct fleet_run *some;
    char *yaml = mem_printf(ctx,
                            "run:\n  workers: 1\n  waves:\n"
                            "    - {name: canary, size: 2, gate: {command: [/bin/sh, -c, "
                            "'echo canary >> %s/gates']}}\n"
                            "    - {name: early, size: 2, gate: {command: [/bin/sh, -c, "
                            "'echo early >> %s/gates; test -e %s/open']}}\n"
                            "    - {name: rest}\n",
                            fleet->fixture->dir, fleet->fixture->dir, fleet->fixture->dir);

    schema_fleet_inventory(fleet, NULL, yaml);
    some = migrate();
    fleet_facts_expect(some, 4);
    cr_assert_str_eq(tmpdir_read(ctx, fleet->fixture->dir, "gates"), "canary\nearly\n");
    fleet_fixture_write(fleet->fixture, "open", "");
    some = run("resume", "last", NULL);
    fleet_facts_expect(some, 0);
    cr_assert_str_eq(tmpdir_read(ctx, fleet->fixture->dir, "gates"), "canary\nearly\nearly\n",
                     "only the gate that was not passed");
    cr_assert_eq(tenants_of(some), 4, "its two are looked at again, with the gate");
    cr_assert_eq(fleet_fixture_total(some, "current"), 2);
    cr_assert_eq(schema_fleet_done(fleet), 6);
}

/* Nobody is left to be done, but the run had not come through. */
Test(ledger, the_gate_of_the_last_wave_is_asked_again)
{
    const struct fleet_run *some;

    schema_fleet_inventory(
        fleet, NULL,
        mem_printf(ctx,
                   "run:\n  workers: 1\n  waves:\n    - {name: canary, size: 2}\n"
                   "    - {name: rest, gate: {command: [/bin/sh, -c, "
                   "'test -e %s/open']}}\n",
                   fleet->fixture->dir));
    some = migrate();
    fleet_facts_expect(some, 4);
    cr_assert(strstr(some->out, mem_printf(ctx, "the gate again: pgtide resume %s\n", id_of(some))),
              "%s", some->out);
    some = run("resume", "last", NULL);
    fleet_facts_expect(some, 4);
    cr_assert_eq(tenants_of(some), 4);
    cr_assert_null(strstr(some->out, "wave canary"), "%s", some->out);
    some = run("resume", "last", "--dry-run");
    fleet_facts_expect(some, 0);
    cr_assert(strstr(some->out, "canary        0  "), "%s", some->out);
    cr_assert(strstr(some->out, "rest          4  "), "%s", some->out);
    fleet_fixture_write(fleet->fixture, "open", "");
    some = run("resume", "last", NULL);
    fleet_facts_expect(some, 0);
    some = run("resume", "last", NULL);
    fleet_facts_expect(some, 0);
    cr_assert(strstr(some->err, ", the resume of run "), "%s", some->err);
    cr_assert(strstr(some->err, ": no tenant is left to be done"), "%s", some->err);
}

Test(ledger, runs_lists_and_prunes)
{
    const struct fleet_run *some;
    const json_t *first;

    fleet_facts_expect(run("runs", NULL, NULL), 0);
    cr_assert_not(tmpdir_exists(fleet->fixture->dir, ".pgtide"), "looking makes nothing");
    halt_at_t02();
    schema_fleet_mend(fleet);
    fleet_facts_expect(run("retry", "last", NULL), 0);
    some = run("runs", NULL, NULL);
    cr_assert(strstr(some->out, "1 migrated, 1 failed, 4 cancelled"), "%s", some->out);
    cr_assert(strstr(some->out, "retry of "), "%s", some->out);
    some = run("runs", "-ojson", NULL);
    first = json_array_get(json_object_get(some->report, "runs"), 1);
    cr_assert_str_eq(json_string_value(json_object_get(first, "result")), "halted");
    cr_assert_eq(json_integer_value(json_object_get(first, "exitCode")), 4);
    fleet_facts_expect(run("runs", "--prune", "1d"), 0);
    some = run("runs", "-ojson", NULL);
    cr_assert_eq(json_array_size(json_object_get(some->report, "runs")), 2);
    fleet_facts_expect(run("runs", "--prune", "1ms"), 0);
    some = run("runs", NULL, NULL);
    cr_assert_str_eq(some->out, "");
    fleet_facts_expect(run("report", "last", NULL), 66);
}

Test(ledger, a_ledger_that_is_none_keeps_a_run_from_beginning)
{
    const struct fleet_run *some;
    struct stat info;

    fleet_facts_expect(migrate(), 0);
    cr_assert_eq(stat(mem_printf(ctx, "%s/.pgtide/ledger.db", fleet->fixture->dir), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
    fleet_fixture_write(fleet->fixture, ".pgtide/ledger.db",
                        "This file was overwritten by somebody who did not know what it is good "
                        "for, with more than a hundred bytes of text.");
    fleet_fixture_write(fleet->fixture, "migrations/2_more.sql", "CREATE TABLE more ();\n");
    some = migrate();
    fleet_facts_expect(some, 1);
    cr_assert(strstr(some->err, "is no ledger: it is not an SQLite file"), "%s", some->err);
    cr_assert_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_tables WHERE tablename = "
                                           "'more'"),
                 0);
    fleet_facts_expect(run("status", NULL, NULL), 0);
}

Test(ledger, a_full_disk_in_mid_run_stops_nobody)
{
    struct process *process;
    const struct process_result *result;
    const char *const argv[] = {
        "sh", "-c", mem_printf(ctx, "ulimit -f 260; exec %s migrate", fleet_fixture_program(ctx)),
        NULL};

    fleet->tenants = 40;
    schema_fleet_inventory(fleet, NULL, "run: {workers: 4}\n");
    /* A quarter of the limit is the file's, so that the run begins, and its log then fills up. */
    fleet_facts_expect(run("migrate", "--tenant", "t01"), 0);
    process = process_start(ctx, &(struct process_spec){
                                     .argv = argv,
                                     .cwd = fleet->fixture->dir,
                                     .timeout_ms = PATIENCE_MS,
                                 });
    result = process_wait(process);
    cr_assert_eq(result->exit_code, 0, "%s%s", result->out, result->err);
    cr_assert(strstr(result->err, "The run goes on, and its record falls behind"), "%s",
              result->err);
    cr_assert(strstr(result->err, "is incomplete"), "%s", result->err);
    cr_assert_eq(schema_fleet_done(fleet), 40);
    fleet_facts_expect(migrate(), 0);
}

Test(ledger, no_password_is_in_it)
{
    char *hidden =
        mem_printf(ctx,
                   "migrations: migrations\n"
                   "tenants:\n  - {name: t01, dsn: \"postgresql://postgres:"
                   "swordfish42@%s:%d/%s\"}\n",
                   fleet->fixture->host, fleet->fixture->port, fleet->fixture->databases[0]);
    const char *const argv[] = {"sh", "-c", "grep -c -a swordfish42 .pgtide/*", NULL};

    fleet_fixture_write(fleet->fixture, "fleet.yaml", hidden);
    (void)migrate();
    cr_assert_eq(process_run(ctx, &(struct process_spec){.argv = argv, .cwd = fleet->fixture->dir})
                     ->exit_code,
                 1);
}

Test(ledger, a_rollback_by_steps_is_not_gone_on_with)
{
    const struct fleet_run *some;

    fleet_facts_expect(migrate(), 0);
    some = fleet_fixture_run(fleet->fixture, "rollback", "--steps", "1", "--yes", NULL);
    fleet_facts_expect(some, 4);
    cr_assert_null(strstr(some->out, "pgtide resume"), "%s", some->out);
    some = run("resume", "last", "--yes");
    fleet_facts_expect(some, 64);
    cr_assert(strstr(some->err, "was a rollback by --steps"), "%s", some->err);
}
