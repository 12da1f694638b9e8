/*
 * cmd.h: the commands, one function and one file (cmd_<name>.c) each.
 *
 * Each gives the exit code of the process; or -1 with errors in `errors`, which main prints and
 * turns into the exit code. Results go to stdout; whether stdout could be written is main's to
 * check.
 */
#ifndef ORCHESTRATOR_CMD_H
#define ORCHESTRATOR_CMD_H

#include "common/err.h"
#include "orchestrator/options.h"

typedef int cmd_fn(const struct options *options, struct err_list *errors);

cmd_fn cmd_init;
cmd_fn cmd_new;
cmd_fn cmd_build;
cmd_fn cmd_validate;
cmd_fn cmd_list;
cmd_fn cmd_status;
cmd_fn cmd_plan;
cmd_fn cmd_verify;
cmd_fn cmd_query;
cmd_fn cmd_migrate;
cmd_fn cmd_seed;
cmd_fn cmd_rollback;
cmd_fn cmd_baseline;
cmd_fn cmd_repair;
cmd_fn cmd_runs;
cmd_fn cmd_report;
cmd_fn cmd_resume;
cmd_fn cmd_retry;
cmd_fn cmd_completion;
cmd_fn cmd_help;
cmd_fn cmd_version;

#endif
