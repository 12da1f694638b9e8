/*
 * test_report_file.c: --report FILE: checked before, whole or not there.
 */
#include "orchestrator/report_file.h"

#include "common/mem.h"
#include "tests/unit/orchestrator/report_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

static struct report_fixture fixture;
static struct err err;
static char folder[] = "/tmp/pgtide-report-XXXXXX";

static void setup(void)
{
    report_fixture_init(&fixture, "migrate", 3);
    report_fixture_count(&fixture);
    err = ERR_INIT;
    cr_assert_not_null(mkdtemp(folder));
}

static void teardown(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(folder);
    err_clear(&err);
    report_fixture_free(&fixture);
}

TestSuite(report_file, .init = setup, .fini = teardown);

static const char *path_of(const char *name)
{
    return mem_printf(fixture.mem, "%s/%s", folder, name);
}

static size_t files(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t count = 0;

    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

Test(report_file, endings)
{
    static const char *const endings[] = {"x.json", "x.html", "x.md", "x.csv", "x.xml", "x.prom"};

    cr_expect_eq(report_file_check(path_of("x.json"), &err), 0);
    cr_expect_eq(report_file_check("x.json", &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        cr_expect_eq(report_file_check(path_of(endings[i]), &err), 0, "%s", endings[i]);
    cr_expect_eq(report_file_check(path_of("x.pdf"), &err), -1);
    cr_expect_eq(err.kind, ERR_USAGE);
    cr_expect_str_eq(err.hint,
                     "Give it a name that ends in .json, .html, .md, .csv, .xml (JUnit) or .prom.");
    cr_expect_eq(report_file_check("/tmp.json/report", &err), -1, "the ending of the file counts");
}

Test(report_file, missing_folder_is_found_before_the_run)
{
    cr_expect_eq(report_file_check(path_of("none/x.json"), &err), -1);
    cr_expect_eq(err.kind, ERR_NOINPUT);
    cr_expect(strstr(err.message, "No such file or directory") != NULL, "%s", err.message);
}

/* Begins `path` with `head`? */
static bool begins_with(const char *path, const char *head)
{
    char found[32] = "";
    FILE *file = fopen(path, "r");
    size_t len = fread(found, 1, strlen(head), file);

    fclose(file);
    return len == strlen(head) && strcmp(found, head) == 0;
}

Test(report_file, the_ending_names_the_format)
{
    static const struct {
        const char *name;
        const char *head;
    } cases[] = {
        {"x.json", "{"},   {"x.html", "<!DOCTYPE html>"}, {"x.md", "# pgtide migrate"},
        {"x.csv", "run,"}, {"x.xml", "<?xml "},           {"x.prom", "# HELP pgtide_run_info"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path = path_of(cases[i].name);

        cr_assert_eq(report_file_write(&fixture.report, path, &err), 0, "%s", err.message);
        cr_expect(begins_with(path, cases[i].head), "%s", cases[i].name);
    }
}

Test(report_file, replaces_the_old_one_whole)
{
    const char *path = path_of("x.json");
    FILE *old = fopen(path, "w");
    struct stat status;
    json_t *root;

    fputs("old", old);
    fclose(old);
    umask(027);
    cr_assert_eq(report_file_write(&fixture.report, path, &err), 0, "%s", err.message);
    root = json_load_file(path, 0, NULL);
    cr_expect_eq(json_array_size(json_object_get(root, "tenants")), 3);
    json_decref(root);
    cr_expect_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0640);
    cr_expect_eq(files(), 1, "no temporary file is left");
}

Test(report_file, failure_leaves_nothing_behind)
{
    cr_expect_eq(mkdir(path_of("x.json"), 0700), 0);
    cr_expect_eq(report_file_write(&fixture.report, path_of("x.json"), &err), -1);
    cr_expect(strstr(err.message, "could not write report file") != NULL);
    cr_expect_eq(files(), 1);
    rmdir(path_of("x.json"));
}

Test(report_file, a_device_is_written_to_not_replaced)
{
    const char *path = path_of("x.json");
    struct stat status;

    cr_assert_eq(symlink("/dev/full", path), 0);
    cr_expect_eq(report_file_write(&fixture.report, path, &err), -1);
    cr_expect(strstr(err.message, "No space left on device") != NULL, "%s", err.message);
    cr_expect_eq(stat(path, &status), 0);
    cr_expect(S_ISCHR(status.st_mode));
}
