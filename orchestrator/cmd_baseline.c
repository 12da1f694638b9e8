/*
 * cmd_baseline.c: baseline: records migrations as applied without running them.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/operation.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_summary.h"
#include "orchestrator/report_text.h"

/* "Record all up to 0014 as applied, without running it, for 24 tenants of fleet.yaml?" */
static char *question(void *parent, const struct run_request *request)
{
    const struct catalog *catalog = request->plan.catalog;
    int64_t to = request->plan.to_version;

    return mem_printf(parent, "Record all up to %s as applied, without running it, for %s of %s?",
                      report_version(parent, catalog, to < catalog->head ? to : catalog->head),
                      report_text_count(parent, request->tenant_count, "tenant"),
                      report_text_line(parent, request->fleet->file, 0));
}

int cmd_baseline(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind dry_kind = {
        .name = "baseline",
        .action = JOB_BASELINE_PLAN,
        .report = report_plan,
    };
    static const struct operation_kind kind = {
        .name = "baseline",
        .action = JOB_BASELINE,
        .halts = true,
        .report = report_summary,
        .question = question,
        .preview = &dry_kind,
    };

    if (!options->to) {
        struct err err = ERR_INIT;

        err_set(&err, ERR_USAGE, "\"baseline\" needs --to");
        err_hint(&err, "\"--to VERSION\" names the last migration, or release, whose work is in "
                       "these databases already.");
        return err_list_take(errors, &err);
    }
    return operation_perform(options, options->dry_run ? &dry_kind : &kind, errors);
}
