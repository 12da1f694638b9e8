/*
 * completion.c: completion scripts for shells.
 *
 * Words alone: names of tenants and runs would have to be asked of an inventory, whose discovery
 * may connect and run programs, at every press of a key.
 */
#include "orchestrator/completion.h"

#include "orchestrator/cli.h"

static const char *const shells[] = {"bash", "zsh", "fish"};

/* --- what there is to complete ---------------------------------------------------------------- */

/* Of an option's value. */
enum value_kind { VALUE_NONE, VALUE_ANY, VALUE_FILE, VALUE_FORMAT, VALUE_ROWS, VALUE_KINDS };

/* Words that a value of the kind may be; NULL: they are not known. */
static const char *const value_words[VALUE_KINDS] = {
    [VALUE_FORMAT] = "text json",
    [VALUE_ROWS] = "text csv json",
};

static enum value_kind value_kind(const struct cli_option *option)
{
    if (!option->argument)
        return VALUE_NONE;
    if (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "DIR") == 0)
        return VALUE_FILE;
    if (option->type == CLI_FORMAT)
        return VALUE_FORMAT;
    return strcmp(option->argument, "FORMAT") == 0 ? VALUE_ROWS : VALUE_ANY;
}

/* Calls `print` for each word that the command's argument may be. */
static void each_argument(const struct cli_command *command,
                          void (*print)(const char *word, FILE *out), FILE *out)
{
    if (strcmp(command->arguments, "RUN") == 0)
        print("last", out);
    for (size_t i = 0; command->id == CLI_HELP && i < CLI_COMMANDS; i++)
        print(cli_commands[i].name, out);
    for (size_t i = 0; command->id == CLI_COMPLETION && i < ARRAY_LEN(shells); i++)
        print(shells[i], out);
}

static bool takes_folder(const struct cli_command *command)
{
    return strcmp(command->arguments, "[DIR]") == 0;
}

static void print_word(const char *word, FILE *out)
{
    fprintf(out, " %s", word);
}

/* As text between single quotes; `special` are characters that want a backslash. */
static void print_quoted(const char *text, const char *special, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (strchr(special, *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

/* --- bash ------------------------------------------------------------------------------------- */

static const char bash_head[] =
    "# bash completion for pgtide, made by \"pgtide completion bash\"\n"
    "_pgtide()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local command='' words='' i\n"
    "\n"
    "    if [ \"$word\" = = ]; then # --option=\n"
    "        word=''\n"
    "    elif [ \"$before\" = = ]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        -f | --fleet)\n"
    "            ((i++))\n"
    "            [ \"${COMP_WORDS[i]}\" != = ] || ((i++))\n"
    "            ;;\n"
    "        -*) ;;\n"
    "        *)\n"
    "            command=${COMP_WORDS[i]}\n"
    "            break\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    case $command in\n";

static const char bash_tail[] = "    esac\n"
                                "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                                "}\n"
                                "complete -F _pgtide pgtide\n";

/* A branch for the command's options with values of the kind, where it has any. */
static void bash_values(const struct cli_command *command, enum value_kind kind, FILE *out)
{
    const char *before = "        ";
    bool any = false;

    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_options[i];

        if (!cli_takes(command, option) || value_kind(option) != kind)
            continue;
        fprintf(out, "%s--%s", any ? " | " : before, option->name);
        if (option->letter)
            fprintf(out, " | -%c", option->letter);
        any = true;
    }
    if (!any)
        return;
    if (value_words[kind])
        fprintf(out, ") words='%s' ;;\n", value_words[kind]);
    else if (kind == VALUE_FILE)
        fputs(")\n            compopt -o default 2>/dev/null\n            return\n"
              "            ;;\n",
              out);
    else
        fputs(") ;;\n", out);
}

static void bash_options(const struct cli_command *command, FILE *out)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_takes(command, &cli_options[i]))
            fprintf(out, " --%s", cli_options[i].name);
    }
}

static void bash_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "    %s)\n        case $before in\n", command->name);
    for (int kind = VALUE_ANY; kind < VALUE_KINDS; kind++)
        bash_values(command, (enum value_kind)kind, out);
    fputs("        *)\n", out);
    if (takes_folder(command))
        fputs("            compopt -o default 2>/dev/null\n", out);
    fputs("            words='", out);
    each_argument(command, print_word, out);
    bash_options(command, out);
    fputs("'\n            ;;\n        esac\n        ;;\n", out);
}

static void print_bash(FILE *out)
{
    fputs(bash_head, out);
    for (size_t i = 0; i < CLI_COMMANDS; i++)
        bash_command(&cli_commands[i], out);
    fputs("    *)\n        case $before in\n"
          "        -f | --fleet)\n            compopt -o default 2>/dev/null\n            return\n"
          "            ;;\n"
          "        *) words='",
          out);
    for (size_t i = 0; i < CLI_COMMANDS; i++)
        print_word(cli_commands[i].name, out);
    fputs(" --fleet --help --version' ;;\n        esac\n        ;;\n", out);
    fputs(bash_tail, out);
}

/* --- zsh -------------------------------------------------------------------------------------- */

/* What may follow an option in the syntax of _arguments. */
static void zsh_value(const struct cli_option *option, FILE *out)
{
    enum value_kind kind = value_kind(option);

    if (kind == VALUE_NONE)
        return;
    fputc(':', out);
    print_quoted(option->argument, ":", out);
    fputc(':', out);
    if (kind == VALUE_FILE)
        fputs("_files", out);
    else if (value_words[kind])
        fprintf(out, "(%s)", value_words[kind]);
}

static void zsh_option(const struct cli_option *option, FILE *out)
{
    bool repeatable = option->type == CLI_WORDS || option->type == CLI_LABELS;

    fputs(" \\\n            ", out);
    if (option->letter && repeatable)
        fprintf(out, "'*'{-%c,--%s}'", option->letter, option->name);
    else if (option->letter)
        fprintf(out, "'(-%c --%s)'{-%c,--%s}'", option->letter, option->name, option->letter,
                option->name);
    else
        fprintf(out, "'%s--%s", repeatable ? "*" : "", option->name);
    fputc('[', out);
    print_quoted(option->help, "[]\\", out);
    fputc(']', out);
    zsh_value(option, out);
    fputc('\'', out);
}

static void zsh_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "        (%s)\n            _arguments", command->name);
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_takes(command, &cli_options[i]))
            zsh_option(&cli_options[i], out);
    }
    if (command->arguments[0]) {
        fputs(" \\\n            '1:", out);
        print_quoted(command->arguments, ":", out);
        fputs(takes_folder(command) ? ":_files -/" : ":(", out);
        each_argument(command, print_word, out);
        fputs(takes_folder(command) ? "'" : ")'", out);
    }
    fputs("\n            ;;\n", out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef pgtide\n"
          "# zsh completion for pgtide, made by \"pgtide completion zsh\"\n"
          "_pgtide()\n"
          "{\n"
          "    local context state state_descr line\n"
          "    typeset -A opt_args\n"
          "    local -a commands=(\n",
          out);
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        fprintf(out, "        '%s:", cli_commands[i].name);
        print_quoted(cli_commands[i].summary, ":", out);
        fputs("'\n", out);
    }
    fputs("    )\n\n"
          "    _arguments -C '(-f --fleet)'{-f,--fleet}'[the inventory]:FILE:_files' \\\n"
          "        '(-)'{-h,--help}'[show help]' '(-)'{-V,--version}'[show the version]' \\\n"
          "        '1: :->command' '*:: :->rest'\n"
          "    case $state in\n"
          "    (command)\n"
          "        _describe -t commands 'pgtide command' commands\n"
          "        ;;\n"
          "    (rest)\n"
          "        case $words[1] in\n",
          out);
    for (size_t i = 0; i < CLI_COMMANDS; i++)
        zsh_command(&cli_commands[i], out);
    fputs("        esac\n"
          "        ;;\n"
          "    esac\n"
          "}\n"
          "if [ \"$funcstack[1]\" = _pgtide ]; then # a file of $fpath\n"
          "    _pgtide \"$@\"\n"
          "else\n"
          "    compdef _pgtide pgtide\n"
          "fi\n",
          out);
}

/* --- fish ------------------------------------------------------------------------------------- */

static void fish_option(const struct cli_option *option, FILE *out)
{
    enum value_kind kind = value_kind(option);

    fputs("complete -c pgtide -n '__fish_seen_subcommand_from", out);
    for (size_t i = 0; i < CLI_COMMANDS; i++) {
        if (cli_takes(&cli_commands[i], option))
            print_word(cli_commands[i].name, out);
    }
    fprintf(out, "' -l %s", option->name);
    if (option->letter)
        fprintf(out, " -s %c", option->letter);
    if (kind == VALUE_FILE)
        fputs(" -r -F", out);
    else if (kind != VALUE_NONE)
        fputs(" -x", out);
    if (value_words[kind])
        fprintf(out, " -a '%s'", value_words[kind]);
    fputs(" -d '", out);
    print_quoted(option->help, "\\", out);
    fputs("'\n", out);
}

static void fish_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "complete -c pgtide -n __fish_use_subcommand -a %s -d '", command->name);
    print_quoted(command->summary, "\\", out);
    fputs("'\n", out);
    if (!command->arguments[0])
        return;
    fprintf(out, "complete -c pgtide -n '__fish_seen_subcommand_from %s' %s-a '", command->name,
            takes_folder(command) ? "-F " : "");
    each_argument(command, print_word, out);
    fputs("'\n", out);
}

static void print_fish(FILE *out)
{
    fputs("# fish completion for pgtide, made by \"pgtide completion fish\"\n"
          "complete -c pgtide -f\n"
          "complete -c pgtide -n __fish_use_subcommand -s f -l fleet -r -F -d 'the inventory'\n",
          out);
    for (size_t i = 0; i < CLI_COMMANDS; i++)
        fish_command(&cli_commands[i], out);
    for (size_t i = 0; i < cli_option_count; i++)
        fish_option(&cli_options[i], out);
}

/* --- the whole -------------------------------------------------------------------------------- */

bool completion_print(const char *shell, FILE *out)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(out);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(out);
    else if (strcmp(shell, "fish") == 0)
        print_fish(out);
    else
        return false;
    return true;
}
