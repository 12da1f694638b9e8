/*
 * test_resume.c: which tenants of a run are left, which have failed, and what has changed since.
 */
#include "orchestrator/resume.h"

#include "common/mem.h"
#include "orchestrator/ledger_options.h"
#include "orchestrator/ledger_tenants.h"
#include "tests/unit/orchestrator/ledger_fixture.h"

#include <criterion/criterion.h>

/* One tenant an outcome: "t1" is OUTCOME_NONE, "t2" OUTCOME_MIGRATED, ... */
enum { TENANTS = OUTCOME_COUNT };

static const char run_id[] = "20261101T000000Z-aaaa";

static struct ledger_fixture fixture;
static struct catalog catalog;
static struct err err;

static void commit(struct ledger_batch *batch)
{
    cr_assert_eq(ledger_batch_run(batch, fixture.db, &err), 0, "%s", err.message);
}

static void setup(void)
{
    static const struct server server = {.name = "main"};
    struct ledger_batch *batch;
    struct tenant *tenants;

    ledger_fixture_init(&fixture);
    ledger_fixture_run(&fixture, run_id, 1000, TENANTS);
    batch = ledger_batch_new(fixture.mem);
    tenants = mem_array(fixture.mem, struct tenant, TENANTS);
    for (size_t i = 0; i < TENANTS; i++) {
        struct ledger_tenant row = {
            .tenant = (int64_t)i, .state = LEDGER_ENDED, .outcome = (enum outcome)i, .version = -1};

        if (i != OUTCOME_NONE)
            ledger_tenants_set(batch, run_id, &row);
        tenants[i] = (struct tenant){
            .name = mem_printf(fixture.mem, "t%zu", i + 1),
            .index = i,
            .server = &server,
            .database = "db",
        };
    }
    commit(batch);
    fixture.fleet.tenants = tenants;
    fixture.fleet.tenant_count = TENANTS;
    catalog = (struct catalog){.source = "migrations"};
}

static void teardown(void)
{
    err_clear(&err);
    ledger_fixture_free(&fixture);
}

TestSuite(resume, .init = setup, .fini = teardown);

static struct resume *load(enum resume_kind kind)
{
    struct resume *resume;

    cr_assert_eq(resume_load(fixture.mem, &fixture.fleet, "last", kind, &resume, &err), 0, "%s",
                 err.message);
    return resume;
}

/* The outcomes of the tenants to be taken, in the order of the enum. */
static char *taken(const struct resume *resume)
{
    char *text = mem_strdup(fixture.mem, "");

    for (size_t i = 0; i < TENANTS; i++) {
        if (strmap_get(resume_names(resume), fixture.fleet.tenants[i].name))
            text = mem_printf(fixture.mem, "%s%s ", text, i ? outcome_name((enum outcome)i) : "-");
    }
    return text;
}

Test(resume, the_rest_is_what_was_not_done_or_may_go_better)
{
    const struct resume *resume = load(RESUME_REST);

    cr_assert_str_eq(taken(resume), "- unreachable locked unknown cancelled ");
    cr_assert_eq(resume_count(resume), 5);
    cr_assert_str_eq(resume_run(resume), run_id);
    cr_assert_str_eq(resume_operation(resume), "migrate");
}

Test(resume, what_failed_is_what_was_tried_in_vain)
{
    cr_assert_str_eq(taken(load(RESUME_FAILED)),
                     "conflict failed held unreachable locked unknown ");
}

static void put_wave_begun(const char *state, const char *name, int64_t started_ms)
{
    struct ledger_batch *batch = ledger_batch_new(fixture.mem);
    struct ledger_wave wave = {.name = name,
                               .state = state,
                               .tenants = TENANTS,
                               .started_ms = started_ms,
                               .finished_ms = -1};

    ledger_tenants_put_wave(batch, run_id, &wave);
    commit(batch);
}

static void put_wave(const char *state, const char *name)
{
    put_wave_begun(state, name, 1000);
}

/* Also those that are done or have failed, where the gate of their wave is still to be passed. */
Test(resume, a_wave_with_a_gate_that_has_not_passed_is_taken_whole)
{
    static const struct wave waves[] = {{.name = "canary", .gate = {.sql = "SELECT true"}}};
    static const struct wave soaking[] = {{.name = "canary", .soak_ms = 1000}};
    static const struct wave gateless[] = {{.name = "canary"}};

    fixture.fleet.run.waves = waves;
    fixture.fleet.run.wave_count = 1;
    put_wave("stopped", "canary");
    cr_assert_eq(resume_count(load(RESUME_REST)), TENANTS);
    put_wave("passed", "canary");
    cr_assert_str_eq(taken(load(RESUME_REST)), "- unreachable locked unknown cancelled ");
    put_wave("soaking", "canary");
    fixture.fleet.run.waves = soaking;
    cr_assert_eq(resume_count(load(RESUME_REST)), TENANTS);
    put_wave("stopped", "canary");
    fixture.fleet.run.waves = gateless;
    cr_assert_str_eq(taken(load(RESUME_REST)), "- unreachable locked unknown cancelled ");
}

static bool deal(const struct resume *resume, struct run_request *request)
{
    static const struct tenant *tenants[TENANTS];
    static struct selected selected;

    for (size_t i = 0; i < TENANTS; i++)
        tenants[i] = &fixture.fleet.tenants[i];
    selected = (struct selected){.tenants = tenants, .count = TENANTS};
    *request = (struct run_request){.fleet = &fixture.fleet, .config = fixture.fleet.run};
    return resume_deal(fixture.mem, resume, &selected, (struct wave_history){0}, request);
}

Test(resume, a_wave_that_has_passed_has_nothing_to_wait_for)
{
    static const struct wave waves[] = {
        {.name = "new"},
        {.name = "canary", .gate = {.sql = "SELECT true"}, .soak_ms = 1000, .confirm = true}};
    struct run_request request;

    fixture.fleet.run.waves = waves;
    fixture.fleet.run.wave_count = 2;
    put_wave("passed", "canary");
    cr_assert(deal(load(RESUME_REST), &request));
    cr_assert_eq(request.waves->group_count, 2);
    cr_assert_eq(request.waves->groups[1].count, TENANTS, "they stay in their wave");
    cr_assert_null(request.waves->groups[1].wave->gate.sql);
    cr_assert_eq(request.waves->groups[1].wave->soak_ms, 0);
    cr_assert_not(request.waves->groups[1].wave->confirm);
    put_wave("open", "canary");
    cr_assert(deal(load(RESUME_REST), &request));
    cr_assert_not_null(request.waves->groups[1].wave->gate.sql);
}

/* All its tenants were cancelled, as their servers had been left out: its gate has seen nothing. */
Test(resume, a_wave_that_passed_unbegun_has_all_to_wait_for)
{
    static const struct wave waves[] = {
        {.name = "canary", .gate = {.sql = "SELECT true"}, .soak_ms = 1000, .confirm = true}};
    struct run_request request;

    fixture.fleet.run.waves = waves;
    fixture.fleet.run.wave_count = 1;
    put_wave_begun("passed", "canary", -1);
    cr_assert(deal(load(RESUME_REST), &request));
    cr_assert_not_null(request.waves->groups[0].wave->gate.sql);
    cr_assert_eq(request.waves->groups[0].wave->soak_ms, 1000);
    cr_assert(request.waves->groups[0].wave->confirm);
}

Test(resume, waves_that_are_gone_are_dealt_out_anew)
{
    static const struct wave waves[] = {{.name = "new"}};
    struct run_request request;

    put_wave("open", "canary");
    cr_assert_not(deal(load(RESUME_REST), &request));
    fixture.fleet.run.waves = waves;
    fixture.fleet.run.wave_count = 1;
    cr_assert_not(deal(load(RESUME_REST), &request));
}

static char *changes(void)
{
    char **lines;
    size_t count = resume_changes(fixture.mem, load(RESUME_REST), &fixture.fleet, &catalog, &lines);
    char *text = mem_strdup(fixture.mem, "");

    for (size_t i = 0; i < count; i++)
        text = mem_printf(fixture.mem, "%s%s\n", text, lines[i]);
    return text;
}

Test(resume, nothing_has_changed)
{
    cr_assert_str_eq(changes(), "");
}

/* Only of tenants that are left: what the others do is of no matter. */
Test(resume, changed_tenants_are_named)
{
    fixture.fleet.tenants[OUTCOME_NONE].database = "other";
    fixture.fleet.tenants[OUTCOME_MIGRATED].database = "other";
    fixture.fleet.tenants[OUTCOME_LOCKED].state = TENANT_SUSPENDED;
    fixture.fleet.tenants[OUTCOME_CANCELLED].name = "renamed";
    cr_assert_str_eq(changes(), mem_printf(fixture.mem,
                                           "1 tenant has vanished: \"t%d\"\n"
                                           "1 tenant has moved: \"t1\" from main/db to main/other\n"
                                           "1 tenant is suspended now\n",
                                           OUTCOME_CANCELLED + 1));
}

Test(resume, waves_that_are_gone_are_named)
{
    static const struct wave waves[] = {{.name = "canary"}, {.name = "rest"}};

    fixture.fleet.run.waves = waves;
    fixture.fleet.run.wave_count = 2;
    put_wave("open", "canary");
    cr_assert_str_eq(changes(), "");
    fixture.fleet.run.waves = &waves[1];
    fixture.fleet.run.wave_count = 1;
    cr_assert_str_eq(changes(), "its waves are not those of today: tenants are dealt out anew\n");
}

Test(resume, a_catalog_that_was_empty_is_named)
{
    struct migration migration = {.label = "1_a", .checksum = "sha256:00"};

    catalog.migrations = &migration;
    catalog.count = 1;
    cr_assert_str_eq(changes(), "the catalog was empty, and is not\n");
}

Test(resume, options_are_kept_and_new_ones_win)
{
    static const char *words[] = {"demo", "base"};
    struct options then = {
        .to = "1.20.0",
        .seed = true,
        .reseed = true,
        .seed_sets = {.items = words, .count = 2},
        .not_done = true,
        .unskip = {.items = words, .count = 1},
        .workers = 7,
        .max_failures = {.value = 5, .percent = true},
        .has_max_failures = true,
    };
    struct run_request request = {.fleet = &fixture.fleet,
                                  .plan = {.to_version = 38, .seed = true}};
    struct options now = {.workers = 3};
    struct job_plan plan = {0};
    const char *text = ledger_options_write(fixture.mem, &then, &request);

    ledger_options_apply(fixture.mem, text, &now);
    cr_assert_str_eq(now.to, "1.20.0");
    cr_assert(now.seed && now.reseed && now.not_done && !now.done);
    cr_assert_eq(now.seed_sets.count, 2);
    cr_assert_str_eq(now.seed_sets.items[1], "base");
    cr_assert_eq(now.unskip.count, 1);
    cr_assert_eq(now.forget.count, 0);
    cr_assert_eq(now.workers, 3);
    cr_assert(now.has_max_failures && now.max_failures.percent);
    cr_assert_eq(now.max_failures.value, 5);
    ledger_options_plan(fixture.mem, text, &plan);
    cr_assert_eq(plan.to_version, 38);
    cr_assert(plan.seed && plan.seed_set_count == 2);
}
