/*
 * ledger_tenants.c: tenants, attempts and waves as rows.
 */
#include "orchestrator/ledger_tenants.h"

#include "common/mem.h"
#include "common/strmap.h"

static const char *const state_names[] = {
    [LEDGER_READY] = "ready",
    [LEDGER_IN_WORK] = "in work",
    [LEDGER_WAITING] = "waiting",
    [LEDGER_ENDED] = "ended",
};

static enum ledger_state state_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++) {
        if (strcmp(state_names[i], name) == 0)
            return (enum ledger_state)i;
    }
    return LEDGER_READY;
}

static enum outcome outcome_of(const char *name)
{
    for (enum outcome outcome = OUTCOME_NONE + 1; name && outcome < OUTCOME_COUNT; outcome++) {
        if (strcmp(outcome_name(outcome), name) == 0)
            return outcome;
    }
    return OUTCOME_NONE;
}

static enum err_kind kind_of(const char *name)
{
    for (enum err_kind kind = ERR_INTERNAL; name && kind <= ERR_HOOK; kind++) {
        if (strcmp(err_kind_name(kind), name) == 0)
            return kind;
    }
    return ERR_NONE;
}

/* --- tenants ----------------------------------------------------------------------------- */

void ledger_tenants_add(struct ledger_batch *batch, const char *run,
                        const struct ledger_tenant *tenant)
{
    const struct ledger_value values[] = {
        ledger_db_text(run),
        ledger_db_int(tenant->tenant),
        ledger_db_text(tenant->name),
        ledger_db_text(tenant->server),
        ledger_db_text(tenant->database),
        ledger_db_text(tenant->schema),
        ledger_db_int(tenant->wave),
        ledger_db_int(tenant->wave_order),
    };

    ledger_batch_add(batch,
                     "INSERT INTO pgtide_tenant (run, tenant, name, server, database, schema, "
                     "wave, wave_order, state, attempts) "
                     "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ready', 0)",
                     values, ARRAY_LEN(values));
}

void ledger_tenants_set(struct ledger_batch *batch, const char *run,
                        const struct ledger_tenant *tenant)
{
    bool ended = tenant->outcome != OUTCOME_NONE;
    bool failed = tenant->error_kind != ERR_NONE;
    const struct ledger_value values[] = {
        ledger_db_text(run),
        ledger_db_int(tenant->tenant),
        ledger_db_text(state_names[tenant->state]),
        ledger_db_text(ended ? outcome_name(tenant->outcome) : NULL),
        ledger_db_int(tenant->attempts),
        ledger_db_known(tenant->started_ms),
        ledger_db_known(tenant->duration_ms),
        ledger_db_known(tenant->initial_version),
        ledger_db_known(tenant->version),
        ledger_db_known(tenant->backend_pid),
        ledger_db_text(failed ? err_kind_name(tenant->error_kind) : NULL),
        ledger_db_text(tenant->result),
        ledger_db_text(tenant->detail),
        ledger_db_text(tenant->owner),
    };

    ledger_batch_add(
        batch,
        "UPDATE pgtide_tenant SET state = $3, outcome = $4, attempts = $5, started_ms = $6, "
        "duration_ms = $7, initial_version = $8, version = $9, backend_pid = $10, "
        "error_kind = $11, result = $12, detail = $13, owner = $14 WHERE run = $1 AND tenant = $2 "
        "AND (state <> 'ended' OR $3 = 'ended')", /* by another machine, while this one slept */
        values, ARRAY_LEN(values));
}

struct tenant_list {
    void *parent;
    struct ledger_tenant *items;
    size_t count;
    size_t capacity;
};

static int keep_tenant(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    struct tenant_list *list = arg;
    void *mem = list->parent;
    struct ledger_tenant *tenant;

    mem_grow(mem, &list->items, &list->capacity, list->count + 1);
    tenant = &list->items[list->count++];
    tenant->tenant = ledger_db_number(*values++);
    tenant->name = ledger_db_copy(mem, *values++);
    tenant->server = ledger_db_copy(mem, *values++);
    tenant->database = ledger_db_copy(mem, *values++);
    tenant->schema = ledger_db_copy(mem, *values++);
    tenant->wave = ledger_db_number(*values++);
    tenant->wave_order = ledger_db_number(*values++);
    tenant->state = state_of((values++)->text);
    tenant->outcome = outcome_of((values++)->text);
    tenant->attempts = ledger_db_number(*values++);
    tenant->started_ms = ledger_db_number(*values++);
    tenant->duration_ms = ledger_db_number(*values++);
    tenant->initial_version = ledger_db_number(*values++);
    tenant->version = ledger_db_number(*values++);
    tenant->backend_pid = ledger_db_number(*values++);
    tenant->error_kind = kind_of((values++)->text);
    tenant->result = ledger_db_copy(mem, *values++);
    tenant->detail = ledger_db_copy(mem, *values++);
    tenant->owner = ledger_db_copy(mem, *values++);
    return 0;
}

int ledger_tenants_read(void *parent, struct ledger_db *db, const char *run,
                        struct ledger_tenant **ret, size_t *ret_count, struct err *err)
{
    struct tenant_list list = {.parent = parent};
    struct ledger_value value = ledger_db_text(run);

    if (ledger_db_run(db,
                      "SELECT tenant, name, server, database, schema, wave, wave_order, state, "
                      "outcome, attempts, started_ms, duration_ms, initial_version, version, "
                      "backend_pid, error_kind, result, detail, owner "
                      "FROM pgtide_tenant WHERE run = $1 ORDER BY tenant",
                      &value, 1, keep_tenant, &list, err) < 0)
        return -1;
    *ret = list.items;
    *ret_count = list.count;
    return 0;
}

static int add_total(void *arg, const struct ledger_value *values, size_t count UNUSED,
                     struct err *err UNUSED)
{
    size_t *totals = arg;

    totals[outcome_of(values[0].text)] += (size_t)values[1].number;
    return 0;
}

int ledger_tenants_totals(struct ledger_db *db, const char *run, size_t totals[OUTCOME_COUNT],
                          struct err *err)
{
    struct ledger_value value = ledger_db_text(run);

    for (enum outcome outcome = OUTCOME_NONE; outcome < OUTCOME_COUNT; outcome++)
        totals[outcome] = 0;
    return ledger_db_run(db,
                         "SELECT outcome, count(*) FROM pgtide_tenant WHERE run = $1 "
                         "GROUP BY outcome",
                         &value, 1, add_total, totals, err);
}

/* --- attempts ---------------------------------------------------------------------------- */

void ledger_tenants_put_attempt(struct ledger_batch *batch, const char *run,
                                const struct ledger_attempt *attempt)
{
    const struct ledger_value values[] = {
        ledger_db_text(run),
        ledger_db_int(attempt->tenant),
        ledger_db_int(attempt->number),
        ledger_db_int(attempt->started_ms),
        ledger_db_known(attempt->ended_ms),
        ledger_db_text(attempt->kind),
        ledger_db_text(attempt->sqlstate),
        ledger_db_text(attempt->message),
        ledger_db_text(attempt->owner),
    };

    ledger_batch_add(batch,
                     "INSERT INTO pgtide_attempt (run, tenant, number, started_ms, ended_ms, "
                     "kind, sqlstate, message, owner) "
                     "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                     "ON CONFLICT (run, tenant, number) DO UPDATE SET "
                     "ended_ms = excluded.ended_ms, kind = excluded.kind, "
                     "sqlstate = excluded.sqlstate, message = excluded.message",
                     values, ARRAY_LEN(values));
}

struct attempt_list {
    void *parent;
    struct ledger_attempt *items;
    size_t count;
    size_t capacity;
};

static int keep_attempt(void *arg, const struct ledger_value *values, size_t count UNUSED,
                        struct err *err UNUSED)
{
    struct attempt_list *list = arg;

    mem_grow(list->parent, &list->items, &list->capacity, list->count + 1);
    list->items[list->count++] = (struct ledger_attempt){
        .tenant = ledger_db_number(values[0]),
        .number = ledger_db_number(values[1]),
        .started_ms = ledger_db_number(values[2]),
        .ended_ms = ledger_db_number(values[3]),
        .kind = ledger_db_copy(list->parent, values[4]),
        .sqlstate = ledger_db_copy(list->parent, values[5]),
        .message = ledger_db_copy(list->parent, values[6]),
        .owner = ledger_db_copy(list->parent, values[7]),
    };
    return 0;
}

int ledger_tenants_attempts(void *parent, struct ledger_db *db, const char *run,
                            struct ledger_attempt **ret, size_t *ret_count, struct err *err)
{
    struct attempt_list list = {.parent = parent};
    struct ledger_value value = ledger_db_text(run);

    if (ledger_db_run(db,
                      "SELECT tenant, number, started_ms, ended_ms, kind, sqlstate, message, owner "
                      "FROM pgtide_attempt WHERE run = $1 ORDER BY tenant, number",
                      &value, 1, keep_attempt, &list, err) < 0)
        return -1;
    *ret = list.items;
    *ret_count = list.count;
    return 0;
}

/* --- waves ------------------------------------------------------------------------------- */

void ledger_tenants_put_wave(struct ledger_batch *batch, const char *run,
                             const struct ledger_wave *wave)
{
    const struct ledger_value values[] = {
        ledger_db_text(run),
        ledger_db_int(wave->wave),
        ledger_db_text(wave->name),
        ledger_db_text(wave->state),
        ledger_db_int(wave->tenants),
        ledger_db_known(wave->started_ms),
        ledger_db_known(wave->finished_ms),
        ledger_db_text(wave->detail),
    };

    ledger_batch_add(batch,
                     "INSERT INTO pgtide_wave (run, wave, name, state, tenants, started_ms, "
                     "finished_ms, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                     "ON CONFLICT (run, wave) DO UPDATE SET state = excluded.state, "
                     "started_ms = excluded.started_ms, finished_ms = excluded.finished_ms, "
                     "detail = excluded.detail",
                     values, ARRAY_LEN(values));
}

struct wave_list {
    void *parent;
    struct ledger_wave *items;
    size_t count;
    size_t capacity;
};

static int keep_wave(void *arg, const struct ledger_value *values, size_t count UNUSED,
                     struct err *err UNUSED)
{
    struct wave_list *list = arg;

    mem_grow(list->parent, &list->items, &list->capacity, list->count + 1);
    list->items[list->count++] = (struct ledger_wave){
        .wave = ledger_db_number(values[0]),
        .name = ledger_db_copy(list->parent, values[1]),
        .state = ledger_db_copy(list->parent, values[2]),
        .tenants = ledger_db_number(values[3]),
        .started_ms = ledger_db_number(values[4]),
        .finished_ms = ledger_db_number(values[5]),
        .detail = ledger_db_copy(list->parent, values[6]),
    };
    return 0;
}

int ledger_tenants_waves(void *parent, struct ledger_db *db, const char *run,
                         struct ledger_wave **ret, size_t *ret_count, struct err *err)
{
    struct wave_list list = {.parent = parent};
    struct ledger_value value = ledger_db_text(run);

    if (ledger_db_run(db,
                      "SELECT wave, name, state, tenants, started_ms, finished_ms, detail "
                      "FROM pgtide_wave WHERE run = $1 ORDER BY wave",
                      &value, 1, keep_wave, &list, err) < 0)
        return -1;
    *ret = list.items;
    *ret_count = list.count;
    return 0;
}

/* --- how long it took -------------------------------------------------------------------- */

void ledger_tenants_put_duration(struct ledger_batch *batch, const char *name, int64_t ended_ms,
                                 int64_t took_ms)
{
    const struct ledger_value values[] = {
        ledger_db_text(name),
        ledger_db_int(ended_ms),
        ledger_db_int(took_ms),
    };

    ledger_batch_add(batch,
                     "INSERT INTO pgtide_duration (name, ended_ms, took_ms) VALUES ($1, $2, $3) "
                     "ON CONFLICT (name) DO UPDATE SET ended_ms = excluded.ended_ms, "
                     "took_ms = excluded.took_ms "
                     "WHERE excluded.ended_ms >= pgtide_duration.ended_ms",
                     values, ARRAY_LEN(values));
}

struct durations {
    struct strmap *positions; /* of tenants by name, counted from 1 */
    int64_t *list;
};

static int keep_duration(void *arg, const struct ledger_value *values, size_t count UNUSED,
                         struct err *err UNUSED)
{
    const struct durations *durations = arg;
    size_t position = (size_t)(uintptr_t)strmap_get(durations->positions, values[0].text);

    if (position > 0)
        durations->list[position - 1] = values[1].number;
    return 0;
}

int ledger_tenants_last_durations(void *parent, struct ledger_db *db,
                                  const struct tenant *const *tenants, size_t count,
                                  const int64_t **ret, struct err *err)
{
    void *mem = mem_context(NULL);
    struct durations durations = {
        .positions = strmap_new(mem),
        .list = mem_array(parent, int64_t, count),
    };
    int rc;

    for (size_t i = 0; i < count; i++) {
        durations.list[i] = -1;
        strmap_add(durations.positions, tenants[i]->name, (void *)(uintptr_t)(i + 1));
    }
    rc = ledger_db_run(db, "SELECT name, took_ms FROM pgtide_duration", NULL, 0, keep_duration,
                       &durations, err);
    talloc_free(mem);
    *ret = durations.list;
    return rc;
}
