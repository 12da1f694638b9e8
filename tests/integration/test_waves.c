/*
 * test_waves.c: waves on real servers: order, budgets, gates, soak times, confirmations, servers
 * that are left out, the end of the time; and what people and scripts see of them.
 */
#include "common/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 30 * 1000 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, 8);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(waves, .init = setup, .fini = teardown, .timeout = 120);

/* canary: t01 t02, with more of its own; then the others. `run` is more of run:, in a line. */
static void two_waves(const char *canary, const char *run)
{
    schema_fleet_inventory(fleet, NULL,
                           mem_printf(ctx,
                                      "run:\n  %s\n  waves:\n"
                                      "    - {name: canary, size: 2%s}\n    - {name: rest}\n",
                                      run ? run : "max_failures: 0", canary));
}

static const struct fleet_run *migrate(void)
{
    return fleet_fixture_run(fleet->fixture, "migrate", NULL);
}

static const json_t *wave(const struct fleet_run *run, size_t index)
{
    return json_array_get(json_object_get(run->report, "waves"), index);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

/* "canary passed 2, rest waiting 6" */
static void expect_waves(const struct fleet_run *run, const char *expected)
{
    char *seen = mem_strdup(ctx, "");

    for (size_t i = 0; i < json_array_size(json_object_get(run->report, "waves")); i++)
        seen = mem_printf(ctx, "%s%s%s %s %lld", seen, i ? ", " : "", text(wave(run, i), "name"),
                          text(wave(run, i), "state"),
                          (long long)json_integer_value(json_object_get(wave(run, i), "tenants")));
    cr_assert_str_eq(seen, expected, "%s\n%s%s", seen, run->err, run->out);
}

static void expect_halt(const struct fleet_run *run, const char *rule, const char *name)
{
    const json_t *halt = json_object_get(run->report, "halt");

    cr_assert_eq(run->exit_code, 4, "%d: %s%s", run->exit_code, run->err, run->out);
    cr_assert_str_eq(text(halt, "rule"), rule);
    cr_assert_str_eq(text(halt, "wave"), name);
}

static void expect_says(const struct fleet_run *run, const char *words)
{
    cr_assert(strstr(run->out, words), "not \"%s\":\n%s", words, run->out);
}

/* --- order ------------------------------------------------------------------------------------ */

Test(waves, the_canary_first_then_the_rest)
{
    const struct fleet_run *run;
    struct process *process;

    two_waves("", NULL);
    schema_fleet_close_gate(fleet, "t02");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 1);
    cr_assert(process_wait_text(process, "t01: ", PATIENCE_MS));
    cr_expect_eq(schema_fleet_count(fleet, "SELECT count(*) FROM pg_namespace WHERE nspname ~ "
                                           "'^t0[3-8]'"),
                 0, "none of the rest is touched while a canary is in work");
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    expect_waves(run, "canary passed 2, rest passed 6");
    cr_expect_str_eq(text(fleet_fixture_tenant(run, "t02"), "wave"), "canary");
    cr_expect_str_eq(text(fleet_fixture_tenant(run, "t03"), "wave"), "rest");
    cr_expect(strcmp(text(wave(run, 0), "finishedAt"), text(wave(run, 1), "startedAt")) <= 0);
    expect_says(run, "wave canary: passed, 2 tenants: 2 migrated\n");
}

Test(waves, side_by_side)
{
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_inventory(fleet, NULL,
                           "run:\n  waves:\n    - {name: slow, size: 1, soak: 10ms}\n"
                           "    - {name: quick, size: 3, depends_on: []}\n"
                           "    - {name: last, depends_on: [slow, quick]}\n");
    schema_fleet_close_gate(fleet, "t01");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 1);
    cr_assert(process_wait_text(process, "wave quick: passed", PATIENCE_MS));
    cr_expect_eq(schema_fleet_done(fleet), 3);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    expect_waves(run, "slow passed 1, quick passed 3, last passed 4");
    cr_expect_eq(schema_fleet_done(fleet), 8);
}

/* --- budgets ---------------------------------------------------------------------------------- */

Test(waves, workers_and_budget_of_a_wave)
{
    const struct fleet_run *run;
    struct process *process;

    two_waves(", workers: 1, max_failures: 0", "max_failures: 5");
    schema_fleet_close_gate(fleet, "t01");
    schema_fleet_fail(fleet, "t01", "23505");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 1);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    expect_halt(run, "max_failures", "canary");
    expect_waves(run, "canary stopped 2, rest waiting 6");
    cr_expect_eq(schema_fleet_started(run), 1, "one at a time");
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 7);
    expect_says(run, "halted: 1 failed, 0 tolerated (max_failures of wave \"canary\"); 0 were in "
                     "work\n");
    schema_fleet_mend(fleet);
    run = migrate();
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_expect_eq(schema_fleet_done(fleet), 8);
}

Test(waves, ramp_up_meets_a_broken_migration_with_few)
{
    const struct fleet_run *run;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 8, ramp_up: true}\n");
    schema_fleet_fail(fleet, "all", "23505");
    run = migrate();
    cr_assert_eq(run->exit_code, 4);
    cr_expect_eq(schema_fleet_started(run), 1);
    schema_fleet_mend(fleet);
    schema_fleet_fail(fleet, "t02 t03 t04 t05 t06 t07 t08", "23505");
    run = migrate();
    cr_assert_eq(run->exit_code, 4);
    cr_expect_leq(schema_fleet_started(run), 3, "after one that ended well, two");
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(run->report, "halt"), "failures")), 1);
}

/* Four tenants on each of two servers, which are one under two names. */
static void two_servers(const char *of_main)
{
    const struct fleet_fixture *fixture = fleet->fixture;
    char *tenants = mem_strdup(ctx, "");

    for (int i = 1; i <= 8; i++)
        tenants = mem_printf(ctx, "%s  - {name: t%02d, server: %s, database: %s, schema: t%02d}\n",
                             tenants, i, i <= 4 ? "main" : "other", fixture->databases[0], i);
    fleet_fixture_yaml(fixture,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "settings: {create: schema}\nrun: {max_failures: 8, workers: 2}\n"
                       "servers:\n  main: {host: %s, port: %d, per_server: 1, %s}\n"
                       "  other: {host: localhost, port: %d}\ntenants:\n%s",
                       fixture->host, fixture->port, of_main, fixture->port, tenants);
}

Test(waves, a_server_is_left_out_and_the_others_go_on)
{
    const struct fleet_run *run;

    two_servers("max_failures: \"25%\""); /* of four: one */
    schema_fleet_fail(fleet, "t01 t02 t03 t04 t06", "23505");
    run = migrate();
    cr_assert_eq(run->exit_code, 3, "%d: %s", run->exit_code, run->out);
    cr_assert(json_is_null(json_object_get(run->report, "halt")));
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 3);
    cr_expect_eq(fleet_fixture_total(run, "failed"), 3);
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 2);
    cr_expect_str_eq(fleet_fixture_outcome(run, "t03"), "cancelled");
    cr_expect_str_eq(text(json_object_get(fleet_fixture_tenant(run, "t04"), "error"), "message"),
                     "not started: server \"main\" was left out, 2 failed there, 1 tolerated "
                     "(max_failures)");
    expect_says(run, "server main was left out: 2 failed (max_failures)\n");
}

Test(waves, budgets_that_can_have_no_effect_are_warned_about)
{
    const struct fleet_run *run;

    two_waves(", max_failures: 1%", "max_failures: 0");
    run = fleet_fixture_run(fleet->fixture, "validate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(run->err,
                     "pgtide: warning: fleet.yaml:9:7: max_failures 1% of wave \"canary\" "
                     "has no effect: the run has max_failures 0, and halts first\n"
                     "Raise that of the run, or take this one out.\n");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--max-failures", "5", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_null(strstr(run->err, "warning"), "%s", run->err);
    two_servers("max_failures: 9");
    run = fleet_fixture_run(fleet->fixture, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_not_null(strstr(run->err, "max_failures 9 of server \"main\" has no effect: the run "
                                        "has max_failures 8, and"),
                       "%s", run->err);
}

/* --- gates ------------------------------------------------------------------------------------ */

Test(waves, a_gate_that_fails_stops_the_run_and_one_that_passes_lets_it_go_on)
{
    const struct fleet_run *run;

    two_waves(", gate: {command: [sh, -c, 'echo looked at $PGTIDE_TENANTS; test -e all-well']}",
              NULL);
    run = migrate();
    expect_halt(run, "gate", "canary");
    expect_waves(run, "canary stopped 2, rest waiting 6");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 6);
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(wave(run, 0), "gate"), "exitCode")), 1);
    cr_expect_str_eq(text(json_object_get(wave(run, 0), "gate"), "output"), "looked at 2\n");
    expect_says(run, "halted: the gate of wave \"canary\" was not passed; 0 were in work\n");
    expect_says(run, "    gate of wave \"canary\": \"sh\" failed with exit status 1; its output: "
                     "looked at 2\n");
    fleet_fixture_write(fleet->fixture, "all-well", "");
    run = migrate();
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    expect_waves(run, "canary passed 2, rest passed 6");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 6);
    cr_expect(json_is_null(json_object_get(json_object_get(wave(run, 0), "gate"), "error")));
}

Test(waves, a_query_must_be_true_on_every_tenant_of_the_wave)
{
    const struct fleet_run *run;
    const json_t *noes;

    two_waves(", gate: {sql: \"SELECT count(*) = 0 FROM done; "
              "SELECT current_schema() = 't01'\"}",
              NULL);
    run = migrate();
    expect_halt(run, "gate", "canary");
    noes = json_object_get(json_object_get(wave(run, 0), "gate"), "tenants");
    cr_assert_eq(json_array_size(noes), 1);
    cr_expect_str_eq(text(json_array_get(noes, 0), "name"), "t02");
    cr_expect_str_eq(text(json_array_get(noes, 0), "answer"), "false");
    expect_says(run, "    gate of wave \"canary\": not true on 1 of 2 tenants: t02 (false)\n");
    two_waves(", gate: {sql: \"SELECT count(*) = 0 FROM done\"}", NULL);
    run = migrate();
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
}

Test(waves, a_query_cannot_write_and_one_that_fails_is_no_yes)
{
    const struct fleet_run *run;

    two_waves(", gate: {sql: \"SELECT nextval('public.looks') > 0\"}", NULL);
    schema_fleet_exec(fleet, "CREATE SEQUENCE public.looks");
    run = migrate();
    expect_halt(run, "gate", "canary");
    expect_says(run, "not true on 2 of 2 tenants: t01 (cannot execute nextval() in a read-only "
                     "transaction), t02 (");
    schema_fleet_inventory(fleet, NULL,
                           "run:\n  waves:\n    - {name: canary, gate: {sql: \"BEGIN\"}}\n");
    run = migrate();
    cr_assert_eq(run->exit_code, 78, "%s", run->err);
    cr_assert(strstr(run->err, "the SQL of gate of wave \"canary\" begins or ends a transaction"));
}

/* --- soak times ------------------------------------------------------------------------------- */

Test(waves, a_gate_that_turns_false_while_the_wave_soaks)
{
    const struct fleet_run *run;

    two_waves(", soak: 10s, gate: {command: [sh, -c, 'echo look >> looks; test $(wc -l < looks) "
              "-lt 2']}",
              NULL);
    run = migrate(); /* looks after one second, and after two */
    expect_halt(run, "gate", "canary");
    expect_waves(run, "canary stopped 2, rest waiting 6");
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(wave(run, 0), "gate"), "looks")), 2);
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 6);
}

Test(waves, a_signal_ends_a_soak_time)
{
    const struct fleet_run *run;
    struct process *process;

    two_waves(", soak: 1h", NULL);
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    cr_assert(process_wait_text(process, "wave canary: soaking", PATIENCE_MS));
    process_signal(process, SIGTERM);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 143, "%s", run->err);
    expect_waves(run, "canary stopped 2, rest waiting 6");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
}

/* --- confirmations ---------------------------------------------------------------------------- */

static void confirmed_rest(void)
{
    schema_fleet_inventory(fleet, NULL,
                           "run:\n  waves:\n    - {name: canary, size: 2}\n"
                           "    - {name: rest, confirm: true}\n");
}

Test(waves, without_a_terminal_a_confirmation_stops_the_run)
{
    const struct fleet_run *run;

    confirmed_rest();
    run = migrate();
    expect_halt(run, "confirm", "rest");
    expect_waves(run, "canary passed 2, rest stopped 6");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    expect_says(run, "halted: the start of wave \"rest\" was not confirmed; 0 were in work\n");
    expect_says(run, "    there is no terminal to ask on, and no --yes\n");
    expect_says(run, ", with --yes without asking\nrun ");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--yes", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->out);
    cr_expect_eq(schema_fleet_done(fleet), 8);
}

/* Runs migrate on a terminal and gives `answer` once it asks. *ret_code: its exit code. */
static const char *with_person(const char *answer, int *ret_code)
{
    char *program = fleet_fixture_program(ctx);
    char *shown = mem_strdup(ctx, "");
    bool answered = false;
    char part[1024];
    ssize_t len;
    int status;
    int fd;
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);

    cr_assert(pid >= 0);
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        if (chdir(fleet->fixture->dir) == 0)
            execl(program, program, "migrate", (char *)NULL);
        _exit(127);
    }
    while ((len = read(fd, part, sizeof(part))) > 0) {
        shown = mem_printf(ctx, "%s%.*s", shown, (int)len, part);
        if (!answered && strstr(shown, "[y/N] ")) {
            answered = true;
            cr_assert_eq(write(fd, answer, strlen(answer)), (ssize_t)strlen(answer));
        }
    }
    close(fd);
    waitpid(pid, &status, 0);
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return shown;
}

Test(waves, a_person_is_asked)
{
    const char *shown;
    int code;

    confirmed_rest();
    shown = with_person("no\n", &code);
    cr_assert_eq(code, 4, "%d: %s", code, shown);
    cr_assert(strstr(shown, "canary: 2 migrated; start wave \"rest\" with 6 tenants? [y/N] "), "%s",
              shown);
    cr_assert(strstr(shown, "the answer was no"), "%s", shown);
    cr_expect_eq(schema_fleet_done(fleet), 2);
    shown = with_person("y\n", &code);
    cr_assert_eq(code, 0, "%d: %s", code, shown);
    cr_assert(strstr(shown, "canary: 2 current; start wave \"rest\""), "%s", shown);
    cr_expect_eq(schema_fleet_done(fleet), 8);
}

Test(waves, a_signal_ends_a_question)
{
    const char *shown;
    int code;

    confirmed_rest();
    shown = with_person("\003", &code); /* Ctrl-C */
    cr_assert_eq(code, 130, "%d: %s", code, shown);
    cr_expect_eq(schema_fleet_done(fleet), 2);
}

/* --- one wave --------------------------------------------------------------------------------- */

Test(waves, one_wave_alone)
{
    const struct fleet_run *run;

    two_waves(", gate: {command: [\"false\"]}", NULL);
    run = fleet_fixture_run(fleet->fixture, "migrate", "--wave=rest", "--limit=4", NULL);
    cr_assert_eq(run->exit_code, 0, "what it waits for does not count: %s", run->out);
    expect_waves(run, "rest passed 4");
    cr_expect_str_eq(fleet_fixture_outcome(run, "t03"), "migrated");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--wave=canary", NULL);
    expect_halt(run, "gate", "canary");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 2);
    run = fleet_fixture_run(fleet->fixture, "migrate", "--wave=canry", NULL);
    cr_assert_eq(run->exit_code, 66);
    cr_assert(strstr(run->err, "there is no wave \"canry\" in \"fleet.yaml\"\nhint: Did you mean "
                               "\"canary\"?"),
              "%s", run->err);
    cr_expect_eq(schema_fleet_done(fleet), 6);
}

/* --- the end of the time ---------------------------------------------------------------------- */

Test(waves, when_the_time_is_over_nothing_is_started)
{
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 1, max_duration: 3s}\n");
    schema_fleet_close_gate(fleet, "t01");
    process = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 1);
    harness_pause(3200);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 3, "%d: %s", run->exit_code, run->out);
    cr_expect_str_eq(text(run->report, "result"), "partial");
    cr_expect_eq(fleet_fixture_total(run, "migrated"), 1, "those in work go to their end");
    cr_expect_eq(fleet_fixture_total(run, "cancelled"), 7);
    cr_expect_str_eq(text(json_object_get(fleet_fixture_tenant(run, "t02"), "error"), "message"),
                     "not started: max_duration (3s) has passed");
    expect_says(run, "max_duration (3s) has passed\n");
}

/* --- list and plan ---------------------------------------------------------------------------- */

Test(waves, list_and_plan_show_who_is_where_and_why)
{
    const struct fleet_run *run;
    const json_t *first;

    schema_fleet_inventory(fleet, NULL,
                           "run:\n  waves:\n    - {name: canary, size: 25%, soak: 5m}\n"
                           "    - {name: rest, order_by: {random: 42}, confirm: true}\n");
    run = fleet_fixture_run(fleet->fixture, "list", "-o", "json", NULL);
    first = json_array_get(run->report, 0);
    cr_expect_str_eq(text(first, "wave"), "canary");
    cr_expect_str_eq(text(first, "waveReason"), "2 of 8 (25%)");
    run = fleet_fixture_run(fleet->fixture, "list", NULL);
    cr_expect(strstr(run->out, "  canary  2 of 8 (25%)\n"), "%s", run->out);
    cr_expect(strstr(run->out, "  rest    the rest\n"), "%s", run->out);
    run = fleet_fixture_run(fleet->fixture, "plan", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_says(run, "wave    tenants  who       order            begins                        "
                     "ends with\n"
                     "canary        2  25%       inventory        at once                       "
                     "soak 5m\n"
                     "rest          6  the rest  random, seed 42  after canary, when confirmed  "
                     "-\n");
    cr_expect_str_eq(text(fleet_fixture_tenant(run, "t08"), "wave"), "rest");
    run = fleet_fixture_run(fleet->fixture, "status", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
}

Test(waves, tenants_that_fit_no_wave_are_named_before_anything_is_done)
{
    const struct fleet_run *run;

    schema_fleet_inventory(fleet, NULL, "run:\n  waves:\n    - {name: canary, size: 6}\n");
    run = migrate();
    cr_assert_eq(run->exit_code, 78, "%s", run->err);
    cr_assert(strstr(run->err, "fleet.yaml:"), "%s", run->err);
    cr_assert(strstr(run->err, "some tenants fit no wave: \"t07\", \"t08\"\nhint: Add a last wave "
                               "that takes the rest: - {name: rest}\n"),
              "%s", run->err);
    run = fleet_fixture_run(fleet->fixture, "status", NULL);
    cr_assert_eq(run->exit_code, 0, "who only looks is not kept from it: %s", run->err);
    cr_expect_eq(schema_fleet_done(fleet), 0);
    run = fleet_fixture_run(fleet->fixture, "list", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(strstr(run->out, "  canary  6 of 8\n"), "%s", run->out);
    cr_expect(strstr(run->out, "  -       -\n"), "%s", run->out);
    cr_expect(strstr(run->err, "fit no wave: \"t07\", \"t08\"\nhint: Add a last wave"), "%s",
              run->err);
    run = fleet_fixture_run(fleet->fixture, "list", "-o", "json", NULL);
    cr_expect_str_eq(text(json_array_get(run->report, 5), "wave"), "canary");
    cr_expect(json_is_null(json_object_get(json_array_get(run->report, 6), "wave")));
}
