/*
 * cli_options.c: the table of options.
 *
 * To add an option: a field in struct options and its entry here.
 */
#include "orchestrator/cli.h"

#include "orchestrator/options.h"

/* Which commands take an option. */
#define ON(command) (1u << CLI_##command)
#define ON_ALL ((1u << CLI_COMMANDS) - 1)
#define ON_RUN (ON(MIGRATE) | ON(SEED))
#define ON_CHANGE (ON_RUN | ON(ROLLBACK) | ON(BASELINE) | ON(REPAIR))
#define ON_AGAIN (ON(RESUME) | ON(RETRY))
#define ON_ASK (ON(VALIDATE) | ON(STATUS) | ON(PLAN) | ON(VERIFY))
#define ON_TENANTS (ON_CHANGE | ON_ASK | ON(LIST) | ON(QUERY))

/* A thread each; more than a machine and its servers could use. */
enum { WORKERS_MOST = 1024 };

/* How an option is called, taken in, and kept. */
#define NAMED(short_name, long_name, value)                                                        \
    .letter = (short_name), .name = (long_name), .argument = (value)
#define KEPT(kind, member) .type = (kind), .offset = offsetof(struct options, member)

const struct cli_option cli_options[] = {
    {NAMED(0, "repeatable", NULL), KEPT(CLI_FLAG, repeatable), .commands = ON(NEW),
     .help = "create R_<name>.sql, run again whenever it changes"},
    {NAMED(0, "dir", "DIR"), KEPT(CLI_TEXT, dir), .commands = ON(NEW) | ON(BUILD),
     .help = "folder of the migrations (default: the fleet's)"},
    {NAMED(0, "seeds", "DIR"), KEPT(CLI_TEXT, seeds), .commands = ON(BUILD),
     .help = "folder of the seed sets (default: the fleet's)"},
    {NAMED('o', "output", "FILE"), KEPT(CLI_TEXT, bundle), .commands = ON(BUILD),
     .help = "the bundle to write (default: bundle.tar)"},
    {NAMED(0, "require-down", NULL), KEPT(CLI_FLAG, require_down), .commands = ON(BUILD),
     .help = "refuse migrations without a way back"},
    {NAMED(0, "file", "FILE"), KEPT(CLI_TEXT, file), .commands = ON(QUERY),
     .help = "read the query from this file"},
    {NAMED('o', "output", "FORMAT"), KEPT(CLI_TEXT, format), .group = CLI_OUTPUT,
     .commands = ON(QUERY), .help = "text, csv or json (JSON Lines), on standard output"},
    {NAMED(0, "connect", NULL), KEPT(CLI_FLAG, connect), .commands = ON(VALIDATE),
     .help = "also compare histories with the migrations"},
    {NAMED(0, "exit-code", NULL), KEPT(CLI_FLAG, exit_code), .commands = ON(STATUS) | ON(PLAN),
     .help = "exit with 2 when something is pending"},
    {NAMED(0, "to", "VERSION"), KEPT(CLI_TEXT, to),
     .commands = (ON_CHANGE & ~ON(REPAIR)) | ON(STATUS) | ON(PLAN),
     .help = "stop at this version, or release"},
    {NAMED(0, "steps", "N"), KEPT(CLI_NUMBER, steps), .min = 1, .max = INT32_MAX,
     .commands = ON(ROLLBACK), .help = "revert so many migrations, whatever their versions"},
    {NAMED(0, "done", NULL), KEPT(CLI_FLAG, done), .commands = ON(REPAIR),
     .help = "statements whose outcome is not known were done"},
    {NAMED(0, "not-done", NULL), KEPT(CLI_FLAG, not_done), .commands = ON(REPAIR),
     .help = "they were not done"},
    {NAMED(0, "unskip", "VERSION"), KEPT(CLI_WORDS, unskip), .commands = ON(REPAIR),
     .help = "make a skipped migration pending (repeatable)"},
    {NAMED(0, "forget", "VERSION"), KEPT(CLI_WORDS, forget), .commands = ON(REPAIR),
     .help = "this file is gone for good (repeatable)"},
    {NAMED(0, "dry-run", NULL), KEPT(CLI_FLAG, dry_run), .commands = ON_CHANGE | ON_AGAIN,
     .help = "only show what would run"},
    {NAMED(0, "plan", "FILE"), KEPT(CLI_TEXT, plan), .commands = ON_RUN,
     .help = "JSON report of a plan: name what is different now"},
    {NAMED(0, "seed", NULL), KEPT(CLI_FLAG, seed), .commands = ON(MIGRATE) | ON(PLAN),
     .help = "load the tenants' seed sets after the migrations"},
    {NAMED(0, "seed-set", "NAME"), KEPT(CLI_WORDS, seed_sets), .commands = ON_RUN | ON(PLAN),
     .help = "this set, not the tenants' own (repeatable)"},
    {NAMED(0, "reseed", NULL), KEPT(CLI_FLAG, reseed), .commands = ON_RUN | ON(PLAN),
     .help = "load all seed files again, unchanged ones too"},

    {NAMED(0, "prune", "AGE"), KEPT(CLI_DURATION, prune_ms), .commands = ON(RUNS),
     .help = "take runs out that began longer ago, such as 90d"},
    {NAMED(0, "limit", "N"), KEPT(CLI_NUMBER, newest), .min = 1, .max = INT32_MAX,
     .commands = ON(RUNS), .help = "the newest N runs"},

    {NAMED('t', "tenant", "GLOB"), KEPT(CLI_WORDS, selection.tenants), .group = CLI_SELECTION,
     .commands = ON_TENANTS | ON_AGAIN, .help = "tenants of this name or pattern (repeatable)"},
    {NAMED('l', "label", "KEY=VALUE"), KEPT(CLI_LABELS, selection.labels), .group = CLI_SELECTION,
     .commands = ON_TENANTS | ON_AGAIN,
     .help = "tenants with this label (repeatable; all must hold)"},
    {NAMED(0, "server", "NAME"), KEPT(CLI_TEXT, selection.server), .group = CLI_SELECTION,
     .commands = ON_TENANTS | ON_AGAIN, .help = "tenants on this server"},
    {NAMED(0, "wave", "NAME"), KEPT(CLI_TEXT, selection.wave), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "only this wave of run: waves:, as its settings say"},
    {NAMED(0, "exclude", "GLOB"), KEPT(CLI_WORDS, selection.excludes), .group = CLI_SELECTION,
     .commands = ON_TENANTS | ON_AGAIN, .help = "not these tenants (repeatable)"},
    {NAMED(0, "shard", "I/N"), KEPT(CLI_SHARD, selection.shard), .group = CLI_SELECTION,
     .commands = ON_TENANTS | ON_AGAIN, .help = "part I (from 0) of N about equal parts"},
    {NAMED(0, "limit", "N"), KEPT(CLI_NUMBER, selection.limit), .min = 1, .max = INT32_MAX,
     .group = CLI_SELECTION, .commands = ON_TENANTS | ON_AGAIN, .help = "at most N tenants"},
    {NAMED(0, "failed-of", "RUN"), KEPT(CLI_TEXT, failed_of), .group = CLI_SELECTION,
     .commands = ON_TENANTS, .help = "tenants that failed in this run (see pgtide runs)"},

    {NAMED(0, "run", "NAME"), KEPT(CLI_TEXT, run_name), .group = CLI_RUN,
     .commands = ON_RUN | ON(ROLLBACK), .help = "begin or join a run that several machines share"},
    {NAMED(0, "workers", "N"), KEPT(CLI_NUMBER, workers), .min = 1, .max = WORKERS_MOST,
     .group = CLI_RUN, .environment = "PGTIDE_WORKERS",
     .commands = ON_CHANGE | ON_ASK | ON_AGAIN | ON(QUERY),
     .help = "the most tenants in work at once"},
    {NAMED(0, "per-server", "N"), KEPT(CLI_NUMBER, per_server), .min = 1, .max = WORKERS_MOST,
     .group = CLI_RUN, .environment = "PGTIDE_PER_SERVER",
     .commands = ON_CHANGE | ON_ASK | ON_AGAIN | ON(QUERY),
     .help = "the most tenants in work on one server"},
    {NAMED(0, "max-failures", "N|N%"), KEPT(CLI_SIZE, max_failures), .group = CLI_RUN,
     .environment = "PGTIDE_MAX_FAILURES", .commands = ON_CHANGE | ON_AGAIN,
     .help = "tenants that may fail; one more halts the run"},
    {NAMED(0, "max-duration", "TIME"), KEPT(CLI_DURATION, max_duration_ms), .group = CLI_RUN,
     .environment = "PGTIDE_MAX_DURATION", .commands = ON_CHANGE | ON_AGAIN,
     .help = "start no tenant after this time: 90s, 30m, 4h"},

    {NAMED('o', "output", "FORMAT"), KEPT(CLI_FORMAT, json), .group = CLI_OUTPUT,
     .environment = "PGTIDE_OUTPUT",
     .commands = (ON_TENANTS & ~ON(QUERY)) | ON_AGAIN | ON(RUNS) | ON(REPORT),
     .help = "text or json, on standard output"},
    {NAMED(0, "report", "FILE"), KEPT(CLI_WORDS, reports), .group = CLI_OUTPUT,
     .commands = ON_CHANGE | ON_ASK | ON_AGAIN | ON(REPORT),
     .help = "report .json .html .md .csv .xml .prom (repeatable)"},
    {NAMED(0, "events", "FILE"), KEPT(CLI_TEXT, events), .group = CLI_OUTPUT,
     .commands = ON_CHANGE | ON_ASK | ON_AGAIN,
     .help = "also write what happens, as JSON Lines; - is stdout"},
    {NAMED('q', "quiet", NULL), KEPT(CLI_FLAG, quiet), .group = CLI_OUTPUT, .commands = ON_ALL,
     .help = "only problems and the exit code"},
    {NAMED('v', "verbose", NULL), KEPT(CLI_FLAG, verbose), .group = CLI_OUTPUT, .commands = ON_ALL,
     .help = "show more, e.g. the SQL of a plan"},
    {NAMED(0, "no-color", NULL), KEPT(CLI_FLAG, no_color), .group = CLI_OUTPUT,
     .environment = "NO_COLOR", .commands = ON_ALL, .help = "no colours"},
    {NAMED(0, "no-progress", NULL), KEPT(CLI_FLAG, no_progress), .group = CLI_OUTPUT,
     .commands = ON_ALL, .help = "plain lines instead of a progress bar"},

    {NAMED('f', "fleet", "FILE"), KEPT(CLI_TEXT, fleet), .group = CLI_GENERAL,
     .environment = "PGTIDE_FLEET", .commands = ON_ALL & ~ON(INIT),
     .help = "the inventory (default: fleet.yaml)"},
    {NAMED('y', "yes", NULL), KEPT(CLI_FLAG, yes), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "do not ask"},
    {NAMED('h', "help", NULL), KEPT(CLI_FLAG, help), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "show this help"},
    {NAMED('V', "version", NULL), KEPT(CLI_FLAG, version), .group = CLI_GENERAL, .commands = ON_ALL,
     .help = "show the version"},
};

const size_t cli_option_count = ARRAY_LEN(cli_options);
