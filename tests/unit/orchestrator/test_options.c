/*
 * test_options.c: values are checked and kept; the command line wins over the environment.
 */
#include "orchestrator/options.h"

#include "common/mem.h"

#include <criterion/criterion.h>

enum { WORDS_MOST = 12 };

static char *no_environment(const char *name UNUSED)
{
    return NULL;
}

static char *some_environment(const char *name)
{
    static char fleet[] = "env.yaml";
    static char workers[] = "3";
    static char failures[] = "5%";
    static char yes[] = "1";
    static char empty[] = "";

    if (strcmp(name, "PGTIDE_FLEET") == 0)
        return fleet;
    if (strcmp(name, "PGTIDE_WORKERS") == 0)
        return workers;
    if (strcmp(name, "PGTIDE_MAX_FAILURES") == 0)
        return failures;
    if (strcmp(name, "NO_COLOR") == 0)
        return yes;
    return strcmp(name, "PGTIDE_PER_SERVER") == 0 ? empty : NULL;
}

static char *bad_environment(const char *name)
{
    static char many[] = "many";

    return strcmp(name, "PGTIDE_WORKERS") == 0 ? many : NULL;
}

static int read_words(void *mem, const char *const words[WORDS_MOST],
                      options_getenv_fn *environment, struct options *ret, struct err *err)
{
    char **argv = mem_array(mem, char *, WORDS_MOST + 2);
    int argc = 1;

    argv[0] = mem_strdup(mem, "pgtide");
    for (size_t i = 0; i < WORDS_MOST && words[i]; i++)
        argv[argc++] = mem_strdup(mem, words[i]);
    return options_read(mem, argc, argv, environment, ret, err);
}

static struct options must_read(void *mem, const char *const words[WORDS_MOST],
                                options_getenv_fn *environment)
{
    struct options options = {0};
    struct err err = ERR_INIT;

    cr_assert_eq(read_words(mem, words, environment, &options, &err), 0, "%s", err.message);
    return options;
}

#define LINE(...) ((const char *const[WORDS_MOST]){__VA_ARGS__})

Test(options, defaults)
{
    void *mem = mem_context(NULL);
    struct options options = must_read(mem, LINE("migrate"), no_environment);

    cr_expect_str_eq(options.fleet, "fleet.yaml");
    cr_expect_eq(options.workers, 0);
    cr_expect_eq(options.per_server, 0);
    cr_expect(!options.has_max_failures);
    cr_expect(!options.json && !options.quiet && !options.seed && !options.dry_run);
    cr_expect_null(options.to);
    cr_expect_eq(options.selection.shards, 0);
    talloc_free(mem);
}

Test(options, every_value_is_kept)
{
    void *mem = mem_context(NULL);
    struct options options =
        must_read(mem,
                  LINE("seed", "-t", "a*", "-tb", "--label=k=v=w", "--shard=3/8", "--limit", "5",
                       "--max-failures=7", "--max-duration=90m", "-ojson", "--to=0039"),
                  no_environment);

    cr_expect_eq(options.selection.tenants.count, 2);
    cr_expect_str_eq(options.selection.tenants.items[1], "b");
    cr_assert_eq(options.selection.labels.count, 1);
    cr_expect_str_eq(options.selection.labels.items[0].name, "k");
    cr_expect_str_eq(options.selection.labels.items[0].value, "v=w");
    cr_expect_eq(options.selection.shard, 3);
    cr_expect_eq(options.selection.shards, 8);
    cr_expect_eq(options.selection.limit, 5);
    cr_expect(options.has_max_failures && !options.max_failures.percent);
    cr_expect_eq(options.max_failures.value, 7);
    cr_expect_eq(options.max_duration_ms, 90 * 60 * 1000);
    cr_expect(options.json);
    cr_expect_str_eq(options.to, "0039");
    talloc_free(mem);
}

Test(options, environment_is_below_the_command_line)
{
    void *mem = mem_context(NULL);
    struct options options = must_read(mem, LINE("migrate"), some_environment);

    cr_expect_str_eq(options.fleet, "env.yaml");
    cr_expect_eq(options.workers, 3);
    cr_expect_eq(options.per_server, 0, "an empty variable counts as absent");
    cr_expect(options.has_max_failures && options.max_failures.percent);
    cr_expect(options.no_color);

    options = must_read(mem, LINE("migrate", "--workers=5", "-f", "line.yaml"), some_environment);
    cr_expect_str_eq(options.fleet, "line.yaml");
    cr_expect_eq(options.workers, 5);
    talloc_free(mem);
}

/* A variable for another command is nobody's business; help works whatever is set. */
Test(options, environment_of_other_commands_is_not_read)
{
    void *mem = mem_context(NULL);
    struct options options = must_read(mem, LINE("list"), bad_environment);

    cr_expect_eq(options.workers, 0);
    options = must_read(mem, LINE("migrate", "--help"), bad_environment);
    cr_expect(options.help);
    talloc_free(mem);
}

Test(options, help_and_version_win_over_mistakes_in_values)
{
    void *mem = mem_context(NULL);
    struct options options = must_read(mem, LINE("new", "-h"), no_environment);

    cr_expect(options.help);
    cr_expect_eq(options.command->id, CLI_NEW);
    options = must_read(mem, LINE("migrate", "--workers=x", "--version"), no_environment);
    cr_expect(options.version);
    talloc_free(mem);
}

Test(options, refusals)
{
    static const struct {
        const char *words[WORDS_MOST];
        const char *expected;
    } cases[] = {
        {{"migrate", "--workers=0"},
         "invalid value \"0\" for --workers: expected a number from 1 to 1024"},
        {{"migrate", "--workers=9999999999999999999"},
         "invalid value \"9999999999999999999\" for --workers: expected a number from 1 to 1024"},
        {{"migrate", "--workers= 4"},
         "invalid value \" 4\" for --workers: expected a number from 1 to 1024"},
        {{"migrate", "--limit=-1"},
         "invalid value \"-1\" for --limit: expected a number from 1 to 2147483647"},
        {{"migrate", "--max-failures=101%"},
         "invalid value \"101%\" for --max-failures: expected a number of tenants, or a share from "
         "0% to 100%"},
        {{"migrate", "--max-duration=0"},
         "invalid value \"0\" for --max-duration: expected a duration above 0, such as 90s, 30m or "
         "4h"},
        {{"migrate", "--max-duration=4"},
         "invalid value \"4\" for --max-duration: expected a duration above 0, such as 90s, 30m or "
         "4h"},
        {{"migrate", "--max-failures=5%%"},
         "invalid value \"5%%\" for --max-failures: expected a number of tenants, or a share from "
         "0% to 100%"},
        {{"migrate", "-l", "region"},
         "invalid value \"region\" for --label: expected KEY=VALUE, as in region=eu"},
        {{"migrate", "-l", "=eu"},
         "invalid value \"=eu\" for --label: expected KEY=VALUE, as in region=eu"},
        {{"migrate", "--shard", "4/4"},
         "invalid value \"4/4\" for --shard: expected I/N with I from 0 to N-1, as in 0/4"},
        {{"list", "-o", "yaml"}, "invalid value \"yaml\" for --output: expected text or json"},
        {{"list", "--tenant="}, "the value of --tenant is empty"},
        {{"list", "-q", "-v"}, "--quiet and --verbose cannot be used together"},
        {{"migrate", "--reseed"}, "--reseed needs --seed"},
        {{"plan", "--seed-set", "demo"}, "--seed-set needs --seed"},
        {{"validate", "--report", "x.json"}, "--report needs --connect"},
        {{"validate", "--events", "x"}, "--events needs --connect"},
        {{"migrate", "--events", "-", "-o", "json"},
         "--output json and --events - cannot both go to standard output"},
    };
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct options options;
        struct err err = ERR_INIT;

        cr_expect_eq(read_words(mem, cases[i].words, no_environment, &options, &err), -1,
                     "case %zu", i);
        cr_expect_eq(err.kind, ERR_USAGE, "case %zu", i);
        cr_expect_str_eq(err.message, cases[i].expected);
        err_clear(&err);
    }
    talloc_free(mem);
}

Test(options, refused_environment_names_the_variable)
{
    void *mem = mem_context(NULL);
    struct options options;
    struct err err = ERR_INIT;

    cr_expect_eq(read_words(mem, LINE("migrate"), bad_environment, &options, &err), -1);
    cr_expect_str_eq(err.message,
                     "invalid value \"many\" for PGTIDE_WORKERS: expected a number from 1 to 1024");
    err_clear(&err);
    talloc_free(mem);
}
