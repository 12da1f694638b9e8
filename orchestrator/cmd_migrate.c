/*
 * cmd_migrate.c: migrate: brings the selected tenants to the newest version.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/operation.h"
#include "orchestrator/report_summary.h"

int cmd_migrate(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "migrate",
        .action = JOB_MIGRATE,
        .halts = true,
        .report = report_summary,
    };

    if (options->dry_run)
        return cmd_plan(options, errors);
    return operation_perform(options, &kind, errors);
}
