/*
 * test_pending.c: history and catalog compared as sets.
 */
#include "worker/pending.h"

#include "common/mem.h"

#include <criterion/criterion.h>

/* A catalog and a history made by hand; freed with `mem`. */
struct fixture {
    void *mem;
    struct catalog catalog;
    struct history history;
    struct settings settings;
    struct tenant tenant;
    struct pending pending;
    struct err err;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){.mem = mem_context(NULL), .err = ERR_INIT};
    f->history.mem = f->mem;
    f->history.exists = true;
    f->history.schema_exists = true;
    f->tenant.settings = &f->settings;
    f->tenant.history_schema = "public";
    f->catalog.source = "migrations";
}

static void release(struct fixture *f)
{
    err_clear(&f->err);
    talloc_free(f->mem);
}

static struct migration *add_file(struct fixture *f, int64_t version, const char *name)
{
    struct migration *list =
        talloc_realloc(f->mem, f->catalog.migrations, struct migration, f->catalog.count + 1);
    struct migration *migration = &list[f->catalog.count++];

    *migration = (struct migration){.kind = MIGRATION_VERSIONED, .version = version, .name = name};
    migration->label = mem_printf(f->mem, "%lld_%s", (long long)version, name);
    migration->file = mem_printf(f->mem, "migrations/%lld_%s.sql", (long long)version, name);
    migration->checksum = mem_printf(f->mem, "sum-%s", name);
    migration->code_checksum = mem_printf(f->mem, "code-%s", name);
    f->catalog.migrations = list;
    f->catalog.head = version;
    return migration;
}

static struct history_row *add_row(struct fixture *f, int64_t version, const char *name)
{
    struct history_row *row;

    mem_grow(f->mem, &f->history.rows, &f->history.capacity, f->history.count + 1);
    row = &f->history.rows[f->history.count++];
    *row = (struct history_row){.rank = (int64_t)f->history.count,
                                .kind = HISTORY_VERSIONED,
                                .state = HISTORY_APPLIED,
                                .has_version = true,
                                .version = version,
                                .name = name,
                                .prefix = ""};
    row->checksum = mem_printf(f->mem, "sum-%s", name);
    row->code_checksum = mem_printf(f->mem, "code-%s", name);
    f->history.max_rank = row->rank;
    return row;
}

static int compute(struct fixture *f, int64_t to_version)
{
    return pending_compute(f->mem, &f->catalog, &f->history, &f->tenant, to_version, &f->pending,
                           &f->err);
}

Test(pending, what_the_history_lacks_is_pending_in_order)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_file(&f, 2, "b");
    add_file(&f, 10, "c");
    add_row(&f, 1, "a");
    cr_assert_eq(compute(&f, INT64_MAX), 0, "%s", f.err.message);
    cr_assert_eq(f.pending.count, 2);
    cr_assert_str_eq(f.pending.items[0].migration->name, "b");
    cr_assert_str_eq(f.pending.items[1].migration->name, "c");
    release(&f);
}

Test(pending, nothing_past_the_target_is_pending)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_file(&f, 2, "b");
    cr_assert_eq(compute(&f, 1), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, two_names_of_one_version_are_two_migrations)
{
    struct fixture f;

    init(&f);
    add_file(&f, 5, "a");
    add_file(&f, 5, "b");
    add_row(&f, 5, "a");
    cr_assert_eq(compute(&f, INT64_MAX), 0, "%s", f.err.message);
    cr_assert_eq(f.pending.count, 1);
    cr_assert_str_eq(f.pending.items[0].migration->name, "b");
    release(&f);
}

Test(pending, a_reverted_row_leaves_its_migration_pending)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_file(&f, 2, "b");
    add_row(&f, 1, "a");
    add_row(&f, 2, "b")->state = HISTORY_REVERTED;
    cr_assert_eq(compute(&f, INT64_MAX), 0, "%s", f.err.message);
    cr_assert_eq(f.pending.count, 1);
    cr_assert_eq(pending_version(&f.history, false), 1);
    release(&f);
}

Test(pending, a_changed_file_is_a_conflict)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_row(&f, 1, "a")->checksum = "other";
    f.history.rows[0].code_checksum = "other code";
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert_eq(f.err.kind, ERR_CONFLICT);
    cr_assert(strstr(f.err.message, "1_a was changed after it was applied"));
    cr_assert_not(strstr(f.err.message, "white space"));
    cr_assert_str_eq(f.err.file, "migrations/1_a.sql");
    release(&f);
}

Test(pending, a_change_of_comments_is_said_to_be_one)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_row(&f, 1, "a")->checksum = "other";
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(strstr(f.err.message, "only comments or white space"));
    release(&f);
}

Test(pending, a_missing_file_is_a_conflict)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_row(&f, 1, "a");
    add_row(&f, 2, "gone");
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(strstr(f.err.message, "0002_gone is missing from migrations"));
    release(&f);
}

Test(pending, a_missing_file_whose_version_another_has)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "new");
    add_row(&f, 1, "old");
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(strstr(f.err.message, "0001_old is missing from migrations"), "%s", f.err.message);
    cr_assert(strstr(f.err.hint, "1_new has its version, and another content"), "%s", f.err.hint);
    release(&f);
}

Test(pending, a_renamed_file_is_told_from_a_missing_one)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "new")->checksum = "same";
    add_row(&f, 1, "old")->checksum = "same";
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(
        strstr(f.err.message, "1_new was renamed after it was applied, its name was \"old\""));
    release(&f);
}

Test(pending, out_of_order_is_refused_unless_allowed)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "late");
    add_file(&f, 2, "b");
    add_row(&f, 2, "b");
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(strstr(f.err.message, "1_late is out of order: version 0002 is applied already"));
    err_clear(&f.err);
    f.settings.out_of_order_allow = true;
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, a_labelled_migration_is_for_its_tenants_only_and_never_out_of_order)
{
    struct fixture f;
    struct name_value label = {"plan", "pro"};

    init(&f);
    add_file(&f, 1, "pro")->directives =
        (struct directives){.only_label = "plan", .only_value = "pro"};
    add_file(&f, 2, "b");
    add_row(&f, 2, "b");
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 0);
    f.tenant.labels = (struct name_values){.items = &label, .count = 1};
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, objects_without_a_history_are_refused_unless_allowed)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    f.history.exists = false;
    f.history.has_objects = true;
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert_eq(f.err.kind, ERR_CONFLICT);
    cr_assert(strstr(f.err.message, "has objects but no history"));
    err_clear(&f.err);
    f.settings.nonempty_allow = true;
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, several_conflicts_are_told_at_once)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_row(&f, 1, "a")->checksum = "other";
    add_row(&f, 2, "gone");
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert(strstr(f.err.message, "1_a was changed"));
    cr_assert(strstr(f.err.detail, "also: applied migration 0002_gone is missing"), "%s",
              f.err.detail);
    release(&f);
}

Test(pending, a_started_row_is_gone_on_with)
{
    struct fixture f;

    init(&f);
    add_file(&f, 1, "a");
    add_row(&f, 1, "a")->state = HISTORY_STARTED;
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    cr_assert_eq(f.pending.items[0].started, &f.history.rows[0]);
    cr_assert_eq(pending_version(&f.history, false), 0);
    release(&f);
}

Test(pending, done_statements_that_changed_are_a_conflict)
{
    struct fixture f;
    struct history_row *row;

    init(&f);
    add_file(&f, 1, "a");
    row = add_row(&f, 1, "a");
    row->state = HISTORY_STARTED;
    row->checksum = "another";
    row->statements_done = 2;
    row->statements_total = 4;
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert_eq(f.err.kind, ERR_CONFLICT);
    cr_assert_str_eq(f.err.message,
                     "migration 1_a was changed after 2 of its statements had been run");
    f.catalog.migrations[0].directives.batch = 5000; /* there are no statements but the one */
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, a_statement_of_unknown_outcome_is_a_conflict)
{
    struct fixture f;
    struct sql_statement statement = {.line = 7};
    struct migration *migration;

    init(&f);
    migration = add_file(&f, 1, "a");
    migration->text = "";
    migration->sections[SECTION_UP].statements = &statement;
    migration->sections[SECTION_UP].count = 1;
    add_row(&f, 1, "a")->state = HISTORY_STARTED;
    f.history.rows[0].running = 1;
    f.history.rows[0].statements_total = 1;
    cr_assert_eq(compute(&f, INT64_MAX), -1);
    cr_assert_eq(f.err.kind, ERR_CONFLICT);
    cr_assert_eq(f.err.line, 7);
    err_clear(&f.err);
    statement.flags = SQL_REPEATABLE;
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    release(&f);
}

Test(pending, a_repeatable_runs_again_when_its_newest_row_differs)
{
    struct fixture f;
    struct migration view = {.kind = MIGRATION_REPEATABLE, .name = "view", .checksum = "new"};
    struct history_row *row;

    init(&f);
    f.catalog.repeatables = &view;
    f.catalog.repeatable_count = 1;
    row = add_row(&f, 0, "view");
    row->kind = HISTORY_REPEATABLE;
    row->has_version = false;
    row->checksum = "old";
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 1);
    f.history.rows[0].checksum = "new";
    cr_assert_eq(compute(&f, INT64_MAX), 0);
    cr_assert_eq(f.pending.count, 0);
    release(&f);
}

Test(pending, below_the_head_no_repeatable_runs)
{
    struct fixture f;
    struct migration view = {.kind = MIGRATION_REPEATABLE, .name = "view", .checksum = "new"};

    init(&f);
    add_file(&f, 1, "a");
    add_file(&f, 2, "b");
    f.catalog.repeatables = &view;
    f.catalog.repeatable_count = 1;
    cr_assert_eq(compute(&f, 1), 0);
    cr_assert_eq(f.pending.count, 1);
    release(&f);
}

Test(pending, a_seed_runs_once_a_checksum_or_when_asked_to_again)
{
    struct fixture f;
    struct seed_file file = {.name = "base/01.json", .checksum = "new"};
    struct seed_set set = {.name = "base", .files = &file, .count = 1};
    const char *const names[] = {"base"};
    struct history_row *row;

    init(&f);
    f.catalog.seed_sets = &set;
    f.catalog.seed_set_count = 1;
    row = add_row(&f, 0, "base/01.json");
    row->kind = HISTORY_SEED;
    row->has_version = false;
    row->checksum = "new";
    pending_add_seeds(f.mem, &f.catalog, &f.history, names, 1, false, &f.pending);
    cr_assert_eq(f.pending.seed_count, 0);
    pending_add_seeds(f.mem, &f.catalog, &f.history, names, 1, true, &f.pending);
    cr_assert_eq(f.pending.seed_count, 1);
    f.pending.seed_count = 0;
    row->this_run = true; /* loaded by an earlier attempt of this run */
    pending_add_seeds(f.mem, &f.catalog, &f.history, names, 1, true, &f.pending);
    cr_assert_eq(f.pending.seed_count, 0);
    row->checksum = "old";
    pending_add_seeds(f.mem, &f.catalog, &f.history, names, 1, false, &f.pending);
    cr_assert_eq(f.pending.seed_count, 1);
    release(&f);
}

Test(pending, the_version_before_this_run_leaves_out_its_rows)
{
    struct fixture f;

    init(&f);
    add_row(&f, 1, "a");
    add_row(&f, 2, "b")->this_run = true;
    cr_assert_eq(pending_version(&f.history, true), 1);
    cr_assert_eq(pending_version(&f.history, false), 2);
    release(&f);
}
