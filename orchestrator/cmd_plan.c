/*
 * cmd_plan.c: plan, and migrate --dry-run: what would run where.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/operation.h"
#include "orchestrator/report_plan.h"

int cmd_plan(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "plan",
        .action = JOB_INSPECT,
        .ask_require = true,
        .report = report_plan,
        .exit_code = operation_pending_code,
    };

    return operation_perform(options, &kind, errors);
}
