/*
 * test_bundle.c: from `pgtide build` to tenants that were migrated and seeded from the bundle.
 */
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE_ROWS = 100000, ROW_BYTES = 53 };

static struct fleet_fixture *new_fleet(size_t tenants)
{
    void *ctx = mem_context(NULL);

    return fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);
}

/* An inventory whose migrations are this folder or bundle; `tenant` is more for each tenant. */
static void write_inventory(const struct fleet_fixture *fleet, const char *migrations,
                            const char *extra, const char *tenant)
{
    struct strbuf yaml;

    strbuf_init(&yaml, NULL);
    strbuf_printf(&yaml,
                  "connection: {user: postgres}\n"
                  "migrations: %s\n"
                  "servers: {main: {host: %s, port: %d}}\n"
                  "%s"
                  "tenants:\n",
                  migrations, fleet->host, fleet->port, extra);
    for (size_t i = 0; i < fleet->count; i++)
        strbuf_printf(&yaml, "  - {name: store-%zu, server: main, database: %s%s}\n", i + 1,
                      fleet->databases[i], tenant);
    fleet_fixture_yaml(fleet, "%s", yaml.text);
    strbuf_release(&yaml);
}

static void write_shop(const struct fleet_fixture *fleet)
{
    fleet_fixture_write(fleet, "migrations/1.19.0/1_product.sql",
                        "-- pgtide:up\nCREATE TABLE product (id int PRIMARY KEY, title text);\n"
                        "-- pgtide:down\nDROP TABLE product;\n");
    fleet_fixture_write(fleet, "migrations/1.20.0/2_price.sql",
                        "-- pgtide:up\nALTER TABLE product ADD COLUMN price int;\n"
                        "-- pgtide:down\nALTER TABLE product DROP COLUMN price;\n");
    fleet_fixture_write(fleet, "migrations/1.20.0/UPGRADE.md", "Stop the importer first.\n");
    fleet_fixture_write(fleet, "migrations/R_list.sql",
                        "CREATE OR REPLACE VIEW list AS SELECT title FROM product;\n");
    fleet_fixture_write(fleet, "seeds/base/10_product.json",
                        "{\"product\": [{\"id\": 1, \"title\": \"Mug\"}]}\n");
    fleet_fixture_write(fleet, "seeds/base/20_price.sql", "UPDATE product SET price = 9;\n");
}

static const struct fleet_run *build(struct fleet_fixture *fleet, const char *bundle)
{
    const struct fleet_run *run = fleet_fixture_run(fleet, "build", "--dir", "migrations",
                                                    "--seeds", "seeds", "-o", bundle, NULL);

    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    return run;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static char *read_bundle(const struct fleet_fixture *fleet, const char *name, size_t *ret_len)
{
    char *path = tmpdir_path(fleet, fleet->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *bytes;

    cr_assert(fd >= 0 && fstat(fd, &st) == 0, "%s is not there", path);
    bytes = mem_array(fleet, char, (size_t)st.st_size + 1);
    cr_assert_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

static const char *checksum_of(const struct fleet_fixture *fleet, const char *name)
{
    size_t len;
    char *bytes = read_bundle(fleet, name, &len);

    return sha256_text(fleet, bytes, len);
}

/* --- building --------------------------------------------------------------------------------- */

Test(bundle, the_same_on_every_machine)
{
    static const char script[] =
        "set -e; mkdir other; cp -r migrations seeds other/; cd other; "
        "touch -d '2001-02-03' migrations/R_list.sql; chmod 600 migrations/1.19.0/1_product.sql; "
        "mv migrations/1.20.0/2_price.sql x; mv x migrations/1.20.0/2_price.sql; umask 077; "
        "LC_ALL=C TZ=Asia/Tokyo \"$0\" -o x.tar build --dir migrations --seeds seeds; "
        "cmp x.tar ../x.tar; cd /; \"$0\" build --dir \"$1/migrations\" --seeds \"$1/seeds/\" "
        "-o \"$1/y.tar\"; cmp \"$1/x.tar\" \"$1/y.tar\"";
    struct fleet_fixture *fleet = new_fleet(0);
    const struct process_result *result;
    const char *argv[] = {"sh", "-c", script, fleet_fixture_program(fleet), fleet->dir, NULL};

    write_shop(fleet);
    build(fleet, "x.tar");
    result = process_run(fleet, &(struct process_spec){.argv = argv, .cwd = fleet->dir});
    cr_assert_eq(result->exit_code, 0, "%s%s", result->out, result->err);
}

Test(bundle, tar_reads_it)
{
    struct fleet_fixture *fleet = new_fleet(0);
    const struct process_result *result;
    const struct fleet_run *run;

    write_shop(fleet);
    run = build(fleet, "x.tar");
    cr_expect_str_eq(run->out, mem_printf(fleet,
                                          "x.tar: 2 migrations, 1 repeatable, head 2, 1 seed set "
                                          "with 2 files\n%s\n",
                                          checksum_of(fleet, "x.tar")));
    result = process_must_run(
        fleet, &(struct process_spec){.argv = (const char *const[]){"tar", "tf", "x.tar", NULL},
                                      .cwd = fleet->dir});
    cr_expect_str_eq(result->out, "manifest.json\n"
                                  "migrations/1.19.0/1_product.sql\n"
                                  "migrations/1.20.0/2_price.sql\n"
                                  "migrations/1.20.0/UPGRADE.md\n"
                                  "migrations/R_list.sql\n"
                                  "seeds/base/10_product.json\n"
                                  "seeds/base/20_price.sql\n"
                                  "seal\n");
    cr_expect_str_eq(result->err, "");
}

/* Nothing is left behind, and a bundle that is there stays. */
Test(bundle, what_is_not_right_is_not_sealed)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    const char *before;
    const char *left;

    write_shop(fleet);
    write_inventory(fleet, "migrations", "", "");
    cr_assert_eq(fleet_fixture_run(fleet, "build", "--require-down", NULL)->exit_code, 0);
    before = checksum_of(fleet, "bundle.tar");
    fleet_fixture_write(fleet, "migrations/1.20.0/3_bad.sql", "SELECT 'x;\n");
    fleet_fixture_write(fleet, "migrations/1.20.0/4_bad.txt", "");
    run = fleet_fixture_run(fleet, "build", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(has(run->err, "3_bad.sql:1") && has(run->err, "4_bad.txt"), "%s", run->err);
    fleet_fixture_remove(fleet, "migrations/1.20.0/4_bad.txt");
    fleet_fixture_write(fleet, "migrations/1.20.0/3_bad.sql", "SELECT 1;\n");
    run = fleet_fixture_run(fleet, "build", "--require-down", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(has(run->err, "3_bad.sql: there is no way back"), "%s", run->err);
    fleet_fixture_write(fleet, "seeds/base/30_bad.json", "{\"product\": [{]}\n");
    run = fleet_fixture_run(fleet, "build", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(has(run->err, "30_bad.json:1"), "%s", run->err);
    cr_expect_str_eq(checksum_of(fleet, "bundle.tar"), before);
    left = process_must_run(fleet, &(struct process_spec){.argv = (const char *const[]){"ls", NULL},
                                                          .cwd = fleet->dir})
               ->out;
    cr_expect_str_eq(left, "bundle.tar\nfleet.yaml\nmigrations\nseeds\n");
    cr_expect_eq(
        fleet_fixture_run(fleet, "build", "-o", "no/such/x.tar", "--dir", "migrations/1.19.0", NULL)
            ->exit_code,
        1);
    write_inventory(fleet, "bundle.tar", "", "");
    run = fleet_fixture_run(fleet, "build", NULL);
    cr_expect_eq(run->exit_code, 64);
    cr_expect(has(run->err, "--dir FOLDER"), "%s", run->err);
}

/* --- running ---------------------------------------------------------------------------------- */

static void write_large_seed(const struct fleet_fixture *fleet)
{
    struct strbuf csv;

    strbuf_init(&csv, NULL);
    strbuf_str(&csv, "id,title\n");
    for (int i = 0; i < LARGE_ROWS; i++)
        strbuf_printf(&csv, "%08d,%0*d\n", i + 10, ROW_BYTES - 10, i);
    cr_assert_gt(csv.len, 5000000);
    fleet_fixture_write(fleet, "seeds/base/05_product.csv", csv.text);
    strbuf_release(&csv);
}

Test(bundle, migrates_and_seeds_from_the_bundle_alone, .timeout = 120)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;
    const char *bundle;
    const char *expected;

    write_shop(fleet);
    write_large_seed(fleet);
    build(fleet, "shop.tar");
    bundle = checksum_of(fleet, "shop.tar");
    fleet_fixture_remove(fleet, "migrations");
    fleet_fixture_remove(fleet, "seeds");
    write_inventory(fleet, "shop.tar", "run: {require_bundle: true}\n", ", seeds: [base]");
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect(has(run->out, mem_printf(fleet, "shop.tar: sealed, %s\n", bundle)), "%s", run->out);
    run = fleet_fixture_run(fleet, "migrate", "--seed", NULL);
    cr_assert_eq(run->exit_code, 0, "%s%s", run->out, run->err);
    cr_expect(has(run->out, mem_printf(fleet, "bundle shop.tar, %s\n", bundle)), "%s", run->out);
    cr_expect_str_eq(
        json_string_value(json_object_get(json_object_get(run->report, "catalog"), "bundle")),
        bundle);
    for (size_t n = 1; n <= 2; n++) {
        cr_expect_eq(fleet_fixture_count(fleet, n, "SELECT count(*) FROM product WHERE price = 9"),
                     LARGE_ROWS + 1);
        expected = mem_printf(fleet,
                              "SELECT count(*) FROM pgtide_history "
                              "WHERE detail->>'bundle' = '%s'",
                              bundle);
        cr_expect_eq(fleet_fixture_count(fleet, n, expected), 6);
        cr_expect_str_eq(fleet_fixture_value(fleet, n,
                                             "SELECT (detail - 'bundle')::text FROM pgtide_history "
                                             "WHERE name = 'base/05_product.csv'"),
                         mem_printf(fleet, "{\"rows\": %d}", LARGE_ROWS));
    }
    run = fleet_fixture_run(fleet, "migrate", "--seed", NULL);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "current");
    run = fleet_fixture_run(fleet, "migrate", "--seed", "--seed-set", "bas", NULL);
    cr_expect_eq(run->exit_code, 66);
    cr_expect(has(run->err, "no seed set \"bas\" in \"shop.tar\"") && has(run->err, "\"base\""),
              "%s", run->err);
}

/* A folder and a bundle of it are one catalog: nothing is pending after a change between them. */
Test(bundle, a_folder_and_its_bundle_are_the_same_to_tenants)
{
    struct fleet_fixture *fleet = new_fleet(1);

    write_shop(fleet);
    write_inventory(fleet, "migrations", "", ", seeds: [base]");
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", "--seed", NULL)->exit_code, 0);
    cr_expect_null(fleet_fixture_value(fleet, 1,
                                       "SELECT max(detail->>'bundle') FROM "
                                       "pgtide_history"));
    build(fleet, "shop.tar");
    write_inventory(fleet, "shop.tar", "", ", seeds: [base]");
    cr_expect_str_eq(
        fleet_fixture_outcome(fleet_fixture_run(fleet, "migrate", "--seed", NULL), "store-1"),
        "current");
    cr_expect_eq(fleet_fixture_run(fleet, "validate", "--connect", NULL)->exit_code, 0);
}

Test(bundle, a_changed_one_is_refused_before_anything_is_connected_to)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;
    size_t len;
    char *bytes;
    const char *found;

    write_shop(fleet);
    build(fleet, "shop.tar");
    write_inventory(fleet, "shop.tar", "", "");
    bytes = read_bundle(fleet, "shop.tar", &len);
    found = memmem(bytes, len, "price int", 9);
    cr_assert_not_null(found);
    bytes[found - bytes] = 'q';
    tmpdir_write_bytes(fleet->dir, "shop.tar", bytes, len);
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(has(run->err, "shop.tar: the bundle is damaged, or was changed after it was built"),
              "%s", run->err);
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
    write_inventory(fleet, "shop.tar", "seeds: nowhere\n", ", seeds: [base]");
    run = fleet_fixture_run(fleet, "validate", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(!has(run->err, "seed"), "%s", run->err);
    bytes[found - bytes] = 'p';
    tmpdir_write_bytes(fleet->dir, "shop.tar", bytes, len);
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
}

/* The bundle is replaced after it was read, before a seed of it is loaded. */
Test(bundle, a_seed_that_changes_under_a_run_is_not_loaded)
{
    struct fleet_fixture *fleet = new_fleet(1);
    struct process *process;
    const struct fleet_run *run;
    size_t len;
    char *bytes;
    char *found;

    write_shop(fleet);
    build(fleet, "shop.tar");
    write_inventory(fleet, "shop.tar", "settings: {lock_wait: 60s}\n", ", seeds: [base]");
    fleet_fixture_exec(fleet, 1, "CREATE TABLE held (x int)");
    fleet_fixture_exec(fleet, 1, "DROP TABLE held");
    bytes = read_bundle(fleet, "shop.tar", &len);
    found = memmem(bytes, len, "Mug", 3);
    cr_assert_not_null(found);
    PGconn *other = pg_sql_connect(fleet->server, fleet->databases[0]);
    PQclear(PQexec(other, "SELECT pg_advisory_lock(hashtextextended('pgtide:public.pgtide_history'"
                          ", 0))"));
    process = fleet_fixture_start(fleet, "migrate", "--seed", NULL);
    cr_assert(pg_sql_wait(fleet->server, fleet->databases[0],
                          "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                          "'pgtide %' AND datname = current_database()",
                          20000));
    *found = 'B';
    tmpdir_write_bytes(fleet->dir, "shop.tar", bytes, len);
    PQfinish(other);
    run = fleet_fixture_wait(fleet, process);
    cr_expect_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_expect(has(run->out, "changed since the run began"), "%s", run->out);
    cr_expect_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM product"), 0);
}

Test(bundle, require_bundle_refuses_folders)
{
    static const char *const commands[] = {"migrate", "plan", "status", "validate"};
    struct fleet_fixture *fleet = new_fleet(1);

    write_shop(fleet);
    write_inventory(fleet, "migrations", "run: {require_bundle: true}\n", "");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct fleet_run *run = fleet_fixture_run(fleet, commands[i], NULL);

        cr_expect_eq(run->exit_code, 78, "%s: %d", commands[i], run->exit_code);
        cr_expect(has(run->err, "fleet.yaml:2:13: \"migrations\" is a folder"), "%s", run->err);
        cr_expect(has(run->err, "pgtide build --dir migrations -o FILE"), "%s", run->err);
    }
    cr_expect_eq(fleet_fixture_applied(fleet, 1), 0);
    cr_expect_eq(fleet_fixture_run(fleet, "build", NULL)->exit_code, 0);
}

Test(bundle, errors_of_the_server_name_the_file_in_it)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/1_a.sql", "SELECT 1;\nSELECT nothing;\n");
    fleet_fixture_write(fleet, "seeds/README", "");
    build(fleet, "shop.tar");
    write_inventory(fleet, "shop.tar", "", "");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    cr_expect(has(run->out, " at 1_a.sql:2"), "%s", run->out);
    cr_expect_str_eq(json_string_value(json_object_get(
                         json_object_get(fleet_fixture_tenant(run, "store-1"), "error"), "file")),
                     "shop.tar:migrations/1_a.sql");
}

/* The detail of a row has other things in it too: they stay beside the bundle. */
Test(bundle, stands_in_the_history_beside_what_else_is_noted)
{
    static const char state_sql[] =
        "SELECT state || coalesce((detail->>'verify'), '') || (detail ? 'bundle')::text "
        "FROM pgtide_history ORDER BY rank DESC LIMIT 1";
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "-- pgtide: verify=after-commit\n-- pgtide:up\nCREATE TABLE a (n int);\n"
                        "-- pgtide:verify\nSELECT count(*) = 1 FROM a;\n");
    fleet_fixture_write(fleet, "seeds/README", "");
    build(fleet, "shop.tar");
    write_inventory(fleet, "shop.tar", "", "");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 4);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, state_sql), "startedpendingtrue");
    fleet_fixture_exec(fleet, 1, "INSERT INTO a VALUES (1)");
    cr_expect_eq(fleet_fixture_run(fleet, "migrate", NULL)->exit_code, 0);
    cr_expect_str_eq(fleet_fixture_value(fleet, 1, state_sql), "appliedtrue");
}

/* --- releases --------------------------------------------------------------------------------- */

/* "NAME=GUIDE" of each release in the report. */
static const char *releases(struct fleet_fixture *fleet, const struct fleet_run *run)
{
    const json_t *list = json_object_get(run->report, "releases");
    struct strbuf out;

    cr_assert(json_is_array(list));
    strbuf_init(&out, fleet);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *guide = json_string_value(json_object_get(item, "upgrade"));

        strbuf_printf(&out, "%s=%s;", json_string_value(json_object_get(item, "name")),
                      guide ? guide : "null");
    }
    return out.text;
}

static const char *release_of(const struct fleet_run *run, const char *tenant)
{
    const char *name =
        json_string_value(json_object_get(fleet_fixture_tenant(run, tenant), "release"));

    return name ? name : "null";
}

Test(releases, plan_migrate_and_status_speak_of_them)
{
    struct fleet_fixture *fleet = new_fleet(2);
    const struct fleet_run *run;
    const json_t *versions;

    write_shop(fleet);
    fleet_fixture_write(fleet, "migrations/1.20.0/3_note.sql", "SELECT 1;\n");
    write_inventory(fleet, "migrations", "", "");
    run = fleet_fixture_run(fleet, "plan", NULL);
    cr_expect_str_eq(releases(fleet, run), "1.19.0=null;1.20.0=Stop the importer first.\n;");
    cr_expect_str_eq(release_of(run, "store-1"), "null");
    run = fleet_fixture_run(fleet, "migrate", "--to", "1.19.0", NULL);
    cr_assert_eq(run->exit_code, 0, "%s", run->err);
    cr_expect_str_eq(releases(fleet, run), "1.19.0=null;");
    cr_expect_str_eq(release_of(run, "store-1"), "1.19.0");
    run = fleet_fixture_run(fleet, "migrate", "-t", "store-1", "--to", "2", NULL);
    cr_expect_str_eq(releases(fleet, run), "1.20.0=Stop the importer first.\n;");
    cr_expect_str_eq(release_of(run, "store-1"), "1.19.0"); /* 3 is missing */
    cr_assert_eq(fleet_fixture_run(fleet, "migrate", "-t", "store-2", NULL)->exit_code, 0);
    run = fleet_fixture_run(fleet, "status", NULL);
    cr_expect_str_eq(release_of(run, "store-1"), "1.19.0");
    cr_expect_str_eq(release_of(run, "store-2"), "1.20.0");
    cr_expect(has(run->out, "release  version"), "%s", run->out);
    versions = json_object_get(run->report, "versions");
    cr_assert_eq(json_array_size(versions), 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(versions, 0), "release")),
                     "1.20.0");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(versions, 1), "release")),
                     "1.19.0");
}

Test(releases, versions_must_rise)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    write_shop(fleet);
    fleet_fixture_write(fleet, "migrations/1.21.0/02_late.sql", "SELECT 1;\n");
    fleet_fixture_remove(fleet, "migrations/1.20.0/2_price.sql");
    fleet_fixture_write(fleet, "migrations/1.20.0/7_price.sql", "SELECT 1;\n");
    write_inventory(fleet, "migrations", "", "");
    run = fleet_fixture_run(fleet, "build", NULL);
    cr_expect_eq(run->exit_code, 65);
    cr_expect(has(run->err, "is not above version 7 of the earlier release \"1.20.0\""), "%s",
              run->err);
}
