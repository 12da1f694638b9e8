/*
 * options.c: fills struct options by the table of cli.c, first from the environment, then from the
 * command line, so that the latter wins.
 */
#include "orchestrator/options.h"

#include "common/mem.h"

static const char default_fleet[] = "fleet.yaml";

/* The field of `option` in `options`, as the type that its cli_type says. */
static void *field_of(struct options *options, const struct cli_option *option)
{
    return (char *)options + option->offset;
}

/* `shown` is how the person gave it: "--workers", or "PGTIDE_WORKERS". */
static int refuse_value(const char *shown, const char *value, const char *expected, struct err *err)
{
    return err_set(err, ERR_USAGE, "invalid value \"%s\" for %s: expected %s", value, shown,
                   expected);
}

static int keep_number(int64_t *field, const struct cli_option *option, const char *value,
                       const char *shown, struct err *err)
{
    char expected[80];

    if (text_to_int64(value, option->min, option->max, field))
        return 0;
    snprintf(expected, sizeof(expected), "a number from %lld to %lld", (long long)option->min,
             (long long)option->max);
    return refuse_value(shown, value, expected, err);
}

static int keep_label(void *parent, struct label_list *labels, const char *value, const char *shown,
                      struct err *err)
{
    const char *equals = strchr(value, '=');

    if (!equals || equals == value)
        return refuse_value(shown, value, "KEY=VALUE, as in region=eu", err);
    mem_grow(parent, &labels->items, &labels->capacity, labels->count + 1);
    labels->items[labels->count++] = (struct name_value){
        .name = mem_strndup(parent, value, (size_t)(equals - value)), .value = equals + 1};
    return 0;
}

static int keep_size(struct options *options, const char *value, const char *shown, struct err *err)
{
    if (!text_to_size(value, &options->max_failures))
        return refuse_value(shown, value, "a number of tenants, or a share from 0% to 100%", err);
    options->has_max_failures = true;
    return 0;
}

static int keep_duration(int64_t *ms, const char *value, const char *shown, struct err *err)
{
    if (!text_to_duration(value, ms) || *ms == 0)
        return refuse_value(shown, value, "a duration above 0, such as 90s, 30m or 4h", err);
    return 0;
}

static int keep_format(bool *json, const char *value, const char *shown, struct err *err)
{
    *json = strcmp(value, "json") == 0;
    if (!*json && strcmp(value, "text") != 0)
        return refuse_value(shown, value, "text or json", err);
    return 0;
}

static void keep_word(void *parent, struct words *words, const char *value)
{
    mem_grow(parent, &words->items, &words->capacity, words->count + 1);
    words->items[words->count++] = value;
}

static int keep(void *parent, struct options *options, const struct cli_option *option,
                const char *value, const char *shown, struct err *err)
{
    void *field = field_of(options, option);

    if (option->argument && !value[0])
        return err_set(err, ERR_USAGE, "the value of %s is empty", shown);
    switch (option->type) {
    case CLI_FLAG:
        *(bool *)field = true;
        return 0;
    case CLI_TEXT:
        *(const char **)field = value;
        return 0;
    case CLI_WORDS:
        keep_word(parent, field, value);
        return 0;
    case CLI_LABELS:
        return keep_label(parent, field, value, shown, err);
    case CLI_NUMBER:
        return keep_number(field, option, value, shown, err);
    case CLI_SIZE:
        return keep_size(options, value, shown, err);
    case CLI_DURATION:
        return keep_duration(field, value, shown, err);
    case CLI_FORMAT:
        return keep_format(field, value, shown, err);
    case CLI_SHARD:
        if (selection_parse_shard(value, &options->selection.shard, &options->selection.shards))
            return 0;
        return refuse_value(shown, value, "I/N with I from 0 to N-1, as in 0/4", err);
    }
    return 0;
}

/* Variables that are not set, or empty, count as absent. */
static int read_environment(void *parent, options_getenv_fn *environment, struct options *options,
                            struct err *err)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_options[i];
        const char *value;

        if (!option->environment || !cli_takes(options->command, option))
            continue;
        value = environment(option->environment);
        if (value && value[0] && keep(parent, options, option, value, option->environment, err) < 0)
            return -1;
    }
    return 0;
}

static int read_line(void *parent, const struct cli_line *line, struct options *options,
                     struct err *err)
{
    for (size_t i = 0; i < line->given_count; i++) {
        const struct cli_given *given = &line->given[i];
        char shown[40];

        snprintf(shown, sizeof(shown), "--%s", given->option->name);
        if (keep(parent, options, given->option, given->value, shown, err) < 0)
            return -1;
    }
    return 0;
}

/* Options that make sense only together with another one, or never together. */
static int check_combinations(const struct options *options, struct err *err)
{
    bool seeds = options->seed || options->command->id == CLI_SEED;
    bool offline = options->command->id == CLI_VALIDATE && !options->connect;

    if (options->quiet && options->verbose)
        return err_set(err, ERR_USAGE, "--quiet and --verbose cannot be used together");
    if (options->done && options->not_done)
        return err_set(err, ERR_USAGE, "--done and --not-done cannot be used together");
    if ((options->reseed || options->seed_sets.count > 0) && !seeds) {
        err_set(err, ERR_USAGE, "%s needs --seed", options->reseed ? "--reseed" : "--seed-set");
        err_hint(err, "Add --seed, or use the command \"seed\".");
        return -1;
    }
    if ((options->reports.count > 0 || options->events) && offline) {
        err_set(err, ERR_USAGE, "%s needs --connect",
                options->reports.count > 0 ? "--report" : "--events");
        err_hint(err, "It is about tenants; without --connect none is asked.");
        return -1;
    }
    if (options->json && options->events && strcmp(options->events, "-") == 0) {
        err_set(err, ERR_USAGE, "--output json and --events - cannot both go to standard output");
        err_hint(err, "Give one of them a file: --report FILE.json, or --events FILE.");
        return -1;
    }
    return 0;
}

int options_read(void *parent, int argc, char *const *argv, options_getenv_fn *environment,
                 struct options *ret, struct err *err)
{
    struct options options = {.fleet = default_fleet};
    struct cli_line line;

    if (cli_parse(parent, argc, argv, &line, err) < 0)
        return -1;
    options.command = line.command;
    options.arguments = (struct words){.items = line.arguments, .count = line.argument_count};
    for (size_t i = 0; i < line.given_count; i++) { /* these two win over any mistake in values */
        options.help |= line.given[i].option->offset == offsetof(struct options, help);
        options.version |= line.given[i].option->offset == offsetof(struct options, version);
    }
    if (options.command && !options.help && !options.version) {
        if (cli_check_arguments(&line, err) < 0 ||
            read_environment(parent, environment, &options, err) < 0 ||
            read_line(parent, &line, &options, err) < 0 || check_combinations(&options, err) < 0)
            return -1;
    }
    *ret = options;
    return 0;
}
