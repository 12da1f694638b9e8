/*
 * cmd_runs.c: runs: lists the recorded runs, or takes old ones out.
 */
#include "orchestrator/cmd.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/message.h"
#include "orchestrator/report_runs.h"

static int prune(const struct options *options, struct ledger_db *db, struct err *err)
{
    int64_t count;

    if (ledger_prune(db, clock_wall_ms() - options->prune_ms, &count, err) < 0)
        return -1;
    if (options->json)
        printf("{\"pruned\":%lld}\n", (long long)count);
    else if (!options->quiet)
        printf("%lld run%s taken out of the record\n", (long long)count, count == 1 ? "" : "s");
    return 0;
}

static int list(void *mem, const struct options *options, struct ledger_db *db, struct err *err)
{
    struct report_runs all = {.db = db};
    struct ledger_run *runs;
    bool failed = false;

    if (ledger_list(mem, db, options->newest, &runs, &all.count, err) < 0)
        return -1;
    all.runs = runs;
    if ((options->json ? report_runs_json : report_runs_text)(&all, stdout, &failed, err) < 0)
        return -1;
    return message_stdout(failed, 0);
}

/* No run has been recorded: that is an answer, too. The exit code, or -1. */
static int none(const struct options *options, struct err *err)
{
    if (err->kind != ERR_NOINPUT)
        return -1;
    err_clear(err);
    if (options->json)
        printf("%s\n", options->prune_ms > 0 ? "{\"pruned\":0}" : "{\"runs\":[]}");
    else if (!options->quiet)
        printf("no run of this fleet has been recorded yet\n");
    return 0;
}

/* The exit code, or -1. */
static int look(void *mem, const struct options *options, const struct fleet *fleet,
                struct err *err)
{
    bool prunes = options->prune_ms > 0;
    struct ledger_db *db;

    if (ledger_open(mem, fleet, true, &db, err) < 0)
        return none(options, err);
    if (!prunes)
        return list(mem, options, db, err);
    talloc_free(db);
    if (ledger_open(mem, fleet, false, &db, err) < 0)
        return -1;
    return prune(options, db, err);
}

int cmd_runs(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct err err = ERR_INIT;
    struct fleet *fleet;
    int code = -1;

    if (fleet_load(mem, options->fleet, &fleet, errors) < 0)
        goto done;
    code = look(mem, options, fleet, &err);
    if (code < 0)
        err_list_take(errors, &err);

done:
    talloc_free(mem);
    return code;
}
