/*
 * cmd_list.c: list: the selected tenants as the inventory resolves them.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/discover.h"
#include "orchestrator/input.h"
#include "orchestrator/message.h"
#include "orchestrator/report_list.h"
#include "orchestrator/selection_ledger.h"
#include "orchestrator/wave_request.h"

/* NULL: the fleet has no waves. People are told who is in none. */
static const struct wave_plan *find_waves(void *parent, const struct selection *selection,
                                          const struct fleet *fleet,
                                          const struct selected *selected)
{
    struct err err = ERR_INIT;
    struct wave_plan *waves;

    if (fleet->run.wave_count == 0)
        return NULL;
    if (selection_deal(parent, selection, fleet, selected, &waves, &err) == 0)
        return waves;
    message_warning("%s:%d:%d: %s\nhint: %s", err.file, err.line, err.column, err.message,
                    err.hint);
    err_clear(&err);
    return waves;
}

int cmd_list(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct fleet *fleet;
    struct selected selected;
    struct selection selection;
    const struct wave_plan *waves;
    struct err err = ERR_INIT;
    int code = -1;

    if (fleet_load(mem, options->fleet, &fleet, errors) < 0)
        goto done;
    input_warn(fleet);
    if (discover_tenants(fleet, errors) < 0)
        goto done;
    if (selection_ledger_fill(mem, options, fleet, false, &selection, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    selection.history.seed = wave_request_seed();
    if (selection_apply(mem, &selection, fleet, true, &selected, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    waves = find_waves(mem, &selection, fleet, &selected);
    code = message_stdout((options->json ? report_list_json : report_list)(
                              selected.tenants, selected.count, waves, stdout) < 0,
                          0);

done:
    talloc_free(mem);
    return code;
}
