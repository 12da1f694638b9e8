/*
 * cmd_build.c: build: checks migrations and seeds, and seals them into a bundle.
 *
 * The files are checked where they are, so that messages name them; and once more from the bundle
 * that was written, by the very code that will read it at the other end, before it gets its name.
 */
#include "orchestrator/cmd.h"

#include "catalog/bundle_write.h"
#include "catalog/catalog.h"
#include "common/mem.h"
#include "orchestrator/create.h"
#include "orchestrator/input.h"
#include "orchestrator/report.h"

#include <sys/stat.h>
#include <unistd.h>

static const char default_bundle[] = "bundle.tar";

/* One build as it goes on. */
struct build {
    void *mem;
    const struct options *options;
    const char *migrations; /* folder */
    const char *seeds;      /* folder; NULL: none */
    const char *bundle;     /* to be written */
    struct catalog *catalog;
    const char *checksum; /* of the bundle */
};

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- where from ------------------------------------------------------------------------------- */

static int choose_by_fleet(struct build *build, struct err_list *errors)
{
    struct fleet *fleet;

    if (fleet_load(build->mem, build->options->fleet, &fleet, errors) < 0 ||
        input_require_migrations(fleet, errors) < 0)
        return -1;
    build->migrations = fleet->migrations;
    if (!build->seeds && is_folder(fleet->seeds))
        build->seeds = fleet->seeds;
    return 0;
}

static int choose(struct build *build, struct err_list *errors)
{
    struct err err = ERR_INIT;

    build->migrations = build->options->dir;
    build->seeds = build->options->seeds;
    build->bundle = build->options->bundle ? build->options->bundle : default_bundle;
    if (!build->migrations && choose_by_fleet(build, errors) < 0)
        return -1;
    if (bundle_is(build->migrations)) {
        err_set(&err, ERR_USAGE, "\"%s\" is no folder; a bundle is built from a folder",
                build->migrations);
        err_hint(&err, "Name it: pgtide build --dir FOLDER -o %s", build->bundle);
        return err_list_take(errors, &err);
    }
    if (build->seeds && !is_folder(build->seeds)) {
        err_set(&err, ERR_NOINPUT, "there is no folder \"%s\"", build->seeds);
        return err_list_take(errors, &err);
    }
    return 0;
}

/* --- the checks ------------------------------------------------------------------------------- */

static void check_downs(const struct catalog *catalog, struct err_list *errors)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct migration *migration = &catalog->migrations[i];
        struct err *err;

        if (migration->sections[SECTION_DOWN].present)
            continue;
        err = err_list_add(errors);
        err_set_at(err, ERR_DATA, migration->file, 0, 0, "there is no way back (--require-down)");
        err_hint(err, "Add a section \"-- pgtide:down\"; it may be empty where there is nothing to "
                      "undo.");
    }
}

static int check(struct build *build, struct err_list *errors)
{
    size_t before = errors->count;
    const char *const *sets;
    size_t count = 0;

    if (catalog_load(build->mem, build->migrations, build->migrations, &build->catalog, errors) < 0)
        return -1;
    if (build->options->require_down)
        check_downs(build->catalog, errors);
    if (build->seeds) {
        sets = catalog_list_seed_sets(build->mem, build->catalog, build->seeds, &count);
        if (catalog_load_seeds(build->catalog, build->seeds, build->seeds, sets, count, errors) < 0)
            return -1;
        if (input_check_seeds(build->catalog, errors) < 0)
            return -1;
    }
    return errors->count > before ? -1 : 0;
}

/* --- the bundle ------------------------------------------------------------------------------- */

static int collect(const struct build *build, struct bundle_sources *sources, struct err *err)
{
    const struct catalog *catalog = build->catalog;

    if (bundle_write_collect(sources, build->migrations, build->migrations, BUNDLE_MIGRATIONS,
                             err) < 0)
        return -1;
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const char *set = catalog->seed_sets[i].name;
        const char *path = mem_printf(sources->mem, "%s/%s", build->seeds, set);
        const char *name = mem_printf(sources->mem, BUNDLE_SEEDS "/%s", set);

        if (bundle_write_collect(sources, path, path, name, err) < 0)
            return -1;
    }
    return 0;
}

/* What was written is read as any run will read it. */
static int read_back(struct build *build, const char *written, struct err_list *errors)
{
    struct catalog *catalog;

    if (catalog_load(build->mem, written, build->bundle, &catalog, errors) < 0)
        return -1;
    build->checksum = catalog->bundle;
    return 0;
}

static int write_bundle(struct build *build, struct err_list *errors)
{
    struct bundle_sources sources = {.mem = build->mem};
    struct err err = ERR_INIT;
    char *temporary;
    int fd;

    if (collect(build, &sources, &err) < 0 ||
        create_beside(build->mem, build->bundle, &temporary, &fd, &err) < 0)
        return err_list_take(errors, &err);
    if (bundle_write(fd, build->bundle, &sources, build->catalog->head, build->catalog->checksum,
                     &err) < 0)
        err_list_take(errors, &err);
    else if (read_back(build, temporary, errors) == 0)
        return create_replace(build->bundle, temporary, fd, &err) < 0 ? err_list_take(errors, &err)
                                                                      : 0;
    close(fd);
    unlink(temporary);
    return -1;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print(const struct build *build)
{
    const struct catalog *catalog = build->catalog;
    size_t files = 0;

    printf("%s: %zu migration%s, %zu repeatable%s, head %s", build->bundle, catalog->count,
           plural(catalog->count), catalog->repeatable_count, plural(catalog->repeatable_count),
           report_version(build->mem, catalog, catalog->head));
    for (size_t i = 0; i < catalog->seed_set_count; i++)
        files += catalog->seed_sets[i].count;
    if (catalog->seed_set_count > 0)
        printf(", %zu seed set%s with %zu file%s", catalog->seed_set_count,
               plural(catalog->seed_set_count), files, plural(files));
    printf("\n%s\n", build->checksum);
}

int cmd_build(const struct options *options, struct err_list *errors)
{
    struct build build = {.mem = mem_context(NULL), .options = options};
    int rc = choose(&build, errors);

    if (rc == 0)
        rc = check(&build, errors);
    if (rc == 0)
        rc = write_bundle(&build, errors);
    if (rc == 0 && !options->quiet)
        print(&build);
    talloc_free(build.mem);
    return rc;
}
