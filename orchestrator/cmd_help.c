/*
 * cmd_help.c: help [COMMAND].
 */
#include "orchestrator/cmd.h"

#include "orchestrator/help.h"

int cmd_help(const struct options *options, struct err_list *errors)
{
    const struct cli_command *command;

    if (options->arguments.count == 0) {
        help_overview(stdout);
        return 0;
    }
    command = cli_find_command(options->arguments.items[0]);
    if (!command)
        return cli_refuse_command(options->arguments.items[0], err_list_add(errors));
    help_command(command, stdout);
    return 0;
}
