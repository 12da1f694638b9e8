/*
 * test_foreign.c: folders of golang-migrate, dbmate, goose and Flyway, as they are, on real
 * tenants.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* The fixtures stand in the source folder, from which the tests are started. */
static char *fixture(void *parent, const char *name)
{
    char *path = mem_printf(parent, "tests/fixtures/%s", name);
    char *real = realpath(path, NULL);
    char *copy;

    cr_assert(real, "%s: not found from the working directory", path);
    copy = mem_strdup(parent, real);
    free(real);
    return copy;
}

/* One tenant whose migrations are in `folder`. */
static struct fleet_fixture *fleet_of(const char *folder)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);

    fleet_fixture_yaml(fleet,
                       "migrations: %s\nconnection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d}}\n"
                       "tenants: [{name: store-1, server: main, database: %s}]\n",
                       folder, fleet->host, fleet->port, fleet->databases[0]);
    return fleet;
}

/* What the fixtures have in common. */
static char *schema_of(struct fleet_fixture *fleet)
{
    return fleet_fixture_value(
        fleet, 1,
        "SELECT concat_ws(' ', "
        "(SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = to_regclass('account') AND attnum > 0 AND NOT attisdropped), "
        "(SELECT string_agg(tgname, ',') FROM pg_trigger "
        "WHERE tgrelid = to_regclass('account')), "
        "(SELECT 'index' FROM pg_index "
        "WHERE indexrelid = to_regclass('account_email') AND indisvalid), "
        "to_regproc('touch_account'))");
}

static char *history_of(struct fleet_fixture *fleet)
{
    return fleet_fixture_value(
        fleet, 1,
        "SELECT string_agg(concat_ws(' ', version, name, state, statements_done), '; ' "
        "ORDER BY rank) FROM pgtide_history");
}

/* Every folder: migrated, then current, with the history of its own names and versions. */
static void migrates(const char *tool, const char *history)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_of(fixture(ctx, tool));
    const struct fleet_run *run = fleet_fixture_run(fleet, "migrate", NULL);

    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(history_of(fleet), history);
    cr_expect_str_eq(schema_of(fleet), "id,name,touched_at,email touch index touch_account");
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM account"), 1);
    cr_expect_eq(fleet_fixture_total(fleet_fixture_run(fleet, "migrate", NULL), "current"), 1);
    talloc_free(ctx);
}

Test(foreign, a_folder_of_golang_migrate)
{
    migrates("golang-migrate", "1 create_account applied 1; 2 account_email applied 2; "
                               "10 touch_account applied 2; "
                               "20260104080910 account_email_index applied 1");
}

Test(foreign, a_folder_of_dbmate)
{
    migrates("dbmate",
             "20260101000000 create_account applied 1; 20260102000000 account_email applied 2; "
             "20260103000000 touch_account applied 2; "
             "20260104000000 account_email_index applied 1");
}

Test(foreign, a_folder_of_goose)
{
    migrates("goose", "1 create_account applied 1; 2 account_email applied 2; "
                      "3 touch_account applied 2; 4 account_email_index applied 1");
}

Test(foreign, a_folder_of_flyway)
{
    migrates("flyway", "1 create_account applied 1; 2 account_email applied 2; "
                       "10 touch_account applied 2; "
                       "20260104080910 account_email_index applied 1; account_list applied 1");
}

/* Back to the second version, where the tool has the way, and up again. */
static void goes_back(const char *tool, const char *second)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_of(fixture(ctx, tool));
    const struct fleet_run *run;

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "rollback", "--yes", "--to", second, NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(schema_of(fleet), "id,name,touched_at,email");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(schema_of(fleet), "id,name,touched_at,email touch index touch_account");
    talloc_free(ctx);
}

Test(foreign, the_way_back_of_dbmate)
{
    goes_back("dbmate", "20260102000000");
}

Test(foreign, the_way_back_of_goose)
{
    goes_back("goose", "2");
}

Test(foreign, the_way_back_of_flyway)
{
    goes_back("flyway", "2");
}

Test(foreign, the_way_back_of_golang_migrate_where_there_is_one)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_of(fixture(ctx, "golang-migrate"));
    const struct fleet_run *run;

    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "rollback", "--yes", "--to", "2", NULL);
    cr_expect_neq(run->exit_code, 0);
    cr_expect(strstr(run->out, "20260104080910_account_email_index has no down section"), "%s%s",
              run->out, run->err);
    cr_expect_str_eq(schema_of(fleet), "id,name,touched_at,email touch index touch_account");
    fleet = fleet_of(fixture(ctx, "golang-migrate"));
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", "--to", "10", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "rollback", "--yes", "--to", "1", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect_str_eq(schema_of(fleet), "id,name,touched_at");
    talloc_free(ctx);
}

/* --- errors --------------------------------------------------------------------------------- */

static struct fleet_fixture *new_fleet(void)
{
    struct fleet_fixture *fleet;
    void *ctx = mem_context(NULL);

    fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), 1);
    fleet_fixture_inventory(fleet, "run: {max_failures: 9}\n");
    return fleet;
}

Test(foreign, an_error_has_the_line_of_its_file)
{
    static const struct {
        const char *file;
        const char *text;
        int line;
    } cases[] = {
        {"1_a.up.sql", "SELECT 1;\n\nSELECT 1\n  FROM nowhere;\n", 4},
        {"1_a.sql", "-- migrate:up\nSELECT 1;\nSELECT 1 FROM nowhere\n-- migrate:down\n", 3},
        {"1_a.sql",
         "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n"
         "-- +goose StatementBegin\nSELECT 1 FROM nowhere;\n-- +goose StatementEnd\n",
         6},
        {"V1__a.sql", "SELECT 1;\nSELECT 1 FROM nowhere;\n", 2},
        {"R__a.sql", "SELECT 1;\nSELECT 1 FROM nowhere;\n", 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_fixture *fleet = new_fleet();
        char *name = mem_printf(fleet, "migrations/%s", cases[i].file);
        const struct fleet_run *run;
        const json_t *error;

        fleet_fixture_write(fleet, name, cases[i].text);
        run = fleet_fixture_run(fleet, "migrate", NULL);
        error = json_object_get(fleet_fixture_tenant(run, "store-1"), "error");
        cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
        cr_expect_str_eq(json_string_value(json_object_get(error, "file")), name);
        cr_expect_eq(json_integer_value(json_object_get(error, "line")), cases[i].line, "%s",
                     cases[i].file);
        talloc_free(fleet);
    }
}

Test(foreign, a_mixed_folder_is_refused_before_anything_is_connected_to)
{
    struct fleet_fixture *fleet = new_fleet();
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "-- +goose Up\nCREATE TABLE a ();\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql", "-- +goose Up\nCREATE TABLE b ();\n");
    fleet_fixture_write(fleet, "migrations/V3__c.sql", "CREATE TABLE c ();\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(strstr(run->err,
                     "migrations/V3__c.sql: a file of Flyway among files of goose such as "
                     "\"migrations/1_a.sql\""),
              "%s", run->err);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM pg_class WHERE relname = 'a'"),
                 0);
}

Test(foreign, what_flyway_would_have_replaced_is_refused)
{
    struct fleet_fixture *fleet = new_fleet();
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/V1__a.sql", "SELECT 1;\nCREATE TABLE ${prefix}a ();\n");
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(strstr(run->err, "migrations/V1__a.sql:2: placeholder \"${prefix}\" of Flyway"), "%s",
              run->err);
    cr_expect(strstr(run->err, "pastes no text into SQL"), "%s", run->err);
}

Test(foreign, the_file_of_the_change_alone_makes_the_checksum)
{
    struct fleet_fixture *fleet = new_fleet();

    fleet_fixture_write(fleet, "migrations/1_a.up.sql", "CREATE TABLE a ();\n");
    fleet_fixture_write(fleet, "migrations/1_a.down.sql", "DROP TABLE b;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    fleet_fixture_write(fleet, "migrations/1_a.down.sql", "DROP TABLE a;\n");
    cr_expect_eq(fleet_fixture_total(fleet_fixture_run(fleet, "migrate", NULL), "current"), 1);
    fleet_fixture_write(fleet, "migrations/1_a.up.sql", "CREATE TABLE a (b int);\n");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 3);
}

Test(foreign, an_error_on_the_way_back_is_of_its_own_file)
{
    struct fleet_fixture *fleet = new_fleet();
    const struct fleet_run *run;
    const json_t *error;

    fleet_fixture_write(fleet, "migrations/1_a.up.sql", "SELECT 1;\nSELECT 2;\nSELECT 3;\n");
    fleet_fixture_write(fleet, "migrations/1_a.down.sql", "SELECT 1;\n\nSELECT 1 FROM nowhere;\n");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "rollback", "--yes", "--steps", "1", "-o", "json", NULL);
    cr_expect_eq(run->exit_code, 3);
    error = json_object_get(fleet_fixture_tenant(run, "store-1"), "error");
    cr_expect_str_eq(json_string_value(json_object_get(error, "file")), "migrations/1_a.down.sql");
    cr_expect_eq(json_integer_value(json_object_get(error, "line")), 3);
}

/* --- new files ------------------------------------------------------------------------------ */

Test(foreign, new_files_have_the_form_of_the_folder)
{
    static const struct {
        const char *file; /* that is there */
        const char *text;
        const char *made[2]; /* by `new`, behind the version */
        const char *repeatable;
    } cases[] = {
        {"1_a.up.sql", "SELECT 1;\n", {"_x_y.up.sql", "_x_y.down.sql"}, NULL},
        {"1_a.sql", "-- migrate:up\nSELECT 1;\n", {"_x_y.sql", NULL}, NULL},
        {"1_a.sql", "-- +goose Up\nSELECT 1;\n", {"_x_y.sql", NULL}, NULL},
        {"V1__a.sql", "SELECT 1;\n", {"__x_y.sql", NULL}, "migrations/R__x_y.sql\n"},
        {"1_a.sql", "SELECT 1;\n", {"_x_y.sql", NULL}, "migrations/R_x_y.sql\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_fixture *fleet = new_fleet();
        const struct fleet_run *run;

        tmpdir_write(mem_printf(fleet, "%s/migrations", fleet->dir), cases[i].file, cases[i].text);
        run = fleet_fixture_run(fleet, "new", "x y", NULL);
        cr_expect_eq(run->exit_code, 0, "%s", run->err);
        for (size_t j = 0; j < 2 && cases[i].made[j]; j++)
            cr_expect(strstr(run->out, cases[i].made[j]), "%s", run->out);
        run = fleet_fixture_run(fleet, "new", "--repeatable", "x y", NULL);
        cr_expect_eq(run->exit_code, cases[i].repeatable ? 0 : 64, "%s%s", run->out, run->err);
        cr_expect_str_eq(run->out, cases[i].repeatable ? cases[i].repeatable : "");
        talloc_free(fleet);
    }
}
