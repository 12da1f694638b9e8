/*
 * cli.c: the parser that reads a command line by the tables of commands and options.
 */
#include "orchestrator/cli.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"

/* Commands that a later version will know. */
static const char *const future_commands[] = {
    "rehearse",
    "drift",
    "adopt",
};

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

/* The command's option of this long name; NULL: it has none. */
static const struct cli_option *find_own(const struct cli_command *command, const char *name)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (strcmp(cli_options[i].name, name) == 0 && cli_takes(command, &cli_options[i]))
            return &cli_options[i];
    }
    return NULL;
}

bool cli_takes_named(const struct cli_command *command, const char *name)
{
    return find_own(command, name) != NULL;
}

/* ---- refusals ---- */

static int refuse_future(const char *command, struct err *err)
{
    err_set(err, ERR_USAGE, "command \"%s\" is not supported yet", command);
    err_hint(err, "This is pgtide " PGTIDE_VERSION "; \"pgtide help\" shows what it can do.");
    return -1;
}

int cli_refuse_command(const char *name, struct err *err)
{
    const char *names[CLI_COMMANDS];
    const char *nearest;

    if (one_of(name, future_commands, ARRAY_LEN(future_commands)))
        return refuse_future(name, err);
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
    const char **names = mem_array(NULL, const char *, cli_option_count);
    const char *beginning = NULL;
    size_t beginnings = 0;

    for (size_t i = 0; i < cli_option_count; i++) {
        names[i] = cli_options[i].name;
        if (strncmp(name, names[i], strlen(name)) == 0) {
            beginnings += !beginning || strcmp(beginning, names[i]) != 0;
            beginning = names[i];
        }
    }
    if (beginnings != 1)
        beginning = text_nearest(name, names, cli_option_count);
    talloc_free(names);
    return beginning;
}

/* `name` is without the dashes. */
static int refuse_option(const char *name, struct err *err)
{
    const char *nearest = nearest_option(name);

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
    const struct cli_option *own = find_own(command, given->name);

    return own ? own : given;
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
    if (command->most == 0 && cli_takes_named(command, "tenant"))
        err_hint(err, "Tenants are named with -t: pgtide %s -t NAME", command->name);
    else
        err_hint(err, "Usage: pgtide %s%s%s [OPTIONS]", command->name,
                 command->arguments[0] ? " " : "", command->arguments);
    return -1;
}
