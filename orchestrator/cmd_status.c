/*
 * cmd_status.c: status: where each tenant stands.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/operation.h"
#include "orchestrator/report_status.h"

int cmd_status(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "status",
        .action = JOB_INSPECT,
        .report = report_status,
        .exit_code = operation_pending_code,
    };

    return operation_perform(options, &kind, errors);
}
