/*
 * test_ledger_crash.c: pgtide is killed at any moment, two hundred times. Each time the ledger
 * opens and is whole, and after a resume it and the tenants' histories say the same.
 *
 * Each round adds a migration, whose run is killed. It leaves a mark in each tenant, so that one
 * that is done twice or not at all shows.
 */
#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_tenants.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/integration/fleet_facts.h"
#include "tests/integration/schema_fleet.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { TENANTS = 4, KILLS = 200, FIRST = 10 };

TestSuite(ledger_crash, .timeout = 240);

static void *ctx;
static struct schema_fleet *fleet;
static PGconn *conn;

/* For each tenant "t01 marks=3/3 history=12", in one query. */
static const char look_sql[] =
    "SELECT string_agg(concat(n, ' ', m, ' ', v), ', ' ORDER BY n) FROM ("
    "SELECT 't01' n, (SELECT concat(count(*), '/', count(DISTINCT a)) FROM t01.done) m, "
    "(SELECT max(version) FROM t01.pgtide_history WHERE state = 'applied') v UNION ALL "
    "SELECT 't02', (SELECT concat(count(*), '/', count(DISTINCT a)) FROM t02.done), "
    "(SELECT max(version) FROM t02.pgtide_history WHERE state = 'applied') UNION ALL "
    "SELECT 't03', (SELECT concat(count(*), '/', count(DISTINCT a)) FROM t03.done), "
    "(SELECT max(version) FROM t03.pgtide_history WHERE state = 'applied') UNION ALL "
    "SELECT 't04', (SELECT concat(count(*), '/', count(DISTINCT a)) FROM t04.done), "
    "(SELECT max(version) FROM t04.pgtide_history WHERE state = 'applied')) x";

static char *histories(void)
{
    PGresult *result = PQexec(conn, look_sql);
    char *text;

    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    text = mem_strdup(ctx, PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

static int keep_text(void *arg, const struct ledger_value *values, size_t count UNUSED,
                     struct err *err UNUSED)
{
    *(char **)arg = ledger_db_copy(ctx, values[0]);
    return 0;
}

/* The newest run, and its tenants; the file must be whole. */
static struct ledger_run read_ledger(void *mem, struct ledger_tenant **ret, size_t *ret_count)
{
    struct fleet inventory = {.state = mem_printf(mem, "%s/.pgtide", fleet->fixture->dir)};
    struct err err = ERR_INIT;
    struct ledger_db *db;
    struct ledger_run run;
    char *health = NULL;

    cr_assert_eq(ledger_open(mem, &inventory, true, &db, &err), 0, "%s", err.message);
    cr_assert_eq(ledger_db_run(db, "PRAGMA integrity_check", NULL, 0, keep_text, &health, &err), 0,
                 "%s", err.message);
    cr_assert_str_eq(health, "ok");
    cr_assert_eq(ledger_find(mem, db, "last", &run, &err), 0, "%s", err.message);
    cr_assert_eq(ledger_tenants_read(mem, db, run.id, ret, ret_count, &err), 0, "%s", err.message);
    return run;
}

/* What it says is done, is done: it may lag behind, but it is never ahead. */
static void expect_never_ahead(const struct ledger_tenant *tenants, size_t count, int version)
{
    const char *truth = histories();

    for (size_t i = 0; i < count; i++) {
        char *done = mem_printf(ctx, "%s %d/%d %d", tenants[i].name, version - FIRST + 1,
                                version - FIRST + 1, version);

        if (tenants[i].outcome != OUTCOME_NONE)
            cr_assert(strstr(truth, done), "%s is not in %s", done, truth);
    }
}

static void expect_all_done(int version)
{
    int marks = version - FIRST + 1;
    char *expected =
        mem_printf(ctx, "t01 %d/%d %d, t02 %d/%d %d, t03 %d/%d %d, t04 %d/%d %d", marks, marks,
                   version, marks, marks, version, marks, marks, version, marks, marks, version);

    cr_assert_str_eq(histories(), expected);
}

static void write_migration(int version)
{
    fleet_fixture_write(fleet->fixture, mem_printf(ctx, "migrations/%d_mark.sql", version),
                        mem_printf(ctx, "INSERT INTO done VALUES (%d);\n", version));
}

/* True: it was killed, it had not ended before. */
static bool kill_after(int ms)
{
    struct process *process = fleet_fixture_start(fleet->fixture, "migrate", NULL);

    harness_pause(ms);
    process_signal(process, SIGKILL);
    return process_wait(process)->signal == SIGKILL;
}

/* Goes on with the run that was killed, if it had been recorded, and looks whether all agrees. */
static bool go_on(const char *before, int version)
{
    void *mem = mem_context(ctx);
    struct ledger_tenant *tenants;
    size_t count;
    struct ledger_run run = read_ledger(mem, &tenants, &count);
    bool recorded = strcmp(run.id, before) != 0;

    if (recorded)
        expect_never_ahead(tenants, count, version);
    fleet_facts_expect(fleet_fixture_run(fleet->fixture, recorded ? "resume" : "migrate",
                                         recorded ? "last" : NULL, NULL),
                       0);
    expect_all_done(version);
    run = read_ledger(mem, &tenants, &count);
    for (size_t i = 0; i < count; i++)
        cr_assert(tenants[i].version == version || !run.ended, "%s at %lld, not %d",
                  tenants[i].name, (long long)tenants[i].version, version);
    talloc_free(mem);
    return recorded;
}

Test(ledger_crash, kill_9_at_two_hundred_moments)
{
    unsigned random = 20261123;
    int killed = 0, recorded = 0;
    int64_t whole_ms = 0;

    ctx = mem_context(NULL);
    fleet = schema_fleet_new(ctx, TENANTS);
    schema_fleet_inventory(fleet, NULL, "run: {workers: 2}\n");
    write_migration(FIRST);
    fleet_facts_expect(fleet_fixture_run(fleet->fixture, "migrate", NULL), 0);
    conn = pg_sql_connect(fleet->fixture->server, fleet->fixture->databases[0]);
    write_migration(FIRST + 1);
    whole_ms = fleet_fixture_run(fleet->fixture, "migrate", NULL)->process->elapsed_ms;
    for (int i = 0; i < KILLS; i++) {
        struct ledger_tenant *tenants;
        size_t count;
        const char *before = read_ledger(ctx, &tenants, &count).id;

        write_migration(FIRST + 2 + i);
        random = random * 1103515245 + 12345;
        if (kill_after((int)(random / 65536 % (unsigned)(whole_ms + 1))))
            killed++;
        else /* the machine has become faster since it was timed */
            whole_ms -= whole_ms / 8;
        recorded += go_on(before, FIRST + 2 + i);
    }
    cr_assert_gt(killed, KILLS / 2, "the moments are not spread over the run: %d", killed);
    cr_assert_gt(recorded, KILLS / 4, "too few were killed at work: %d", recorded);
    PQfinish(conn);
    talloc_free(ctx);
}
