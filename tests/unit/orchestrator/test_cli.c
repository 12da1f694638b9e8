/*
 * test_cli.c: the table of commands and options is sound; command lines are taken apart by it.
 */
#include "orchestrator/cli.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/help.h"

#include <criterion/criterion.h>

enum { WORDS_MOST = 12 };

/*
 * "command argument... | option=value option ..." of a command line, or the error's message and
 * hint.
 */
static char *parse(void *mem, const char *const words[WORDS_MOST])
{
    char *argv[WORDS_MOST + 2] = {mem_strdup(mem, "pgtide")};
    int argc = 1;
    struct cli_line line;
    struct err err = ERR_INIT;
    struct strbuf out;

    for (size_t i = 0; i < WORDS_MOST && words[i]; i++)
        argv[argc++] = mem_strdup(mem, words[i]);
    strbuf_init(&out, mem);
    if (cli_parse(mem, argc, argv, &line, &err) < 0 ||
        (line.command && cli_check_arguments(&line, &err) < 0)) {
        cr_expect_eq(err.kind, ERR_USAGE);
        strbuf_printf(&out, "%s / %s", err.message, err.hint ? err.hint : "");
        err_clear(&err);
        return out.text;
    }
    strbuf_str(&out, line.command ? line.command->name : "-");
    for (size_t i = 0; i < line.argument_count; i++)
        strbuf_printf(&out, " %s", line.arguments[i]);
    strbuf_str(&out, " |");
    for (size_t i = 0; i < line.given_count; i++)
        strbuf_printf(&out, " %s%s%s", line.given[i].option->name, line.given[i].value ? "=" : "",
                      line.given[i].value ? line.given[i].value : "");
    return out.text;
}

struct parse_case {
    const char *words[WORDS_MOST];
    const char *expected;
};

static void check_cases(const struct parse_case *cases, size_t count)
{
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(parse(mem, cases[i].words), cases[i].expected, "case %zu", i);
    talloc_free(mem);
}

Test(cli, lines)
{
    static const struct parse_case cases[] = {
        {{NULL}, "- |"},
        {{"migrate"}, "migrate |"},
        {{"-f", "x.yaml", "migrate"}, "migrate | fleet=x.yaml"},
        {{"migrate", "-f", "x.yaml"}, "migrate | fleet=x.yaml"},
        {{"-fx.yaml", "migrate"}, "migrate | fleet=x.yaml"},
        {{"--fleet=x.yaml", "migrate"}, "migrate | fleet=x.yaml"},
        {{"--fleet=", "migrate"}, "migrate | fleet="},
        {{"--label=a=b=c", "list"}, "list | label=a=b=c"},
        {{"list", "-l", "a=b", "-l", "c=d"}, "list | label=a=b label=c=d"},
        {{"list", "-qv"}, "list | quiet verbose"},
        {{"list", "-qojson"}, "list | quiet output=json"},
        {{"list", "-qo", "json"}, "list | quiet output=json"},
        {{"new", "--", "-odd-"}, "new -odd- |"},
        {{"new", "-"}, "new - |"},
        {{"--", "new", "x"}, "new x |"},
        {{"-t", "migrate", "list"}, "list | tenant=migrate"},
        {{"list", "-t", "--", "-q"}, "list | tenant=-- quiet"},
        {{"init", "here"}, "init here |"},
        {{"help", "migrate"}, "help migrate |"},
        {{"-h"}, "- | help"},
        {{"build", "-o", "x.tar", "--require-down"}, "build | output=x.tar require-down"},
        {{"--output=x.tar", "build"}, "build | output=x.tar"},
        {{"seed", "--seed-set", "a", "--seed-set=b"}, "seed | seed-set=a seed-set=b"},
    };

    check_cases(cases, ARRAY_LEN(cases));
}

Test(cli, refusals)
{
    static const struct parse_case cases[] = {
        {{"migrat"}, "unknown command \"migrat\" / Did you mean \"migrate\"?"},
        {{"frobnicate"}, "unknown command \"frobnicate\" / \"pgtide help\" shows the commands."},
        {{""}, "unknown command \"\" / \"pgtide help\" shows the commands."},
        {{"adopt"},
         "command \"adopt\" is not supported yet / This is pgtide " PGTIDE_VERSION
         "; \"pgtide help\" shows what it can do."},
        {{"migrate", "--sed"}, "unknown option \"--sed\" / Did you mean \"--seed\"?"},
        {{"migrate", "--max-f=3"}, "unknown option \"--max-f\" / Did you mean \"--max-failures\"?"},
        {{"migrate", "--xyzzy"},
         "unknown option \"--xyzzy\" / \"pgtide help COMMAND\" shows the options of a command."},
        {{"migrate", "-x"},
         "unknown option \"-x\" / \"pgtide help COMMAND\" shows the options of a command."},
        {{"migrate", "-t"}, "option \"--tenant\" needs a value / Write it as --tenant GLOB."},
        {{"migrate", "--workers"}, "option \"--workers\" needs a value / Write it as --workers N."},
        {{"migrate", "--seed=yes"}, "option \"--seed\" takes no value / "},
        {{"status", "--seed"},
         "option \"--seed\" is not for \"status\" / It belongs to plan, migrate. \"pgtide help "
         "status\" shows the options of status."},
        {{"-f", "x.yaml", "init"},
         "option \"--fleet\" is not for \"init\" / It belongs to new, build, validate, list, "
         "status, plan, verify, query, migrate, seed, rollback, baseline, repair, runs, report, "
         "resume, retry, completion, help, version. \"pgtide help init\" shows the options of "
         "init."},
        {{"migrate", "store-0001"},
         "\"migrate\" does not take the argument \"store-0001\" / Tenants are named with "
         "-t: pgtide migrate -t NAME"},
        {{"runs", "last"},
         "\"runs\" does not take the argument \"last\" / Usage: pgtide runs [OPTIONS]"},
        {{"new"}, "\"new\" needs NAME / Usage: pgtide new NAME [OPTIONS]"},
        {{"init", "a", "b"},
         "\"init\" does not take the argument \"b\" / Usage: pgtide init [DIR] [OPTIONS]"},
    };

    check_cases(cases, ARRAY_LEN(cases));
}

/* Two options with one name or letter, or one that no command takes, would be dead. */
Test(cli, table_is_sound)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *a = &cli_options[i];

        cr_expect(a->commands != 0, "--%s", a->name);
        cr_expect((a->type == CLI_FLAG) == (a->argument == NULL), "--%s", a->name);
        cr_expect(a->type != CLI_NUMBER || a->min < a->max, "--%s", a->name);
        cr_expect_not_null(a->help, "--%s", a->name);
        for (size_t j = 0; j < i; j++) {
            const struct cli_option *b = &cli_options[j];
            bool same = strcmp(a->name, b->name) == 0;

            /* of two with one name each is for other commands, and both are spelled alike */
            cr_expect(!same || !(a->commands & b->commands), "--%s", a->name);
            cr_expect(!same || (a->letter == b->letter && !a->argument == !b->argument));
            cr_expect(same || !a->letter || a->letter != b->letter, "-%c", a->letter);
            cr_expect_neq(a->offset, cli_options[j].offset, "--%s", a->name);
        }
    }
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        cr_expect_eq((size_t)cli_commands[i].id, i);
        cr_expect(cli_commands[i].least <= cli_commands[i].most);
        cr_expect_eq(cli_find_command(cli_commands[i].name), &cli_commands[i]);
    }
    cr_expect_null(cli_find_command("adopt"));
}

static char *help_of(const struct cli_command *command)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    help_command(command, out);
    fclose(out);
    return text;
}

/* By name: an option may mean something else to another command. */
static bool takes_named(const struct cli_command *command, const struct cli_option *option)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (strcmp(cli_options[i].name, option->name) == 0 && cli_takes(command, &cli_options[i]) &&
            (!option->argument || strcmp(cli_options[i].argument, option->argument) == 0))
            return true;
    }
    return false;
}

/* A command's help names each of its options and no other; lines fit a terminal. */
Test(cli, help_names_the_options)
{
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        char *help = help_of(&cli_commands[i]);

        for (size_t j = 0; j < cli_option_count; j++) {
            char wanted[64];

            snprintf(wanted, sizeof(wanted), "--%s%s%s  ", cli_options[j].name,
                     cli_options[j].argument ? " " : "",
                     cli_options[j].argument ? cli_options[j].argument : "");
            cr_expect_eq(strstr(help, wanted) != NULL,
                         takes_named(&cli_commands[i], &cli_options[j]), "%s in the help of %s",
                         wanted, cli_commands[i].name);
        }
        for (char *line = help; *line; line += strcspn(line, "\n") + 1)
            cr_expect(strcspn(line, "\n") <= 80, "%.*s", (int)strcspn(line, "\n"), line);
        free(help);
    }
}
