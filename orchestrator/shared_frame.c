/*
 * shared_frame.c: fills the tables of a run that begins. Rows go as one JSON text a table.
 */
#include "orchestrator/shared_frame.h"

#include "common/mem.h"

#include <jansson.h>

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

static void add_row(json_t *rows, json_t *row)
{
    if (!row || json_array_append_new(rows, row) < 0)
        mem_die(0);
}

static json_t *tenant_rows(const struct run_request *request)
{
    json_t *rows = json_array();

    for (size_t wave = 0; wave < request->waves->group_count; wave++) {
        const struct wave_group *group = &request->waves->groups[wave];

        for (size_t i = 0; i < group->count; i++) {
            const struct tenant *tenant = request->tenants[group->jobs[i]];

            add_row(rows, json_pack("{s:I,s:s,s:I,s:I,s:I}", "tenant", (json_int_t)group->jobs[i],
                                    "name", tenant->name, "wave", (json_int_t)wave, "position",
                                    (json_int_t)i, "server", (json_int_t)tenant->server->index));
        }
    }
    return rows;
}

/* NULL for "no limit". */
static json_t *limit(int value)
{
    return value > 0 ? json_integer(value) : json_null();
}

static json_t *wave_rows(const struct run_request *request)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < request->waves->group_count; i++) {
        const struct wave *wave = request->waves->groups[i].wave;
        bool ramps = wave ? wave->ramp_up : request->config.ramp_up;

        add_row(rows, json_pack("{s:I,s:o,s:o,s:I}", "wave", (json_int_t)i, "workers",
                                limit(wave ? wave->workers : 0), "per_server",
                                limit(wave ? wave->per_server : 0), "ramp_up", (json_int_t)ramps));
    }
    return rows;
}

static json_t *server_rows(const struct run_request *request)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < request->fleet->server_count; i++)
        add_row(rows, json_pack("{s:I,s:s,s:I}", "server", (json_int_t)i, "name",
                                request->fleet->servers[i].name, "cap",
                                (json_int_t)shared_terms_cap(request, i)));
    return rows;
}

static json_t *outcomes_of(const struct shared_budget *budget)
{
    json_t *names = json_array();

    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (budget->counts[i])
            add_row(names, json_string(outcome_name((enum outcome)i)));
    }
    return names;
}

static json_t *budget_rows(void *mem, const struct run_request *request)
{
    json_t *rows = json_array();
    size_t count;
    const struct shared_budget *budgets = shared_terms_budgets(mem, request, &count);

    for (size_t i = 0; i < count; i++) {
        const struct shared_budget *budget = &budgets[i];

        add_row(rows,
                json_pack("{s:I,s:o,s:o,s:s,s:o,s:I,s:I,s:I}", "budget", (json_int_t)i, "wave",
                          budget->wave < 0 ? json_null() : json_integer(budget->wave), "server",
                          budget->server < 0 ? json_null() : json_integer(budget->server), "rule",
                          budget->rule, "outcomes", outcomes_of(budget), "size",
                          (json_int_t)budget->limit.value, "percent",
                          (json_int_t)budget->limit.percent, "tolerated",
                          (json_int_t)budget->tolerated));
    }
    return rows;
}

/* Adds the rows of one table; takes `rows`. */
static int add_rows(struct ledger_db *db, const char *sql, const char *run, json_t *rows,
                    struct err *err)
{
    char *text = rows ? json_dumps(rows, JSON_COMPACT) : NULL;
    const struct ledger_value params[] = {ledger_db_text(run), ledger_db_text(text)};
    int rc;

    if (!text)
        mem_die(0);
    rc = ledger_db_run(db, sql, params, ARRAY_LEN(params), NULL, NULL, err);
    free(text);
    json_decref(rows);
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
