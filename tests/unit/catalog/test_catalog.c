/*
 * test_catalog.c: folders of migrations.
 */
#include "catalog/catalog.h"
#include "catalog/catalog_releases.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

struct loaded {
    void *mem;
    const char *dir;
    struct catalog *catalog;
    struct err_list errors;
    int status;
};

static struct loaded begin(void)
{
    struct loaded l = {.mem = mem_context(NULL), .errors = ERR_LIST_INIT};

    l.dir = tmpdir_new(l.mem);
    return l;
}

/* Loads the folder, in messages called "m". */
static void load(struct loaded *l)
{
    err_list_clear(&l->errors);
    l->status = catalog_load(l->mem, l->dir, "m", &l->catalog, &l->errors);
}

static void finish(struct loaded *l)
{
    err_list_clear(&l->errors);
    talloc_free(l->mem);
}

/* Every error on a line of its own. */
static const char *all_errors(const struct loaded *l)
{
    struct strbuf out;

    strbuf_init(&out, l->mem);
    for (size_t i = 0; i < l->errors.count; i++) {
        strbuf_str(&out, l->errors.items[i].file);
        strbuf_printf(&out, ": %s\n", l->errors.items[i].message);
    }
    return out.text;
}

Test(catalog, order_and_paths)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "10_ten.sql", "SELECT 10;");
    tmpdir_write(l.dir, "0009_nine.sql", "SELECT 9;");
    tmpdir_write(l.dir, "sub/deep/2_two.sql", "SELECT 2;");
    tmpdir_write(l.dir, "R_b.sql", "SELECT 'b';");
    tmpdir_write(l.dir, "sub/R_a.sql", "SELECT 'a';");
    tmpdir_write(l.dir, "README", "not SQL");
    tmpdir_write(l.dir, "sub/notes.md", "not SQL");
    tmpdir_write(l.dir, ".hidden.sql", "not SQL");
    tmpdir_write(l.dir, ".git/1_x.sql", "not SQL");
    load(&l);
    cr_assert_eq(l.status, 0, "%s", all_errors(&l));
    cr_assert_eq(l.catalog->count, 3);
    cr_expect_str_eq(l.catalog->migrations[0].name, "two");
    cr_expect_str_eq(l.catalog->migrations[0].file, "m/sub/deep/2_two.sql");
    cr_expect_null(l.catalog->migrations[0].release);
    cr_expect_eq(l.catalog->migrations[1].version, 9);
    cr_expect_eq(l.catalog->migrations[2].version, 10);
    cr_expect_eq(l.catalog->migrations[2].index, 2);
    cr_assert_eq(l.catalog->repeatable_count, 2);
    cr_expect_str_eq(l.catalog->repeatables[0].name, "a");
    cr_expect_eq(l.catalog->repeatables[1].index, 1);
    cr_expect_eq(l.catalog->head, 10);
    cr_expect_eq(l.catalog->release_count, 0);
    cr_expect_str_eq(l.catalog->source, "m");
    finish(&l);
}

Test(catalog, empty_folder)
{
    struct loaded l = begin();

    load(&l);
    cr_assert_eq(l.status, 0);
    cr_expect_eq(l.catalog->count, 0);
    cr_expect_eq(l.catalog->head, 0);
    cr_expect_not_null(l.catalog->checksum);
    finish(&l);
}

Test(catalog, missing_folder)
{
    struct loaded l = begin();

    l.dir = tmpdir_path(l.mem, l.dir, "none");
    load(&l);
    cr_assert_eq(l.status, -1);
    cr_expect_eq(l.errors.items[0].kind, ERR_NOINPUT);
    cr_expect_str_eq(all_errors(&l), "m: cannot read the folder: No such file or directory\n");
    finish(&l);
}

Test(catalog, checksum_is_of_what_runs)
{
    struct loaded l = begin();
    char *first;

    tmpdir_write(l.dir, "1_a.sql", "SELECT 1;\n");
    load(&l);
    first = mem_strdup(l.mem, l.catalog->checksum);
    tmpdir_remove(tmpdir_path(l.mem, l.dir, "1_a.sql"));
    tmpdir_write(l.dir, "sub/0001_a.sql", "SELECT 1;\r\n");
    load(&l);
    cr_expect_str_eq(l.catalog->checksum, first, "another folder and other line ends");
    tmpdir_write(l.dir, "sub/0001_a.sql", "SELECT 2;\n");
    load(&l);
    cr_expect_str_neq(l.catalog->checksum, first);
    finish(&l);
}

Test(catalog, all_errors_of_all_files)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.sql", "BEGIN;");
    tmpdir_write(l.dir, "2_b.sql", "SELECT 'x");
    tmpdir_write(l.dir, "02_c.sql", "SELECT 1;");
    tmpdir_write(l.dir, "notes.txt", "");
    tmpdir_write(l.dir, "sub/V3__d.sql", "SELECT 1;");
    tmpdir_write(l.dir, "R_x.sql", "SELECT 1;");
    tmpdir_write(l.dir, "sub/R_x.sql", "SELECT 1;");
    load(&l);
    cr_assert_eq(l.status, -1);
    cr_expect_str_eq(all_errors(&l),
                     "m/1_a.sql: transaction command \"BEGIN\" in a migration\n"
                     "m/2_b.sql: unterminated quoted string\n"
                     "m/notes.txt: \"notes.txt\" is not the name of a migration\n"
                     "m/02_c.sql: version 2 is also that of \"m/2_b.sql\"\n"
                     "m/sub/R_x.sql: repeatable \"x\" is also that of \"m/R_x.sql\"\n"
                     "m/sub/V3__d.sql: a file of Flyway among files of pgtide such as "
                     "\"m/02_c.sql\"\n",
                     "%s", all_errors(&l));
    finish(&l);
}

Test(catalog, links)
{
    struct loaded l = begin();
    const char *other = tmpdir_new(l.mem);

    tmpdir_write(other, "file", "SELECT 1;");
    tmpdir_write(l.dir, "sub/2_b.sql", "SELECT 2;");
    cr_assert_eq(symlink(tmpdir_path(l.mem, other, "file"), tmpdir_path(l.mem, l.dir, "1_a.sql")),
                 0);
    load(&l);
    cr_assert_eq(l.status, 0, "%s", all_errors(&l));
    cr_expect_eq(l.catalog->count, 2);
    cr_assert_eq(symlink("..", tmpdir_path(l.mem, l.dir, "sub/up")), 0);
    load(&l);
    cr_expect_str_eq(all_errors(&l), "m/sub/up: a link to a folder that it is in, \"m\"\n");
    tmpdir_remove(tmpdir_path(l.mem, l.dir, "sub"));
    finish(&l);
}

Test(catalog, links_to_nowhere_hide_no_other_error)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.sql", "SELECT 1;\n\nBEGIN;");
    cr_assert_eq(symlink("nowhere", tmpdir_path(l.mem, l.dir, "2_b.sql")), 0);
    cr_assert_eq(symlink("nowhere", tmpdir_path(l.mem, l.dir, "3.0")), 0);
    cr_assert_eq(symlink("4_d.sql", tmpdir_path(l.mem, l.dir, "4_d.sql")), 0);
    tmpdir_write(l.dir, "sub/1_e.sql", "SELECT 'x");
    load(&l);
    cr_assert_eq(l.status, -1);
    cr_expect_str_eq(all_errors(&l),
                     "m/1_a.sql: transaction command \"BEGIN\" in a migration\n"
                     "m/2_b.sql: cannot read the file: No such file or directory\n"
                     "m/3.0: cannot read the file: No such file or directory\n"
                     "m/4_d.sql: cannot read the file: Too many levels of symbolic links\n"
                     "m/sub/1_e.sql: unterminated quoted string\n"
                     "m/sub/1_e.sql: version 1 is also that of \"m/1_a.sql\"\n",
                     "%s", all_errors(&l));
    cr_expect_eq(l.errors.items[0].line, 3);
    cr_expect_eq(l.errors.items[1].line, 0);
    cr_expect_str_eq(l.errors.items[1].hint, "It is a link to something that is not there.");
    cr_expect_null(l.errors.items[3].hint);
    finish(&l);
}

/* --- releases ------------------------------------------------------------------------------- */

Test(catalog, names_of_releases)
{
    static const char *const good[] = {"1.20.0", "v2",         "2026-11",   "V1.2",
                                       "7",      "1.20.0-rc1", "2.0-beta.2"};
    static const char *const bad[] = {"a", "products", "2fa",           "1_a",
                                      "v", "1.",       "2026-products", ""};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_expect(catalog_releases_is_name(good[i]), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_not(catalog_releases_is_name(bad[i]), "%s", bad[i]);
}

Test(catalog, releases)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1_a.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.9.0/2_b.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/5_d.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/orders/6_e.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/R_v.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/UPGRADE.md", "# Read this\r\n");
    tmpdir_write(l.dir, "1.20.0-rc1/4_c.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.21.0/UPGRADE.md", "nothing to run");
    load(&l);
    cr_assert_eq(l.status, 0, "%s", all_errors(&l));
    cr_assert_eq(l.catalog->release_count, 4);
    cr_expect_str_eq(l.catalog->releases[0].name, "1.9.0");
    cr_expect_null(l.catalog->releases[0].upgrade);
    cr_expect_str_eq(l.catalog->releases[1].name, "1.20.0-rc1");
    cr_expect_str_eq(l.catalog->releases[2].name, "1.20.0");
    cr_expect_eq(l.catalog->releases[2].last_version, 6);
    cr_expect_str_eq(l.catalog->releases[2].upgrade, "# Read this\n");
    cr_expect_eq(l.catalog->releases[3].last_version, 6);
    cr_expect_null(l.catalog->migrations[0].release);
    cr_expect_str_eq(l.catalog->migrations[4].release, "1.20.0");
    cr_expect_str_eq(l.catalog->repeatables[0].release, "1.20.0");
    finish(&l);
}

Test(catalog, versions_rise_from_release_to_release)
{
    struct loaded l = begin();

    tmpdir_write(l.dir, "1.9.0/2_b.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.9.0/7_late.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/5_d.sql", "SELECT 1;");
    load(&l);
    cr_assert_eq(l.status, -1);
    cr_expect_str_eq(
        all_errors(&l),
        "m/1.20.0/5_d.sql: version 5 of release \"1.20.0\" is not above version 7 of the "
        "earlier release \"1.9.0\"\n");
    finish(&l);
}

/* --- what --to names ------------------------------------------------------------------------ */

Test(catalog, resolve)
{
    struct loaded l = begin();
    static const struct {
        const char *text;
        int64_t version; /* 0: refused */
        const char *hint;
    } cases[] = {
        {"39", 39, NULL},
        {"0039", 39, NULL},
        {"1.20.0", 50, NULL},
        {"1.9.0", 39, NULL},
        {"40", 0, "The nearest versions are 39 and 50."},
        {"3", 0, "The lowest version is 38."},
        {"51", 0, "The highest version is 50."},
        {"1.20.1", 0, "Did you mean \"1.20.0\"?"},
        {"latest", 0, "The releases go from \"1.9.0\" to \"1.20.0\"; a version is a number."},
        {"", 0, NULL},
        {"-1", 0, NULL},
    };

    tmpdir_write(l.dir, "38_a.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.9.0/39_b.sql", "SELECT 1;");
    tmpdir_write(l.dir, "1.20.0/50_c.sql", "SELECT 1;");
    load(&l);
    cr_assert_eq(l.status, 0, "%s", all_errors(&l));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        int64_t version = 0;
        int status = catalog_resolve(l.catalog, cases[i].text, &version, &err);

        cr_expect_eq(status, cases[i].version ? 0 : -1, "%s", cases[i].text);
        cr_expect_eq(version, cases[i].version, "%s", cases[i].text);
        cr_expect_eq(err.kind, cases[i].version ? ERR_NONE : ERR_USAGE);
        if (cases[i].hint)
            cr_expect_str_eq(err.hint, cases[i].hint);
        err_clear(&err);
    }
    finish(&l);
}

Test(catalog, five_hundred_files_in_a_moment)
{
    struct loaded l = begin();
    struct strbuf text;
    int64_t start;

    strbuf_init(&text, l.mem);
    for (int i = 0; i < 20; i++)
        strbuf_printf(&text, "ALTER TABLE t ADD COLUMN c%d int DEFAULT %d; -- why\n", i, i);
    for (int i = 1; i <= 500; i++)
        tmpdir_write(l.dir, mem_printf(l.mem, "%d_m.sql", i), text.text);
    start = clock_now_ms();
    load(&l);
    cr_assert_eq(l.status, 0);
    cr_expect_eq(l.catalog->count, 500);
    cr_log_info("500 files in %lld ms", (long long)(clock_now_ms() - start));
    finish(&l);
}
