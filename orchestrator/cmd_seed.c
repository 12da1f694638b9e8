/*
 * cmd_seed.c: seed: migrates where needed, then loads the seeds.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/operation.h"
#include "orchestrator/report_summary.h"

int cmd_seed(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "seed",
        .action = JOB_MIGRATE,
        .halts = true,
        .seeds = true,
        .report = report_summary,
    };

    if (options->dry_run) {
        struct options plan = *options;

        plan.seed = true;
        return cmd_plan(&plan, errors);
    }
    return operation_perform(options, &kind, errors);
}
