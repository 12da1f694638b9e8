/*
 * options.h: what the person asked for: the command line, with the environment (PGTIDE_*) below it.
 * fleet.yaml and the defaults come below both.
 */
#ifndef ORCHESTRATOR_OPTIONS_H
#define ORCHESTRATOR_OPTIONS_H

#include "common/base.h"
#include "common/err.h"
#include "common/text.h"
#include "orchestrator/cli.h"
#include "orchestrator/selection.h"

struct options {
    const struct cli_command *command; /* NULL: none given */
    struct words arguments;            /* of the command */

    const char *fleet; /* path of fleet.yaml */
    struct selection selection;

    const char *to; /* NULL: the head */
    int64_t steps;  /* 0 = not given */
    bool done;
    bool not_done;
    struct words unskip; /* versions */
    struct words forget;
    bool seed;
    bool reseed;
    struct words seed_sets;
    bool dry_run;
    const char *plan; /* a report of "plan" to compare with; NULL: none */
    bool exit_code;
    bool connect;
    bool repeatable;
    const char *dir;    /* NULL: the fleet's migrations */
    const char *seeds;  /* of build; NULL: the fleet's, or none when `dir` is given */
    const char *bundle; /* to write; NULL: bundle.tar */
    bool require_down;
    const char *file;   /* of query; NULL: its argument */
    const char *format; /* of query; NULL: text */

    const char *run_name; /* of a run that machines share; NULL: not given */
    int64_t workers;      /* 0 = not given */
    int64_t per_server;   /* 0 = not given */
    bool has_max_failures;
    struct text_size max_failures;
    int64_t max_duration_ms; /* 0 = not given */

    const char *failed_of; /* a run of the ledger; NULL: not given */
    int64_t prune_ms;      /* 0 = not given */
    int64_t newest;        /* of runs: how many; 0 = all */

    /* not of the command line, but of a recorded run that is gone on with (cmd_resume.c) */
    const char *origin; /* its whole id; NULL: none is */
    bool retries;       /* with those that failed, not with those that are left */

    struct words reports; /* paths */
    const char *events;   /* path, "-" = standard output; NULL: none */
    bool json;            /* -o json */
    bool quiet;
    bool verbose;
    bool no_color;
    bool no_progress;
    bool yes;
    bool help;
    bool version;
};

/* getenv(3), or a test's own. */
typedef char *options_getenv_fn(const char *name);

/*
 * Reads command line and environment; everything is owned by `parent` or points into argv.
 * ERR_USAGE with a hint for whatever does not fit. With --help or --version, or without a command,
 * nothing more than the spelling is checked.
 */
int options_read(void *parent, int argc, char *const *argv, options_getenv_fn *environment,
                 struct options *ret, struct err *err) MUST_CHECK;

#endif
