/*
 * fleet_fixture.c: writes inventories, runs pgtide, reads its reports.
 */
#include "tests/harness/fleet_fixture.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <unistd.h>

enum { TIMEOUT_MS = 120 * 1000 };

char *fleet_fixture_program(const void *parent)
{
    const char *given = getenv("PGTIDE");
    char path[4096];
    ssize_t len;
    char *program;

    if (given)
        return mem_strdup(parent, given);
    /* We are BUILD/tests/NAME. */
    len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(path, '/'); up++)
        *strrchr(path, '/') = '\0';
    program = mem_printf(parent, "%s/pgtide", path);
    if (access(program, X_OK) < 0)
        harness_die("no program at \"%s\"; say where it is with PGTIDE=", program);
    return program;
}

/* --- files and databases ---------------------------------------------------------------------- */

static int destroy(struct fleet_fixture *fleet)
{
    if (!fleet->server->shared && !fleet->server->process)
        return 0;
    for (size_t i = 0; i < fleet->count; i++)
        pg_sql_drop_database(fleet->server, fleet->databases[i]);
    return 0;
}

struct fleet_fixture *fleet_fixture_new(void *parent, const struct pg_server *server, size_t count)
{
    struct fleet_fixture *fleet = mem_new(parent, struct fleet_fixture);

    fleet->dir = tmpdir_new(fleet);
    fleet->server = server;
    fleet->host = server->host;
    fleet->port = server->port;
    fleet->count = count;
    fleet->databases = mem_array(fleet, const char *, count ? count : 1);
    for (size_t i = 0; i < count; i++) {
        fleet->databases[i] = pg_sql_unique(fleet, "store");
        pg_sql_create_database(server, fleet->databases[i]);
    }
    tmpdir_mkdir(fleet->dir, "migrations");
    talloc_set_destructor(fleet, destroy);
    return fleet;
}

void fleet_fixture_through(struct fleet_fixture *fleet, int port)
{
    fleet->host = "127.0.0.1";
    fleet->port = port;
}

void fleet_fixture_write(const struct fleet_fixture *fleet, const char *name, const char *text)
{
    tmpdir_write(fleet->dir, name, text);
}

void fleet_fixture_remove(const struct fleet_fixture *fleet, const char *name)
{
    char *path = tmpdir_path(NULL, fleet->dir, name);

    tmpdir_remove(path);
    talloc_free(path);
}

static bool has_settings(const char *extra)
{
    return strncmp(extra, "settings:", strlen("settings:")) == 0 || strstr(extra, "\nsettings:");
}

void fleet_fixture_tenants(const struct fleet_fixture *fleet, const char *extra,
                           const char *each_tenant)
{
    struct strbuf yaml;

    strbuf_init(&yaml, NULL);
    strbuf_printf(&yaml,
                  "migrations: migrations\n"
                  "connection: {user: postgres}\n"
                  "servers:\n  main: {host: %s, port: %d}\n",
                  fleet->host, fleet->port);
    if (!extra || !has_settings(extra))
        strbuf_str(&yaml, "settings: {retry: {attempts: 3, base: 10ms, cap: 100ms}}\n");
    if (extra)
        strbuf_str(&yaml, extra);
    strbuf_str(&yaml, "tenants:\n");
    for (size_t i = 0; i < fleet->count; i++)
        strbuf_printf(&yaml, "  - {name: store-%zu, server: main, database: %s%s%s}\n", i + 1,
                      fleet->databases[i], each_tenant ? ", " : "", each_tenant ? each_tenant : "");
    fleet_fixture_write(fleet, "fleet.yaml", yaml.text);
    strbuf_release(&yaml);
}

void fleet_fixture_inventory(const struct fleet_fixture *fleet, const char *extra)
{
    fleet_fixture_tenants(fleet, extra, NULL);
}

void fleet_fixture_yaml(const struct fleet_fixture *fleet, const char *format, ...)
{
    va_list args;
    char *yaml;

    va_start(args, format);
    yaml = mem_vprintf(NULL, format, args);
    va_end(args);
    fleet_fixture_write(fleet, "fleet.yaml", yaml);
    talloc_free(yaml);
}

/* --- running ---------------------------------------------------------------------------------- */

static bool has_report(const char *command)
{
    const char *const commands[] = {"migrate", "seed",     "status", "plan",   "rollback",
                                    "verify",  "baseline", "repair", "resume", "retry"};

    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(command, commands[i]) == 0)
            return true;
    return false;
}

struct argv {
    const char **items;
    size_t count;
    size_t capacity;
};

static void argv_add(const void *parent, struct argv *argv, const char *item)
{
    mem_grow(parent, &argv->items, &argv->capacity, argv->count + 1);
    argv->items[argv->count++] = item;
}

static struct process *start(struct fleet_fixture *fleet, const char *command, va_list args)
{
    void *ctx = mem_context(NULL);
    struct argv argv = {.items = NULL};
    struct process *process;
    const char *report = NULL;
    const char *arg;

    argv_add(ctx, &argv, fleet_fixture_program(ctx));
    argv_add(ctx, &argv, "-f");
    argv_add(ctx, &argv, "fleet.yaml");
    argv_add(ctx, &argv, command);
    if (has_report(command)) {
        report = mem_printf(ctx, "%s/report-%d.json", fleet->dir, ++fleet->reports);
        argv_add(ctx, &argv, "--report");
        argv_add(ctx, &argv, report);
    }
    while ((arg = va_arg(args, const char *)))
        argv_add(ctx, &argv, arg);
    argv_add(ctx, &argv, NULL);
    process = process_start(
        fleet, &(struct process_spec){
                   .argv = argv.items, .cwd = fleet->dir, .timeout_ms = TIMEOUT_MS, .tag = report});
    talloc_free(ctx);
    return process;
}

struct process *fleet_fixture_start(struct fleet_fixture *fleet, const char *command, ...)
{
    struct process *process;
    va_list args;

    va_start(args, command);
    process = start(fleet, command, args);
    va_end(args);
    return process;
}

/* A report that is there must be JSON; one that could not be written is for the test to notice. */
static json_t *read_report(const char *path)
{
    json_error_t problem;
    json_t *report;

    if (access(path, F_OK) < 0)
        return NULL;
    report = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (!report)
        harness_die("the report is not JSON: %d:%d: %s", problem.line, problem.column,
                    problem.text);
    return report;
}

static int forget_report(struct fleet_run *run)
{
    json_decref((json_t *)(uintptr_t)run->report);
    return 0;
}

const struct fleet_run *fleet_fixture_wait(struct fleet_fixture *fleet, struct process *process)
{
    struct fleet_run *run = mem_new(fleet, struct fleet_run);

    run->process = process_wait(process);
    if (run->process->timed_out)
        harness_die("pgtide did not end in time: %s", run->process->err);
    run->exit_code = run->process->exit_code;
    run->out = run->process->out;
    run->err = run->process->err;
    if (process_tag(process))
        run->report = read_report(process_tag(process));
    if (!run->report && (run->out[0] == '{' || run->out[0] == '['))
        run->report = json_loads(run->out, 0, NULL);
    talloc_set_destructor(run, forget_report);
    return run;
}

const struct fleet_run *fleet_fixture_run(struct fleet_fixture *fleet, const char *command, ...)
{
    struct process *process;
    va_list args;

    va_start(args, command);
    process = start(fleet, command, args);
    va_end(args);
    return fleet_fixture_wait(fleet, process);
}

/* --- reading ---------------------------------------------------------------------------------- */

const json_t *fleet_fixture_tenant(const struct fleet_run *run, const char *tenant)
{
    const json_t *tenants = json_object_get(run->report, "tenants");

    for (size_t i = 0; i < json_array_size(tenants); i++) {
        const json_t *item = json_array_get(tenants, i);
        const char *name = json_string_value(json_object_get(item, "name"));

        if (name && strcmp(name, tenant) == 0)
            return item;
    }
    harness_die("no tenant \"%s\" in the report; exit code %d\n%s%s", tenant, run->exit_code,
                run->out, run->err);
}

const char *fleet_fixture_outcome(const struct fleet_run *run, const char *tenant)
{
    const json_t *item = fleet_fixture_tenant(run, tenant);
    const char *outcome = json_string_value(json_object_get(item, "outcome"));

    if (!outcome)
        harness_die("tenant \"%s\" has no outcome in the report", tenant);
    return outcome;
}

int64_t fleet_fixture_total(const struct fleet_run *run, const char *outcome)
{
    const json_t *total = json_object_get(json_object_get(run->report, "totals"), outcome);

    if (!json_is_integer(total))
        harness_die("no total of \"%s\" in the report; exit code %d\n%s%s", outcome, run->exit_code,
                    run->out, run->err);
    return json_integer_value(total);
}

static const char *database_of(const struct fleet_fixture *fleet, size_t n)
{
    if (n < 1 || n > fleet->count)
        harness_die("there is no tenant %zu", n);
    return fleet->databases[n - 1];
}

void fleet_fixture_exec(const struct fleet_fixture *fleet, size_t n, const char *sql)
{
    pg_sql_exec(fleet->server, database_of(fleet, n), sql);
}

char *fleet_fixture_value(const struct fleet_fixture *fleet, size_t n, const char *sql)
{
    return pg_sql_value(fleet, fleet->server, database_of(fleet, n), sql);
}

int64_t fleet_fixture_count(const struct fleet_fixture *fleet, size_t n, const char *sql)
{
    return pg_sql_count(fleet->server, database_of(fleet, n), sql);
}

int64_t fleet_fixture_applied(const struct fleet_fixture *fleet, size_t n)
{
    if (fleet_fixture_count(fleet, n, "SELECT (to_regclass('pgtide_history') IS NULL)::int"))
        return 0;
    return fleet_fixture_count(fleet, n,
                               "SELECT count(*) FROM pgtide_history WHERE state = 'applied'");
}
