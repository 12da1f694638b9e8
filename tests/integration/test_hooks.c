/*
 * test_hooks.c: hooks around runs and tenants, and migrations that are commands.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <signal.h>

/* Writes what it is told into the file "log". */
#define LOG(what) "[sh, -c, 'echo " what " >> log']"

static struct fleet_fixture *new_fleet(size_t tenants, const char *hooks)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);

    fleet_fixture_write(fleet, "migrations/1_a.sql", "CREATE TABLE a (n int);\n");
    fleet_fixture_inventory(fleet, mem_printf(ctx,
                                              "run: {workers: 1, max_failures: 9}\nsettings: "
                                              "{nonempty: allow, retry: {base: 10ms}}\nhooks:\n%s",
                                              hooks));
    return fleet;
}

static const char *log_text(const struct fleet_fixture *fleet)
{
    const char *text = tmpdir_read(fleet, fleet->dir, "log");

    return text ? text : "";
}

static const char *error_text(const struct fleet_run *run, const char *tenant, const char *field)
{
    const char *text = json_string_value(
        json_object_get(json_object_get(fleet_fixture_tenant(run, tenant), "error"), field));

    return text ? text : "(none)";
}

static const json_t *hook_of(const json_t *of, size_t index)
{
    const json_t *hook = json_array_get(json_object_get(of, "hooks"), index);

    cr_assert_not_null(hook, "there is no hook %zu", index);
    return hook;
}

static const char *text_of(const json_t *of, const char *field)
{
    const char *text = json_string_value(json_object_get(of, field));

    return text ? text : "(none)";
}

static size_t hook_count(const json_t *of)
{
    return json_array_size(json_object_get(of, "hooks"));
}

static int64_t tables(struct fleet_fixture *fleet, const char *name)
{
    return fleet_fixture_count(
        fleet, 1, mem_printf(fleet, "SELECT count(*) FROM pg_class WHERE relname = '%s'", name));
}

Test(hooks, all_of_them_in_their_order)
{
    struct fleet_fixture *fleet = new_fleet(
        1,
        "  before_run: {command: " LOG(
            "before_run $PGTIDE_OPERATION $PGTIDE_TENANTS") "}\n"
                                                            "  before_tenant: "
                                                            "{command: " LOG(
                                                                "before "
                                                                "$PGTIDE_TENANT "
                                                                "$PGTIDE_VERSION_"
                                                                "FROM "
                                                                "$PGTIDE_VERSION_"
                                                                "TO") "}\n"
                                                                      "  "
                                                                      "after_"
                                                                      "tenant: "
                                                                      "{command:"
                                                                      " " LOG(
                                                                          "after "
                                                                          "$PGTIDE"
                                                                          "_OUTCOM"
                                                                          "E "
                                                                          "$PGTIDE"
                                                                          "_VERSIO"
                                                                          "N") "}"
                                                                               "\n"
                                                                               "  "
                                                                               "af"
                                                                               "te"
                                                                               "r_"
                                                                               "ru"
                                                                               "n:"
                                                                               " {"
                                                                               "co"
                                                                               "mm"
                                                                               "an"
                                                                               "d:"
                                                                               " " LOG(
                                                                                   "after_run "
                                                                                   "$PGTIDE_RESULT "
                                                                                   "$PGTIDE_EXIT_"
                                                                                   "CODE "
                                                                                   "$PGTIDE_TOTAL_"
                                                                                   "MIGRATED") "}\n"
                                                                                               "  "
                                                                                               "on_"
                                                                                               "fai"
                                                                                               "lur"
                                                                                               "e: "
                                                                                               "{co"
                                                                                               "mma"
                                                                                               "nd:"
                                                                                               " " LOG(
                                                                                                   "on_failure") "}\n"
                                                                                                                 "  on_halt: {command: " LOG(
                                                                                                                     "on_halt") "}\n");
    const struct fleet_run *run;

    run = fleet_fixture_run(fleet, "plan", NULL);
    run = fleet_fixture_run(fleet, "migrate", "--dry-run", NULL);
    cr_assert_str_eq(log_text(fleet), "", "they stand around changes only");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(log_text(fleet), "before_run migrate 1\nbefore store-1 0 1\n"
                                      "after migrated 1\nafter_run succeeded 0 1\n");
    cr_expect_eq(hook_count(fleet_fixture_tenant(run, "store-1")), 2);
    cr_expect_eq(hook_count(run->report), 2);
    cr_expect_str_eq(text_of(hook_of(run->report, 0), "name"), "before_run");
    cr_expect_eq(json_integer_value(json_object_get(hook_of(run->report, 0), "exitCode")), 0);
    fleet_fixture_remove(fleet, "log");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(log_text(fleet), "before_run migrate 1\nafter_run succeeded 0 0\n",
                     "nothing was pending");
}

Test(hooks, psql_just_works_in_one)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA \"we ird\"");
    fleet_fixture_exec(fleet, 1, "CREATE TABLE \"we ird\".seen (tenant text, place text, v text)");
    fleet_fixture_yaml(
        fleet,
        "migrations: migrations\n"
        "hooks:\n"
        "  before_tenant:\n"
        "    command: [%s, -v, ON_ERROR_STOP=1, -Xq, -f, note.sql]\n"
        "servers: {main: {host: %s, port: %d, connection: {user: postgres}, labels: {zone: b}}}\n"
        "settings: {nonempty: allow}\n"
        "tenants: [{name: store-1, server: main, database: %s, schema: \"we ird\",\n"
        "  labels: {app.ring: 'x'}, vars: {greeting: \"it's\\n\\\"two\\\" lines\"}}]\n",
        pg_server_program(fleet, "psql"), fleet->host, fleet->port, fleet->databases[0]);
    fleet_fixture_write(fleet, "note.sql",
                        "\\getenv tenant PGTIDE_TENANT\n\\getenv ring PGTIDE_LABEL_APP_RING\n"
                        "\\getenv zone PGTIDE_LABEL_ZONE\n\\getenv v PGTIDE_VAR_GREETING\n"
                        "INSERT INTO seen VALUES (:'tenant', current_schema() || :'ring' || "
                        ":'zone', :'v');\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(
        fleet_fixture_value(fleet, 1,
                            "SELECT tenant || '|' || place || '|' || v FROM \"we ird\".seen"),
        "store-1|we irdxb|it's\n\"two\" lines");
}

Test(hooks, before_tenant_that_fails_leaves_the_tenant_alone)
{
    struct fleet_fixture *fleet = new_fleet(
        2, "  before_tenant: {command: [sh, -c, 'echo on; echo \"no space left\" >&2; "
           "test $PGTIDE_TENANT = store-2']}\n"
           "  after_tenant: {command: " LOG("after $PGTIDE_TENANT $PGTIDE_OUTCOME") "}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);
    const json_t *hook;

    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-2"), "migrated");
    cr_expect_str_eq(error_text(run, "store-1", "message"),
                     "hook before_tenant: \"sh\" failed with exit status 1");
    cr_expect_str_eq(error_text(run, "store-1", "detail"), "its output: on no space left");
    cr_expect(strstr(error_text(run, "store-1", "hint"), "Nothing was changed"));
    cr_expect(strstr(error_text(run, "store-1", "file"), "fleet.yaml"));
    cr_expect(strstr(run->out, "no space left"), "%s", run->out);
    cr_expect_eq(tables(fleet, "a"), 0);
    cr_expect_str_eq(log_text(fleet), "after store-1 failed\nafter store-2 migrated\n");
    hook = hook_of(fleet_fixture_tenant(run, "store-1"), 0);
    cr_expect_str_eq(text_of(hook, "output"), "on\nno space left\n");
    cr_expect_eq(json_integer_value(json_object_get(hook, "exitCode")), 1);
}

Test(hooks, after_tenant_runs_when_the_migration_failed)
{
    struct fleet_fixture *fleet = new_fleet(
        1, "  before_tenant: {sql: \"CREATE TABLE IF NOT EXISTS shut (); SELECT 1\"}\n"
           "  after_tenant: {sql: \"DROP TABLE shut\"}\n"
           "  on_failure: {command: " LOG("$PGTIDE_HOOK $PGTIDE_OUTCOME $PGTIDE_SQLSTATE") "}\n");
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT * FROM shut;\nSELECT 1/0;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(error_text(run, "store-1", "sqlstate"), "22012");
    cr_expect_str_eq(error_text(run, "store-1", "detail"), "(none)", "after_tenant failed");
    cr_expect_eq(tables(fleet, "shut"), 0);
    cr_expect_eq(tables(fleet, "a"), 1);
    cr_expect_str_eq(log_text(fleet), "on_failure failed 22012\n");
    cr_expect_eq(hook_count(fleet_fixture_tenant(run, "store-1")), 3);
}

Test(hooks, after_tenant_that_fails_makes_the_tenant_fail)
{
    struct fleet_fixture *fleet = new_fleet(1, "  after_tenant: {command: [./reopen]}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_expect(strstr(error_text(run, "store-1", "message"),
                     "hook after_tenant: cannot run \"./reopen\": No such file"));
    cr_expect(strstr(error_text(run, "store-1", "hint"), "that stays"));
    cr_expect_eq(tables(fleet, "a"), 1);
    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT 1/0;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_str_eq(error_text(run, "store-1", "sqlstate"), "22012", "the first cause is told");
    cr_expect(strstr(error_text(run, "store-1", "detail"), "also: hook after_tenant: cannot run"));
}

/* The connection is gone, and the shop must be taken out of maintenance all the same. */
Test(hooks, after_tenant_runs_when_the_connection_was_lost)
{
    struct fleet_fixture *fleet =
        new_fleet(1, "  before_tenant: {sql: \"CREATE TABLE IF NOT EXISTS shut ()\"}\n"
                     "  after_tenant: {sql: \"DROP TABLE shut\"}\n");
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "SELECT pg_terminate_backend(pg_backend_pid());\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 3);
    cr_expect_eq(tables(fleet, "shut"), 0, "%s", run->out);
    cr_expect_eq(tables(fleet, "a"), 1);
    cr_expect_eq(hook_count(fleet_fixture_tenant(run, "store-1")), 6, "two in each attempt");
}

Test(hooks, after_tenant_runs_when_the_run_is_cancelled)
{
    struct fleet_fixture *fleet =
        new_fleet(1, "  before_tenant: {sql: \"CREATE TABLE shut ()\"}\n"
                     "  after_tenant: {sql: \"DROP TABLE shut\"}\n"
                     "  after_run: {command: " LOG("$PGTIDE_RESULT $PGTIDE_EXIT_CODE") "}\n");
    struct process *process;
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT pg_sleep(60);\n");
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                          "AND pid <> pg_backend_pid() AND state = 'active'",
                          30000));
    process_signal(process, SIGINT);
    cr_assert(process_wait_text(process, "once more cancels", 10000));
    process_signal(process, SIGINT);
    run = fleet_fixture_wait(fleet, process);
    cr_expect_eq(run->exit_code, 130, "%s", run->err);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "cancelled");
    cr_expect_eq(tables(fleet, "shut"), 0);
    cr_expect_str_eq(log_text(fleet), "interrupted 130\n");
}

Test(hooks, a_hook_that_hangs_is_killed)
{
    struct fleet_fixture *fleet = new_fleet(
        1, "  before_tenant: {command: [sh, -c, 'echo waiting; sleep 60'], timeout: 300ms}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(error_text(run, "store-1", "message"),
                     "hook before_tenant: \"sh\" was not done after 300ms and was killed");
    cr_expect_eq(tables(fleet, "a"), 0);
    cr_expect_lt(run->process->elapsed_ms, 20000);
}

Test(hooks, sql_that_hangs_is_cancelled)
{
    struct fleet_fixture *fleet =
        new_fleet(1, "  before_tenant: {sql: SELECT pg_sleep(60), timeout: 300ms}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(error_text(run, "store-1", "message"),
                     "hook before_tenant: its SQL was not done after 300ms and was cancelled");
    cr_expect_eq(tables(fleet, "a"), 0);
}

Test(hooks, sql_that_fails_has_its_line)
{
    struct fleet_fixture *fleet = new_fleet(1, "  before_tenant:\n"
                                               "    sql: |\n"
                                               "      SELECT 1;\n"
                                               "      SELECT 2 + nowhere;\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);
    const char *yaml = tmpdir_read(fleet, fleet->dir, "fleet.yaml");
    int64_t line = 1;

    for (const char *c = yaml; c < strstr(yaml, "SELECT 2"); c++)
        line += *c == '\n';
    cr_assert_eq(run->exit_code, 3);
    cr_expect_str_eq(error_text(run, "store-1", "sqlstate"), "42703");
    cr_expect(strstr(error_text(run, "store-1", "message"), "hook before_tenant: column"));
    cr_expect_eq(json_integer_value(json_object_get(
                     json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "line")),
                 line);
    cr_expect_eq(tables(fleet, "a"), 0);
}

Test(hooks, sql_that_cannot_be_run_is_refused_before_anything)
{
    struct fleet_fixture *fleet = new_fleet(1, "  after_tenant: {sql: \"COMMIT\"}\n");

    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 78);
    cr_expect_eq(fleet_fixture_run(fleet, "validate", NULL)->exit_code, 78);
    fleet_fixture_inventory(fleet, "hooks: {after_tenant: {sql: \"SELECT 'x\"}}\n");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 78);
    cr_expect_eq(tables(fleet, "a"), 0);
}

Test(hooks, before_run_that_fails_stops_everything)
{
    struct fleet_fixture *fleet =
        new_fleet(1, "  before_run: {command: [sh, -c, 'echo not today; exit 4']}\n"
                     "  after_run: {command: " LOG("$PGTIDE_RESULT $PGTIDE_EXIT_CODE") "}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 1);
    cr_expect(strstr(run->err, "hook before_run: \"sh\" failed with exit status 4"), "%s",
              run->err);
    cr_expect(strstr(run->err, "not today"));
    cr_expect(strstr(run->err, "No tenant was touched"));
    cr_expect_eq(tables(fleet, "a"), 0);
    cr_expect_str_eq(log_text(fleet), "not started 1\n");
}

Test(hooks, after_run_that_fails_makes_a_good_run_a_bad_one)
{
    struct fleet_fixture *fleet =
        new_fleet(1, "  after_run: {command: [sh, -c, 'echo unpaged; exit 4']}\n");
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", "-q", NULL);

    cr_assert_eq(run->exit_code, 1);
    cr_expect(strstr(run->err, "hook after_run: \"sh\" failed with exit status 4; its output: "
                               "unpaged"),
              "%s", run->err);
    cr_expect_eq(tables(fleet, "a"), 1);
    cr_expect_str_eq(text_of(hook_of(run->report, 0), "error"),
                     "hook after_run: \"sh\" failed with exit status 4");
}

Test(hooks, on_halt_and_on_failure_of_every_tenant_that_failed)
{
    struct fleet_fixture *fleet = new_fleet(3, "");
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/2_b.sql", "SELECT 1/0;\n");
    fleet_fixture_inventory(
        fleet,
        "run: {workers: 1, max_failures: 1}\nhooks:\n"
        "  on_halt: {command: " LOG(
            "halt $PGTIDE_HALT_RULE $PGTIDE_HALT_FAILURES") "}\n"
                                                            "  on_failure: {command: " LOG(
                                                                "failed $PGTIDE_TENANT") "}\n");
    run = fleet_fixture_run(fleet, "migrate", "-v", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_expect_str_eq(log_text(fleet), "failed store-1\nfailed store-2\nhalt max_failures 2\n");
    cr_expect(strstr(run->err, "store-1: hook on_failure done in"), "%s", run->err);
    cr_expect_eq(hook_count(fleet_fixture_tenant(run, "store-3")), 0);
}

Test(hooks, on_failure_runs_for_a_server_that_is_down)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    const struct fleet_run *run;

    fleet_fixture_through(fleet, 1);
    fleet_fixture_inventory(fleet,
                            "hooks:\n  on_failure: {command: " LOG(
                                "$PGTIDE_OUTCOME") "}\n"
                                                   "  after_tenant: {command: " LOG("never") "}\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 4);
    cr_expect_str_eq(log_text(fleet), "unreachable\n");
}

Test(hooks, they_stand_around_a_rollback_too)
{
    struct fleet_fixture *fleet = new_fleet(
        1, "  before_tenant: {command: " LOG(
               "before $PGTIDE_OPERATION") "}\n"
                                           "  after_tenant: {command: " LOG(
                                               "after $PGTIDE_OUTCOME $PGTIDE_VERSION") "}\n");

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "-- pgtide:up\nCREATE TABLE a ();\n-- pgtide:down\nDROP TABLE a;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    fleet_fixture_remove(fleet, "log");
    cr_assert_eq(fleet_fixture_run(fleet, "rollback", "--steps", "1", "--yes", NULL)->exit_code, 0);
    cr_expect_str_eq(log_text(fleet), "before rollback\nafter migrated 0\n");
}

/* --- migrations that are commands ------------------------------------------------------------- */

static int64_t rows(struct fleet_fixture *fleet, const char *condition)
{
    return fleet_fixture_count(
        fleet, 1, mem_printf(fleet, "SELECT count(*) FROM pgtide_history WHERE %s", condition));
}

Test(commands, one_between_sql_files)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    const struct fleet_run *run;
    const json_t *step;

    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_write(
        fleet, "migrations/2_fill.cmd.yaml",
        mem_printf(fleet,
                   "argv: [sh, -c, 'echo \"$PGTIDE_MIGRATION\"; exec %s -Xqc \"INSERT INTO a "
                   "VALUES (7)\"']\n",
                   pg_server_program(fleet, "psql")));
    fleet_fixture_write(fleet, "migrations/3_c.sql",
                        "-- pgtide:require\nSELECT count(*) = 1 FROM a;\n-- pgtide:up\n"
                        "CREATE TABLE c ();\n");
    run = fleet_fixture_run(fleet, "plan", NULL);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "pending");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 3);
    cr_expect_eq(tables(fleet, "c"), 1);
    step = json_array_get(json_object_get(fleet_fixture_tenant(run, "store-1"), "migrations"), 1);
    cr_expect_str_eq(text_of(step, "output"), "2_fill\n");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM a"), 1);
    fleet_fixture_write(fleet, "migrations/2_fill.cmd.yaml", "argv: [\"true\"]\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect(strstr(error_text(run, "store-1", "message"), "was changed after it was applied"));
}

Test(commands, one_that_fails_runs_again)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml",
                        "argv: [sh, -c, 'echo no such bucket; test -e ready']\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 4);
    cr_expect_str_eq(error_text(run, "store-1", "message"),
                     "command \"sh\" failed with exit status 1");
    cr_expect_str_eq(error_text(run, "store-1", "detail"), "its output: no such bucket");
    cr_expect(strstr(error_text(run, "store-1", "file"), "2_b.cmd.yaml"));
    cr_expect_eq(rows(fleet, "version = 2 AND state = 'started'"), 1);
    fleet_fixture_write(fleet, "ready", "");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_eq(rows(fleet, "version = 2 AND state = 'applied'"), 1);
}

Test(commands, one_that_was_killed_is_not_run_again_by_itself)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    const char *text = "argv: [sh, -c, 'echo x >> log; test -e ready || exec sleep 60']\n"
                       "timeout: 300ms\n";
    const struct fleet_run *run;

    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml", text);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_str_eq(error_text(run, "store-1", "message"),
                     "command \"sh\" was not done after 300ms and was killed");
    fleet_fixture_write(fleet, "ready", "");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect(strstr(error_text(run, "store-1", "message"), "whether it has done its work"), "%s",
              error_text(run, "store-1", "message"));
    cr_expect_str_eq(log_text(fleet), "x\n");
    fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml",
                        mem_printf(fleet, "%srepeatable: true\n", text));
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_str_eq(log_text(fleet), "x\nx\n");
}

/* `pgtide migrate`, once the command is at work. */
static struct process *start_command(struct fleet_fixture *fleet, const char *text)
{
    struct process *process;

    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml", text);
    process = fleet_fixture_start(fleet, "migrate", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_class WHERE relname = 'pgtide_history'", 30000));
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pgtide_history WHERE detail->>'running' = '1'",
                          30000));
    return process;
}

Test(commands, pgtide_is_killed_while_one_runs)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    struct process *process = start_command(fleet, "argv: [sleep, \"3\"]\n");
    const struct fleet_run *run;

    process_signal(process, SIGKILL);
    process_wait(process);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 4);
    cr_expect(strstr(error_text(run, "store-1", "message"), "whether it has done its work"));
    fleet_fixture_exec(fleet, 1,
                       "UPDATE pgtide_history SET statements_done = 1, detail = detail - 'running' "
                       "WHERE version = 2");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0, "as the hint says");
    cr_expect_eq(rows(fleet, "version = 2 AND state = 'applied'"), 1);
}

Test(commands, the_connection_is_lost_while_one_runs)
{
    struct fleet_fixture *fleet = new_fleet(1, "");
    struct process *process =
        start_command(fleet, "argv: [sh, -c, 'echo x >> log; echo moved; exec sleep 2']\n");
    const struct fleet_run *run;
    const json_t *step;

    fleet_fixture_exec(fleet, 1,
                       "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                       "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    run = fleet_fixture_wait(fleet, process);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(log_text(fleet), "x\n", "it is run once");
    cr_expect_eq(rows(fleet, "version = 2 AND state = 'applied' AND statements_done = 1"), 1);
    step = json_array_get(json_object_get(fleet_fixture_tenant(run, "store-1"), "migrations"), 1);
    cr_expect_str_eq(text_of(step, "output"), "moved\n");
}

Test(commands, mistakes_in_the_file)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"timeout: 3s\n", "2_b.cmd.yaml:1:1: the file has no \"argv\""},
        {"argv: sh x\n", "2_b.cmd.yaml:1:7: \"argv\" names no program"},
        {"argv: [sh, [x]]\n", "2_b.cmd.yaml:1:12: an argument must be text"},
        {"argv: [sh]\ntimeout: 3\n", "2_b.cmd.yaml:2:10: \"timeout\" must be a duration"},
        {"argv: [sh]\nrepeatable: maybe\n", "2_b.cmd.yaml:2:13: \"repeatable\" must be true"},
        {"argv: [sh]\ntime: 3s\n", "2_b.cmd.yaml:2:1: unknown key"},
        {"argv: [sh\n", "not valid YAML"},
        {"", "not a command migration"},
    };
    struct fleet_fixture *fleet = new_fleet(1, "");

    fleet_fixture_inventory(fleet, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fleet_run *run;

        fleet_fixture_write(fleet, "migrations/2_b.cmd.yaml", cases[i].text);
        run = fleet_fixture_run(fleet, "migrate", NULL);
        cr_expect_eq(run->exit_code, 65, "%s: %d", cases[i].text, run->exit_code);
        cr_expect(strstr(run->err, cases[i].message), "%s: %s", cases[i].text, run->err);
    }
    cr_expect_eq(tables(fleet, "a"), 0);
}
