/*
 * config_fixture.c: inventories written into the tests.
 */
#include "tests/unit/config/config_fixture.h"

#include "common/mem.h"
#include "common/strbuf.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The leak checker asks this (sanitizer/lsan_interface.h). What a test leaves to the end of its
 * process is no leak; pgtide's own are looked for where the integration tests run it.
 */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

struct fleet *fixture_fleet(const char *text)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet = NULL;
    int ret = fleet_parse(NULL, "inv/fleet.yaml", text, strlen(text), false, &fleet, &errors);

    for (size_t i = 0; i < errors.count; i++)
        fprintf(stderr, "%s\n", err_text(errors.items[i].mem, &errors.items[i]));
    cr_assert_eq(ret, 0);
    return fleet;
}

const char *fixture_errors(const char *text)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet = NULL;
    struct strbuf out;

    strbuf_init(&out, NULL);
    cr_assert_eq(fleet_parse(NULL, "inv/fleet.yaml", text, strlen(text), false, &fleet, &errors),
                 -1);
    cr_assert_gt(errors.count, 0);
    for (size_t i = 0; i < errors.count; i++) {
        const struct err *err = &errors.items[i];

        cr_assert_eq(err->kind, ERR_CONFIG);
        cr_assert_str_eq(err->file, "inv/fleet.yaml");
        strbuf_printf(&out, "%d:%d: %s\n", err->line, err->column, err->message);
        if (err->hint)
            strbuf_printf(&out, "  hint: %s\n", err->hint);
    }
    err_list_clear(&errors);
    return out.text;
}

void fixture_expect(const char *text, const char *errors)
{
    const char *got = fixture_errors(text);

    cr_expect_str_eq(got, errors, "of:\n%s\nexpected:\n%s\ngot:\n%s", text, errors, got);
}

struct folder {
    const char *path;
    struct folder *before;
};

/* The folders that the process has made, the newest first. */
static struct folder **folders(void)
{
    static struct folder *newest;

    return &newest;
}

static int remove_entry(const char *path, const struct stat *status UNUSED, int type UNUSED,
                        struct FTW *walk UNUSED)
{
    return remove(path);
}

static void remove_folders(void)
{
    for (const struct folder *folder = *folders(); folder; folder = folder->before)
        nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_folder(void)
{
    struct folder *folder = mem_new(NULL, struct folder);
    char *path = mem_strdup(folder, "/tmp/pgtide-unit-XXXXXX");

    cr_assert_not_null(mkdtemp(path));
    if (!*folders())
        atexit(remove_folders);
    *folder = (struct folder){.path = path, .before = *folders()};
    *folders() = folder;
    return path;
}

const char *fixture_file(const char *folder, const char *name, unsigned mode, const char *text)
{
    char *path = mem_printf(NULL, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
    return path;
}
