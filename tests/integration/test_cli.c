/*
 * test_cli.c: pgtide as a process, without a server: exit codes, where output goes, help, init,
 * new, validate, list, and hostile input.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/process.h"
#include "tests/harness/tmpdir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MOST = 12 };

static void *ctx;
static const char *dir;

static void setup(void)
{
    ctx = mem_context(NULL);
    dir = tmpdir_new(ctx);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(cli, .init = setup, .fini = teardown, .timeout = 60);

static const struct process_result *run_words(const char *const words[WORDS_MOST],
                                              const char *const *env)
{
    const char *argv[WORDS_MOST + 2] = {fleet_fixture_program(ctx)};

    for (size_t i = 0; i < WORDS_MOST && words[i]; i++)
        argv[i + 1] = words[i];
    return process_run(ctx, &(struct process_spec){.argv = argv, .env = env, .cwd = dir});
}

#define WORDS(...) ((const char *const[WORDS_MOST]){__VA_ARGS__})
#define run(...) run_words(WORDS(__VA_ARGS__), NULL)

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

#define expect_code(result, code)                                                                  \
    do {                                                                                           \
        const struct process_result *r_ = (result);                                                \
        cr_expect_eq(r_->exit_code, code, "exit code %d: %s%s", r_->exit_code, r_->out, r_->err);  \
    } while (0)
#define expect_has(text, part) cr_expect(has(text, part), "no \"%s\" in: %s", part, text)

static void write_fleet(const char *tenants)
{
    tmpdir_write(dir, "fleet.yaml",
                 mem_printf(ctx,
                            "migrations: migrations\n"
                            "servers: {nowhere: {host: 127.0.0.1, port: 1}}\n"
                            "settings: {retry: {attempts: 1}}\n"
                            "tenants:\n%s",
                            tenants));
    tmpdir_write(dir, "migrations/0001_first.sql", "CREATE TABLE first (id int);\n");
}

static const char two_tenants[] =
    "  - {name: store-0001, server: nowhere, database: a, labels: {ring: canary}}\n"
    "  - {name: store-0002, server: nowhere, database: b}\n";

/* --- the command line ------------------------------------------------------------------------- */

Test(cli, wrong_usage_is_64_and_says_what_is_meant)
{
    static const struct {
        const char *words[WORDS_MOST];
        const char *expected;
    } cases[] = {
        {{NULL}, "Usage: pgtide [-f FILE] COMMAND [OPTIONS]\n"},
        {{"migrat"}, "hint: Did you mean \"migrate\"?\n"},
        {{"help", "stauts"}, "hint: Did you mean \"status\"?\n"},
        {{"adopt", "typeorm"}, "pgtide: error: command \"adopt\" is not supported yet\n"},
        {{"rollback"}, "pgtide: error: \"rollback\" needs either --to or --steps\n"},
        {{"migrate", "--events=-", "-o", "json"}, "cannot both go to standard output\n"},
        {{"migrate", "--tennant=x"}, "hint: Did you mean \"--tenant\"?\n"},
        {{"migrate", "--shard=2/2"}, "expected I/N with I from 0 to N-1"},
        {{"migrate", "--report=run.pdf"}, "run.pdf"},
        {{"list", "extra"}, "\"list\" does not take the argument \"extra\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct process_result *result = run_words(cases[i].words, NULL);

        expect_code(result, 64);
        expect_has(result->err, cases[i].expected);
        cr_expect_str_eq(result->out, "", "case %zu", i);
    }
}

Test(cli, help_goes_to_stdout)
{
    static const char *const commands[] = {"init", "new",     "validate", "list", "status",
                                           "plan", "migrate", "seed",     "help", "version"};
    const struct process_result *overview = run("--help");

    expect_code(overview, 0);
    cr_expect_str_eq(run("help")->out, overview->out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct process_result *before = run("-h", commands[i]);
        const struct process_result *behind = run(commands[i], "--help");
        const struct process_result *asked = run("help", commands[i]);

        expect_code(before, 0);
        expect_code(behind, 0);
        expect_code(asked, 0);
        expect_has(before->out, mem_printf(ctx, "Usage: pgtide %s%s [OPTIONS]",
                                           i == 0 ? "" : "[-f FILE] ", commands[i]));
        cr_expect_str_eq(before->out, behind->out);
        cr_expect_str_eq(before->out, asked->out);
        cr_expect_str_eq(before->err, "");
        expect_has(overview->out, mem_printf(ctx, "\n  %s ", commands[i]));
    }
}

Test(cli, version)
{
    cr_expect_str_eq(run("version")->out, "pgtide " PGTIDE_VERSION "\n");
    cr_expect_str_eq(run("--version")->out, "pgtide " PGTIDE_VERSION "\n");
    cr_expect_str_eq(run("migrate", "-V")->out, "pgtide " PGTIDE_VERSION "\n");
}

Test(cli, missing_fleet_names_init)
{
    const struct process_result *result = run("migrate");

    expect_code(result, 66);
    expect_has(result->err, "fleet.yaml");
    expect_has(result->err, "pgtide init");
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
}

Test(cli, fleet_of_the_environment)
{
    static const char *const env[] = {"PGTIDE_FLEET=other.yaml", NULL};

    expect_has(run_words(WORDS("list"), env)->err, "other.yaml");
    expect_has(run_words(WORDS("list", "-f", "mine.yaml"), env)->err, "mine.yaml");
}

/* --- init and new ----------------------------------------------------------------------------- */

Test(cli, init_makes_what_validate_accepts)
{
    expect_code(run("init", "shops"), 0);
    cr_expect(tmpdir_exists(dir, "shops/fleet.yaml"));
    expect_code(run("-f", "shops/fleet.yaml", "validate"), 0);
    expect_has(run("-f", "shops/fleet.yaml", "list")->out, "store-0001");
}

Test(cli, init_never_overwrites)
{
    const struct process_result *result;

    tmpdir_write(dir, "fleet.yaml", "mine");
    result = run("init");
    expect_code(result, 1);
    expect_has(result->err, "exists already");
    cr_expect_str_eq(tmpdir_read(ctx, dir, "fleet.yaml"), "mine");
    cr_expect_not(tmpdir_exists(dir, "migrations"));

    tmpdir_remove(tmpdir_path(ctx, dir, "fleet.yaml"));
    tmpdir_write(dir, "migrations/0007_mine.sql", "SELECT 7;\n");
    expect_code(run("init"), 0);
    cr_expect_not(tmpdir_exists(dir, "migrations/0001_create_product.sql"));
    expect_code(run("validate"), 0);
}

/* The path that `new` printed, without the line end. */
static char *new_path(const struct process_result *result)
{
    expect_code(result, 0);
    return mem_strndup(ctx, result->out, strcspn(result->out, "\n"));
}

static int64_t version_in(const char *path)
{
    return strtoll(strrchr(path, '/') + 1, NULL, 10);
}

Test(cli, new_makes_a_file_to_fill_in)
{
    const struct process_result *unfinished;
    char *path;
    char *text;

    expect_code(run("init"), 0);
    path = new_path(run("new", "Add product-Handle"));
    cr_expect_str_eq(strchr(path, '_'), "_add_product_handle.sql");
    cr_expect_eq(strspn(strchr(path, '/') + 1, "0123456789"), 14, "%s", path);

    unfinished = run("validate");
    expect_code(unfinished, 65);
    expect_has(unfinished->err, path);
    text = tmpdir_read(ctx, dir, path);
    expect_has(text, "-- pgtide:up\n\n-- pgtide:down\n");
    *strstr(text, "\n-- pgtide:down\n") = '\0';
    tmpdir_write(dir, path, mem_printf(ctx, "%sSELECT 1;\n\n-- pgtide:down\nSELECT 1;\n", text));
    expect_code(run("validate"), 0);
}

Test(cli, new_is_always_the_newest)
{
    char *first;
    char *second;

    expect_code(run("init"), 0);
    first = new_path(run("new", "one"));
    second = new_path(run("new", "two"));
    cr_expect_gt(version_in(second), version_in(first));

    tmpdir_write(dir, "migrations/v2/99990101000000_future.sql", "SELECT 1;\n");
    cr_expect_eq(version_in(new_path(run("new", "three"))), 99990101000001);

    tmpdir_write(dir, "migrations/999999999999999999_last.sql", "SELECT 1;\n");
    expect_code(run("new", "four"), 65);
}

Test(cli, new_counts_what_is_behind_links)
{
    tmpdir_write(dir, "elsewhere/99990101000000_future.sql", "SELECT 1;\n");
    tmpdir_mkdir(dir, "sql");
    cr_assert_eq(symlink("../elsewhere", mem_printf(ctx, "%s/sql/v2", dir)), 0);
    cr_expect_eq(version_in(new_path(run("new", "--dir", "sql", "one"))), 99990101000001);
    cr_assert_eq(symlink(".", mem_printf(ctx, "%s/elsewhere/again", dir)), 0);
    expect_code(run("new", "--dir", "sql", "two"), 65);
}

Test(cli, new_in_a_folder_needs_no_fleet)
{
    const struct process_result *again;

    tmpdir_mkdir(dir, "sql");
    cr_expect_str_eq(new_path(run("new", "--dir", "sql", "--repeatable", "ProductView")),
                     "sql/R_product_view.sql");
    again = run("new", "--dir", "sql", "--repeatable", "product_view");
    expect_code(again, 1);
    expect_has(again->err, "File exists");
    again = run("new", "--dir", "nowhere", "x");
    expect_code(again, 66);
    expect_has(again->err, "mkdir -p nowhere");
}

Test(cli, new_refuses_bad_names)
{
    static const char *const names[] = {"../evil", "a/b",       "x.sql", "a\nb",
                                        "---",     "t\xC3\xBC", "a;b"};

    tmpdir_mkdir(dir, "sql");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct process_result *result = run("new", "--dir", "sql", "--", names[i]);

        expect_code(result, 64);
        cr_expect_str_eq(result->out, "");
    }
    expect_code(run("new", "--dir", "sql", ""), 64);
}

Test(cli, new_without_a_fleet_asks_for_dir)
{
    const struct process_result *result = run("new", "first");

    expect_code(result, 66);
    expect_has(result->err, "hint: Name it: pgtide new --dir FOLDER first\n");
}

Test(cli, migrations_that_are_not_there_name_the_line)
{
    const struct process_result *result;

    tmpdir_write(dir, "fleet.yaml",
                 "migrations: migration\nservers: {eu1: {}}\n"
                 "tenants: [{name: a, server: eu1, database: a}]\n");
    result = run("plan");
    expect_code(result, 66);
    expect_has(result->err, "fleet.yaml:1:13: there is no folder and no bundle \"migration\"\n");
    expect_has(result->err, "hint: Relative paths start at the folder of this file.\n");
}

/* --- validate --------------------------------------------------------------------------------- */

Test(cli, validate_shows_all_errors_of_all_files)
{
    const struct process_result *result;

    write_fleet("  - {name: a, server: nowhere, database: a, seeds: [base, bass]}\n");
    tmpdir_write(dir, "migrations/0002_bad.sql", "SELECT 'x;\n");
    tmpdir_write(dir, "migrations/0003_bad.sql", "SELECT 1;\n\\d\n");
    tmpdir_write(dir, "seeds/base/01_product.json", "{\"table\": \"product\", \"rows\": [}\n");
    tmpdir_write(dir, "seeds/base/02_ok.json", "{\"table\": \"product\", \"rows\": []}\n");
    result = run("validate");
    expect_code(result, 66);
    expect_has(result->err, "migrations/0002_bad.sql:1:");
    expect_has(result->err, "migrations/0003_bad.sql:2:");
    expect_has(result->err, "fleet.yaml:5:5: there is no seed set \"bass\" in \"seeds\"\n"
                            "hint: Did you mean \"base\"?\n");
    expect_has(result->err, "pgtide: error: 3 errors\n");

    tmpdir_mkdir(dir, "seeds/bass");
    result = run("validate");
    expect_code(result, 65);
    expect_has(result->err, "seeds/base/01_product.json:1:");
    cr_expect_not(has(result->err, "02_ok"));
}

Test(cli, bad_inventory_is_78_before_anything_else)
{
    const struct process_result *result;

    tmpdir_write(dir, "fleet.yaml", "migrations: migrations\nrun: {worker: 3}\ntenants: 7\n");
    result = run("migrate");
    expect_code(result, 78);
    expect_has(result->err, "fleet.yaml:2:7: ");
    expect_has(result->err, "fleet.yaml:3:");
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
    expect_code(run("validate"), 78);

    tmpdir_write(dir, "fleet.yaml",
                 "servers: {a: {host: x}}\ntenants: [{name: t, server: a, database: d}]\n");
    result = run("plan");
    expect_code(result, 78);
    expect_has(result->err, "\"migrations\" is missing");
}

Test(cli, validate_as_json)
{
    const struct process_result *result;
    json_t *root;

    write_fleet(two_tenants);
    tmpdir_write(dir, "migrations/0002_bad.sql", "SELECT 1;\nSELECT 'x;\n");
    result = run("validate", "-o", "json");
    expect_code(result, 65);
    root = json_loads(result->out, 0, NULL);
    cr_assert_not_null(root, "%s", result->out);
    cr_expect_eq(json_integer_value(json_object_get(root, "exitCode")), 65);
    cr_assert_eq(json_array_size(json_object_get(root, "errors")), 1);
    cr_expect_eq(json_integer_value(
                     json_object_get(json_array_get(json_object_get(root, "errors"), 0), "line")),
                 2);
    json_decref(root);
}

/* --- selection -------------------------------------------------------------------------------- */

Test(cli, selection)
{
    write_fleet(two_tenants);
    expect_has(run("list")->out, "store-0002");
    cr_expect_not(has(run("list", "-l", "ring=canary")->out, "store-0002"));
    expect_has(run("list", "-t", "store-000x")->err, "hint: Did you mean \"store-0001\"?\n");
    expect_code(run("list", "-t", "store-000x"), 66);
    expect_code(run("migrate", "-l", "ring=late"), 66);
    expect_code(run("status", "--server", "nowere"), 66);
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
}

Test(cli, only_suspended_is_an_error_an_empty_shard_is_not)
{
    const struct process_result *result;

    write_fleet("  - {name: store-0001, server: nowhere, database: a, state: suspended}\n"
                "  - {name: store-0002, server: nowhere, database: b}\n");
    result = run("migrate", "-t", "store-0001");
    expect_code(result, 66);
    expect_has(result->err, "suspended");
    expect_has(run("list")->out, "suspended");
    /* store-0002 is in shard 0 of 2 */
    expect_code(run("migrate", "--shard", "1/2"), 0);
    expect_code(run("migrate", "--shard", "0/2"), 4);
}

Test(cli, unknown_target_is_64)
{
    const struct process_result *result;

    write_fleet(two_tenants);
    result = run("migrate", "--to", "0002");
    expect_code(result, 64);
    expect_has(result->err, "0002");
}

/* --- runs without a server -------------------------------------------------------------------- */

Test(cli, read_only_commands_leave_nothing_behind)
{
    write_fleet(two_tenants);
    expect_code(run("status"), 3);
    expect_code(run("plan"), 3);
    expect_code(run("validate", "--connect"), 3);
    expect_code(run("migrate", "--dry-run"), 3);
    expect_code(run("seed", "--dry-run", "--exit-code"), 64);
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
}

Test(cli, unreachable_fleet_halts)
{
    const struct process_result *result;

    write_fleet(two_tenants);
    expect_code(run("migrate"), 4);
    expect_code(run("migrate", "--max-failures", "100%"), 3);
    result = run_words(WORDS("migrate", "--report", "run.json", "-o", "json"),
                       (const char *const[]){"PGTIDE_MAX_FAILURES=2", NULL});
    expect_code(result, 3);
    cr_expect_str_eq(tmpdir_read(ctx, dir, "run.json"), result->out);
}

Test(cli, second_run_is_5)
{
    const struct process_result *result;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd;

    write_fleet(two_tenants);
    tmpdir_write(dir, ".pgtide/lock", "");
    fd = open(tmpdir_path(ctx, dir, ".pgtide/lock"), O_RDWR);
    cr_assert_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
    result = run("migrate");
    close(fd);
    expect_code(result, 5);
    expect_has(result->err, "another run of this fleet");
}

Test(cli, missing_seed_set_is_found_before_connecting)
{
    const struct process_result *result;

    write_fleet("  - {name: a, server: nowhere, database: a, seeds: [base]}\n");
    result = run("seed");
    expect_code(result, 66);
    expect_has(result->err, "fleet.yaml:5:5: there is no seed set \"base\"");
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
    expect_code(run("migrate"), 4); /* seeds are nobody's business then: it went on to connect */
    expect_code(run("seed", "--seed-set", "other"), 66);
}

Test(cli, report_that_cannot_be_written_is_found_before_the_run)
{
    write_fleet(two_tenants);
    expect_code(run("migrate", "--report", "nowhere/run.json"), 66);
    expect_code(run("migrate", "--report", "run.txt"), 64);
    cr_expect_not(tmpdir_exists(dir, ".pgtide"));
}

/* --- output that cannot be written ------------------------------------------------------------ */

static const struct process_result *shell(const char *format)
{
    const char *script = mem_printf(ctx, "program='%s'; %s", fleet_fixture_program(ctx), format);

    return process_run(
        ctx, &(struct process_spec){.argv = (const char *const[]){"bash", "-c", script, NULL},
                                    .cwd = dir});
}

Test(cli, a_full_disk_is_a_failure)
{
    const struct process_result *result;

    write_fleet(two_tenants);
    result = shell("\"$program\" list > /dev/full");
    expect_code(result, 1);
    cr_expect_str_eq(result->err, "pgtide: error: could not write to standard output: No space "
                                  "left on device\n");
    result = shell("\"$program\" help > /dev/full");
    expect_code(result, 1);
    /* Nobody wants it: no file that pgtide opens may get the number of standard output. */
    result = shell("\"$program\" validate >&- 2>&- <&-");
    expect_code(result, 0);
}

Test(cli, control_characters_do_not_reach_the_terminal)
{
    const struct process_result *result = run("migrate", "-t", "\x1b[2J", "-f", "a\x07.yaml");

    expect_code(result, 66);
    cr_expect_not(has(result->err, "\x07"));
    write_fleet(two_tenants);
    result = run("list", "-t", "evil\x1b[2J");
    expect_code(result, 66);
    cr_expect_not(has(result->err, "\x1b"));
    result = run("\x1b[2J");
    expect_code(result, 64);
    cr_expect_not(has(result->err, "\x1b"));
}

Test(cli, absurd_arguments)
{
    char *longest = mem_zeroed(ctx, 1, 100001, "argument");

    memset(longest, 'a', 100000);
    expect_code(run(longest), 64);
    expect_code(run("list", mem_printf(ctx, "--%s", longest)), 64);
    expect_code(run("list", "-f", longest), 78);
    expect_code(run("new", "--dir", ".", longest), 64);
    expect_code(run("list", "--limit", longest), 64);
    expect_code(run("list", "--"), 66);
    expect_code(run("-"), 64);
    expect_code(run("list", "--="), 64);
    expect_code(run("list", "-f"), 64);
}

/* --- completion ------------------------------------------------------------------------------- */

static const struct process_result *complete(const char *line, int word)
{
    const char *script = mem_printf(ctx,
                                    "set -u; eval \"$('%s' completion bash)\"; COMP_WORDS=(%s); "
                                    "COMP_CWORD=%d; _pgtide; echo \"${COMPREPLY[*]-}\"",
                                    fleet_fixture_program(ctx), line, word);
    const char *argv[] = {"bash", "-c", script, NULL};

    return process_run(ctx, &(struct process_spec){.argv = argv, .cwd = dir});
}

Test(cli, bash_completes_commands_options_and_values)
{
    static const struct {
        const char *line;
        int word;
        const char *words;
    } cases[] = {
        {"pgtide mig", 1, "migrate\n"},
        {"pgtide -f other.yaml ver", 3, "verify version\n"},
        {"pgtide --fleet = other.yaml ver", 4, "verify version\n"},
        {"pgtide migrate --see", 2, "--seed --seed-set\n"},
        {"pgtide verify --see", 2, "\n"},
        {"pgtide migrate -o ''", 3, "text json\n"},
        {"pgtide migrate --output =", 3, "text json\n"},
        {"pgtide migrate --output = j", 4, "json\n"},
        {"pgtide query -o c", 3, "csv\n"},
        {"pgtide migrate --to 1", 3, "\n"},
        {"pgtide help roll", 2, "rollback\n"},
        {"pgtide completion f", 2, "fish\n"},
        {"pgtide resume l", 2, "last\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct process_result *result = complete(cases[i].line, cases[i].word);

        cr_expect_str_eq(result->out, cases[i].words, "%s: %s%s", cases[i].line, result->out,
                         result->err);
    }
}

Test(cli, every_shell_gets_every_command)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    const char *commands = complete("pgtide ''", 1)->out;

    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        const struct process_result *result = run("completion", shells[i]);
        char *rest = mem_strdup(ctx, commands);

        expect_code(result, 0);
        for (char *word; (word = strsep(&rest, " \n"));)
            expect_has(result->out, strncmp(word, "--", 2) == 0 ? word + 2 : word);
    }
    expect_code(run("completion", "tcsh"), 64);
    expect_has(run("completion", "tcsh")->err, "There is one for bash, zsh and fish.");
}

/* Where the shell is not there, nothing can be said about it. */
static void expect_syntax(const char *shell)
{
    const char *script = mem_printf(ctx, "'%s' completion %s > script && %s -n script",
                                    fleet_fixture_program(ctx), shell, shell);
    const char *argv[] = {"sh", "-c", script, NULL};

    if (system(mem_printf(ctx, "command -v %s >/dev/null", shell)) != 0)
        cr_skip_test("%s is not installed", shell);
    expect_code(process_run(ctx, &(struct process_spec){.argv = argv, .cwd = dir}), 0);
}

Test(cli, zsh_reads_its_completion)
{
    expect_syntax("zsh");
}

Test(cli, fish_reads_its_completion)
{
    expect_syntax("fish");
}
