/*
 * cmd_completion.c: completion SHELL.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/completion.h"

int cmd_completion(const struct options *options, struct err_list *errors)
{
    const char *shell = options->arguments.items[0];
    struct err *err;

    if (completion_print(shell, stdout))
        return 0;
    err = err_list_add(errors);
    err_set(err, ERR_USAGE, "no completion for the shell \"%s\"", shell);
    err_hint(err, "There is one for bash, zsh and fish.");
    return -1;
}
