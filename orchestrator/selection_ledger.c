/*
 * selection_ledger.c: last durations and the failures of a run.
 */
#include "orchestrator/selection_ledger.h"

#include "common/mem.h"
#include "orchestrator/ledger.h"
#include "orchestrator/ledger_tenants.h"
#include "orchestrator/resume.h"

/* By tenant->index; NULL: nothing is known. */
static const int64_t *last_durations(void *parent, const struct fleet *fleet)
{
    void *mem = mem_context(NULL);
    const struct tenant **tenants = mem_array(mem, const struct tenant *, fleet->tenant_count);
    const int64_t *durations = NULL;
    struct err err = ERR_INIT;
    struct ledger_db *db;

    for (size_t i = 0; i < fleet->tenant_count; i++)
        tenants[i] = &fleet->tenants[i];
    if (ledger_open(mem, fleet, true, &db, &err) < 0 ||
        ledger_tenants_last_durations(parent, db, tenants, fleet->tenant_count, &durations, &err) <
            0) {
        durations = NULL;
        err_clear(&err);
    }
    talloc_free(mem);
    return durations;
}

static int keep_failed(void *parent, const struct fleet *fleet, const char *run,
                       struct selection *ret, struct err *err)
{
    struct resume *resume;

    if (resume_load(parent, fleet, run, RESUME_FAILED, &resume, err) < 0)
        return -1;
    if (resume_count(resume) == 0) {
        err_set(err, ERR_NOINPUT, "no tenant is selected: none has failed in run %s",
                resume_run(resume));
        err_hint(err, "\"pgtide report %s\" shows what came of it.", resume_run(resume));
        return -1;
    }
    ret->only = resume_names(resume);
    return 0;
}

int selection_ledger_fill(void *parent, const struct options *options, const struct fleet *fleet,
                          bool connects, struct selection *ret, struct err *err)
{
    *ret = options->selection;
    if (connects || !fleet->ledger)
        ret->history.last_duration_ms = last_durations(parent, fleet);
    if (options->failed_of)
        return keep_failed(parent, fleet, options->failed_of, ret, err);
    return 0;
}
