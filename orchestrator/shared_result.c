/*
 * shared_result.c: the tenant's row of the ledger (ledger_record.h) as JSON.
 */
#include "orchestrator/shared_result.h"

#include "common/mem.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/ledger_record.h"

char *shared_result_write(void *parent, const struct run_result *result, struct job *job,
                          enum outcome outcome)
{
    enum outcome before = job->outcome;
    struct ledger_tenant row;

    job->outcome = outcome;
    row = ledger_record_tenant(parent, result, job, LEDGER_ENDED);
    job->outcome = before;
    return ledger_json_write(
        parent,
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s?,s:s?}", "attempts", (json_int_t)row.attempts,
                  "started", (json_int_t)row.started_ms, "duration", (json_int_t)row.duration_ms,
                  "initial", (json_int_t)row.initial_version, "version", (json_int_t)row.version,
                  "pid", (json_int_t)row.backend_pid, "error", err_kind_name(row.error_kind),
                  "result", row.result, "detail", row.detail));
}

static enum err_kind kind_of(const char *name)
{
    for (enum err_kind kind = ERR_INTERNAL; name && kind <= ERR_HOOK; kind++) {
        if (strcmp(err_kind_name(kind), name) == 0)
            return kind;
    }
    return ERR_NONE;
}

void shared_result_read(const char *text, struct job *job)
{
    const json_t *object = ledger_json_read(job->mem, text);
    struct ledger_tenant row = {
        .attempts = ledger_json_int(object, "attempts", 0),
        .started_ms = ledger_json_int(object, "started", -1),
        .duration_ms = ledger_json_int(object, "duration", -1),
        .initial_version = ledger_json_int(object, "initial", -1),
        .version = ledger_json_int(object, "version", -1),
        .backend_pid = ledger_json_int(object, "pid", -1),
        .error_kind = kind_of(ledger_json_text(object, "error")),
        .result = ledger_json_text(object, "result"),
        .detail = ledger_json_text(object, "detail"),
    };

    ledger_record_to_job(&row, job);
}

void shared_result_settle(struct ledger_batch *batch, const char *run)
{
    static const char sql[] =
        "UPDATE pgtide_tenant t SET state = 'ended', outcome = s.outcome, owner = s.member, "
        "attempts = j.attempts, started_ms = nullif(j.started, -1), "
        "duration_ms = nullif(j.duration, -1), initial_version = nullif(j.initial, -1), "
        "version = nullif(j.version, -1), backend_pid = nullif(j.pid, -1), "
        "error_kind = nullif(j.error, 'none'), result = j.result, detail = j.detail "
        "FROM pgtide_shared_tenant s, json_to_record(s.result::json) AS j (attempts bigint, "
        "started bigint, duration bigint, initial bigint, version bigint, pid bigint, error text, "
        "result text, detail text) WHERE s.run = $1 AND s.state = 'ended' "
        "AND s.result IS NOT NULL AND t.run = $1 AND t.tenant = s.tenant AND t.state <> 'ended'";
    const struct ledger_value value = ledger_db_text(run);

    ledger_batch_add(batch, sql, &value, 1);
}
