/*
 * cmd_report.c: report: shows a recorded run again.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_replay.h"
#include "orchestrator/message.h"
#include "orchestrator/report_file.h"
#include "orchestrator/report_json.h"

static int load(void *mem, const struct options *options, const struct fleet *fleet,
                struct ledger_run *run, struct ledger_replay **ret, struct err *err)
{
    struct ledger_db *db;

    if (ledger_open(mem, fleet, true, &db, err) < 0 ||
        ledger_find(mem, db, options->arguments.items[0], run, err) < 0)
        return -1;
    return ledger_replay_load(mem, db, run, ret, err);
}

static int show(const struct options *options, const struct ledger_replay *replay)
{
    struct report report;
    bool failed;
    int code;

    ledger_replay_report(replay, &report);
    report.color = report_color_wanted(stdout, options->no_color);
    report.verbose = options->verbose;
    report.quiet = options->quiet;
    failed = (options->json ? report_json : report.as_text)(&report, stdout) < 0;
    code = message_stdout(failed, 0);
    for (size_t i = 0; i < options->reports.count; i++) {
        struct err err = ERR_INIT;

        if (report_file_write(&report, options->reports.items[i], &err) < 0) {
            message_error(&err);
            err_clear(&err);
            code = err_exit_code(ERR_INTERNAL);
        }
    }
    return code;
}

int cmd_report(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct err err = ERR_INIT;
    struct fleet *fleet;
    struct ledger_run run;
    struct ledger_replay *replay;
    int code = -1;

    for (size_t i = 0; i < options->reports.count; i++) {
        if (report_file_check(options->reports.items[i], &err) < 0) {
            err_list_take(errors, &err);
            goto done;
        }
    }
    if (fleet_load(mem, options->fleet, &fleet, errors) < 0)
        goto done;
    if (load(mem, options, fleet, &run, &replay, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    if (run.alive)
        message_note("run %s is going on: this is how far it is", run.id);
    code = show(options, replay);

done:
    talloc_free(mem);
    return code;
}
