/*
 * test_seed.c: the offline check of seed files.
 */
#include "worker/seed.h"

#include "common/mem.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>

static void *ctx;
static struct err err;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    err_clear(&err);
    talloc_free(ctx);
}

TestSuite(seed, .init = setup, .fini = teardown);

static int check(enum seed_format format, const char *text)
{
    const char *dir = tmpdir_new(ctx);
    struct seed_file file = {
        .format = format, .file = "base/seed", .path = tmpdir_path(ctx, dir, "seed")};

    tmpdir_write(dir, "seed", text);
    err_clear(&err);
    return seed_check(&file, &err);
}

static void assert_json(const char *text)
{
    cr_assert_eq(check(SEED_JSON, text), 0, "%s", err.message);
}

static void assert_fault(enum seed_format format, const char *text, int line, const char *message)
{
    cr_assert_lt(check(format, text), 0, "%s", text);
    cr_assert_eq(err.kind, ERR_DATA);
    cr_assert_str_eq(err.file, "base/seed");
    cr_assert_eq(err.line, line, "line %d", err.line);
    cr_assert_str_eq(err.message, message, "%s", err.message);
}

Test(seed, json_forms)
{
    assert_json("{\"table\": \"t\", \"rows\": []}");
    assert_json(
        "{\"rows\": [{}], \"mode\": \"ignore\", \"key\": [\"a\", \"b\"], \"table\": \"t\"}");
    assert_json("{\"a\": [{\"x\": 1}], \"b\": []}");
    assert_json("{}");
}

Test(seed, json_members_that_do_not_belong)
{
    assert_fault(SEED_JSON, "{\"table\": \"t\"}", 1, "\"rows\" is missing");
    assert_fault(SEED_JSON, "{\n\"rows\": []}", 2, "\"table\" is missing");
    assert_fault(SEED_JSON, "{\"t\": [],\n\"mode\": \"insert\"}", 2, "\"table\" is missing");
    assert_fault(SEED_JSON, "{\"table\": 1, \"rows\": []}", 1,
                 "\"table\" is not the name of a table");
    assert_fault(SEED_JSON, "{\"table\": \"t\",\n\"more\": [], \"rows\": []}", 2,
                 "\"more\" has no place beside \"table\"");
    assert_fault(SEED_JSON, "{\"a\": [],\n\"a\": []}", 2, "\"a\" stands here for the second time");
    assert_fault(SEED_JSON, "{\"table\": \"t\", \"row\": {}}", 1,
                 "\"row\" is not an array of rows [{...}, ...]");
    cr_assert_str_eq(err.hint, "Did you mean \"rows\"?");
}

Test(seed, json_options)
{
    assert_fault(SEED_JSON, "{\"table\": \"t\", \"mode\": \"upsrt\", \"rows\": []}", 1,
                 "\"mode\" is none of insert, upsert, ignore");
    cr_assert_str_eq(err.hint, "Did you mean \"upsert\"?");
    assert_fault(SEED_JSON, "{\"table\": \"t\", \"key\": \"id\", \"rows\": []}", 1,
                 "\"key\" is not a list of column names");
    assert_fault(SEED_JSON, "{\"table\": \"t\", \"key\": [\"id\", 1], \"rows\": []}", 1,
                 "\"key\" is not a list of column names");
    assert_fault(SEED_JSON, "{\"table\": \"t\", \"key\": [], \"rows\": []}", 1,
                 "\"key\" is not a list of column names");
}

Test(seed, json_rows_are_parsed)
{
    assert_fault(SEED_JSON, "{\"t\": [{\"a\": 1},\n {\"a\": 1, \"a\": 2}]}", 2,
                 "\"t\", row 2: duplicate object key near '\"a\"'");
}

Test(seed, csv)
{
    cr_assert_eq(check(SEED_CSV, "a,b\n1,2\n"), 0);
    assert_fault(SEED_CSV, "", 1, "the file has no header");
    assert_fault(SEED_CSV, "a,b\n1,2\n3,\"4\n", 3,
                 "row 2: a quote is opened here and never closed");
}

Test(seed, sql_was_checked_when_the_catalog_was_read)
{
    cr_assert_eq(check(SEED_SQL, "SELEC 1"), 0);
}
