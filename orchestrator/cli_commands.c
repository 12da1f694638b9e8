/*
 * cli_commands.c: the table of commands.
 *
 * To add a command: an id in cli.h, its entry here, a cmd_<name>.c and its line in main.c.
 */
#include "orchestrator/cli.h"

const struct cli_command cli_commands[CLI_COMMANDS] = {
    [CLI_INIT] = {.id = CLI_INIT,
                  .name = "init",
                  .chapter = CLI_PREPARE,
                  .arguments = "[DIR]",
                  .most = 1,
                  .summary = "Write a starter fleet.yaml, migrations and seeds",
                  .description =
                      "Writes a commented fleet.yaml, migrations/ with a first migration and\n"
                      "seeds/ with an example set into DIR (default: here). Nothing that exists\n"
                      "is ever overwritten.",
                  .examples = "pgtide init shops"},
    [CLI_NEW] =
        {.id = CLI_NEW,
         .name = "new",
         .chapter = CLI_PREPARE,
         .arguments = "NAME",
         .least = 1,
         .most = 1,
         .summary = "Create a migration file",
         .description =
             "Creates <UTC timestamp>_<name>.sql in the migrations folder of the fleet, with\n"
             "the sections to fill in, and prints its path. The version is always higher than\n"
             "those in the folder, even if this machine's clock is behind.",
         .examples = "pgtide new add_product_handle\n"
                     "pgtide new --repeatable product_view\n"
                     "pgtide new --dir migrations/store/v2 drop_old_prices"},
    [CLI_BUILD] = {.id = CLI_BUILD,
                   .name = "build",
                   .chapter = CLI_PREPARE,
                   .arguments = "",
                   .summary = "Seal migrations and seeds into one file",
                   .description =
                       "Checks all migrations and all seed sets, and writes them into one tar\n"
                       "file that \"migrations:\" in fleet.yaml may name. The same files give the\n"
                       "same bundle on every machine, byte for byte, and one that was changed by\n"
                       "a single bit is refused. With --dir no inventory is read.",
                   .examples =
                       "pgtide build -o shop-1.20.tar --require-down\n"
                       "pgtide build --dir migrations/store --seeds seeds -o shop-1.20.tar"},
    [CLI_VALIDATE] =
        {.id = CLI_VALIDATE,
         .name = "validate",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Check inventory, migrations and seeds",
         .description =
             "Checks fleet.yaml, all migrations and all seed sets that tenants name, without\n"
             "connecting to anything, and reports every error of every file at once. With\n"
             "--connect it also compares each tenant's history with the migrations; a\n"
             "mismatch gives exit code 6. Selection works with --connect.",
         .examples = "pgtide validate\n"
                     "pgtide validate --connect -l ring=canary"},
    [CLI_LIST] =
        {.id = CLI_LIST,
         .name = "list",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "List the tenants of the inventory",
         .description =
             "Lists the selected tenants as the inventory resolves them, suspended ones too,\n"
             "and in which wave each is and why. Nothing is connected to but what discover:\n"
             "names.",
         .examples = "pgtide list -l region=eu\n"
                     "pgtide list --shard 0/4 -o json"},
    [CLI_STATUS] =
        {.id = CLI_STATUS,
         .name = "status",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Show where each tenant stands",
         .description =
             "Asks every selected tenant for its version and what is pending. Read only, no\n"
             "lock. With --exit-code the exit code is 2 when something is pending.",
         .examples = "pgtide status\n"
                     "pgtide status --exit-code -q || echo \"not all are up to date\""},
    [CLI_PLAN] =
        {.id = CLI_PLAN,
         .name = "plan",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Show what migrate would run, and where",
         .description =
             "A dry run: shows the waves, which migrations would run on which tenants, grouped\n"
             "by equal plans, and which tenants a require query would hold. Read only, takes\n"
             "no lock, writes nothing. -v also prints the SQL.",
         .examples = "pgtide plan\n"
                     "pgtide plan -v -t store-0042\n"
                     "pgtide plan --seed -o json"},
    [CLI_VERIFY] =
        {.id = CLI_VERIFY,
         .name = "verify",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "Ask the verify queries of what is applied",
         .description =
             "Asks every selected tenant the verify queries of all migrations that are applied\n"
             "there, read only, and names those that are not true any more, with file, line,\n"
             "result and tenants. The exit code is 6 when there is one.",
         .examples = "pgtide verify\n"
                     "pgtide verify -t store-0042 -o json"},
    [CLI_QUERY] =
        {.id = CLI_QUERY,
         .name = "query",
         .chapter = CLI_LOOK,
         .arguments = "[SQL|-]",
         .most = 1,
         .summary = "Run one read-only query on every tenant",
         .description =
             "Runs one query on every selected tenant, in a read-only transaction with the\n"
             "tenant's search_path, role and time-outs, and prints the rows tenant by tenant\n"
             "with the tenant's name in front. Rows go to standard output, all else to\n"
             "standard error. Memory stays flat whatever the number of rows.",
         .examples = "pgtide query \"SELECT count(*) FROM product\"\n"
                     "pgtide query -o csv --file unpaid.sql -l region=eu > unpaid.csv\n"
                     "pgtide query -o json \"TABLE store_settings\" | jq .row"},
    [CLI_MIGRATE] =
        {.id = CLI_MIGRATE,
         .name = "migrate",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Bring the tenants to the newest version",
         .description =
             "Wave by wave, locks each selected tenant, runs what is pending there, and with\n"
             "--seed loads its seeds. The run halts when more tenants failed than max_failures\n"
             "allows, or when a wave's gate or a confirmation says no.\n"
             "Ctrl-C lets those in work finish; twice cancels their statements. Whatever\n"
             "happened, running the same command again is right.",
         .examples = "pgtide migrate\n"
                     "pgtide migrate -l ring=canary --seed\n"
                     "pgtide migrate --wave canary\n"
                     "pgtide migrate --plan plan.json --dry-run\n"
                     "pgtide migrate --to 1.20.0 --max-failures 5% --report run.json"},
    [CLI_SEED] =
        {.id = CLI_SEED,
         .name = "seed",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Migrate where needed, then load the seeds",
         .description =
             "Does what migrate --seed does: a tenant is migrated first where it has to be,\n"
             "then its seed files are loaded, each once, and again when it has changed.",
         .examples = "pgtide seed -t store-0042\n"
                     "pgtide seed --seed-set demo --reseed -t 'demo-*'"},
    [CLI_ROLLBACK] =
        {.id = CLI_ROLLBACK,
         .name = "rollback",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Run down sections, newest first",
         .description =
             "Reverts each selected tenant to a version, which stays, or by a number of\n"
             "migrations. Before anything is touched every migration to be reverted must have\n"
             "its down section. Locks, budgets and reports are those of migrate. It asks on a\n"
             "terminal; without one it needs --yes. Repeatables and seeds are not touched.\n"
             "--steps counts from where a tenant stands, so it goes further each time it is\n"
             "run; --to can be repeated.",
         .examples = "pgtide rollback --to 1.20.0 --dry-run\n"
                     "pgtide rollback --to 0014 -t store-0042\n"
                     "pgtide rollback --steps 1 --yes"},
    [CLI_BASELINE] =
        {.id = CLI_BASELINE,
         .name = "baseline",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Record migrations as applied, run none",
         .description =
             "For databases whose objects came about without pgtide: records the migrations\n"
             "up to --to as applied, and makes the history for that, nothing else. migrate\n"
             "does the rest from then on. A tenant that has a history already is refused. It\n"
             "shows what it would record and asks on a terminal; without one it needs --yes.",
         .examples = "pgtide baseline --to 1.20.0 --dry-run\n"
                     "pgtide baseline --to 0014 -t store-0042 --yes"},
    [CLI_REPAIR] =
        {.id = CLI_REPAIR,
         .name = "repair",
         .chapter = CLI_CHANGE,
         .arguments = "",
         .summary = "Put histories right, drop invalid indexes",
         .description =
             "Records the checksum of a file that was changed and the name of one that was\n"
             "renamed after it was applied, and drops invalid indexes that broken-off builds\n"
             "have left. Runs no migration. What only a person can know it does when told,\n"
             "see the options. Shows what it would do and asks on a terminal; without one it\n"
             "needs --yes. What it cannot cure stays and is told (exit code 3).",
         .examples = "pgtide repair --dry-run\n"
                     "pgtide repair --not-done -t store-0042"},
    [CLI_RUNS] =
        {.id = CLI_RUNS,
         .name = "runs",
         .chapter = CLI_LOOK,
         .arguments = "",
         .summary = "List the runs that were recorded",
         .description =
             "Lists the runs of the commands that change tenants, the newest first: when, what\n"
             "they came to, which run they went on with. \"broken off\" is one whose pgtide was\n"
             "killed. With --prune, runs that began longer ago are taken out of the record,\n"
             "but one that is going on. The tenants' own histories are not touched by that.",
         .examples = "pgtide runs\n"
                     "pgtide runs --limit 5 -o json\n"
                     "pgtide runs --prune 90d"},
    [CLI_REPORT] =
        {.id = CLI_REPORT,
         .name = "report",
         .chapter = CLI_LOOK,
         .arguments = "RUN",
         .least = 1,
         .most = 1,
         .summary = "Show a recorded run again",
         .description =
             "Shows what a run came to as it was shown at its end, also as JSON, also of a run\n"
             "that goes on still or was killed. RUN is an id, a beginning of one, or \"last\".",
         .examples = "pgtide report last\n"
                     "pgtide report 20261123T0615 --report run.json"},
    [CLI_RESUME] =
        {.id = CLI_RESUME,
         .name = "resume",
         .chapter = CLI_CHANGE,
         .arguments = "RUN",
         .least = 1,
         .most = 1,
         .summary = "Go on with a run that stopped",
         .description =
             "Does what a run has left undone, with the options that it had: tenants that were\n"
             "not started, were in work when it was killed, or could not be reached. It is a\n"
             "run of its own. Waves that have passed are not waited for again. When migrations\n"
             "or tenants have changed since, it says how and asks; without a terminal it needs\n"
             "--yes. RUN is an id, a beginning of one, or \"last\".",
         .examples = "pgtide resume last\n"
                     "pgtide resume 20261123T0615 --workers 16"},
    [CLI_RETRY] =
        {.id = CLI_RETRY,
         .name = "retry",
         .chapter = CLI_CHANGE,
         .arguments = "RUN",
         .least = 1,
         .most = 1,
         .summary = "Try the tenants again that failed in a run",
         .description =
             "Does a run again for the tenants that were tried without success: failed, held,\n"
             "conflict, unreachable, locked, unknown. Options and changes are treated as by\n"
             "resume. RUN is an id, a beginning of one, or \"last\".",
         .examples = "pgtide retry last\n"
                     "pgtide retry 20261123T0615 -t store-0042"},
    [CLI_COMPLETION] =
        {.id = CLI_COMPLETION,
         .name = "completion",
         .chapter = CLI_OTHER,
         .arguments = "SHELL",
         .least = 1,
         .most = 1,
         .summary = "Print the completion for bash, zsh or fish",
         .description =
             "Prints a script that makes SHELL complete commands, options and their values\n"
             "behind \"pgtide\". It connects to nothing and reads no inventory.",
         .examples = "source <(pgtide completion bash)            # now; or in ~/.bashrc\n"
                     "pgtide completion zsh > \"${fpath[1]}/_pgtide\"\n"
                     "pgtide completion fish > ~/.config/fish/completions/pgtide.fish"},
    [CLI_HELP] = {.id = CLI_HELP,
                  .name = "help",
                  .chapter = CLI_OTHER,
                  .arguments = "[COMMAND]",
                  .most = 1,
                  .summary = "Show help for a command",
                  .description = "Shows the overview, or the help of COMMAND."},
    [CLI_VERSION] = {.id = CLI_VERSION,
                     .name = "version",
                     .chapter = CLI_OTHER,
                     .arguments = "",
                     .summary = "Show the version",
                     .description = "Prints the version of pgtide."},
};
