/*
 * cmd_list.c: list: the selected tenants as the inventory resolves them.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/input.h"
#include "orchestrator/message.h"
#include "orchestrator/report_list.h"

int cmd_list(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct fleet *fleet;
    struct selected selected;
    int (*list)(const struct tenant *const *tenants, size_t count, FILE *out);
    struct err err = ERR_INIT;
    int code = -1;

    if (fleet_load(mem, options->fleet, &fleet, errors) < 0)
        goto done;
    input_warn(fleet);
    if (selection_apply(mem, &options->selection, fleet, true, &selected, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    list = options->json ? report_list_json : report_list;
    code = message_stdout(list(selected.tenants, selected.count, stdout) < 0, 0);

done:
    talloc_free(mem);
    return code;
}
