/*
 * test_ledger.c: runs in a ledger: found, listed, pruned, and how long tenants took.
 */
#include "orchestrator/ledger.h"

#include "common/mem.h"
#include "orchestrator/fleet_lock.h"
#include "orchestrator/ledger_tenants.h"
#include "orchestrator/report_runs.h"
#include "tests/unit/orchestrator/ledger_fixture.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct ledger_fixture fixture;
static struct err err;

static void setup(void)
{
    ledger_fixture_init(&fixture);
    ledger_fixture_run(&fixture, "20261101T000000Z-aaaa", 1000, 2);
    ledger_fixture_run(&fixture, "20261102T000000Z-bbbb", 2000, 3);
    ledger_fixture_run(&fixture, "20261102T000000Z-cccc", 3000, 1);
}

static void teardown(void)
{
    err_clear(&err);
    ledger_fixture_free(&fixture);
}

TestSuite(ledger, .init = setup, .fini = teardown);

static const char *find(const char *which)
{
    struct ledger_run run;

    err_clear(&err);
    if (ledger_find(fixture.mem, fixture.db, which, &run, &err) < 0)
        return NULL;
    return run.id;
}

Test(ledger, a_run_is_found_by_id_by_its_beginning_and_as_the_last)
{
    cr_assert_str_eq(find("20261102T000000Z-bbbb"), "20261102T000000Z-bbbb");
    cr_assert_str_eq(find("20261101"), "20261101T000000Z-aaaa");
    cr_assert_str_eq(find("20261102T000000Z-c"), "20261102T000000Z-cccc");
    cr_assert_str_eq(find("last"), "20261102T000000Z-cccc");
}

Test(ledger, a_beginning_of_several_is_refused_with_their_ids)
{
    cr_assert_null(find("20261102"));
    cr_assert_eq(err.kind, ERR_NOINPUT);
    cr_assert_str_eq(err.message, "\"20261102\" begins the ids of 2 runs");
    cr_assert(strstr(err.hint, "20261102T000000Z-cccc, 20261102T000000Z-bbbb"), "%s", err.hint);
}

Test(ledger, an_unknown_run_is_refused)
{
    cr_assert_null(find("2025"));
    cr_assert_eq(err.kind, ERR_NOINPUT);
    cr_assert(strstr(err.hint, "pgtide runs"));
    cr_assert_null(find("%"), "no pattern");
}

Test(ledger, the_newest_come_first)
{
    struct ledger_run *runs;
    size_t count;

    cr_assert_eq(ledger_list(fixture.mem, fixture.db, 2, &runs, &count, &err), 0);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(runs[0].id, "20261102T000000Z-cccc");
    cr_assert_str_eq(runs[1].id, "20261102T000000Z-bbbb");
    cr_assert_not(runs[0].ended);
    cr_assert_eq(runs[0].duration_ms, -1);
    cr_assert_null(runs[0].result);
}

Test(ledger, a_list_that_cannot_be_read_to_its_end_is_not_begun)
{
    struct report_runs list = {.db = fixture.db};
    struct ledger_run *runs;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool failed;

    cr_assert_eq(ledger_list(fixture.mem, fixture.db, 0, &runs, &list.count, &err), 0);
    list.runs = runs;
    cr_assert_eq(ledger_db_script(fixture.db, "DROP TABLE pgtide_tenant", &err), 0);
    cr_expect_lt(report_runs_json(&list, out, &failed, &err), 0);
    fclose(out);
    cr_expect_str_eq(text, "");
    free(text);
}

Test(ledger, pruned_runs_go_with_all_that_is_theirs)
{
    int64_t count;
    int lock;

    ledger_fixture_migrated(&fixture, "20261101T000000Z-aaaa", 0, 1000, 5);
    ledger_fixture_end(&fixture, "20261101T000000Z-aaaa", "succeeded");
    ledger_fixture_end(&fixture, "20261102T000000Z-cccc", "succeeded");
    cr_assert_eq(fleet_lock_take(fixture.dir, "20261102T000000Z-bbbb", &lock, &err), 0);
    cr_assert_eq(ledger_prune(fixture.db, 2500, &count, &err), 0, "%s", err.message);
    cr_assert_eq(count, 1, "the second one is going on");
    cr_assert_null(find("20261101"));
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM pgtide_tenant"), 4);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM pgtide_attempt"), 0);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM pgtide_document"), 2);
    close(lock);
    cr_assert_eq(ledger_prune(fixture.db, 2500, &count, &err), 0, "%s", err.message);
    cr_assert_eq(count, 1, "it was killed");
}

static bool is_alive(const char *which)
{
    struct ledger_run run;

    cr_assert_eq(ledger_find(fixture.mem, fixture.db, which, &run, &err), 0, "%s", err.message);
    return run.alive;
}

/* By the lock that it holds, and not by a process of its number, which may be anybody's by now. */
Test(ledger, a_run_is_alive_while_it_holds_the_fleet_lock)
{
    struct ledger_run *runs;
    size_t count;
    int lock;

    cr_assert_not(is_alive("20261102T000000Z-bbbb"));
    cr_assert_eq(fleet_lock_take(fixture.dir, "20261102T000000Z-bbbb", &lock, &err), 0);
    cr_assert(is_alive("20261102T000000Z-bbbb"));
    cr_assert_not(is_alive("20261102T000000Z-cccc"));
    cr_assert_eq(ledger_list(fixture.mem, fixture.db, 0, &runs, &count, &err), 0);
    cr_assert(runs[1].alive && !runs[0].alive && !runs[2].alive);
    ledger_fixture_end(&fixture, "20261102T000000Z-bbbb", "succeeded");
    cr_assert_not(is_alive("20261102T000000Z-bbbb"), "it has ended");
    close(lock);
}

Test(ledger, the_last_duration_is_that_of_the_newest_migration)
{
    const struct tenant tenants[] = {{.name = "t1"}, {.name = "t2"}, {.name = "t3"}};
    const struct tenant *const list[] = {&tenants[0], &tenants[1], &tenants[2]};
    const int64_t *durations;

    ledger_fixture_migrated(&fixture, "20261102T000000Z-bbbb", 0, 2000, 50);
    ledger_fixture_migrated(&fixture, "20261101T000000Z-aaaa", 0, 1000, 70);
    ledger_fixture_migrated(&fixture, "20261101T000000Z-aaaa", 1, 1000, 30);
    cr_assert_eq(ledger_tenants_last_durations(fixture.mem, fixture.db, list, 3, &durations, &err),
                 0, "%s", err.message);
    cr_assert_eq(durations[0], 50);
    cr_assert_eq(durations[1], 30);
    cr_assert_eq(durations[2], -1);
}

Test(ledger, totals_of_a_run_that_has_not_ended)
{
    size_t totals[OUTCOME_COUNT];

    ledger_fixture_migrated(&fixture, "20261102T000000Z-bbbb", 1, 2000, 50);
    cr_assert_eq(ledger_tenants_totals(fixture.db, "20261102T000000Z-bbbb", totals, &err), 0);
    cr_assert_eq(totals[OUTCOME_NONE], 2);
    cr_assert_eq(totals[OUTCOME_MIGRATED], 1);
}
