/*
 * help.h: the help texts, made from the table of cli.h.
 */
#ifndef ORCHESTRATOR_HELP_H
#define ORCHESTRATOR_HELP_H

#include "common/base.h"
#include "orchestrator/cli.h"

/* All commands, with the options that are everywhere. */
void help_overview(FILE *out);

/* One command: usage, what it does, its options by group, examples. */
void help_command(const struct cli_command *command, FILE *out);

/* Two lines for someone who gave no command. */
void help_usage(FILE *out);

#endif
