/*
 * completion.h: what a shell completes behind "pgtide", made from the tables of cli.h.
 */
#ifndef ORCHESTRATOR_COMPLETION_H
#define ORCHESTRATOR_COMPLETION_H

#include "common/base.h"

/* Prints the script for "bash", "zsh" or "fish"; false: it is none of these. */
bool completion_print(const char *shell, FILE *out);

#endif
