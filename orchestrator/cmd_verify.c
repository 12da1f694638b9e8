/*
 * cmd_verify.c: verify: asks the verify queries of all applied migrations again.
 */
#include "orchestrator/cmd.h"

#include "orchestrator/operation.h"
#include "orchestrator/report_verify.h"

int cmd_verify(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "verify",
        .action = JOB_VERIFY,
        .report = report_verify,
        .exit_code = operation_mismatch_code,
    };

    return operation_perform(options, &kind, errors);
}
