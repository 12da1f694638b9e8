/*
 * test_ledger_db.c: the SQLite file of a ledger: made for its user alone, and what is said of one
 * that is something else.
 */
#include "orchestrator/ledger_db.h"

#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_batch.h"
#include "tests/harness/tmpdir.h"
#include "tests/unit/orchestrator/ledger_fixture.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ledger_fixture fixture;
static struct err err;

static void setup(void)
{
    umask(022);
    ledger_fixture_init(&fixture);
}

static void teardown(void)
{
    err_clear(&err);
    ledger_fixture_free(&fixture);
}

TestSuite(ledger_db, .init = setup, .fini = teardown);

static void close_it(void)
{
    talloc_free(fixture.db);
    fixture.db = NULL;
}

static int open_again(bool read_only)
{
    err_clear(&err);
    return ledger_open(fixture.mem, &fixture.fleet, read_only, &fixture.db, &err);
}

static void change_with_sqlite(const char *sql)
{
    sqlite3 *handle;

    cr_assert_eq(sqlite3_open(fixture.path, &handle), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(handle));
    sqlite3_close(handle);
}

static void run(const char *sql)
{
    cr_assert_eq(ledger_db_run(fixture.db, sql, NULL, 0, NULL, NULL, &err), 0, "%s", err.message);
}

Test(ledger_db, belongs_to_its_user_alone)
{
    struct stat info;

    cr_assert_eq(stat(fixture.path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600, "%o", info.st_mode);
    run("CREATE TABLE more (a bigint)");
    cr_assert_eq(stat(mem_printf(fixture.mem, "%s-wal", fixture.path), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600, "%o", info.st_mode);
}

struct seen {
    int64_t number;
    char *text;
    bool null;
};

static int see(void *arg, const struct ledger_value *values, size_t count,
               struct err *unused UNUSED)
{
    struct seen *seen = arg;

    cr_assert_eq(count, 3);
    seen->number = ledger_db_number(values[0]);
    seen->text = ledger_db_copy(fixture.mem, values[1]);
    seen->null = values[2].type == LEDGER_NULL;
    return 0;
}

Test(ledger_db, values_go_in_and_out_whatever_the_order_of_their_numbers)
{
    const struct ledger_value values[] = {ledger_db_int(INT64_MIN), ledger_db_text("it's \xC3\xA9"),
                                          ledger_db_known(-1)};
    struct seen seen;

    cr_assert_eq(ledger_db_run(fixture.db, "SELECT $1, $2, $3", values, 3, see, &seen, &err), 0);
    cr_assert_eq(seen.number, INT64_MIN);
    cr_assert_str_eq(seen.text, "it's \xC3\xA9");
    cr_assert(seen.null);
    run("CREATE TABLE x (a bigint, b text, c text)");
    cr_assert_eq(ledger_db_run(fixture.db, "INSERT INTO x (b, c, a) VALUES ($2, $3, $1)", values, 3,
                               NULL, NULL, &err),
                 0);
    seen = (struct seen){0};
    cr_assert_eq(ledger_db_run(fixture.db, "SELECT a, b, c FROM x WHERE a = $1", values, 1, see,
                               &seen, &err),
                 0);
    cr_assert_eq(seen.number, INT64_MIN);
    cr_assert_str_eq(seen.text, "it's \xC3\xA9");
}

static int stop(void *arg, const struct ledger_value *values UNUSED, size_t count UNUSED,
                struct err *unused UNUSED)
{
    *(int *)arg += 1;
    return 7;
}

Test(ledger_db, a_row_function_ends_its_query)
{
    int rows = 0;

    cr_assert_eq(
        ledger_db_run(fixture.db, "SELECT 1 UNION ALL SELECT 2", NULL, 0, stop, &rows, &err), 7);
    cr_assert_eq(rows, 1);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT 3"), 3);
}

Test(ledger_db, what_is_rolled_back_is_gone)
{
    run("CREATE TABLE x (a bigint)");
    cr_assert_eq(ledger_db_begin(fixture.db, &err), 0);
    run("INSERT INTO x VALUES (1)");
    ledger_db_rollback(fixture.db);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM x"), 0);
    ledger_db_rollback(fixture.db);
}

Test(ledger_db, a_batch_is_all_or_nothing)
{
    struct ledger_batch *batch = ledger_batch_new(fixture.mem);

    run("CREATE TABLE x (a bigint PRIMARY KEY)");
    ledger_batch_add(batch, "INSERT INTO x VALUES (1)", NULL, 0);
    ledger_batch_add(batch, "INSERT INTO x VALUES (1)", NULL, 0);
    cr_assert_eq(ledger_batch_count(batch), 2);
    cr_assert_eq(ledger_batch_run(batch, fixture.db, &err), -1);
    cr_assert_eq(ledger_batch_count(batch), 0);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM x"), 0);
}

Test(ledger_db, one_that_is_only_read_is_not_made)
{
    const char *folder = tmpdir_path(fixture.mem, fixture.dir, "other");
    struct fleet fleet = {.state = folder};
    struct ledger_db *db;

    cr_assert_eq(ledger_open(fixture.mem, &fleet, true, &db, &err), -1);
    cr_assert_eq(err.kind, ERR_NOINPUT);
    cr_assert_not(tmpdir_exists(fixture.dir, "other"));
}

Test(ledger_db, one_that_is_only_read_is_not_changed)
{
    close_it();
    cr_assert_eq(open_again(true), 0, "%s", err.message);
    cr_assert_eq(ledger_fixture_count(&fixture, "SELECT count(*) FROM pgtide_run"), 0);
    cr_assert_eq(ledger_db_run(fixture.db, "DELETE FROM pgtide_run", NULL, 0, NULL, NULL, &err),
                 -1);
}

static void expect_refused(const char *message, const char *hint)
{
    for (int read_only = 0; read_only < 2; read_only++) {
        cr_assert_eq(open_again(read_only), -1);
        cr_assert_eq(err.kind, ERR_INTERNAL);
        cr_assert(strstr(err.message, message), "%s", err.message);
        cr_assert(strstr(err.hint, hint), "%s", err.hint);
    }
}

Test(ledger_db, a_newer_layout_is_refused)
{
    close_it();
    change_with_sqlite("UPDATE pgtide_ledger SET layout = 99");
    expect_refused("has layout 99", "Use the newer pgtide");
}

Test(ledger_db, a_database_of_something_else_is_refused_and_left_alone)
{
    close_it();
    cr_assert_eq(unlink(fixture.path), 0);
    change_with_sqlite("CREATE TABLE phone (number text)");
    expect_refused("is a database of something else", "Move it away");
    change_with_sqlite("SELECT CASE WHEN count(*) = 1 THEN 1 ELSE abs(-9223372036854775808) END "
                       "FROM sqlite_master");
}

Test(ledger_db, a_file_that_is_no_database_is_refused)
{
    close_it();
    tmpdir_write(fixture.dir, "ledger.db",
                 "this is a long enough text to be no SQLite file, is it not? It is one of "
                 "more than a hundred bytes.");
    expect_refused("it is not an SQLite file", "mv ");
}

Test(ledger_db, a_damaged_file_is_refused)
{
    char *bytes = mem_array(fixture.mem, char, 8192);
    FILE *file;

    close_it();
    for (size_t i = 0; i < 8192; i++)
        bytes[i] = (char)(i * 7 + 1);
    file = fopen(fixture.path, "r+");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 100, SEEK_SET), 0);
    cr_assert_eq(fwrite(bytes, 1, 8192, file), 8192);
    cr_assert_eq(fclose(file), 0);
    expect_refused("is damaged", "the tenants' own histories are not touched");
}

Test(ledger_db, one_that_has_lost_its_number_or_a_table_is_refused)
{
    struct ledger_run *runs;
    size_t count;

    close_it();
    change_with_sqlite("DELETE FROM pgtide_ledger");
    expect_refused("is damaged: its table pgtide_ledger is empty", "mkdir broken && mv \"");
    change_with_sqlite("INSERT INTO pgtide_ledger VALUES (1); DROP TABLE pgtide_run");
    cr_assert_eq(open_again(true), 0, "%s", err.message);
    cr_assert_eq(ledger_list(fixture.mem, fixture.db, 0, &runs, &count, &err), -1);
    cr_assert(strstr(err.message, "is damaged: no such table: pgtide_run"), "%s", err.message);
    cr_assert(strstr(err.hint, "mkdir broken && mv \""), "%s", err.hint);
}

Test(ledger_db, a_folder_in_its_place_is_refused)
{
    close_it();
    cr_assert_eq(unlink(fixture.path), 0);
    cr_assert_eq(mkdir(fixture.path, 0700), 0);
    expect_refused("is a directory", "Move it away");
    cr_assert_eq(rmdir(fixture.path), 0);
}
