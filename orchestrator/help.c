/*
 * help.c: the help texts, made from the table of cli.h.
 */
#include "orchestrator/help.h"

#include "common/strbuf.h"

/* Widths of the lists' first columns, and of all. */
enum { COMMAND_COLUMN = 18, OPTION_COLUMN = 25, LINE_WIDTH = 80 };

static const char *const chapters[CLI_CHAPTERS] = {
    [CLI_PREPARE] = "Prepare",
    [CLI_LOOK] = "Look (changes nothing)",
    [CLI_CHANGE] = "Change",
    [CLI_OTHER] = "Other",
};

static const char *const groups[CLI_GROUPS] = {
    [CLI_OWN] = "Options",   [CLI_SELECTION] = "Selection", [CLI_RUN] = "Run",
    [CLI_OUTPUT] = "Output", [CLI_GENERAL] = "General",
};

static const char exit_codes[] =
    "Exit codes:\n"
    "  0 all is well   1 could not run   2 something is pending (--exit-code)\n"
    "  3 some tenants failed or were not started   4 halted   5 another run goes on\n"
    "  6 mismatch   64 wrong usage   65 bad migration or seed\n"
    "  66 input missing, or nothing selected   78 bad fleet.yaml\n"
    "  129, 130, 143 stopped by a signal   141 nobody reads the output\n";

void help_usage(FILE *out)
{
    fputs("Usage: pgtide [-f FILE] COMMAND [OPTIONS]\n"
          "Try \"pgtide help\" for the commands.\n",
          out);
}

static void print_option(const struct cli_option *option, FILE *out)
{
    char left[80];
    int column;

    snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
             option->argument ? " " : "", option->argument ? option->argument : "");
    column = fprintf(out, "  %-*s  %s", OPTION_COLUMN, left, option->help);
    if (option->environment) {
        if (column + (int)strlen(option->environment) + 4 > LINE_WIDTH)
            fprintf(out, "\n  %-*s ", OPTION_COLUMN, "");
        fprintf(out, " [$%s]", option->environment);
    }
    fputc('\n', out);
}

static void print_group(const struct cli_command *command, enum cli_group group, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_options[i];

        if (option->group != group || (command && !cli_takes(command, option)))
            continue;
        if (!any)
            fprintf(out, "\n%s:\n", groups[group]);
        any = true;
        print_option(option, out);
    }
}

void help_overview(FILE *out)
{
    fputs("pgtide " PGTIDE_VERSION ": raises a fleet of PostgreSQL databases to the same level\n\n"
          "Usage: pgtide [-f FILE] COMMAND [OPTIONS]\n",
          out);
    for (int chapter = 0; chapter < CLI_CHAPTERS; chapter++) {
        fprintf(out, "\n%s:\n", chapters[chapter]);
        for (size_t i = 0; i < CLI_COMMANDS; i++) {
            const struct cli_command *command = &cli_commands[i];
            char left[40];

            if ((int)command->chapter != chapter)
                continue;
            snprintf(left, sizeof(left), "%s %s", command->name, command->arguments);
            fprintf(out, "  %-*s%s\n", COMMAND_COLUMN, left, command->summary);
        }
    }
    print_group(NULL, CLI_GENERAL, out);
    fprintf(out, "\n%s\n\"pgtide help COMMAND\" shows the options of a command.\n", exit_codes);
}

/* Prints lines, each indented by two blanks. */
static void print_indented(const char *text, FILE *out)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        fprintf(out, "  %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

void help_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "Usage: pgtide %s%s [OPTIONS]%s%s\n\n%s\n",
            cli_takes_named(command, "fleet") ? "[-f FILE] " : "", command->name,
            command->arguments[0] ? " " : "", command->arguments, command->description);
    for (int group = 0; group < CLI_GROUPS; group++)
        print_group(command, (enum cli_group)group, out);
    if (command->examples) {
        fputs("\nExamples:\n", out);
        print_indented(command->examples, out);
    }
    if (command->chapter == CLI_LOOK || command->chapter == CLI_CHANGE)
        fprintf(out, "\n%s", exit_codes);
}
