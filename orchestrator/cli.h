/*
 * cli.h: the commands and options of pgtide as one table. Parsing, help and the hints of usage
 * errors are all made from it.
 */
#ifndef ORCHESTRATOR_CLI_H
#define ORCHESTRATOR_CLI_H

#include "common/base.h"
#include "common/err.h"

enum cli_command_id {
    CLI_INIT,
    CLI_NEW,
    CLI_BUILD,
    CLI_VALIDATE,
    CLI_LIST,
    CLI_STATUS,
    CLI_PLAN,
    CLI_VERIFY,
    CLI_QUERY,
    CLI_MIGRATE,
    CLI_SEED,
    CLI_ROLLBACK,
    CLI_BASELINE,
    CLI_REPAIR,
    CLI_RUNS,
    CLI_REPORT,
    CLI_RESUME,
    CLI_RETRY,
    CLI_COMPLETION,
    CLI_HELP,
    CLI_VERSION,
    CLI_COMMANDS
};

/* Headings of the overview. */
enum cli_chapter { CLI_PREPARE, CLI_LOOK, CLI_CHANGE, CLI_OTHER, CLI_CHAPTERS };

struct cli_command {
    enum cli_command_id id;
    enum cli_chapter chapter;
    const char *name;
    const char *arguments; /* "[DIR]", "NAME", or "" */
    size_t least;          /* arguments it needs, and takes */
    size_t most;
    const char *summary;     /* for the overview: one line, no full stop */
    const char *description; /* for its help: paragraphs */
    const char *examples;    /* lines without indentation, or NULL */
};

/* How the text of a value is read, and the type of the field it is kept in. */
enum cli_type {
    CLI_FLAG,     /* bool; takes no value */
    CLI_TEXT,     /* const char * */
    CLI_WORDS,    /* struct words: may be given several times */
    CLI_LABELS,   /* struct label_list: KEY=VALUE, several times */
    CLI_NUMBER,   /* int64_t from min to max */
    CLI_SIZE,     /* max_failures and has_max_failures */
    CLI_DURATION, /* int64_t, milliseconds, above 0 */
    CLI_SHARD,    /* shard and shards of struct selection */
    CLI_FORMAT,   /* bool: json, not text */
};

/* Headings of a command's help. */
enum cli_group { CLI_OWN, CLI_SELECTION, CLI_RUN, CLI_OUTPUT, CLI_GENERAL, CLI_GROUPS };

struct cli_option {
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* "FILE"; NULL: takes none */
    enum cli_type type;
    size_t offset; /* of its field in struct options */
    int64_t min;   /* CLI_NUMBER */
    int64_t max;
    const char *environment; /* NULL: none */
    unsigned commands;       /* bit 1 << id for each command that takes it */
    enum cli_group group;
    const char *help; /* one line, no full stop */
};

extern const struct cli_command cli_commands[CLI_COMMANDS]; /* by id */
extern const struct cli_option cli_options[];
extern const size_t cli_option_count;

const struct cli_command *cli_find_command(const char *name); /* NULL: there is none */
bool cli_takes(const struct cli_command *command, const struct cli_option *option);

/* It takes an option of this long name. */
bool cli_takes_named(const struct cli_command *command, const char *name);

/* ERR_USAGE for a command that does not exist: with the nearest, or that it is not there yet. */
int cli_refuse_command(const char *name, struct err *err);

/* One option as it was given. */
struct cli_given {
    const struct cli_option *option;
    const char *value; /* points into argv; NULL for a flag */
};

struct cli_line {
    const struct cli_command *command; /* NULL: none given */
    struct cli_given *given;           /* in the order of the command line */
    size_t given_count;
    size_t given_capacity;
    const char **arguments; /* what is left, without the command */
    size_t argument_count;
    size_t argument_capacity;
};

/*
 * Takes the command line apart: options may stand before or behind the command, "--" ends them.
 * ERR_USAGE: an unknown command or option, one that is not for this command, a value missing or
 * not wanted. The number of arguments is not checked: see cli_check_arguments().
 */
int cli_parse(void *parent, int argc, char *const *argv, struct cli_line *ret,
              struct err *err) MUST_CHECK;

int cli_check_arguments(const struct cli_line *line, struct err *err) MUST_CHECK;

#endif
