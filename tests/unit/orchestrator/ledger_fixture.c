/*
 * ledger_fixture.c: a ledger in a folder of its own.
 */
#include "tests/unit/orchestrator/ledger_fixture.h"

#include "common/mem.h"
#include "orchestrator/ledger_tenants.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <unistd.h>

void ledger_fixture_init(struct ledger_fixture *fixture)
{
    struct err err = ERR_INIT;

    *fixture = (struct ledger_fixture){.mem = mem_context(NULL)};
    fixture->dir = tmpdir_new(fixture->mem);
    fixture->path = tmpdir_path(fixture->mem, fixture->dir, "ledger.db");
    fixture->fleet.state = fixture->dir;
    cr_assert_eq(ledger_open(fixture->mem, &fixture->fleet, false, &fixture->db, &err), 0, "%s",
                 err.message);
}

void ledger_fixture_free(struct ledger_fixture *fixture)
{
    talloc_free(fixture->db); /* before its folder */
    talloc_free(fixture->mem);
}

static void commit(struct ledger_fixture *fixture, struct ledger_batch *batch)
{
    struct err err = ERR_INIT;

    cr_assert_eq(ledger_batch_run(batch, fixture->db, &err), 0, "%s", err.message);
    talloc_free(batch);
}

void ledger_fixture_run(struct ledger_fixture *fixture, const char *id, int64_t started_ms,
                        size_t tenants)
{
    struct ledger_batch *batch = ledger_batch_new(fixture->mem);
    struct ledger_run run = {
        .id = id,
        .operation = "migrate",
        .started_ms = started_ms,
        .host = "nowhere.invalid",
        .pid = 1,
        .tool = "pgtide 0.1.0",
        .fleet_file = "fleet.yaml",
        .fleet_tenants = (int64_t)tenants,
        .fingerprint = "sha256:00",
        .catalog_checksum = "sha256:01",
        .tenants = (int64_t)tenants,
        .options = "{}",
    };

    run.catalog =
        ledger_keep_document(fixture->mem, batch, mem_printf(batch, "{\"id\":\"%s\"}", id));
    ledger_add(batch, &run);
    for (size_t i = 0; i < tenants; i++) {
        struct ledger_tenant tenant = {
            .tenant = (int64_t)i,
            .name = mem_printf(batch, "t%zu", i + 1),
            .server = "main",
            .database = "db",
            .wave_order = (int64_t)i,
        };

        ledger_tenants_add(batch, id, &tenant);
    }
    commit(fixture, batch);
}

void ledger_fixture_migrated(struct ledger_fixture *fixture, const char *id, size_t index,
                             int64_t started_ms, int64_t took_ms)
{
    struct ledger_batch *batch = ledger_batch_new(fixture->mem);
    struct ledger_tenant tenant = {
        .tenant = (int64_t)index,
        .state = LEDGER_ENDED,
        .outcome = OUTCOME_MIGRATED,
        .attempts = 1,
        .started_ms = started_ms,
        .duration_ms = took_ms + 1000, /* waited before */
        .initial_version = 1,
        .version = 2,
        .backend_pid = -1,
    };
    struct ledger_attempt attempt = {
        .tenant = (int64_t)index,
        .number = 1,
        .started_ms = started_ms,
        .ended_ms = started_ms + took_ms,
    };

    ledger_tenants_set(batch, id, &tenant);
    ledger_tenants_put_attempt(batch, id, &attempt);
    ledger_tenants_put_duration(batch, mem_printf(batch, "t%zu", index + 1), attempt.ended_ms,
                                took_ms);
    commit(fixture, batch);
}

void ledger_fixture_end(struct ledger_fixture *fixture, const char *id, const char *result)
{
    struct ledger_batch *batch = ledger_batch_new(fixture->mem);
    struct ledger_run run = {
        .id = id, .started_ms = 1, .finished_ms = 2, .duration_ms = 1, .result = result};
    struct ledger_run *runs;
    struct err err = ERR_INIT;
    size_t count;

    cr_assert_eq(ledger_list(batch, fixture->db, 0, &runs, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(runs[i].id, id) == 0)
            run.started_ms = runs[i].started_ms;
    }
    ledger_end(batch, &run);
    commit(fixture, batch);
}

static int keep(void *arg, const struct ledger_value *values, size_t count, struct err *err UNUSED)
{
    cr_assert_eq(count, 1);
    *(int64_t *)arg = values[0].number;
    return 0;
}

int64_t ledger_fixture_count(struct ledger_fixture *fixture, const char *sql)
{
    struct err err = ERR_INIT;
    int64_t number = -1;

    cr_assert_eq(ledger_db_run(fixture->db, sql, NULL, 0, keep, &number, &err), 0, "%s",
                 err.message);
    return number;
}
