/*
 * test_events.c: --events: every line against docs/events.schema.json, what they say against the
 * report, and readers that are slow, leave, or were never there.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/harness.h"
#include "tests/harness/schema_check.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TENANTS = 8 };

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, TENANTS);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(events, .init = setup, .fini = teardown, .timeout = 120);

/* --- reading them ---------------------------------------------------------------------------- */

static int forget(json_t **list)
{
    json_decref(*list);
    return 0;
}

static void check_line(json_t *schema, json_t *line)
{
    const char *event = json_string_value(json_object_get(line, "event"));
    char *ref = mem_printf(ctx, "#/$defs/%s", event ? event : "");
    char *wrong;

    json_object_set_new(schema, "$ref", json_string(ref));
    wrong = schema_check(ctx, schema, line);
    cr_assert_null(wrong, "%s: %s", event ? event : "no event", wrong);
}

/* All lines of `text`, each of which is whole and fits the schema. */
static json_t *parse(const char *text)
{
    json_t *schema = json_load_file("docs/events.schema.json", 0, NULL);
    json_t **list = mem_new(ctx, json_t *);

    cr_assert_not_null(schema);
    *list = json_array();
    talloc_set_destructor(list, forget);
    while (*text) {
        size_t len = strcspn(text, "\n");
        json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

        cr_assert(line && text[len] == '\n', "not a whole line: %.*s", (int)len, text);
        check_line(schema, line);
        json_array_append_new(*list, line);
        text += len + 1;
    }
    json_decref(schema);
    return *list;
}

static json_t *read_events(const char *name)
{
    const char *text = tmpdir_read(ctx, fleet->fixture->dir, name);

    cr_assert_not_null(text);
    return parse(text);
}

static const char *word(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text ? text : "";
}

/* How many there are of an event; of one tenant, unless NULL. */
static size_t count_of(json_t *events, const char *event, const char *tenant)
{
    size_t count = 0;
    size_t i;
    json_t *line;

    json_array_foreach(events, i, line)
    {
        count += strcmp(word(line, "event"), event) == 0 &&
                 (!tenant || strcmp(word(line, "tenant"), tenant) == 0);
    }
    return count;
}

static json_t *find(json_t *events, const char *event, const char *tenant)
{
    size_t i;
    json_t *line;

    json_array_foreach(events, i, line)
    {
        if (strcmp(word(line, "event"), event) == 0 &&
            (!tenant || strcmp(word(line, "tenant"), tenant) == 0))
            return line;
    }
    harness_die("there is no event %s", event);
}

/* Each tenant starts before it ends, once, as the report has it. */
static void expect_agrees(json_t *events, const struct fleet_run *run)
{
    json_t *last = json_array_get(events, json_array_size(events) - 1);

    cr_expect_eq(count_of(events, "started", NULL), 1);
    cr_expect_eq(count_of(events, "tenantEnded", NULL), TENANTS);
    for (size_t i = 0; i < TENANTS; i++) {
        char *name = mem_printf(ctx, "t%02zu", i + 1);
        json_t *line = find(events, "tenantEnded", name);
        const json_t *tenant = fleet_fixture_tenant(run, name);

        cr_expect(json_equal(json_object_get(line, "report"), (json_t *)(uintptr_t)tenant), "%s",
                  name);
        cr_expect_eq(count_of(events, "tenantStarted", name),
                     (size_t)json_integer_value(json_object_get(tenant, "attempts")), "%s", name);
    }
    cr_expect_str_eq(word(last, "event"), "finished");
    cr_expect_eq(json_integer_value(json_object_get(last, "exitCode")), run->exit_code);
    cr_expect(json_equal(json_object_get(last, "totals"), json_object_get(run->report, "totals")));
    cr_expect_str_eq(word(last, "run"), word(json_object_get(run->report, "run"), "id"));
}

/* --- what they say --------------------------------------------------------------------------- */

Test(events, tell_a_run_with_failures_and_retries)
{
    const struct fleet_run *run;
    json_t *events;

    schema_fleet_inventory(fleet, NULL,
                           "hooks:\n"
                           "  before_run: {command: [echo, begin]}\n"
                           "  before_tenant: {command: [echo, tenant]}\n"
                           "run: {workers: 3, max_failures: 5}\n");
    schema_fleet_fail(fleet, "t03", "40001");
    schema_fleet_fail(fleet, "t05", "23505");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", "run.jsonl", NULL);
    cr_assert_eq(run->exit_code, 3, "%s", run->err);
    events = read_events("run.jsonl");
    expect_agrees(events, run);
    cr_expect_eq(count_of(events, "tenantRetry", "t03"), 2);
    cr_expect_str_eq(word(json_object_get(find(events, "tenantRetry", "t03"), "error"), "sqlstate"),
                     "40001");
    cr_expect_str_eq(word(find(events, "tenantEnded", "t05"), "outcome"), "failed");
    cr_expect_str_eq(word(json_array_get(events, 0), "event"), "hook");
    cr_expect_eq(count_of(events, "hook", "t01"), 1);
    cr_expect_str_eq(word(json_array_get(events, 1), "event"), "started");
}

Test(events, tell_of_waves)
{
    const struct fleet_run *run;
    json_t *events;

    schema_fleet_inventory(
        fleet, NULL,
        "run:\n  waves:\n"
        "    - {name: canary, size: 2, soak: 200ms, gate: {command: [\"true\"]}}\n"
        "    - {name: rest}\n");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", "run.jsonl", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    events = read_events("run.jsonl");
    expect_agrees(events, run);
    cr_expect_str_eq(word(find(events, "tenantStarted", "t01"), "wave"), "canary");
    cr_expect_str_eq(word(find(events, "tenantStarted", "t08"), "wave"), "rest");
    cr_expect_str_eq(word(find(events, "wave", NULL), "state"), "open");
    cr_expect_eq(json_array_size(json_object_get(find(events, "started", NULL), "waves")), 2);
}

Test(events, tell_of_a_halt_and_of_a_signal)
{
    const struct fleet_run *run;
    struct process *process;
    json_t *events;

    schema_fleet_inventory(fleet, NULL, "run: {workers: 1}\n");
    schema_fleet_fail(fleet, "t02", "23505");
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", "halt.jsonl", NULL);
    cr_assert_eq(run->exit_code, 4);
    events = read_events("halt.jsonl");
    expect_agrees(events, run);
    cr_expect_eq(count_of(events, "halted", NULL), 1);

    schema_fleet_mend(fleet);
    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", "--events", "signal.jsonl", NULL);
    schema_fleet_wait_at_gate(fleet, 1);
    process_signal(process, SIGTERM);
    cr_assert(process_wait_text(process, "those in work finish", 30000));
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 143);
    events = read_events("signal.jsonl");
    expect_agrees(events, run);
    cr_expect_str_eq(word(find(events, "signalled", NULL), "signal"), "SIGTERM");
    cr_expect_str_eq(word(find(events, "signalled", NULL), "does"), "drain");
}

Test(events, are_appended_and_say_why_nothing_was_run)
{
    struct process *first;
    const struct fleet_run *run;
    json_t *events;

    tmpdir_write(fleet->fixture->dir, "run.jsonl", "half a li");
    schema_fleet_close_gate(fleet, "all");
    first = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 4);
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", "run.jsonl", NULL);
    cr_assert_eq(run->exit_code, 5);
    schema_fleet_open_gate(fleet);
    fleet_fixture_wait(fleet->fixture, first);
    cr_assert_eq(strncmp(tmpdir_read(ctx, fleet->fixture->dir, "run.jsonl"), "half a li\n{", 11), 0,
                 "what others have left stays, on a line of its own");
    events = parse(tmpdir_read(ctx, fleet->fixture->dir, "run.jsonl") + strlen("half a li\n"));
    cr_expect_eq(json_array_size(events), 1);
    cr_expect_eq(json_integer_value(json_object_get(find(events, "refused", NULL), "exitCode")), 5);
}

Test(events, on_standard_output_are_alone_there)
{
    const struct fleet_run *run =
        fleet_fixture_run(fleet->fixture, "migrate", "--events", "-", NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_agrees(parse(run->out), run);
    cr_expect_not_null(strstr(run->err, ": 8 tenants: 8 migrated"), "%s", run->err);
    run = fleet_fixture_run(fleet->fixture, "status", "--events", "-", "--exit-code", NULL);
    expect_agrees(parse(run->out), run);
}

/* --- readers --------------------------------------------------------------------------------- */

/* A named pipe with a reader, as small as the kernel makes them. */
static int make_pipe(const char **ret_path)
{
    int reader;

    *ret_path = tmpdir_path(ctx, fleet->fixture->dir, "pipe");
    cr_assert_eq(mkfifo(*ret_path, 0600), 0);
    reader = open(*ret_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert(reader >= 0);
    cr_assert(fcntl(reader, F_SETPIPE_SZ, 4096) > 0);
    return reader;
}

static const char *read_all(int fd)
{
    struct strbuf out;
    char part[4096];
    ssize_t len;

    strbuf_init(&out, ctx);
    while ((len = read(fd, part, sizeof(part))) > 0)
        strbuf_add(&out, part, (size_t)len);
    return out.text;
}

Test(events, a_pipe_that_nobody_reads_is_refused_before_anything_is_done)
{
    const char *path;
    const struct fleet_run *run;

    close(make_pipe(&path));
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", path, NULL);
    cr_expect_eq(run->exit_code, 66, "%s", run->err);
    cr_expect_not_null(strstr(run->err, "nobody reads the pipe"), "%s", run->err);
    cr_expect_eq(schema_fleet_done(fleet), 0);
}

Test(events, a_reader_that_leaves_does_not_matter)
{
    const char *path;
    int reader = make_pipe(&path);
    const struct fleet_run *run;
    struct process *process;

    schema_fleet_close_gate(fleet, "all");
    process = fleet_fixture_start(fleet->fixture, "migrate", "--events", path, NULL);
    schema_fleet_wait_at_gate(fleet, 4);
    close(reader);
    schema_fleet_open_gate(fleet);
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_null(strstr(run->err, "events"), "%s", run->err);
    cr_expect_eq(schema_fleet_done(fleet), TENANTS);
}

/* The pipe has room for a few lines; the others come when they are read, in order and whole. */
Test(events, a_reader_that_sleeps_does_not_stall_the_run)
{
    const char *path;
    int reader = make_pipe(&path);
    const struct fleet_run *run;
    struct process *process;
    struct strbuf text;

    strbuf_init(&text, ctx);
    process = fleet_fixture_start(fleet->fixture, "migrate", "--events", path, NULL);
    cr_assert(process_wait_text(process, "t08: migrated", 30000), "the tenants do not wait");
    while (process_running(process)) {
        strbuf_str(&text, read_all(reader));
        harness_pause(5);
    }
    strbuf_str(&text, read_all(reader));
    run = fleet_fixture_wait(fleet->fixture, process);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    expect_agrees(parse(text.text), run);
}

Test(events, a_reader_that_never_wakes_up_is_left_behind)
{
    const char *path;
    int reader = make_pipe(&path);
    const struct fleet_run *run =
        fleet_fixture_run(fleet->fixture, "migrate", "--events", path, NULL);

    cr_expect_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_not_null(strstr(run->err, "its reader is too slow"), "%s", run->err);
    close(reader);
}

/* --- kill -9 ---------------------------------------------------------------------------------- */

static size_t size_of_events(void)
{
    const char *text = tmpdir_read(ctx, fleet->fixture->dir, "run.jsonl");

    return text ? strlen(text) : 0;
}

/* Killed as soon as it has written so much more, wherever that leaves it. */
Test(events, a_killed_run_leaves_whole_lines)
{
    enum { ROUNDS = 15, STEP = 400 };
    const struct fleet_run *run;

    for (size_t i = 0; i < ROUNDS; i++) {
        size_t before = size_of_events();
        struct process *process =
            fleet_fixture_start(fleet->fixture, "migrate", "--events", "run.jsonl", NULL);

        while (process_running(process) && size_of_events() <= before + i * STEP)
            harness_pause(1);
        process_signal(process, SIGKILL);
        process_wait(process);
        cr_expect_gt(size_of_events(), before);
        read_events("run.jsonl");
    }
    run = fleet_fixture_run(fleet->fixture, "migrate", "--events", "run.jsonl", NULL);
    cr_expect_eq(run->exit_code, 0, "%s%s", run->err, run->out);
    cr_expect_eq(count_of(read_events("run.jsonl"), "started", NULL), ROUNDS + 1);
}
