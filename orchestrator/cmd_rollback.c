/*
 * cmd_rollback.c: rollback: runs down sections, newest first.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/operation.h"
#include "orchestrator/report_plan.h"
#include "orchestrator/report_summary.h"
#include "orchestrator/report_text.h"

/* "Roll back 24 tenants of fleet.yaml to 0014?" */
static char *question(void *parent, const struct run_request *request)
{
    const struct job_plan *plan = &request->plan;
    char *file = report_text_line(parent, request->fleet->file, 0);
    char *tenants = report_text_count(parent, request->tenant_count, "tenant");
    const char *target = report_version(parent, plan->catalog, plan->to_version);

    if (plan->steps > 0)
        return mem_printf(parent, "Roll back the newest %s of %s of %s?",
                          report_text_count(parent, (size_t)plan->steps, "migration"), tenants,
                          file);
    if (plan->to_version == 0)
        return mem_printf(parent, "Roll back all migrations of %s of %s?", tenants, file);
    return mem_printf(parent, "Roll back %s of %s to %s?", tenants, file, target);
}

int cmd_rollback(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "rollback",
        .action = JOB_ROLLBACK,
        .halts = true,
        .report = report_summary,
        .question = question,
    };
    static const struct operation_kind dry_kind = {
        .name = "rollback",
        .action = JOB_ROLLBACK_PLAN,
        .report = report_plan,
    };

    if (!options->to == !options->steps) {
        struct err err = ERR_INIT;

        err_set(&err, ERR_USAGE, "\"rollback\" needs either --to or --steps");
        err_hint(&err, "\"--to VERSION\" names the version that stays (0: none), \"--steps N\" how "
                       "many migrations to revert.");
        return err_list_take(errors, &err);
    }
    return operation_perform(options, options->dry_run ? &dry_kind : &kind, errors);
}
