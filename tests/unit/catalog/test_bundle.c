/*
 * test_bundle.c: sealed bundles: the same bytes everywhere, and nothing but them is accepted.
 */
#include "catalog/bundle.h"

#include "catalog/bundle_write.h"
#include "catalog/catalog.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "tests/harness/tmpdir.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void *ctx;
static const char *dir;
static struct err err;
static struct err_list errors;

static void setup(void)
{
    ctx = mem_context(NULL);
    dir = tmpdir_new(ctx);
    err = ERR_INIT;
    errors = ERR_LIST_INIT;
}

static void teardown(void)
{
    err_clear(&err);
    err_list_clear(&errors);
    talloc_free(ctx);
}

TestSuite(bundle, .init = setup, .fini = teardown);

/* --- writing ---------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    return tmpdir_path(ctx, dir, name);
}

static void write_folders(void)
{
    tmpdir_write(dir, "m/1.0/1_a.sql",
                 "-- pgtide:up\nCREATE TABLE a ();\n-- pgtide:down\nDROP TABLE a;\n");
    tmpdir_write(dir, "m/1.0/UPGRADE.md", "Stop the importer.\n");
    tmpdir_write(dir, "m/1.1/2_b.sql", "CREATE TABLE b ();\r\n");
    tmpdir_write(dir, "m/1.1-x.sql.md", "a document\n");
    tmpdir_write(dir, "m/R_v.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS x;\n");
    tmpdir_write(dir, "m/README", "not in it\n");
    tmpdir_write(dir, "m/.hidden", "not in it\n");
    tmpdir_write(dir, "s/base/10_a.csv", "id\n1\n");
    tmpdir_write(dir, "s/base/20_b.sql", "INSERT INTO b VALUES (1);\n");
    tmpdir_write(dir, "s/demo/10_c.json", "{\"c\": []}");
}

static struct catalog *load(const char *name)
{
    struct catalog *catalog = NULL;

    err_list_clear(&errors);
    if (catalog_load(ctx, path_of(name), name, &catalog, &errors) < 0)
        return NULL;
    return catalog;
}

static void collect(struct bundle_sources *sources, const char *folder, const char *name)
{
    cr_assert_eq(bundle_write_collect(sources, path_of(folder), folder, name, &err), 0, "%s",
                 err.message);
}

static int write_to(const char *name, struct bundle_sources *sources, const struct catalog *c)
{
    int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = bundle_write(fd, name, sources, c->head, c->checksum, &err);

    cr_assert_geq(fd, 0);
    close(fd);
    return rc;
}

/* The folders m and s as the bundle `name`. */
static void build(const char *name)
{
    struct bundle_sources sources = {.mem = ctx};
    struct catalog *catalog = load("m");

    cr_assert_not_null(catalog);
    collect(&sources, "s/demo", "seeds/demo");
    collect(&sources, "m", "migrations");
    collect(&sources, "s/base", "seeds/base");
    cr_assert_eq(write_to(name, &sources, catalog), 0, "%s", err.message);
}

static char *read_bytes(const char *name, size_t *ret_len)
{
    struct stat st;
    int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
    char *bytes;

    cr_assert(fd >= 0 && fstat(fd, &st) == 0);
    bytes = mem_array(ctx, char, (size_t)st.st_size + 1);
    cr_assert_eq(read(fd, bytes, (size_t)st.st_size), (ssize_t)st.st_size);
    close(fd);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

/* Whether these bytes are accepted as a bundle; what is wrong is in `err`. */
static bool accepted(const char *bytes, size_t len)
{
    struct bundle *bundle;
    bool good;

    tmpdir_write_bytes(dir, "try.tar", bytes, len);
    err_clear(&err);
    good = bundle_open(ctx, path_of("try.tar"), "try.tar", &bundle, &err) == 0;
    if (good)
        talloc_free(bundle);
    else
        cr_assert_eq(err.kind, ERR_DATA, "%s", err.message);
    return good;
}

Test(bundle, holds_what_the_folder_holds)
{
    struct catalog *folder;
    struct catalog *sealed;
    size_t len;
    char *bytes;

    write_folders();
    build("x.tar");
    folder = load("m");
    sealed = load("x.tar");
    cr_assert_not_null(sealed, "%s", errors.count ? errors.items[0].message : "");
    bytes = read_bytes("x.tar", &len);
    cr_expect_str_eq(sealed->bundle, sha256_text(ctx, bytes, len));
    cr_expect_null(folder->bundle);
    cr_expect_str_eq(sealed->source, "x.tar");
    cr_expect_str_eq(sealed->checksum, folder->checksum);
    cr_expect_eq(sealed->head, 2);
    cr_assert_eq(sealed->count, 2);
    cr_expect_str_eq(sealed->migrations[1].file, "x.tar:migrations/1.1/2_b.sql");
    cr_expect_str_eq(sealed->migrations[1].text, "CREATE TABLE b ();\n");
    cr_expect_str_eq(sealed->migrations[1].release, "1.1");
    cr_expect_eq(sealed->migrations[0].sections[SECTION_DOWN].count, 1);
    cr_expect_eq(sealed->repeatable_count, 1);
    cr_assert_eq(sealed->release_count, 2);
    cr_expect_str_eq(sealed->releases[0].upgrade, "Stop the importer.\n");
}

Test(bundle, seeds_come_from_the_bundle_and_nowhere_else)
{
    static const char *const names[] = {"base", "demo"};
    struct catalog *sealed;
    const struct seed_set *base;
    const char *const *there;
    size_t count;
    size_t len;
    char *bytes;

    write_folders();
    build("x.tar");
    tmpdir_remove(path_of("s"));
    sealed = load("x.tar");
    there = catalog_list_seed_sets(ctx, sealed, "nowhere", &count);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(there[0], "base");
    cr_expect_str_eq(there[1], "demo");
    cr_assert_eq(catalog_load_seeds(sealed, "nowhere", "nowhere", names, 2, &errors), 0);
    base = catalog_seed_set(sealed, "base");
    cr_assert_eq(base->count, 2);
    cr_expect_str_eq(base->files[0].file, "x.tar:seeds/base/10_a.csv");
    cr_expect_str_eq(base->files[0].path, path_of("x.tar"));
    cr_expect_str_eq(base->files[0].checksum, sha256_text(ctx, "id\n1\n", 5));
    cr_assert_eq(base->files[0].size, 5);
    bytes = read_bytes("x.tar", &len);
    cr_expect_eq(memcmp(bytes + base->files[0].offset, "id\n1\n", 5), 0);
    cr_expect_eq(base->files[1].sql->sections[SECTION_UP].count, 1);
    cr_expect_lt(catalog_load_seeds(sealed, "s", "s", (const char *const[]){"none"}, 1, &errors),
                 0);
    cr_expect_eq(errors.items[0].kind, ERR_NOINPUT);
}

/* Another order of collecting, other times and modes of the files. */
Test(bundle, same_files_same_bytes)
{
    struct bundle_sources sources = {.mem = ctx};
    size_t len;
    size_t other_len;
    char *bytes;
    char *other;

    write_folders();
    build("x.tar");
    cr_assert_eq(chmod(path_of("m/R_v.sql"), 0700), 0);
    cr_assert_eq(utimensat(AT_FDCWD, path_of("m/R_v.sql"), (struct timespec[2]){{1, 1}, {2, 2}}, 0),
                 0);
    tmpdir_write(dir, "m/README", "changed, but not in it\n");
    collect(&sources, "s/base", "seeds/base");
    collect(&sources, "m", "migrations");
    collect(&sources, "s/demo", "seeds/demo");
    cr_assert_eq(write_to("y.tar", &sources, load("m")), 0);
    bytes = read_bytes("x.tar", &len);
    other = read_bytes("y.tar", &other_len);
    cr_assert_eq(len, other_len);
    cr_assert_eq(memcmp(bytes, other, len), 0);
}

Test(bundle, an_empty_catalog)
{
    struct bundle_sources sources = {.mem = ctx};

    tmpdir_mkdir(dir, "m");
    collect(&sources, "m", "migrations");
    cr_assert_eq(write_to("x.tar", &sources, load("m")), 0);
    cr_assert_not_null(load("x.tar"));
}

Test(bundle, names_that_cannot_go_in)
{
    struct bundle_sources sources = {.mem = ctx};
    char name[300] = "m/";

    write_folders();
    tmpdir_write(dir, "m/1.1/3_\xff.sql", "SELECT 1;\n");
    cr_expect_lt(bundle_write_collect(&sources, path_of("m"), "m", "migrations", &err), 0);
    cr_expect_eq(err.kind, ERR_DATA);
    tmpdir_remove(path_of("m/1.1/3_\xff.sql"));
    memset(name + 2, '3', 120);
    memcpy(name + 3, "_", 1);
    memcpy(name + 122, ".sql", 5);
    tmpdir_write(dir, name, "SELECT 1;\n");
    sources.count = 0;
    collect(&sources, "m", "migrations");
    err_clear(&err);
    cr_expect_lt(write_to("x.tar", &sources, load("m")), 0);
    cr_expect_eq(err.kind, ERR_DATA);
    cr_expect(strstr(err.message, "too long") != NULL, "%s", err.message);
}

Test(bundle, names_in_other_scripts)
{
    struct catalog *catalog;

    tmpdir_write(dir, "m/1_größe_店.sql", "SELECT 1;\n");
    tmpdir_mkdir(dir, "s/base");
    tmpdir_mkdir(dir, "s/demo");
    build("x.tar");
    catalog = load("x.tar");
    cr_assert_not_null(catalog);
    cr_expect_str_eq(catalog->migrations[0].name, "größe_店");
}

Test(bundle, a_source_that_changes_while_it_is_read)
{
    struct bundle_sources sources = {.mem = ctx};
    struct catalog *catalog;

    write_folders();
    catalog = load("m");
    collect(&sources, "m", "migrations");
    tmpdir_write(dir, "m/1.1/2_b.sql", "CREATE TABLE c ();\r\n");
    cr_assert_lt(write_to("x.tar", &sources, catalog), 0);
    cr_expect_str_eq(err.message, "the file has changed while it was read");
}

/* --- what is not the bundle that was built ---------------------------------------------------- */

Test(bundle, every_single_bit_counts, .timeout = 120)
{
    size_t len;
    char *bytes;

    tmpdir_write(dir, "m/1_a.sql", "SELECT 1;\n");
    tmpdir_mkdir(dir, "s/base");
    tmpdir_mkdir(dir, "s/demo");
    build("x.tar");
    bytes = read_bytes("x.tar", &len);
    cr_assert(accepted(bytes, len));
    for (size_t bit = 0; bit < len * 8; bit += 3) { /* two or three of every byte */
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        cr_assert_not(accepted(bytes, len), "byte %zu, bit %zu", bit / 8, bit % 8);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    cr_assert(accepted(bytes, len));
}

Test(bundle, truncated_or_with_something_behind)
{
    size_t len;
    char *bytes;
    char *longer;

    write_folders();
    build("x.tar");
    bytes = read_bytes("x.tar", &len);
    for (size_t cut = 0; cut < len; cut += cut % 512 ? 511 : 1)
        cr_assert_not(accepted(bytes, cut), "%zu of %zu bytes", cut, len);
    longer = mem_array(ctx, char, len + 10240);
    memcpy(longer, bytes, len);
    cr_expect_not(accepted(longer, len + 1));
    cr_expect_not(accepted(longer, len + 512));
    cr_expect_not(accepted(longer, len + 10240));
}

Test(bundle, damage_after_it_was_opened_is_noticed)
{
    struct bundle *bundle;
    char *bytes;
    size_t len;
    int fd;

    write_folders();
    build("x.tar");
    cr_assert_eq(bundle_open(ctx, path_of("x.tar"), "x.tar", &bundle, &err), 0);
    cr_assert_eq(bundle_read(ctx, bundle, &bundle->files[0], "f", &bytes, &len, &err), 0);
    fd = open(path_of("x.tar"), O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "X", 1, bundle->files[0].offset), 1);
    close(fd);
    cr_expect_lt(bundle_read(ctx, bundle, &bundle->files[0], "f", &bytes, &len, &err), 0);
    cr_expect_eq(err.kind, ERR_DATA);
}

Test(bundle, other_files)
{
    static const char text[] = "SELECT 1;\n";
    struct bundle *bundle;

    cr_expect_not(accepted("", 0));
    cr_expect_not(accepted(text, strlen(text)));
    cr_expect(strstr(err.message, "not a bundle") != NULL, "%s", err.message);
    err_clear(&err);
    cr_expect_lt(bundle_open(ctx, path_of("none.tar"), "none.tar", &bundle, &err), 0);
    cr_expect_eq(err.kind, ERR_NOINPUT);
    err_clear(&err);
    cr_expect_lt(bundle_open(ctx, "/dev/null", "/dev/null", &bundle, &err), 0);
    cr_expect_eq(err.kind, ERR_DATA);
}

/* --- sealed by somebody else ------------------------------------------------------------------ */

struct piece {
    const char *path;
    const char *content;
    const char *link;
    unsigned type; /* 0: a file */
};

static void add_piece(struct archive *a, const struct piece *piece)
{
    struct archive_entry *entry = archive_entry_new();
    size_t len = piece->content ? strlen(piece->content) : 0;

    archive_entry_set_pathname(entry, piece->path);
    archive_entry_set_filetype(entry, piece->type ? piece->type : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (int64_t)len);
    if (piece->type == AE_IFLNK)
        archive_entry_set_symlink(entry, piece->link);
    else if (piece->link)
        archive_entry_set_hardlink(entry, piece->link);
    cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK, "%s", archive_error_string(a));
    if (len > 0)
        cr_assert_eq(archive_write_data(a, piece->content, len), (la_ssize_t)len);
    archive_entry_free(entry);
}

/* Whether a bundle of these entries, with a right seal, is accepted. `count` without the seal. */
static bool crafted(const struct piece *pieces, size_t count, bool pax)
{
    const size_t room = 65536;
    char *bytes = mem_array(ctx, char, room);
    struct archive *a = archive_write_new();
    struct piece seal = {BUNDLE_SEAL, mem_printf(ctx, "%071d\n", 0), NULL, 0};
    size_t used = 0;
    char *sum;

    if (pax)
        archive_write_set_format_pax(a);
    else
        archive_write_set_format_ustar(a);
    archive_write_set_bytes_per_block(a, 0);
    cr_assert_eq(archive_write_open_memory(a, bytes, room, &used), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++)
        add_piece(a, &pieces[i]);
    add_piece(a, &seal);
    archive_write_close(a);
    archive_write_free(a);
    sum = sha256_text(ctx, bytes, used - BUNDLE_TAIL);
    memcpy(bytes + used - BUNDLE_TAIL, sum, strlen(sum));
    return accepted(bytes, used);
}

/* A manifest of these files as they are. */
static const char *manifest_of(const struct piece *files, size_t count)
{
    struct strbuf out;

    strbuf_init(&out, ctx);
    strbuf_str(&out, "{\"format\":1,\"head\":\"1\",\"checksum\":\"sha256:0\",\"files\":[");
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&out, "%s{\"path\":\"%s\",\"size\":%zu,\"sha256\":\"%s\"}", i ? "," : "",
                      files[i].path, strlen(files[i].content),
                      sha256_text(ctx, files[i].content, strlen(files[i].content)) + 7);
    strbuf_str(&out, "]}");
    return out.text;
}

static const char sql[] = "SELECT 1;\n";

/* One file, described well, with `entry` (or itself) in its place. */
static bool crafted_one(const char *path, const struct piece *entry)
{
    const struct piece file = {path, sql, NULL, 0};
    const struct piece pieces[] = {
        {BUNDLE_MANIFEST, manifest_of(&file, 1), NULL, 0},
        entry ? *entry : file,
    };

    return crafted(pieces, 2, false);
}

Test(bundle, paths_that_lead_elsewhere)
{
    static const char *const paths[] = {
        "/migrations/1_a.sql",
        "migrations/../1_a.sql",
        "migrations/./1_a.sql",
        "../migrations/1_a.sql",
        "migrations\x2f/1_a.sql",
        "migrations/",
        "migrations/a/",
        "migrations/.1_a.sql",
        "migrations/a/..",
        "migrations",
        "other/1_a.sql",
        "1_a.sql",
        "migrations/1_a\\u0001.sql",
        "migrationsx/1_a.sql",
        "seeds/../migrations/1_a.sql",
        "migrations/1_a.sql\\u0000.x",
        "manifest.json",
        "seal",
    };

    cr_assert(crafted_one("migrations/1_a.sql", NULL), "%s", err.message);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        cr_expect_not(crafted_one(paths[i], NULL), "%s", paths[i]);
}

Test(bundle, entries_that_are_no_plain_files)
{
    static const char path[] = "migrations/1_a.sql";
    const struct piece others[] = {
        {path, NULL, "/etc/passwd", AE_IFLNK},
        {path, NULL, "manifest.json", 0},
        {path, NULL, NULL, AE_IFDIR},
        {path, NULL, NULL, AE_IFIFO},
        {path, "SELECT 2;\n", NULL, 0},
        {path, "SELECT 1;\n\n", NULL, 0},
        {path, "", NULL, 0},
        {"migrations/2_a.sql", sql, NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        cr_expect_not(crafted_one(path, &others[i]), "%zu", i);
}

Test(bundle, entries_too_many_too_few_or_twice)
{
    const struct piece a = {"migrations/1_a.sql", sql, NULL, 0};
    const struct piece b = {"migrations/2_b.sql", sql, NULL, 0};
    const struct piece both[] = {a, b};
    const struct piece turned[] = {b, a};
    const struct piece twice[] = {a, a};
    const struct piece one = {BUNDLE_MANIFEST, manifest_of(both, 1), NULL, 0};
    const struct piece two = {BUNDLE_MANIFEST, manifest_of(both, 2), NULL, 0};
    const struct piece wrong_order = {BUNDLE_MANIFEST, manifest_of(turned, 2), NULL, 0};
    const struct piece double_entry = {BUNDLE_MANIFEST, manifest_of(twice, 2), NULL, 0};

    cr_expect(crafted((const struct piece[]){two, a, b}, 3, false), "%s", err.message);
    cr_expect_not(crafted((const struct piece[]){one, a, b}, 3, false));
    cr_expect_not(crafted((const struct piece[]){two, a}, 2, false));
    cr_expect_not(crafted((const struct piece[]){two, b, a}, 3, false));
    cr_expect_not(crafted((const struct piece[]){two, a, a, b}, 4, false));
    cr_expect_not(crafted((const struct piece[]){wrong_order, b, a}, 3, false));
    cr_expect_not(crafted((const struct piece[]){double_entry, a, a}, 3, false));
    cr_expect_not(crafted((const struct piece[]){a, two, b}, 3, false));
    cr_expect_not(crafted((const struct piece[]){a}, 1, false));
}

Test(bundle, no_extended_headers)
{
    char path[200] = "migrations/";
    struct piece file = {path, sql, NULL, 0};
    struct piece manifest = {BUNDLE_MANIFEST, NULL, NULL, 0};

    memset(path + 11, '1', 150);
    memcpy(path + 161, "_a.sql", 7);
    manifest.content = manifest_of(&file, 1);
    cr_expect_not(crafted((const struct piece[]){manifest, file}, 2, true));
}

Test(bundle, manifests_that_are_not_in_order)
{
    static const char *const manifests[] = {
        "",
        "{",
        "[]",
        "{\"format\":1}",
        "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":{}}",
        "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[1]}",
        "{\"format\":1,\"head\":\"x\",\"checksum\":\"x\",\"files\":[]}",
        "{\"format\":1,\"head\":\"-1\",\"checksum\":\"x\",\"files\":[]}",
        "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[],\"more\":1}",
        "{\"format\":1,\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[]}",
        "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[{\"path\":\"migrations/"
        "1_a.sql\","
        "\"size\":-1,\"sha256\":\"0\"}]}",
        "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[{\"path\":\"migrations/"
        "1_a.sql\","
        "\"size\":9223372036854775807,\"sha256\":\"0\"}]}",
    };
    struct piece manifest = {BUNDLE_MANIFEST, NULL, NULL, 0};

    for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
        manifest.content = manifests[i];
        cr_expect_not(crafted(&manifest, 1, false), "%s", manifests[i]);
    }
    manifest.content = "{\"format\":1,\"head\":\"1\",\"checksum\":\"x\",\"files\":[]}";
    cr_expect(crafted(&manifest, 1, false), "%s", err.message);
    manifest.content = "{\"format\":2,\"what\":[]}";
    cr_expect_not(crafted(&manifest, 1, false));
    cr_expect(strstr(err.message, "newer pgtide") != NULL, "%s", err.message);
}

/* Well sealed, but its manifest speaks of another catalog. */
Test(bundle, a_manifest_of_another_catalog)
{
    struct bundle_sources sources = {.mem = ctx};
    struct catalog *catalog;

    write_folders();
    catalog = load("m");
    collect(&sources, "m", "migrations");
    catalog->head = 3;
    cr_assert_eq(write_to("x.tar", &sources, catalog), 0);
    cr_assert_null(load("x.tar"));
    cr_expect_str_eq(errors.items[0].message,
                     "the bundle's manifest and its migrations do not agree");
}

/* What is wrong in a file of a bundle is said with the place in it. */
Test(bundle, errors_name_the_file_in_it)
{
    struct bundle_sources sources = {.mem = ctx};
    struct catalog *catalog;

    write_folders();
    catalog = load("m");
    tmpdir_write(dir, "m/1.1/2_b.sql", "SELECT 1;\nSELECT 'x;\n");
    collect(&sources, "m", "migrations");
    cr_assert_eq(write_to("x.tar", &sources, catalog), 0);
    cr_assert_null(load("x.tar"));
    cr_expect_str_eq(errors.items[0].file, "x.tar:migrations/1.1/2_b.sql");
    cr_expect_eq(errors.items[0].line, 2);
}
