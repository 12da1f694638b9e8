/*
 * cmd_new.c: new NAME: creates a migration file to be filled in.
 *
 * Versions are UTC timestamps. Where the folder has a newer one already (this machine's clock is
 * behind, or two files are made in one second) the new one is the newest plus one, so that it is
 * pending everywhere. The file has the form of those that are there, also of another tool's.
 */
#include "orchestrator/cmd.h"

#include "catalog/bundle.h"
#include "catalog/folder.h"
#include "catalog/foreign.h"
#include "catalog/migration.h"
#include "catalog/text_file.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/create.h"
#include "orchestrator/input.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

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

static const char flyway_repeatable_template[] =
    "-- Runs again whenever this file changes, after all versioned migrations: write it so that\n"
    "-- running it twice is harmless, e.g. CREATE OR REPLACE VIEW.\n";

/* What is made in a folder of each form: VERSION and NAME with this around them. */
static const struct new_file {
    enum migration_format format;
    bool repeatable; /* without a version */
    const char *prefix;
    const char *separator;
    const char *ending;
    const char *text;
} new_files[] = {
    {MIGRATION_PGTIDE, false, "", "_", ".sql", versioned_template},
    {MIGRATION_PGTIDE, true, "R_", "", ".sql", repeatable_template},
    {MIGRATION_GOLANG_MIGRATE, false, "", "_", ".up.sql", "-- the change\n"},
    {MIGRATION_GOLANG_MIGRATE, false, "", "_", ".down.sql", "-- the way back\n"},
    {MIGRATION_DBMATE, false, "", "_", ".sql", "-- migrate:up\n\n-- migrate:down\n"},
    {MIGRATION_GOOSE, false, "", "_", ".sql", "-- +goose Up\n\n-- +goose Down\n"},
    {MIGRATION_FLYWAY, false, "V", "__", ".sql", "-- the change\n"},
    {MIGRATION_FLYWAY, true, "R__", "", ".sql", flyway_repeatable_template},
};

/* What is in the folder already. */
struct standing {
    int64_t newest; /* version; 0: none */
    enum migration_format format;
};

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

/* The form of a file whose name does not tell: by its markers. */
static enum migration_format format_of(void *mem, const char *path, struct migration *migration)
{
    struct err_list errors = ERR_LIST_INIT;
    struct err err = ERR_INIT;
    char *bytes;
    size_t len;

    migration->file = path;
    if (text_file_read(mem, path, path, &bytes, &len, &err) == 0 &&
        migration_parse(mem, bytes, len, migration, &errors) < 0)
        err_list_clear(&errors); /* it is as it is: `validate` speaks of it */
    err_clear(&err);
    return migration->format;
}

static void look_at(void *mem, const char *path, const char *base, struct standing *standing)
{
    struct migration migration = {0};
    struct err err = ERR_INIT;

    if (migration_parse_name(mem, base, &migration, &err) < 0) {
        err_clear(&err);
        return;
    }
    if (migration.version > standing->newest)
        standing->newest = migration.version;
    if (standing->format == MIGRATION_PGTIDE)
        standing->format = migration.format != MIGRATION_PGTIDE ? migration.format
                                                                : format_of(mem, path, &migration);
}

/* Looks at all files in the folder `path` and its subfolders. */
static int look_around(void *mem, const char *path, const struct folder *outer,
                       struct standing *standing, struct err *err)
{
    struct folder folder;

    if (folder_list(mem, path, path, outer, &folder, err) < 0)
        return -1;
    for (size_t i = 0; i < folder.count; i++) {
        const struct folder_entry *entry = &folder.entries[i];

        if (!entry->is_folder)
            look_at(mem, entry->path, entry->name, standing);
        else if (look_around(mem, entry->path, &folder, standing, err) < 0)
            return -1;
    }
    return 0;
}

static int look_at_folder(void *mem, const char *path, struct standing *standing, struct err *err)
{
    if (look_around(mem, path, NULL, standing, err) == 0)
        return 0;
    if (access(path, F_OK) < 0 && errno == ENOENT)
        err_hint(err, "Make it with: mkdir -p %s", path);
    return -1;
}

static int next_version(const char *folder, int64_t newest, int64_t *ret, struct err *err)
{
    int64_t now = version_of_now();

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
    if (input_require_migrations(fleet, errors) < 0)
        return -1;
    if (!bundle_is(fleet->migrations))
        return 0;
    err_set(&err, ERR_USAGE, "\"%s\" is a sealed bundle, not a folder", fleet->migrations);
    err_hint(&err, "Name the folder: pgtide new --dir FOLDER %s", options->arguments.items[0]);
    return err_list_take(errors, &err);
}

/* Makes the files of one form; returns how many there are, -1 on failure. */
static int create_files(void *mem, const char *folder, enum migration_format format,
                        const char *version, const char *name, struct err *err)
{
    int made = 0;

    for (size_t i = 0; i < ARRAY_LEN(new_files); i++) {
        const struct new_file *file = &new_files[i];
        char *path;

        if (file->format != format || file->repeatable != !*version)
            continue;
        path = mem_printf(mem, "%s/%s%s%s%s%s", folder, file->prefix, version, file->separator,
                          name, file->ending);
        if (create_file(path, file->text, err) < 0)
            return -1;
        printf("%s\n", path);
        made++;
    }
    return made;
}

static int create(void *mem, const struct options *options, const char *folder, struct err *err)
{
    const char *given = options->arguments.items[0];
    struct standing standing = {0};
    const char *version = "";
    int64_t next = 0;
    int made;

    if (check_name(given, err) < 0 || look_at_folder(mem, folder, &standing, err) < 0)
        return -1;
    if (!options->repeatable) {
        if (next_version(folder, standing.newest, &next, err) < 0)
            return -1;
        version = mem_printf(mem, "%lld", (long long)next);
    }
    made = create_files(mem, folder, standing.format, version, snake_name(mem, given), err);
    if (made != 0)
        return made < 0 ? -1 : 0;
    err_set(err, ERR_USAGE,
            "the files in \"%s\" are those of %s, which has no repeatable migrations", folder,
            foreign_tool(standing.format));
    err_hint(err, "Make a versioned one: pgtide new %s", given);
    return -1;
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
