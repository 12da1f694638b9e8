/*
 * cmd_new.c: new NAME: creates a migration file to be filled in.
 *
 * Versions are UTC timestamps. Where the folder has a newer one already (this machine's clock is
 * behind, or two files are made in one second) the new one is the newest plus one, so that it is
 * pending everywhere.
 */
#include "orchestrator/cmd.h"

#include "catalog/migration.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/create.h"
#include "orchestrator/input.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

enum { NAME_MOST = 100 };

/* The highest version with 18 digits. */
static const int64_t version_most = 999999999999999999;

static const char versioned_template[] =
    "-- Runs in one transaction, together with its row in the history. What has to run outside\n"
    "-- one (CREATE INDEX CONCURRENTLY, VACUUM) goes into a file of its own, with the directive\n"
    "-- transaction=none on the marker line below. Further sections, where wanted:\n"
    "--   verify   queries that must give true after the change, or it is undone\n"
    "--   require  queries that must give true before it, or the tenant is held\n"
    "--   when     queries that decide whether it is for this tenant at all\n"
    "\n"
    "-- pgtide:up\n"
    "\n"
    "-- pgtide:down\n";

static const char repeatable_template[] =
    "-- Runs again on every tenant whenever this file changes, after all versioned migrations:\n"
    "-- write it so that running it twice is harmless, e.g. CREATE OR REPLACE VIEW.\n"
    "\n"
    "-- pgtide:up\n";

/* By ASCII: file names must not depend on the locale. */
static bool is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_gap(char c)
{
    return c == '_' || c == '-' || c == ' ';
}

static int check_name(const char *name, struct err *err)
{
    size_t letters = 0;

    for (const char *p = name; *p; p++) {
        letters += is_small(*p) || is_capital(*p);
        if (is_small(*p) || is_capital(*p) || is_gap(*p))
            continue;
        err_set(err, ERR_USAGE, "invalid name \"%s\" for a migration", name);
        err_hint(err, "Use letters, digits, blanks, '-' and '_'; version and ending are added.");
        return -1;
    }
    if (letters == 0 || strlen(name) > NAME_MOST)
        return err_set(err, ERR_USAGE, "invalid name \"%s\" for a migration: %s", name,
                       letters ? "too long" : "it has no letter");
    return 0;
}

/* "Add product-handle" or "AddProductHandle" -> "add_product_handle". */
static char *snake_name(void *parent, const char *name)
{
    struct strbuf snake;

    strbuf_init(&snake, parent);
    for (const char *p = name; *p; p++) {
        bool begins = is_capital(*p) && p > name && is_small(p[-1]);
        bool joined = snake.len == 0 || snake.text[snake.len - 1] == '_';

        if ((is_gap(*p) || begins) && !joined)
            strbuf_char(&snake, '_');
        if (!is_gap(*p))
            strbuf_char(&snake, is_capital(*p) ? (char)(*p - 'A' + 'a') : *p);
    }
    if (snake.text[snake.len - 1] == '_')
        snake.text[--snake.len] = '\0';
    return snake.text;
}

/* The time of now as a version: 20261123061500. */
static int64_t version_of_now(void)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    int64_t day;

    gmtime_r(&now, &tm);
    day = (tm.tm_year + INT64_C(1900)) * 10000 + (tm.tm_mon + INT64_C(1)) * 100 + tm.tm_mday;
    return day * 1000000 + tm.tm_hour * INT64_C(10000) + tm.tm_min * INT64_C(100) + tm.tm_sec;
}

static bool is_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The version of a migration's file name; 0 for any other. */
static int64_t version_of(void *mem, const char *base)
{
    struct migration migration = {0};
    struct err err = ERR_INIT;

    if (migration_parse_name(mem, base, &migration, &err) < 0) {
        err_clear(&err);
        return 0;
    }
    return migration.version;
}

/* Raises *newest to the highest version in `folder` and its subfolders. */
static int find_newest(void *mem, const char *folder, int64_t *newest, struct err *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int rc = 0;

    if (!dir) {
        err_set(err, ERR_NOINPUT, "could not open folder \"%s\": %m", folder);
        if (errno == ENOENT)
            err_hint(err, "Make it with: mkdir -p %s", folder);
        return -1;
    }
    while (rc == 0 && (entry = readdir(dir))) {
        char *path = mem_printf(mem, "%s/%s", folder, entry->d_name);
        int64_t version = version_of(mem, entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (is_folder(path))
            rc = find_newest(mem, path, newest, err);
        else if (version > *newest)
            *newest = version;
    }
    closedir(dir);
    return rc;
}

static int next_version(void *mem, const char *folder, int64_t *ret, struct err *err)
{
    int64_t newest = 0;
    int64_t now = version_of_now();

    if (find_newest(mem, folder, &newest, err) < 0)
        return -1;
    if (newest >= version_most)
        return err_set(err, ERR_DATA, "no version is left above %lld in \"%s\"", (long long)newest,
                       folder);
    *ret = now > newest ? now : newest + 1;
    return 0;
}

/* Where the file goes: --dir, or the migrations of the fleet. */
static int choose_folder(void *mem, const struct options *options, const char **ret,
                         struct err_list *errors)
{
    struct fleet *fleet;
    struct err err = ERR_INIT;

    *ret = options->dir;
    if (options->dir)
        return 0;
    if (fleet_load(mem, options->fleet, &fleet, errors) < 0) {
        err_set(&err, errors->items[0].kind, "the folder of the migrations is not known");
        err_hint(&err, "Name it: pgtide new --dir FOLDER %s", options->arguments.items[0]);
        return err_list_take(errors, &err);
    }
    *ret = fleet->migrations;
    return input_require_migrations(fleet, errors);
}

static int create(void *mem, const struct options *options, const char *folder, struct err *err)
{
    const char *given = options->arguments.items[0];
    const char *template = options->repeatable ? repeatable_template : versioned_template;
    int64_t version = 0;
    char *name;
    char *path;

    if (check_name(given, err) < 0)
        return -1;
    name = snake_name(mem, given);
    if (options->repeatable) {
        path = mem_printf(mem, "%s/R_%s.sql", folder, name);
    } else {
        if (next_version(mem, folder, &version, err) < 0)
            return -1;
        path = mem_printf(mem, "%s/%lld_%s.sql", folder, (long long)version, name);
    }
    if (create_file(path, template, err) < 0)
        return -1;
    printf("%s\n", path);
    return 0;
}

int cmd_new(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct err err = ERR_INIT;
    const char *folder;
    int rc = choose_folder(mem, options, &folder, errors);

    if (rc == 0 && create(mem, options, folder, &err) < 0)
        rc = err_list_take(errors, &err);
    talloc_free(mem);
    return rc;
}
