/*
 * report_runs.c: recorded runs as a table or as JSON.
 */
#include "orchestrator/report_runs.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/ledger_record.h"
#include "orchestrator/ledger_tenants.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_table.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"

static int totals_of(struct ledger_db *db, const struct ledger_run *run,
                     size_t totals[OUTCOME_COUNT], struct err *err)
{
    if (!run->ended)
        return ledger_tenants_totals(db, run->id, totals, err);
    ledger_record_to_totals(run, totals);
    return 0;
}

static const char *state_of(const struct ledger_run *run)
{
    if (run->ended)
        return "ended";
    return run->alive ? "going" : "broken off";
}

/* --- for people -------------------------------------------------------------------------- */

/* "2026-11-23 06:15:00" */
static char *moment(void *mem, int64_t wall_ms)
{
    const char *iso = clock_iso(mem, wall_ms);

    return mem_printf(mem, "%.10s %.8s", iso, iso + 11);
}

/* "398 migrated, 9 current" */
static char *totals_text(void *mem, const size_t totals[OUTCOME_COUNT])
{
    struct strbuf out;

    strbuf_init(&out, mem);
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        if (totals[outcome] > 0)
            strbuf_printf(&out, "%s%zu %s", out.len ? ", " : "", totals[outcome],
                          outcome_name(outcome));
    }
    if (totals[OUTCOME_NONE] > 0)
        strbuf_printf(&out, "%s%zu not done", out.len ? ", " : "", totals[OUTCOME_NONE]);
    return out.text;
}

static char *origin_text(void *mem, const struct ledger_run *run)
{
    if (!run->origin)
        return mem_strdup(mem, "");
    return mem_printf(mem, "%s of %s", run->origin_kind ? run->origin_kind : "resume", run->origin);
}

static int add_row(void *mem, struct report_table *table, struct ledger_db *db,
                   const struct ledger_run *run, struct err *err)
{
    size_t totals[OUTCOME_COUNT];
    const char *cells[7];

    if (totals_of(db, run, totals, err) < 0)
        return -1;
    cells[0] = report_text_line(mem, run->id, 0);
    cells[1] = moment(mem, run->started_ms);
    cells[2] = report_text_line(mem, run->operation, 0);
    cells[3] = run->ended && run->result ? report_text_line(mem, run->result, 0) : state_of(run);
    cells[4] = run->duration_ms >= 0 ? text_elapsed(mem, run->duration_ms) : "-";
    cells[5] = totals_text(mem, totals);
    cells[6] = report_text_line(mem, origin_text(mem, run), 0);
    report_table_add(table, cells);
    return 0;
}

int report_runs_text(const struct report_runs *list, FILE *out, bool *ret_failed, struct err *err)
{
    static const struct report_table_column columns[] = {
        {"run", false}, {"began (UTC)", false}, {"operation", false},    {"result", false},
        {"took", true}, {"tenants", false},     {"goes on with", false},
    };
    void *mem = mem_context(NULL);
    struct report_table *table = report_table_new(mem, columns, ARRAY_LEN(columns));
    struct strbuf text;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = add_row(mem, table, list->db, &list->runs[i], err);
    strbuf_init(&text, mem);
    report_table_print(table, &text);
    *ret_failed = rc == 0 && report_text_write(&text, out) < 0;
    talloc_free(mem);
    return rc;
}

/* --- for programs ------------------------------------------------------------------------ */

static json_t *number_or_null(int64_t number)
{
    return number == -1 ? json_null() : report_value_int(number);
}

static json_t *run_value(const struct ledger_run *run, const size_t totals[OUTCOME_COUNT])
{
    json_t *value = report_value_object();

    report_value_set(value, "id", report_value_text(run->id));
    report_value_set(value, "name", report_value_text(run->name));
    report_value_set(value, "operation", report_value_text(run->operation));
    report_value_set(value, "state", report_value_text(state_of(run)));
    report_value_set(value, "startedAt", report_value_time(run->started_ms));
    report_value_set(value, "finishedAt",
                     run->finished_ms == -1 ? json_null() : report_value_time(run->finished_ms));
    report_value_set(value, "durationMs", number_or_null(run->duration_ms));
    report_value_set(value, "host", report_value_text(run->host));
    report_value_set(value, "result", report_value_text(run->result));
    report_value_set(value, "exitCode", number_or_null(run->exit_code));
    report_value_set(value, "origin", report_parts_origin(run->origin, run->origin_kind));
    report_value_set(value, "tenants", report_value_int(run->tenants));
    report_value_set(value, "totals", report_parts_totals(totals));
    return value;
}

/* All of them before the first is written; NULL: the ledger could not be read. */
static json_t *collect(const struct report_runs *list, struct err *err)
{
    json_t *values = report_value_array();

    for (size_t i = 0; i < list->count; i++) {
        size_t totals[OUTCOME_COUNT];

        if (totals_of(list->db, &list->runs[i], totals, err) < 0) {
            json_decref(values);
            return NULL;
        }
        report_value_append(values, run_value(&list->runs[i], totals));
    }
    return values;
}

int report_runs_json(const struct report_runs *list, FILE *out, bool *ret_failed, struct err *err)
{
    json_t *values = collect(list, err);

    *ret_failed = false;
    if (!values)
        return -1;
    fputs("{\"runs\":[", out);
    for (size_t i = 0; i < list->count && !*ret_failed; i++) {
        fputs(i ? ",\n" : "\n", out);
        *ret_failed = report_value_write(json_incref(json_array_get(values, i)), 0, out) < 0;
    }
    fputs("]}\n", out);
    json_decref(values);
    return 0;
}
