/*
 * test_catalog_seeds.c: seed sets.
 */
#include "catalog/catalog.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <unistd.h>

struct seeds {
    void *mem;
    const char *dir;
    struct catalog *catalog;
    struct err_list errors;
    int status;
};

static struct seeds begin(void)
{
    struct seeds s = {.mem = mem_context(NULL), .errors = ERR_LIST_INIT};

    s.dir = tmpdir_new(s.mem);
    s.catalog = mem_new(s.mem, struct catalog);
    return s;
}

static void load(struct seeds *s, const char *const *names, size_t count)
{
    err_list_clear(&s->errors);
    s->status = catalog_load_seeds(s->catalog, s->dir, "seeds", names, count, &s->errors);
}

static void finish(struct seeds *s)
{
    err_list_clear(&s->errors);
    talloc_free(s->mem);
}

static const char *all_errors(const struct seeds *s)
{
    struct strbuf out;

    strbuf_init(&out, s->mem);
    for (size_t i = 0; i < s->errors.count; i++)
        strbuf_printf(&out, "%s: %s\n", s->errors.items[i].file ? s->errors.items[i].file : "-",
                      s->errors.items[i].message);
    return out.text;
}

Test(catalog_seeds, sets_and_files)
{
    static const char *const names[] = {"demo", "base", "demo"};
    struct seeds s = begin();
    const struct seed_set *base;

    tmpdir_write(s.dir, "base/20_public.price.csv", "id\n1\n");
    tmpdir_write(s.dir, "base/10_regions.json", "{}");
    tmpdir_write(s.dir, "base/30_more.sql", "INSERT INTO t VALUES (1);");
    tmpdir_write(s.dir, "base/README", "");
    tmpdir_write(s.dir, "base/notes.md", "");
    tmpdir_write(s.dir, "base/.swp", "");
    tmpdir_write(s.dir, "demo/1_x.json", "[");
    load(&s, names, 3);
    cr_assert_eq(s.status, 0, "%s", all_errors(&s));
    cr_assert_eq(s.catalog->seed_set_count, 2);
    cr_expect_str_eq(s.catalog->seed_sets[0].name, "base");
    base = catalog_seed_set(s.catalog, "base");
    cr_assert_eq(base->count, 3);
    cr_expect_eq(base->files[0].format, SEED_JSON);
    cr_expect_str_eq(base->files[0].name, "base/10_regions.json");
    cr_expect_str_eq(base->files[0].file, "seeds/base/10_regions.json");
    cr_expect_str_eq(base->files[0].path, tmpdir_path(s.mem, s.dir, "base/10_regions.json"));
    cr_expect_str_eq(base->files[0].checksum, sha256_text(s.mem, "{}", 2));
    cr_expect_eq(base->files[0].size, 2);
    cr_expect_null(base->files[0].table);
    cr_expect_eq(base->files[1].format, SEED_CSV);
    cr_expect_str_eq(base->files[1].table, "public.price");
    cr_expect_null(base->files[1].sql);
    cr_expect_eq(base->files[2].sql->sections[SECTION_UP].count, 1);
    cr_expect_str_eq(base->files[2].sql->file, "seeds/base/30_more.sql");
    cr_expect_null(catalog_seed_set(s.catalog, "other"));
    finish(&s);
}

Test(catalog_seeds, no_sets_need_no_folder)
{
    struct seeds s = begin();

    s.dir = "/nonexistent";
    load(&s, NULL, 0);
    cr_expect_eq(s.status, 0);
    cr_expect_eq(s.catalog->seed_set_count, 0);
    finish(&s);
}

Test(catalog_seeds, missing_sets)
{
    static const char *const names[] = {"none", "../x", ""};
    struct seeds s = begin();

    load(&s, names, 3);
    cr_assert_eq(s.status, -1);
    cr_assert_eq(s.errors.count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(s.errors.items[i].kind, ERR_NOINPUT);
    cr_expect_str_eq(all_errors(&s),
                     "seeds/none: cannot read the folder: No such file or directory\n"
                     "-: \"../x\" is not the name of a seed set\n"
                     "-: \"\" is not the name of a seed set\n");
    finish(&s);
}

Test(catalog_seeds, bad_files)
{
    static const char *const names[] = {"a"};
    struct seeds s = begin();

    tmpdir_write(s.dir, "a/01_x.sql", "COMMIT;");
    tmpdir_write(s.dir, "a/02_x.xml", "");
    tmpdir_write(s.dir, "a/03_.csv", "");
    tmpdir_write(s.dir, "a/04-x.csv", "");
    tmpdir_write(s.dir, "a/05_sub/1_x.csv", "");
    tmpdir_write(s.dir, "a/06_\xFF.csv", "");
    tmpdir_write(s.dir, "a/x.json", "");
    cr_assert_eq(symlink("nowhere", tmpdir_path(s.mem, s.dir, "a/07_x.csv")), 0);
    load(&s, names, 1);
    cr_assert_eq(s.status, -1);
    cr_expect_str_eq(all_errors(&s),
                     "seeds/a/01_x.sql: transaction command \"COMMIT\" in a seed\n"
                     "seeds/a/02_x.xml: \"02_x.xml\" is not the name of a seed\n"
                     "seeds/a/03_.csv: \"03_.csv\" is not the name of a seed\n"
                     "seeds/a/04-x.csv: \"04-x.csv\" is not the name of a seed\n"
                     "seeds/a/05_sub: \"05_sub\" is not the name of a seed\n"
                     "seeds/a/06_\xFF.csv: \"06_\\xFF.csv\" is not the name of a seed\n"
                     "seeds/a/07_x.csv: cannot read the file: No such file or directory\n"
                     "seeds/a/x.json: \"x.json\" is not the name of a seed\n");
    finish(&s);
}
