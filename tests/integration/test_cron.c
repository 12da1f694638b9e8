/*
 * test_cron.c: pgtide by cron and by scripts: the crontab line and the wrapper of docs/cron.md as
 * they stand there, silence when all is well, and a run that finds another one.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <libgen.h>
#include <sys/stat.h>

static void *ctx;
static struct schema_fleet *fleet;

static void setup(void)
{
    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, 4);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(cron, .init = setup, .fini = teardown, .timeout = 120);

/* Of docs/cron.md: from `begin` to before `end`. */
static char *from_manual(const char *begin, const char *end)
{
    const char *text = tmpdir_read(ctx, "docs", "cron.md");
    const char *from = text ? strstr(text, begin) : NULL;

    cr_assert_not_null(from, "docs/cron.md has no \"%s\"", begin);
    from += strlen(begin);
    return mem_strndup(ctx, from, (size_t)(strstr(from, end) - from));
}

static char *replaced(const char *text, const char *what, const char *by)
{
    const char *at = strstr(text, what);

    cr_assert_not_null(at, "%s", text);
    return mem_printf(ctx, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
}

/* As cron does: a shell with next to nothing in its environment. */
static const struct process_result *run_by_cron(const char *command)
{
    char *program = fleet_fixture_program(ctx);
    char *path = mem_printf(ctx, "PATH=%s:/usr/bin:/bin", dirname(program));

    return process_run(
        ctx, &(struct process_spec){
                 .argv = (const char *const[]){"env", "-i", "HOME=/", "LOGNAME=shops",
                                               "SHELL=/bin/sh", path, "sh", "-c", command, NULL}});
}

static const struct process_result *run_crontab(void)
{
    char *line = from_manual("15 3 * * *  ", "\n");

    return run_by_cron(replaced(line, "/srv/shops", fleet->fixture->dir));
}

static void expect_silent(const struct process_result *result, int code)
{
    cr_expect_eq(result->exit_code, code);
    cr_expect_str_eq(result->out, "");
    cr_expect_str_eq(result->err, "");
}

Test(cron, is_silent_when_all_is_well)
{
    expect_silent(run_crontab(), 0);
    cr_expect_eq(schema_fleet_done(fleet), 4);
    cr_expect(tmpdir_exists(fleet->fixture->dir, "last.json"));
    expect_silent(run_crontab(), 0);
}

Test(cron, mails_what_has_failed)
{
    const struct process_result *result;

    schema_fleet_fail(fleet, "t02", "23505");
    result = run_crontab();
    cr_expect_eq(result->exit_code, 4);
    cr_expect_not_null(strstr(result->err, "t02: failed: 23505 out of stock"), "%s", result->err);
    cr_expect_not_null(strstr(result->out, "next: fix the data"), "%s", result->out);
}

static struct process *start_other(void)
{
    struct process *other;

    schema_fleet_close_gate(fleet, "all");
    other = fleet_fixture_start(fleet->fixture, "migrate", NULL);
    schema_fleet_wait_at_gate(fleet, 4);
    return other;
}

Test(cron, a_run_that_finds_another_one_says_one_line)
{
    struct process *other = start_other();
    const struct process_result *result = run_crontab();

    cr_expect_eq(result->exit_code, 5);
    cr_expect_str_eq(result->out, "");
    cr_expect_eq(
        strncmp(result->err, "pgtide: error: another run of this fleet is going on: run ", 58), 0,
        "%s", result->err);
    cr_expect_eq(strchr(result->err, '\n') - result->err, (ptrdiff_t)strlen(result->err) - 1,
                 "one line: %s", result->err);
    expect_silent(run_by_cron(mem_printf(ctx,
                                         "cd %s && pgtide migrate -q 2>/dev/null || [ $? -eq "
                                         "5 ]",
                                         fleet->fixture->dir)),
                  0);
    schema_fleet_open_gate(fleet);
    fleet_fixture_wait(fleet->fixture, other);
}

static const struct process_result *run_wrapper(void)
{
    const char *dir = fleet->fixture->dir;

    tmpdir_write(dir, "migrate-fleet", from_manual("```sh\n", "```"));
    chmod(tmpdir_path(ctx, dir, "migrate-fleet"), 0755);
    return run_by_cron(mem_printf(ctx, "%s/migrate-fleet %s", dir, dir));
}

Test(cron, the_wrapper_of_the_manual_says_what_to_do)
{
    const struct process_result *result;
    struct process *other;

    expect_silent(run_wrapper(), 0);
    fleet_fixture_write(fleet->fixture, "migrations/2_more.sql", "SELECT public.step();\n");
    other = start_other();
    expect_silent(run_wrapper(), 0);
    schema_fleet_open_gate(fleet);
    fleet_fixture_wait(fleet->fixture, other);

    fleet_fixture_write(fleet->fixture, "migrations/3_more.sql", "SELECT public.step();\n");
    schema_fleet_fail(fleet, "t02", "23505");
    result = run_wrapper();
    cr_expect_eq(result->exit_code, 4);
    cr_expect_not_null(strstr(result->out, ": HALTED: "), "%s", result->out);
    cr_expect_not_null(strstr(result->out, "out of stock"), "%s", result->out);
    fleet_fixture_write(fleet->fixture, "fleet.yaml", "tenants: 7\n");
    result = run_wrapper();
    cr_expect_eq(result->exit_code, 78);
    cr_expect_not_null(strstr(result->out, "fleet.yaml:1:"), "%s", result->out);
}
