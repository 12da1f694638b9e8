/*
 * cli.c: the table of commands and options, and the parser that reads a command line by it.
 *
 * To add a command: an id, a line in cli_commands, a cmd_<name>.c and its line in main.c. To add
 * an option: a field in struct options and a line in cli_options.
 */
#include "orchestrator/cli.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/options.h"

const struct cli_command cli_commands[CLI_COMMANDS] = {
    [CLI_INIT] = {.id = CLI_INIT,
                  .name = "init",
                  .chapter = CLI_PREPARE,
                  .arguments = "[DIR]",
                  .most = 1,
                  .summary = "Write a starter fleet.yaml, migrations and seeds",
                  .description =
                      "Writes a commented fleet.yaml, migrations/ with a first migration and\n"
                      "seeds/ with an example set into DIR (default: here). Nothing that exists\n"
                      "is ever overwritten.",
                  .examples = "pgtide init shops"},
    [CLI_NEW] =
        {.id = CLI_NEW,
         .name = "new",
         .chapter = CLI_PREPARE,
         .arguments = "NAME",
         .least = 1,
         .most = 1,
         .summary = "Create a migration file",
         .description =
             "Creates <UTC timestamp>_<name>.sql in the migrations folder of the fleet, with\n"
             "the sections to fill in, and prints its path. The version is always higher than\n"
             "those in the folder, even if this machine's clock is behind.",
         .examples = "pgtide new add_product_handle\n"
                     "pgtide new --repeatable product_view\n"
                     "pgtide new --dir migrations/store/v2 drop_old_prices"},
    [CLI_BUILD] = {.id = CLI_BUILD,
                   .name = "build",
                   .chapter = CLI_PREPARE,
                   .arguments = "",
                   .summary = "Seal migrations and seeds into one file",
                   .description =
                       "Checks all migrations and all seed sets, and writes them into one tar\n"
                       "file that \"migrations:\" in fleet.yaml may name. The same files give the\n"
                       "same bundle on every machine, byte for byte, and one that was changed by\n"
                       "a single bit is refused. With --dir no inventory is read.",
                   .examples =
                       "pgtide build -o shop-1.20.tar --require-down\n"
                       "pgtide build --dir migrations/store --seeds seeds -o shop-1.20.tar"},
    [CLI_VALIDATE] =
        {.id = CLI_VALIDATE,
         .name = "validate",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Check inventory, migrations and seeds",
         .description =
             "Checks fleet.yaml, all migrations and all seed sets that tenants name, without\n"
             "connecting to anything, and reports every error of every file at once. With\n"
             "--connect it also compares each tenant's history with the migrations; a\n"
             "mismatch gives exit code 6. Selection works with --connect.",
         .examples = "pgtide validate\n"
                     "pgtide validate --connect -l ring=canary"},
    [CLI_LIST] =
        {.id = CLI_LIST,
         .name = "list",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "List the tenants of the inventory",
         .description =
             "Lists the selected tenants as the inventory resolves them, suspended ones too.\n"
             "Nothing is connected to.",
         .examples = "pgtide list -l region=eu\n"
                     "pgtide list --shard 0/4 -o json"},
    [CLI_STATUS] =
        {.id = CLI_STATUS,
         .name = "status",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Show where each tenant stands",
         .description =
             "Asks every selected tenant for its version and what is pending. Read only, no\n"
             "lock. With --exit-code the exit code is 2 when something is pending.",
         .examples = "pgtide status\n"
                     "pgtide status --exit-code -q || echo \"not all are up to date\""},
    [CLI_PLAN] =
        {.id = CLI_PLAN,
         .name = "plan",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Show what migrate would run, and where",
         .description =
             "A dry run: shows which migrations would run on which tenants, grouped by equal\n"
             "plans, and which tenants a require query would hold. Read only, takes no lock,\n"
             "writes nothing. -v also prints the SQL.",
         .examples = "pgtide plan\n"
                     "pgtide plan -v -t store-0042\n"
                     "pgtide plan --seed -o json"},
    [CLI_VERIFY] =
        {.id = CLI_VERIFY,
         .name = "verify",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Ask the verify queries of what is applied",
         .description =
             "Asks every selected tenant the verify queries of all migrations that are applied\n"
             "there, read only, and names those that are not true any more, with file, line,\n"
             "result and tenants. The exit code is 6 when there is one.",
         .examples = "pgtide verify\n"
                     "pgtide verify -t store-0042 -o json"},
    [CLI_MIGRATE] =
        {.id = CLI_MIGRATE,
         .name = "migrate",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Bring the tenants to the newest version",
         .description =
             "Locks each selected tenant, runs what is pending there, and with --seed loads\n"
             "its seeds. The run halts when more tenants failed than max_failures allows.\n"
             "Ctrl-C lets those in work finish; twice cancels their statements. Whatever\n"
             "happened, running the same command again is right.",
         .examples = "pgtide migrate\n"
                     "pgtide migrate -l ring=canary --seed\n"
                     "pgtide migrate --to 1.20.0 --max-failures 5% --report run.json"},
    [CLI_SEED] =
        {.id = CLI_SEED,
         .name = "seed",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Migrate where needed, then load the seeds",
         .description =
             "Does what migrate --seed does: a tenant is migrated first where it has to be,\n"
             "then its seed files are loaded, each once, and again when it has changed.",
         .examples = "pgtide seed -t store-0042\n"
                     "pgtide seed --seed-set demo --reseed -t 'demo-*'"},
    [CLI_ROLLBACK] =
        {.id = CLI_ROLLBACK,
         .name = "rollback",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Run down sections, newest first",
         .description =
             "Reverts each selected tenant to a version, which stays, or by a number of\n"
             "migrations. Before anything is touched every migration to be reverted must have\n"
             "its down section. Locks, budgets and reports are those of migrate. It asks on a\n"
             "terminal; without one it needs --yes. Repeatables and seeds are not touched.\n"
             "--steps counts from where a tenant stands, so it goes further each time it is\n"
             "run; --to can be repeated.",
         .examples = "pgtide rollback --to 1.20.0 --dry-run\n"
                     "pgtide rollback --to 0014 -t store-0042\n"
                     "pgtide rollback --steps 1 --yes"},
    [CLI_BASELINE] =
        {.id = CLI_BASELINE,
         .name = "baseline",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Record migrations as applied, run none",
         .description =
             "For databases whose objects came about without pgtide: records the migrations\n"
             "up to --to as applied, and makes the history for that, nothing else. migrate\n"
             "does the rest from then on. A tenant that has a history already is refused. It\n"
             "shows what it would record and asks on a terminal; without one it needs --yes.",
         .examples = "pgtide baseline --to 1.20.0 --dry-run\n"
                     "pgtide baseline --to 0014 -t store-0042 --yes"},
    [CLI_REPAIR] =
        {.id = CLI_REPAIR,
         .name = "repair",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Put histories right, drop invalid indexes",
         .description =
             "Records the checksum of a file that was changed and the name of one that was\n"
             "renamed after it was applied, and drops invalid indexes that broken-off builds\n"
             "have left. Runs no migration. What only a person can know it does when told,\n"
             "see the options. Shows what it would do and asks on a terminal; without one it\n"
             "needs --yes. What it cannot cure stays and is told (exit code 3).",
         .examples = "pgtide repair --dry-run\n"
                     "pgtide repair --not-done -t store-0042"},
    [CLI_HELP] = {.id = CLI_HELP,
                  .name = "help",
                  .chapter = CLI_OTHER,
                  .arguments = "[COMMAND]",
                  .most = 1,
                  .summary = "Show help for a command",
                  .description = "Shows the overview, or the help of COMMAND."},
    [CLI_VERSION] = {.id = CLI_VERSION,
                     .name = "version",
                     .chapter = CLI_OTHER,
                     .arguments = "",
                     .summary = "Show the version",
                     .description = "Prints the version of pgtide."},
};

/* Which commands take an option. */
#define ON(command) (1u << CLI_##command)
#define ON_ALL ((1u << CLI_COMMANDS) - 1)
#define ON_RUN (ON(MIGRATE) | ON(SEED))
#define ON_CHANGE (ON_RUN | ON(ROLLBACK) | ON(BASELINE) | ON(REPAIR))
#define ON_ASK (ON(VALIDATE) | ON(STATUS) | ON(PLAN) | ON(VERIFY))
#define ON_TENANTS (ON_CHANGE | ON_ASK | ON(LIST))

/* A thread each; more than a machine and its servers could use. */
enum { WORKERS_MOST = 1024 };

/* How an option is called, taken in, and kept. */
#define NAMED(short_name, long_name, value)                                                        \
    .letter = (short_name), .name = (long_name), .argument = (value)
#define KEPT(kind, member) .type = (kind), .offset = offsetof(struct options, member)

const struct cli_option cli_options[] = {
    {NAMED(0, "repeatable", NULL), KEPT(CLI_FLAG, repeatable), .commands = ON(NEW),
     .help = "create R_<name>.sql, run again whenever it changes"},
    {NAMED(0, "dir", "DIR"), KEPT(CLI_TEXT, dir), .commands = ON(NEW) | ON(BUILD),
     .help = "folder of the migrations (default: the fleet's)"},
    {NAMED(0, "seeds", "DIR"), KEPT(CLI_TEXT, seeds), .commands = ON(BUILD),
     .help = "folder of the seed sets (default: the fleet's)"},
    {NAMED('o', "output", "FILE"), KEPT(CLI_TEXT, bundle), .commands = ON(BUILD),
     .help = "the bundle to write (default: bundle.tar)"},
    {NAMED(0, "require-down", NULL), KEPT(CLI_FLAG, require_down), .commands = ON(BUILD),
     .help = "refuse migrations without a way back"},
    {NAMED(0, "connect", NULL), KEPT(CLI_FLAG, connect), .commands = ON(VALIDATE),
     .help = "also compare histories with the migrations"},
    {NAMED(0, "exit-code", NULL), KEPT(CLI_FLAG, exit_code), .commands = ON(STATUS) | ON(PLAN),
     .help = "exit with 2 when something is pending"},
    {NAMED(0, "to", "VERSION"), KEPT(CLI_TEXT, to),
     .commands = (ON_CHANGE & ~ON(REPAIR)) | ON(STATUS) | ON(PLAN),
     .help = "stop at this version, or release"},
    {NAMED(0, "steps", "N"), KEPT(CLI_NUMBER, steps), .min = 1, .max = INT32_MAX,
     .commands = ON(ROLLBACK), .help = "revert so many migrations, whatever their versions"},
    {NAMED(0, "done", NULL), KEPT(CLI_FLAG, done), .commands = ON(REPAIR),
     .help = "statements whose outcome is not known were done"},
    {NAMED(0, "not-done", NULL), KEPT(CLI_FLAG, not_done), .commands = ON(REPAIR),
     .help = "they were not done"},
    {NAMED(0, "unskip", "VERSION"), KEPT(CLI_WORDS, unskip), .commands = ON(REPAIR),
     .help = "make a skipped migration pending (repeatable)"},
    {NAMED(0, "forget", "VERSION"), KEPT(CLI_WORDS, forget), .commands = ON(REPAIR),
     .help = "this file is gone for good (repeatable)"},
    {NAMED(0, "dry-run", NULL), KEPT(CLI_FLAG, dry_run), .commands = ON_CHANGE,
     .help = "only show what would run"},
    {NAMED(0, "seed", NULL), KEPT(CLI_FLAG, seed), .commands = ON(MIGRATE) | ON(PLAN),
     .help = "load the tenants' seed sets after the migrations"},
    {NAMED(0, "seed-set", "NAME"), KEPT(CLI_WORDS, seed_sets), .commands = ON_RUN | ON(PLAN),
     .help = "this set, not the tenants' own (repeatable)"},
    {NAMED(0, "reseed", NULL), KEPT(CLI_FLAG, reseed), .commands = ON_RUN | ON(PLAN),
     .help = "load all seed files again, unchanged ones too"},

    {NAMED('t', "tenant", "GLOB"), KEPT(CLI_WORDS, selection.tenants), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "tenants of this name or pattern (repeatable)"},
    {NAMED('l', "label", "KEY=VALUE"), KEPT(CLI_LABELS, selection.labels), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "tenants with this label (repeatable; all must hold)"},
    {NAMED(0, "server", "NAME"), KEPT(CLI_TEXT, selection.server), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "tenants on this server"},
    {NAMED(0, "exclude", "GLOB"), KEPT(CLI_WORDS, selection.excludes), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "not these tenants (repeatable)"},
    {NAMED(0, "shard", "I/N"), KEPT(CLI_SHARD, selection.shard), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "part I (from 0) of N about equal parts"},
    {NAMED(0, "limit", "N"), KEPT(CLI_NUMBER, selection.limit), .min = 1, .max = INT32_MAX,
     .group = CLI_SELECTION, .commands = ON_TENANTS, .help = "at most N tenants"},

    {NAMED(0, "workers", "N"), KEPT(CLI_NUMBER, workers), .min = 1, .max = WORKERS_MOST,
     .group = CLI_RUN, .environment = "PGTIDE_WORKERS", .commands = ON_CHANGE | ON_ASK,
     .help = "the most tenants in work at once"},
    {NAMED(0, "per-server", "N"), KEPT(CLI_NUMBER, per_server), .min = 1, .max = WORKERS_MOST,
     .group = CLI_RUN, .environment = "PGTIDE_PER_SERVER", .commands = ON_CHANGE | ON_ASK,
     .help = "the most tenants in work on one server"},
    {NAMED(0, "max-failures", "N|N%"), KEPT(CLI_SIZE, max_failures), .group = CLI_RUN,
     .environment = "PGTIDE_MAX_FAILURES", .commands = ON_CHANGE,
     .help = "tenants that may fail; one more halts the run"},

    {NAMED('o', "output", "FORMAT"), KEPT(CLI_FORMAT, json), .group = CLI_OUTPUT,
     .environment = "PGTIDE_OUTPUT", .commands = ON_TENANTS,
     .help = "text or json, on standard output"},
    {NAMED(0, "report", "FILE"), KEPT(CLI_WORDS, reports), .group = CLI_OUTPUT,
     .commands = ON_CHANGE | ON_ASK, .help = "also write a report, FILE.json (repeatable)"},
    {NAMED('q', "quiet", NULL), KEPT(CLI_FLAG, quiet), .group = CLI_OUTPUT, .commands = ON_ALL,
     .help = "only problems and the exit code"},
    {NAMED('v', "verbose", NULL), KEPT(CLI_FLAG, verbose), .group = CLI_OUTPUT, .commands = ON_ALL,
     .help = "show more, e.g. the SQL of a plan"},
    {NAMED(0, "no-color", NULL), KEPT(CLI_FLAG, no_color), .group = CLI_OUTPUT,
     .environment = "NO_COLOR", .commands = ON_ALL, .help = "no colours"},
    {NAMED(0, "no-progress", NULL), KEPT(CLI_FLAG, no_progress), .group = CLI_OUTPUT,
     .commands = ON_ALL, .help = "plain lines instead of a progress bar"},

    {NAMED('f', "fleet", "FILE"), KEPT(CLI_TEXT, fleet), .group = CLI_GENERAL,
     .environment = "PGTIDE_FLEET", .commands = ON_ALL & ~ON(INIT),
     .help = "the inventory (default: fleet.yaml)"},
    {NAMED('y', "yes", NULL), KEPT(CLI_FLAG, yes), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "do not ask"},
    {NAMED('h', "help", NULL), KEPT(CLI_FLAG, help), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "show this help"},
    {NAMED('V', "version", NULL), KEPT(CLI_FLAG, version), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "show the version"},
};

const size_t cli_option_count = ARRAY_LEN(cli_options);

/* Commands that a later version will know. */
static const char *const future_commands[] = {
    "rehearse", "drift", "query", "adopt", "runs", "report", "resume", "retry", "completion",
};
static const char *const future_options[] = {"wave", "events"};

static bool one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

const struct cli_command *cli_find_command(const char *name)
{
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        if (strcmp(name, cli_commands[i].name) == 0)
            return &cli_commands[i];
    }
    return NULL;
}

bool cli_takes(const struct cli_command *command, const struct cli_option *option)
{
    return (option->commands & 1u << command->id) != 0;
}

/* ---- refusals ---- */

static int refuse_future(const char *what, const char *word, struct err *err)
{
    err_set(err, ERR_USAGE, "%s \"%s\" is not supported yet", what, word);
    err_hint(err, "This is pgtide " PGTIDE_VERSION "; \"pgtide help\" shows what it can do.");
    return -1;
}

int cli_refuse_command(const char *name, struct err *err)
{
    const char *names[CLI_COMMANDS];
    const char *nearest;

    if (one_of(name, future_commands, ARRAY_LEN(future_commands)))
        return refuse_future("command", name, err);
    for (size_t i = 0; i < CLI_COMMANDS; i++)
        names[i] = cli_commands[i].name;
    nearest = text_nearest(name, names, CLI_COMMANDS);
    err_set(err, ERR_USAGE, "unknown command \"%s\"", name);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "\"pgtide help\" shows the commands.");
    return -1;
}

/* The long option nearest to `name`, or the only one that begins with it. */
static const char *nearest_option(const char *name)
{
    const char *names[ARRAY_LEN(cli_options)];
    const char *beginning = NULL;
    size_t beginnings = 0;

    for (size_t i = 0; i < cli_option_count; i++) {
        names[i] = cli_options[i].name;
        if (strncmp(name, names[i], strlen(name)) == 0) {
            beginnings += !beginning || strcmp(beginning, names[i]) != 0;
            beginning = names[i];
        }
    }
    return beginnings == 1 ? beginning : text_nearest(name, names, cli_option_count);
}

/* `name` is without the dashes. */
static int refuse_option(const char *name, struct err *err)
{
    const char *nearest;
    char dashed[64];

    snprintf(dashed, sizeof(dashed), "--%s", name);
    if (one_of(name, future_options, ARRAY_LEN(future_options)))
        return refuse_future("option", dashed, err);
    nearest = nearest_option(name);
    err_set(err, ERR_USAGE, "unknown option \"--%s\"", name);
    if (nearest)
        err_hint(err, "Did you mean \"--%s\"?", nearest);
    else
        err_hint(err, "\"pgtide help COMMAND\" shows the options of a command.");
    return -1;
}

/* The option exists, but not for this command. */
static int refuse_for_command(const struct cli_option *option, const struct cli_command *command,
                              struct err *err)
{
    void *mem = mem_context(NULL);
    struct strbuf list;

    strbuf_init(&list, mem);
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        if (cli_takes(&cli_commands[i], option))
            strbuf_printf(&list, "%s%s", list.len ? ", " : "", cli_commands[i].name);
    }
    err_set(err, ERR_USAGE, "option \"--%s\" is not for \"%s\"", option->name, command->name);
    err_hint(err, "It belongs to %s. \"pgtide help %s\" shows the options of %s.", list.text,
             command->name, command->name);
    talloc_free(mem);
    return -1;
}

/* ---- the parser ---- */

/* Where the parser stands. */
struct parser {
    void *parent;
    char *const *argv;
    int argc;
    int next; /* of argv */
    struct cli_line *line;
};

static const struct cli_option *find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (strlen(cli_options[i].name) == len && strncmp(cli_options[i].name, name, len) == 0)
            return &cli_options[i];
    }
    return NULL;
}

static const struct cli_option *find_letter(char letter)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_options[i].letter && cli_options[i].letter == letter)
            return &cli_options[i];
    }
    return NULL;
}

static void add_given(struct parser *p, const struct cli_option *option, const char *value)
{
    struct cli_line *line = p->line;

    mem_grow(p->parent, &line->given, &line->given_capacity, line->given_count + 1);
    line->given[line->given_count++] = (struct cli_given){option, value};
}

/* The value of an option is the next word. */
static int take_value(struct parser *p, const struct cli_option *option, struct err *err)
{
    if (p->next >= p->argc) {
        err_set(err, ERR_USAGE, "option \"--%s\" needs a value", option->name);
        err_hint(err, "Write it as --%s %s.", option->name, option->argument);
        return -1;
    }
    add_given(p, option, p->argv[p->next++]);
    return 0;
}

/* `word` is what stands behind "--": NAME or NAME=VALUE. */
static int parse_long(struct parser *p, const char *word, struct err *err)
{
    size_t len = strcspn(word, "=");
    const struct cli_option *option = find_long(word, len);

    if (!option) {
        char *name = mem_strndup(NULL, word, len);

        refuse_option(name, err);
        talloc_free(name);
        return -1;
    }
    if (option->argument && !word[len])
        return take_value(p, option, err);
    if (!option->argument && word[len])
        return err_set(err, ERR_USAGE, "option \"--%s\" takes no value", option->name);
    add_given(p, option, word[len] ? word + len + 1 : NULL);
    return 0;
}

/* `word` is what stands behind "-": letters of flags; one that takes a value takes the rest. */
static int parse_letters(struct parser *p, const char *word, struct err *err)
{
    for (; *word; word++) {
        const struct cli_option *option = find_letter(*word);

        if (!option) {
            err_set(err, ERR_USAGE, "unknown option \"-%.*s\"", (int)strcspn(word, "="), word);
            err_hint(err, "\"pgtide help COMMAND\" shows the options of a command.");
            return -1;
        }
        if (option->argument && !word[1])
            return take_value(p, option, err);
        add_given(p, option, option->argument ? word + 1 : NULL);
        if (option->argument)
            return 0;
    }
    return 0;
}

/* A word that is no option: the command, then its arguments. */
static int parse_word(struct parser *p, const char *word, struct err *err)
{
    struct cli_line *line = p->line;

    if (!line->command) {
        line->command = cli_find_command(word);
        return line->command ? 0 : cli_refuse_command(word, err);
    }
    mem_grow(p->parent, &line->arguments, &line->argument_capacity, line->argument_count + 1);
    line->arguments[line->argument_count++] = word;
    return 0;
}

/*
 * Options of one name may mean different things to different commands (-o FILE of build), and may
 * stand before the command: the one that is the command's, else the one given.
 */
static const struct cli_option *of_command(const struct cli_command *command,
                                           const struct cli_option *given)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (strcmp(cli_options[i].name, given->name) == 0 && cli_takes(command, &cli_options[i]))
            return &cli_options[i];
    }
    return given;
}

int cli_parse(void *parent, int argc, char *const *argv, struct cli_line *ret, struct err *err)
{
    struct cli_line line = {0};
    struct parser p = {.parent = parent, .argv = argv, .argc = argc, .next = 1, .line = &line};
    bool options_ended = false;

    while (p.next < argc) {
        const char *word = argv[p.next++];
        int rc;

        if (options_ended || word[0] != '-' || !word[1]) {
            rc = parse_word(&p, word, err);
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
            rc = 0;
        } else if (word[1] == '-') {
            rc = parse_long(&p, word + 2, err);
        } else {
            rc = parse_letters(&p, word + 1, err);
        }
        if (rc < 0)
            return -1;
    }
    for (size_t i = 0; line.command && i < line.given_count; i++) {
        line.given[i].option = of_command(line.command, line.given[i].option);
        if (!cli_takes(line.command, line.given[i].option))
            return refuse_for_command(line.given[i].option, line.command, err);
    }
    *ret = line;
    return 0;
}

int cli_check_arguments(const struct cli_line *line, struct err *err)
{
    const struct cli_command *command = line->command;

    if (line->argument_count > command->most)
        err_set(err, ERR_USAGE, "\"%s\" does not take the argument \"%s\"", command->name,
                line->arguments[command->most]);
    else if (line->argument_count < command->least)
        err_set(err, ERR_USAGE, "\"%s\" needs %s", command->name, command->arguments);
    else
        return 0;
    err_hint(err, "Usage: pgtide %s%s%s [OPTIONS]", command->name, command->arguments[0] ? " " : "",
             command->arguments);
    return -1;
}
