/*
 * shared_frame.c: fills the tables of a run that begins. Rows go as one JSON text a table.
 */
#include "orchestrator/shared_frame.h"

#include "common/mem.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/report_value.h"

static const char *const wave_names[] = {
    [RUN_WAVE_WAITING] = "waiting", [RUN_WAVE_CONFIRMING] = "confirming",
    [RUN_WAVE_OPEN] = "open",       [RUN_WAVE_SOAKING] = "soaking",
    [RUN_WAVE_GATED] = "gated",     [RUN_WAVE_PASSED] = "passed",
    [RUN_WAVE_STOPPED] = "stopped",
};

const char *shared_frame_wave_name(enum run_wave_state state)
{
    return wave_names[state];
}

enum run_wave_state shared_frame_wave_state(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(wave_names); i++) {
        if (strcmp(wave_names[i], name) == 0)
            return (enum run_wave_state)i;
    }
    return RUN_WAVE_WAITING;
}

enum outcome shared_frame_outcome(const char *name)
{
    for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++) {
        if (strcmp(outcome_name((enum outcome)i), name) == 0)
            return (enum outcome)i;
    }
    return OUTCOME_NONE;
}

/* --- rows ----------------------------------------------------------------------------------- */

static json_t *tenant_row(const struct wave_group *group, size_t wave, size_t position,
                          const struct tenant *tenant)
{
    json_t *row = report_value_object();

    report_value_set(row, "tenant", report_value_int((int64_t)group->jobs[position]));
    report_value_set(row, "name", report_value_text(tenant->name));
    report_value_set(row, "wave", report_value_int((int64_t)wave));
    report_value_set(row, "position", report_value_int((int64_t)position));
    report_value_set(row, "server", report_value_int((int64_t)tenant->server->index));
    return row;
}

static json_t *tenant_rows(const struct run_request *request)
{
    json_t *rows = report_value_array();

    for (size_t wave = 0; wave < request->waves->group_count; wave++) {
        const struct wave_group *group = &request->waves->groups[wave];

        for (size_t i = 0; i < group->count; i++)
            report_value_append(rows, tenant_row(group, wave, i, request->tenants[group->jobs[i]]));
    }
    return rows;
}

/* NULL for "no limit". */
static json_t *limit(int value)
{
    return value > 0 ? report_value_int(value) : json_null();
}

static json_t *wave_rows(const struct run_request *request)
{
    json_t *rows = report_value_array();

    for (size_t i = 0; i < request->waves->group_count; i++) {
        const struct wave *wave = request->waves->groups[i].wave;
        bool ramps = wave ? wave->ramp_up : request->config.ramp_up;
        json_t *row = report_value_object();

        report_value_set(row, "wave", report_value_int((int64_t)i));
        report_value_set(row, "workers", limit(wave ? wave->workers : 0));
        report_value_set(row, "per_server", limit(wave ? wave->per_server : 0));
        report_value_set(row, "ramp_up", report_value_int(ramps));
        report_value_append(rows, row);
    }
    return rows;
}

static json_t *server_rows(const struct run_request *request)
{
    json_t *rows = report_value_array();

    for (size_t i = 0; i < request->fleet->server_count; i++) {
        json_t *row = report_value_object();

        report_value_set(row, "server", report_value_int((int64_t)i));
        report_value_set(row, "name", report_value_text(request->fleet->servers[i].name));
        report_value_set(row, "cap", report_value_int(shared_terms_cap(request, i)));
        report_value_append(rows, row);
    }
    return rows;
}

static json_t *outcomes_of(const struct shared_budget *budget)
{
    json_t *names = report_value_array();

    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (budget->counts[i])
            report_value_append(names, report_value_text(outcome_name((enum outcome)i)));
    }
    return names;
}

/* NULL for "of the whole run". */
static json_t *place(int64_t position)
{
    return position < 0 ? json_null() : report_value_int(position);
}

static json_t *budget_row(size_t position, const struct shared_budget *budget)
{
    json_t *row = report_value_object();

    report_value_set(row, "budget", report_value_int((int64_t)position));
    report_value_set(row, "wave", place(budget->wave));
    report_value_set(row, "server", place(budget->server));
    report_value_set(row, "rule", report_value_text(budget->rule));
    report_value_set(row, "outcomes", outcomes_of(budget));
    report_value_set(row, "size", report_value_int(budget->limit.value));
    report_value_set(row, "percent", report_value_int(budget->limit.percent));
    report_value_set(row, "tolerated", report_value_int(budget->tolerated));
    return row;
}

static json_t *budget_rows(void *mem, const struct run_request *request)
{
    json_t *rows = report_value_array();
    size_t count;
    const struct shared_budget *budgets = shared_terms_budgets(mem, request, &count);

    for (size_t i = 0; i < count; i++)
        report_value_append(rows, budget_row(i, &budgets[i]));
    return rows;
}

/* Adds the rows of one table; takes `rows`. */
static int add_rows(struct ledger_db *db, const char *sql, const char *run, json_t *rows,
                    struct err *err)
{
    char *text = ledger_json_write(NULL, rows);
    const struct ledger_value params[] = {ledger_db_text(run), ledger_db_text(text)};
    int rc = ledger_db_run(db, sql, params, ARRAY_LEN(params), NULL, NULL, err);

    talloc_free(text);
    return rc;
}

/* --- the run -------------------------------------------------------------------------------- */

static const char run_sql[] =
    "INSERT INTO pgtide_shared_run (run, operation, options, catalog, tenants, rules, "
    "tenant_count, created, turn) VALUES ($1, $2, $3, $4, $5, $6, $7::bigint, clock_timestamp(), "
    "0) ON CONFLICT DO NOTHING RETURNING 1";

static const char tenants_sql[] =
    "INSERT INTO pgtide_shared_tenant (run, tenant, name, wave, position, server, state, "
    "takeovers) SELECT $1, e.tenant, e.name, e.wave, e.position, e.server, 'ready', 0 FROM "
    "json_to_recordset($2::json) AS e (tenant bigint, name text, wave bigint, position bigint, "
    "server bigint)";

static const char waves_sql[] =
    "INSERT INTO pgtide_shared_wave (run, wave, state, workers, per_server, ramp_up, good, "
    "started_ms, finished_ms) SELECT $1, e.wave, 'waiting', e.workers, e.per_server, e.ramp_up, 0, "
    "0, 0 FROM json_to_recordset($2::json) AS e (wave bigint, workers bigint, per_server bigint, "
    "ramp_up bigint)";

static const char servers_sql[] =
    "INSERT INTO pgtide_shared_server (run, server, name, cap, left_out) "
    "SELECT $1, e.server, e.name, e.cap, 0 FROM json_to_recordset($2::json) "
    "AS e (server bigint, name text, cap bigint)";

static const char budgets_sql[] =
    "INSERT INTO pgtide_shared_budget (run, budget, wave, server, rule, outcomes, size, percent, "
    "tolerated, counted) SELECT $1, e.budget, e.wave, e.server, e.rule, e.outcomes, e.size, "
    "e.percent, e.tolerated, 0 FROM json_to_recordset($2::json) AS e (budget bigint, wave bigint, "
    "server bigint, rule text, outcomes text[], size bigint, percent bigint, tolerated bigint)";

static int note_added(void *arg, const struct ledger_value *values UNUSED, size_t count UNUSED,
                      struct err *err UNUSED)
{
    *(bool *)arg = true;
    return 0;
}

int shared_frame_add(struct ledger_db *db, const struct run_request *request,
                     const struct shared_terms *terms, bool *ret_added, struct err *err)
{
    const char *run = request->plan.run_id;
    const struct ledger_value params[] = {
        ledger_db_text(run),
        ledger_db_text(terms->operation),
        ledger_db_text(terms->options),
        ledger_db_text(terms->catalog),
        ledger_db_text(terms->tenants),
        ledger_db_text(terms->rules),
        ledger_db_int(terms->tenant_count),
    };
    void *mem;
    int rc;

    *ret_added = false;
    if (ledger_db_run(db, run_sql, params, ARRAY_LEN(params), note_added, ret_added, err) < 0)
        return -1;
    if (!*ret_added)
        return 0;
    mem = mem_context(NULL);
    rc = add_rows(db, tenants_sql, run, tenant_rows(request), err);
    if (rc == 0)
        rc = add_rows(db, waves_sql, run, wave_rows(request), err);
    if (rc == 0)
        rc = add_rows(db, servers_sql, run, server_rows(request), err);
    if (rc == 0)
        rc = add_rows(db, budgets_sql, run, budget_rows(mem, request), err);
    if (rc == 0) /* the server knows nothing of the rows yet, and would plan for none */
        rc = ledger_db_script(db, "ANALYZE pgtide_shared_tenant", err);
    talloc_free(mem);
    return rc;
}
